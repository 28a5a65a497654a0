//! The shape of each architecture: parameters, stages, laterals.

use std::sync::Arc;

use burn::tensor::Tensor;
use perennial::Engine;
use perennial::network::{
    Activation, Buffer, Network, Normaliser, Parameter, Stage, Weights, parse,
};

use crate::support::{UNITS, bits, images, moved, networks};

fn weights(spec: &str, input: [usize; 3]) -> usize {
    let network = parse(spec, input).unwrap();
    network.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum()
}

/// By hand.
///
/// `resnet18:20` over 3×32×32, convolutions without bias, two numbers a channel in each norm:
/// stem 3·20·9 + 40 = 580;
/// group 1, two blocks of 2·(20·20·9) + 2·40 = 7,280 → 14,560;
/// group 2, 20·40·9 + 40·40·9 + 2·80 + shortcut 20·40 + 80 = 22,640, then 2·(40·40·9) + 2·80 =
/// 28,960 → 51,600;
/// group 3, 40·80·9 + 80·80·9 + 2·160 + 40·80 + 160 = 90,080, then 115,520 → 205,600;
/// group 4, 80·160·9 + 160·160·9 + 2·320 + 80·160 + 320 = 359,360, then 461,440 → 820,800;
/// in all 1,093,140. (With a head of 100 units, 16,100, it is 1,109,240.)
///
/// `cnn` over 1×28×28: 32·9 + 64, 32·64·9 + 128, 64·7·7·128 + 128 → 420,640.
///
/// Catches: a missing or extra layer, a bias in a convolution, a shortcut too many.
#[test]
fn parameters_by_hand() {
    assert_eq!(weights("resnet18:20", [3, 32, 32]), 1_093_140);
    assert_eq!(weights("resnet18:20", [3, 8, 8]), 1_093_140);
    assert_eq!(weights("cnn", [1, 28, 28]), 352 + 18_560 + 401_536);
    assert_eq!(weights("mlp:100x100", [1, 28, 28]), 78_500 + 10_100);
    assert_eq!(parse("resnet18:20", [3, 32, 32]).unwrap().features(), 160);
}

/// A network that gives every stage a lateral, of zeros but for one stage's, and checks its
/// outputs against the shapes that the stages declare.
struct WithLaterals {
    inner: Arc<dyn Network>,
    stage: usize,
    /// What the lateral of `stage` is everywhere.
    value: f32,
}

impl Network for WithLaterals {
    fn spec(&self) -> String {
        self.inner.spec()
    }

    fn input(&self) -> [usize; 3] {
        self.inner.input()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.inner.parameters()
    }

    fn buffers(&self) -> Vec<Buffer> {
        self.inner.buffers()
    }

    fn stages(&self) -> Vec<Stage> {
        self.inner.stages()
    }

    fn forward_stage(
        &self,
        stage: usize,
        weights: &Weights,
        normaliser: &mut Normaliser<'_>,
        h: Activation,
        _: Option<Activation>,
    ) -> Activation {
        let h = h.flat();
        let shape = self.inner.stages()[stage].output.clone();
        let input = if stage == 0 {
            self.inner.input().to_vec()
        } else {
            self.inner.stages()[stage - 1].output.clone()
        };
        let h = match input[..] {
            [channels, height, width] => {
                Activation::Map(Activation::Flat(h).map([channels, height, width]))
            }
            _ => Activation::Flat(h),
        };
        let rows = match &h {
            Activation::Flat(x) => x.dims()[0],
            Activation::Map(x) => x.dims()[0],
        };
        let device = match &h {
            Activation::Flat(x) => x.device(),
            Activation::Map(x) => x.device(),
        };
        let len = shape.iter().product();
        let value = if stage == self.stage { self.value } else { 0.0 };
        let lateral = Activation::Flat(Tensor::full([rows, len], value, &device));
        let out = self.inner.forward_stage(stage, weights, normaliser, h, Some(lateral));
        let found = match &out {
            Activation::Flat(x) => x.dims()[1..].to_vec(),
            Activation::Map(x) => x.dims()[1..].to_vec(),
        };
        assert_eq!(found, shape, "{} stage {stage}", self.inner.spec());
        out
    }
}

/// A lateral of zeros changes nothing, and any other something. One far below zero shuts the
/// rectifier that ends the stage, so that all rows are answered alike; the last stages of a
/// residual network and of a module end in none of their own.
///
/// Catches: a stage that ignores its lateral, adds it after its last activation, or makes another
/// shape than it says.
#[test]
fn laterals_are_added_before_the_last_activation() {
    for network in networks() {
        let (engine, model) = moved(&network, UNITS);
        let view = model.shared_view(0);
        let rows = 6;
        let answers = |stage: usize, value: f32| {
            let network = WithLaterals { inner: network.clone(), stage, value };
            let inputs = images(&network, rows);
            bits(&Engine::new(Arc::new(network)).logits(&model, &view, &inputs, rows), UNITS)
        };
        let inputs = images(network.as_ref(), rows);
        let plain = bits(&engine.logits(&model, &view, &inputs, rows), UNITS);
        for (i, stage) in network.stages().iter().enumerate() {
            let name = format!("{} {}", network.spec(), stage.name);
            assert_eq!(answers(i, 0.0), plain, "{name}");
            assert_ne!(answers(i, 0.5), plain, "{name}");
            if !["pool", "tiny"].contains(&&*stage.name) {
                let shut = answers(i, -1e4);
                assert!(shut.iter().all(|row| *row == shut[0]), "{name}");
            }
        }
    }
}

/// Catches: a parameter in no stage or in two, names used twice, a convolutional net that fails
/// on odd or small images.
#[test]
fn stages_cover_every_parameter_once() {
    let mut all = networks();
    for input in [[1, 8, 8], [1, 9, 11], [3, 32, 32]] {
        all.extend(["cnn", "resnet18:3"].map(|spec| parse(spec, input).unwrap()));
    }
    for network in all {
        let mut next = 0;
        for stage in network.stages() {
            assert_eq!(stage.parameters.start, next);
            next = stage.parameters.end;
        }
        let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
        assert_eq!(next, names.len());
        let buffers: Vec<_> = network.buffers().into_iter().map(|buffer| buffer.name).collect();
        for names in [names, buffers] {
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len());
        }
        let (_, model) = moved(&network, UNITS);
        let checked = WithLaterals { inner: network, stage: 0, value: 0.0 };
        let inputs = images(&checked, 2);
        let engine = Engine::new(Arc::new(checked));
        let logits = engine.logits(&model, &model.shared_view(0), &inputs, 2);
        assert!(logits.row(1, &(0..UNITS)).unwrap().iter().all(|z| z.is_finite()));
    }
}
