//! A module of Burn as a network: one opaque layer of a graph.

use std::sync::Arc;
use std::{fmt, slice};

use ::burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param};
use ::burn::tensor::{Device, Gradients, Tensor, TensorData};
use perennial_nn::layer::{
    Backward, Forward, Inputs, Layer, Op, Parameters, Running, Shapes, Target,
};
use perennial_nn::{to_batch_first, to_batch_last};

use super::{Buffer, Graph, Init, NetworkError, Parameter};
use crate::Vector;

/// Rows that are answered at once, at most. Burn's products of more rows take another kernel for some
/// shapes, which adds in another order.
const CHUNK: usize = 64;
/// Rows that are answered at once, at least: a single row takes another kernel too.
const LEAST: usize = 2;

/// What a plain Burn module must say to be a network.
pub trait Trunk: Module + Sync + 'static {
    /// Images `[batch, channels, height, width]` → features `[batch, features]`. A row's features may
    /// depend on no other row but through batch normalisation in training.
    fn forward(&self, images: Tensor<4>) -> Tensor<2>;
}

/// A network of this name over images of shape `input` (channels, height, width), whose only layer is
/// the module.
///
/// - Its trainable parameters become slots of θ, in the order and with the names of its fields. They
///   start as the module's own values, whatever the learner's seed: build the module anew (after
///   [`Device::seed`]) for another start.
/// - Every other floating-point tensor, running statistics and frozen parameters alike, becomes a
///   buffer: saved with the learner, and moved by training passes alone. Burn's batch normalisation keeps
///   the biased variance, our own networks the unbiased one.
/// - Integer and boolean tensors stay the module's: they are constants of the network.
/// - It has one width and no stages, so methods that widen a network or connect its layers refuse it.
///   Statistics of single samples take a pass a sample.
///
/// A pass in evaluation mode, also one with gradients, turns the training flags of the module's layers
/// off. A layer of your own that looks at `device.is_autodiff()` instead of such a flag would mistake it
/// for training.
///
/// # Errors
///
/// When the module has no trainable parameter, draws random numbers in its forward pass (dropout: no
/// learner could resume it exactly), holds a tensor of more than five dimensions, or gives another number
/// of rows than it was given.
///
/// # Panics
///
/// When the module does, given a batch of such images.
pub fn module<M: Trunk>(
    name: impl Into<String>,
    module: M,
    input: [usize; 3],
) -> Result<Arc<Graph>, NetworkError> {
    let name = name.into();
    let layer = ModuleLayer::new(module, input)
        .map_err(|reason| NetworkError::Module { network: name.clone(), reason })?;
    let mut net = Graph::builder(&name, &input);
    net.add(&name, layer, &[0]);
    Ok(Arc::new(net.build()?))
}

/// The layer.
struct ModuleLayer<M>(Arc<Architecture<M>>);

/// The layer over given inputs.
struct ModuleOp<M> {
    architecture: Arc<Architecture<M>>,
    /// Whether a gradient by its images may be asked for.
    tracks_images: bool,
}

/// A module and what its tensors are to a network.
struct Architecture<M> {
    /// Without autodiff; its weights serve as starts only.
    module: M,
    input: [usize; 3],
    features: [usize; 1],
    roles: Vec<Role>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
}

/// What a floating-point tensor of the module is to the network, and which of its kind.
#[derive(Clone, Copy)]
enum Role {
    Parameter(usize),
    Buffer(usize),
}

/// What is kept of a forward pass for its backward pass.
struct Kept<M> {
    /// Whether the batch's own statistics were used.
    learns: bool,
    /// The pass as Burn holds it; `None` once it went backward.
    pass: Option<Pass<M>>,
    /// By parameter, for the last gradient by the output; `None` until it is asked for.
    gradients: Option<Vec<Vec<f32>>>,
}

/// A forward pass that can go backward once.
struct Pass<M> {
    module: M,
    images: Tensor<4>,
    features: Tensor<2>,
}

impl<M: Trunk> ModuleLayer<M> {
    fn new(module: M, input: [usize; 3]) -> Result<Self, String> {
        let device = Device::flex();
        let module = module.materialize().to_device(&device).valid();
        let mut list = List::default();
        // Running statistics and frozen parameters are those that want no gradient in training.
        module.clone().train().visit(&mut list);
        let List { parameters, buffers, roles, refused, .. } = list;
        if let Some(reason) = refused {
            return Err(reason);
        }
        if parameters.is_empty() {
            return Err("it has no parameter to train".into());
        }
        let rows = LEAST;
        let [channels, height, width] = input;
        let images = Tensor::zeros([rows, channels, height, width], &device);
        let [given, features] = module.forward(images).dims();
        if given != rows || features == 0 {
            return Err(format!(
                "from images [{rows}, {channels}, {height}, {width}] it makes features \
                 [{given}, {features}], where [{rows}, at least 1] is needed"
            ));
        }
        let features = [features];
        Ok(Self(Arc::new(Architecture { module, input, features, roles, parameters, buffers })))
    }
}

impl<M> fmt::Debug for ModuleLayer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleLayer({:?})", self.0.input)
    }
}

impl<M: Trunk> Layer for ModuleLayer<M> {
    fn kind(&self) -> &str {
        "burn"
    }

    fn parameters(&self, inputs: &[&[usize]]) -> Result<Vec<Parameter>, String> {
        match inputs {
            [input] if **input == self.0.input => Ok(self.0.parameters.clone()),
            _ => {
                Err(format!("its module reads images {:?} and was given {inputs:?}", self.0.input))
            }
        }
    }

    fn buffers(&self, _: &[&[usize]]) -> Vec<Buffer> {
        self.0.buffers.clone()
    }

    fn bind(&self, shapes: &Shapes<'_>) -> Result<Box<dyn Op>, String> {
        let own = self.parameters(shapes.inputs)?;
        match own.iter().zip(shapes.parameters).find(|(own, found)| own.shape != **found) {
            None => {
                let (architecture, tracks_images) = (self.0.clone(), !shapes.reads_data);
                Ok(Box::new(ModuleOp { architecture, tracks_images }))
            }
            Some((own, found)) => Err(format!(
                "`{}` is {found:?} where its module has {:?}, and a Burn module has one width only",
                own.name, own.shape
            )),
        }
    }

    fn fixed_width(&self) -> Option<&str> {
        Some("a Burn module has one width only: build the network of layers (`Graph::builder`)")
    }

    fn names_its_own(&self) -> bool {
        true
    }
}

impl<M: Trunk> Op for ModuleOp<M> {
    fn output(&self) -> &[usize] {
        &self.architecture.features
    }

    fn forward(&self, call: &mut Forward<'_>) {
        let own = &*self.architecture;
        call.saved.foreign = None; // frees the pass before this one where it did not go backward
        let images = batch_first(&call.inputs, call.rows);
        let learns = call.running.learns();
        if call.keeps || learns {
            let pass = self.pass(&images, learns, call.parameters, &call.running);
            call.output.copy_from_slice(&floats(pass.features.clone().inner().into_data()));
            if learns {
                // A visitor reads running statistics one update late; `valid` settles them first.
                let running = &mut call.running;
                pass.module.valid().visit(&mut Move { roles: own.roles.iter(), running });
            }
            let kept = Kept { learns, pass: Some(pass), gradients: None };
            call.saved.foreign = Some(Arc::new(kept));
            return;
        }
        let device = Device::flex();
        let module = own.load(false, call.parameters, &call.running, &device);
        let (width, features) = (own.input.iter().product::<usize>(), own.features[0]);
        let chunks = images.chunks(CHUNK * width).zip(call.output.chunks_mut(CHUNK * features));
        for (images, output) in chunks {
            let mut images = images.to_vec();
            images.resize(images.len().max(LEAST * width), 0.0);
            let made = floats(module.forward(own.images(images, &device)).into_data());
            output.copy_from_slice(&made[..output.len()]);
        }
    }

    fn backward(&self, call: &mut Backward<'_>, inputs: &mut [Option<Target<'_>>]) {
        let mut kept = Self::kept(call);
        kept.gradients = None; // those of another gradient by the output
        if let Some(Some(target)) = inputs.first_mut() {
            let by_images = self.differentiate(&mut kept, call).unwrap_or_default();
            let mut planes = vec![0.0; by_images.len()];
            let fits = to_batch_last(&by_images, call.rows, &mut planes);
            debug_assert!(fits.is_ok(), "as many numbers as images");
            target.put(&planes);
        }
        call.saved.foreign = Some(Arc::new(kept));
    }

    fn parameter_gradient(&self, index: usize, call: &mut Backward<'_>, mut to: Target<'_>) {
        let mut kept = Self::kept(call);
        if kept.gradients.is_none() {
            self.differentiate(&mut kept, call);
        }
        if let Some(gradients) = &kept.gradients {
            to.put(&gradients[index]);
        }
        call.saved.foreign = Some(Arc::new(kept));
    }
}

impl<M: Trunk> ModuleOp<M> {
    /// What the forward pass kept.
    fn kept(call: &mut Backward<'_>) -> Kept<M> {
        let kept = call.saved.foreign.take().and_then(|kept| kept.downcast().ok());
        let nothing = Kept { learns: false, pass: None, gradients: None };
        kept.and_then(Arc::into_inner).unwrap_or(nothing)
    }

    /// A forward pass that can go backward.
    fn pass(
        &self,
        images: &[f32],
        learns: bool,
        parameters: Parameters<'_>,
        running: &Running<'_>,
    ) -> Pass<M> {
        let device = Device::flex().autodiff();
        let module = self.architecture.load(learns, parameters, running, &device);
        let images = self.architecture.images(images.to_vec(), &device);
        let images = if self.tracks_images { images.require_grad() } else { images };
        let features = module.forward(images.clone());
        Pass { module, images, features }
    }

    /// Goes backward: writes the gradients by the parameters, says the one by the images where it is
    /// tracked. `[rows, channels, height, width]` Burn's graph serves once, so a second gradient of the
    /// same forward pass repeats it.
    fn differentiate(&self, kept: &mut Kept<M>, call: &Backward<'_>) -> Option<Vec<f32>> {
        let again = || {
            let images = batch_first(&call.inputs, call.rows);
            self.pass(&images, kept.learns, call.parameters, &call.running)
        };
        let Pass { module, images, features } = kept.pass.take().unwrap_or_else(again);
        let seed = TensorData::new(call.output_gradient.to_vec(), features.dims());
        let seed = Tensor::from_data(seed, &features.device());
        let found = (features * seed).sum().backward();
        let mut gradients = vec![Vec::new(); self.architecture.parameters.len()];
        let roles = self.architecture.roles.iter();
        module.visit(&mut Gather { roles, found: &found, gradients: &mut gradients });
        kept.gradients = Some(gradients);
        images.grad(&found).map(|gradient| floats(gradient.into_data()))
    }
}

impl<M: Trunk> Architecture<M> {
    /// The module with these weights and statistics; on a device with autodiff its parameters are tracked.
    fn load(
        &self,
        learns: bool,
        parameters: Parameters<'_>,
        running: &Running<'_>,
        device: &Device,
    ) -> M {
        // `valid` and `train` make running statistics that no clone shares, so passes on other threads do
        // not meet in them; `train` also turns on the flags of its layers.
        let module = self.module.valid();
        let module = if learns { module.train() } else { module };
        module.map(&mut Load { roles: self.roles.iter(), parameters, running, device })
    }

    /// Images, one after another, as a tensor. `[rows, channels, height, width]`
    fn images(&self, images: Vec<f32>, device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.input;
        let rows = images.len() / (channels * height * width);
        Tensor::from_data(TensorData::new(images, [rows, channels, height, width]), device)
    }
}

/// Burn keeps the nodes of a graph that never goes backward until another one does, so a pass that is
/// dropped before would stay: a network whose module is frozen would grow step by step.
impl<M> Drop for Kept<M> {
    fn drop(&mut self) {
        if self.pass.take().is_some() {
            Tensor::<1>::zeros([1], &Device::flex().autodiff()).require_grad().sum().backward();
        }
    }
}

/// The images of a pass, one after another.
fn batch_first(inputs: &Inputs<'_>, rows: usize) -> Vec<f32> {
    let planes = inputs.get(0);
    let mut images = vec![0.0; planes.len()];
    let fits = to_batch_first(planes, rows, &mut images);
    debug_assert!(fits.is_ok(), "planes of as many rows");
    images
}

/// The numbers of a tensor.
fn floats(data: TensorData) -> Vec<f32> {
    match data.as_slice::<f32>() {
        Ok(values) => values.to_vec(),
        Err(_) => data.iter::<f32>().collect(), // a module may compute in another precision
    }
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

/// Sets a module's parameters to those of θ and its statistics to the buffers.
struct Load<'a> {
    roles: slice::Iter<'a, Role>,
    parameters: Parameters<'a>,
    running: &'a Running<'a>,
    device: &'a Device,
}

impl ModuleMapper for Load<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(&role) = self.roles.next() else { return param }; // it maps as many as it listed
        let values = match role {
            Role::Parameter(index) => self.parameters.get(index),
            Role::Buffer(index) => self.running.get(index),
        };
        let value = Tensor::from_data(TensorData::new(values.to_vec(), param.dims()), self.device);
        let tracked = matches!(role, Role::Parameter(_)) && self.device.is_autodiff();
        Param::initialized(param.id, if tracked { value.require_grad() } else { value })
    }
}

/// Moves the buffers to a module's statistics.
struct Move<'a, 'b> {
    roles: slice::Iter<'a, Role>,
    running: &'a mut Running<'b>,
}

impl ModuleVisitor for Move<'_, '_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(&Role::Buffer(index)) = self.roles.next()
            && let Some(buffer) = self.running.learn(index)
        {
            buffer.copy_from_slice(&floats(param.val().into_data()));
        }
    }
}

/// Collects the gradients by a module's parameters.
struct Gather<'a> {
    roles: slice::Iter<'a, Role>,
    found: &'a Gradients,
    gradients: &'a mut [Vec<f32>],
}

impl ModuleVisitor for Gather<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(&Role::Parameter(index)) = self.roles.next() {
            self.gradients[index] = match param.val().grad(self.found) {
                Some(gradient) => floats(gradient.into_data()),
                None => vec![0.0; param.dims().iter().product()], // the features do not depend on it
            };
        }
    }
}
