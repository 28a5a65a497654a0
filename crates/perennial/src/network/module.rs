//! A user's own Burn module as a network.

use std::{fmt, slice};

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::{
    Activation, Buffer, Init, Network, NetworkError, Normaliser, Parameter, Stage, Weights,
};
use crate::engine::floats;
use crate::vector::Vector;

/// What a plain Burn module must say to be the trunk of a network.
pub trait Trunk: Module + Sync + 'static {
    /// Images `[batch, channels, height, width]` → features `[batch, features]`. A row's
    /// features may depend on no other row but through batch normalisation in training.
    fn forward(&self, images: Tensor<4>) -> Tensor<2>;
}

/// A Burn module as an architecture over views of θ.
///
/// - Its trainable parameters become slots of θ, in the order and with the names of its fields.
///   They start as the module's own values, whatever the learner's seed: build the module anew
///   (after [`Device::seed`]) for another start.
/// - Every other floating-point tensor, running statistics and frozen parameters alike, becomes
///   a buffer: saved with the learner, and moved by training passes alone. Burn's batch
///   normalisation keeps the biased variance, our own networks the unbiased one.
/// - Integer and boolean tensors stay the module's: they are constants of the architecture.
/// - It is one stage. Its last activation is its own affair, so what other columns add is added
///   to its features.
///
/// A pass in evaluation mode, also one with gradients, turns the training flags of the module's
/// layers off. A layer of your own that looks at `device.is_autodiff()` instead of such a flag
/// would mistake it for training.
pub struct ModuleNetwork<M> {
    name: String,
    input: [usize; 3],
    /// Without autodiff; its weights serve as starts only.
    module: M,
    roles: Vec<Role>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    features: usize,
}

impl<M: Trunk> ModuleNetwork<M> {
    /// A network of this name over images of shape `input` (channels, height, width).
    ///
    /// # Errors
    ///
    /// When the module has no trainable parameter, draws random numbers in its forward pass
    /// (dropout: no learner could resume it exactly), holds a tensor of more than five
    /// dimensions, or gives another number of rows than it was given.
    ///
    /// # Panics
    ///
    /// When the module does, given a batch of such images.
    pub fn new(
        name: impl Into<String>,
        module: M,
        input: [usize; 3],
    ) -> Result<Self, NetworkError> {
        let name = name.into();
        let refuse = |reason: String| NetworkError::Module { network: name.clone(), reason };
        let device = Device::flex();
        let module = module.materialize().to_device(&device).valid();
        let mut list = List::default();
        // Running statistics and frozen parameters are those that want no gradient in training.
        module.clone().train().visit(&mut list);
        let List { parameters, buffers, roles, refused, .. } = list;
        if let Some(reason) = refused {
            return Err(refuse(reason));
        }
        if parameters.is_empty() {
            return Err(refuse("it has no parameter to train".into()));
        }
        let rows = 2;
        let [channels, height, width] = input;
        let images = Tensor::zeros([rows, channels, height, width], &device);
        let [given, features] = module.forward(images).dims();
        if given != rows || features == 0 {
            return Err(refuse(format!(
                "from images [{rows}, {channels}, {height}, {width}] it makes features \
                 [{given}, {features}], where [{rows}, at least 1] is needed"
            )));
        }
        Ok(Self { name, input, module, roles, parameters, buffers, features })
    }
}

impl<M> fmt::Debug for ModuleNetwork<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleNetwork({}, {:?})", self.name, self.input)
    }
}

impl<M: Trunk> Network for ModuleNetwork<M> {
    fn spec(&self) -> String {
        self.name.clone()
    }

    fn input(&self) -> [usize; 3] {
        self.input
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.parameters.clone()
    }

    fn buffers(&self) -> Vec<Buffer> {
        self.buffers.clone()
    }

    fn stages(&self) -> Vec<Stage> {
        vec![Stage {
            name: self.name.clone(),
            parameters: 0..self.parameters.len(),
            output: vec![self.features],
        }]
    }

    fn layered(&self) -> bool {
        false
    }

    fn forward_stage(
        &self,
        _: usize,
        weights: &Weights,
        normaliser: &mut Normaliser<'_>,
        h: Activation,
        lateral: Option<Activation>,
    ) -> Activation {
        let learn = normaliser.learns();
        let images = h.map(self.input);
        // `valid` and `train` make running statistics that no clone shares, so passes on other
        // threads do not meet in them; `train` also turns on the flags of its layers.
        let module = self.module.valid();
        let module = if learn { module.train() } else { module };
        let device = images.device();
        let module =
            module.map(&mut Load { roles: self.roles.iter(), weights, normaliser, device });
        let mut features = module.forward(images); // [batch, features]
        if learn {
            // A visitor reads running statistics one update late; `valid` settles them first.
            module.valid().visit(&mut Keep { roles: self.roles.iter(), normaliser });
        }
        if let Some(lateral) = lateral {
            features = features + lateral.flat();
        }
        Activation::Flat(features)
    }
}

/// What a floating-point tensor of the module is to the network, and which of its kind.
#[derive(Clone, Copy)]
enum Role {
    Parameter(usize),
    Buffer(usize),
}

/// Lists a module's floating-point tensors in the order in which it visits and maps them.
#[derive(Default)]
struct List {
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    roles: Vec<Role>,
    refused: Option<String>,
    path: Vec<String>,
    containers: Vec<String>,
}

impl ModuleVisitor for List {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.into());
        self.containers.push(container.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let shape = param.dims();
        let Ok(values) = param.val().into_data().try_into_vec::<f32>() else {
            self.refused.get_or_insert(format!("`{name}` is not of 32-bit floating-point numbers"));
            return;
        };
        if D > 5 {
            self.refused.get_or_insert(format!("`{name}` has more than five dimensions"));
            return;
        }
        let init = Init::Given(Vector::from(values));
        if param.is_require_grad() {
            self.roles.push(Role::Parameter(self.parameters.len()));
            self.parameters.push(Parameter::new(name, &shape, init));
        } else {
            self.roles.push(Role::Buffer(self.buffers.len()));
            self.buffers.push(Buffer::new(name, &shape, init));
        }
    }

    fn visit_flag(&mut self, _: &Param<Flag>) {
        // Burn's layers that have such a flag are batch normalisation and those that draw.
        if self.containers.last().is_some_and(|container| container != "Struct:BatchNorm") {
            let name = self.path.join(".");
            self.refused.get_or_insert(format!(
                "`{name}` belongs to a layer that may draw random numbers in training, which no \
                 learner could resume exactly; take it out"
            ));
        }
    }
}

/// Sets a module's parameters to leaves of θ and its statistics to the buffers.
struct Load<'a, 'b> {
    roles: slice::Iter<'a, Role>,
    weights: &'a Weights,
    normaliser: &'a Normaliser<'b>,
    device: Device,
}

impl ModuleMapper for Load<'_, '_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = match self.roles.next() {
            Some(&Role::Parameter(index)) => self.weights.get::<D>(index),
            Some(&Role::Buffer(index)) => {
                let values = self.normaliser.values(index).to_vec();
                Tensor::from_data(TensorData::new(values, param.dims()), &self.device)
            }
            None => return param, // a module visits as many as it listed
        };
        Param::initialized(param.id, value)
    }
}

/// Copies a module's statistics to the buffers.
struct Keep<'a, 'b> {
    roles: slice::Iter<'a, Role>,
    normaliser: &'a mut Normaliser<'b>,
}

impl ModuleVisitor for Keep<'_, '_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(&Role::Buffer(index)) = self.roles.next() {
            self.normaliser.set(index, &floats(param.val().into_data()));
        }
    }
}
