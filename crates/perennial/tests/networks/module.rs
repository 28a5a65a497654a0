//! The adapter for a user's own Burn module.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use perennial::draws::Key;
use perennial::learner::{Progress, Stop, Training, Watch};
use perennial::network::{ModuleNetwork, Network, NetworkError, Trunk};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::Entry;
use perennial::{Learner, Logits, Mode, Model, Setting, Statistics};
use serde_json::json;

use crate::support::{Tiny, UNITS, fresh, gradient, half_squares, images, moved};

const INPUT: [usize; 3] = [3, 8, 8];

fn floats<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().try_into_vec().unwrap()
}

/// That the logits of four images are what the module, in evaluation, and the model's head make.
fn same_answers(logits: &Logits, module: &Tiny, model: &Model, inputs: &[f32]) {
    let device = Device::flex();
    let data = TensorData::new(inputs.to_vec(), [4, 3, 8, 8]);
    let features = module.forward(Tensor::from_data(data, &device));
    let weight = model.layout.slot(model.heads[0].weight.blocks[0]).range();
    let head = TensorData::new(model.theta[weight].to_vec(), [7, UNITS]);
    let expected = floats(&features.matmul(Tensor::from_data(head, &device)));
    for row in 0..4 {
        let found = logits.row(row, &(0..UNITS)).unwrap();
        for (a, b) in found.iter().zip(&expected[row * UNITS..]) {
            assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} {b}");
        }
    }
}

/// Catches: parameters out of order, a statistic taken for a parameter or the other way round, a
/// start that is not the module's, weights that never reach the module.
#[test]
fn a_module_starts_as_itself() {
    let module = Tiny::new(INPUT);
    let network: Arc<dyn Network> =
        Arc::new(ModuleNetwork::new("tiny", module.clone(), INPUT).unwrap());
    let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
    let expected =
        ["conv.weight", "conv.bias", "norm.gamma", "norm.beta", "dense.weight", "dense.bias"];
    assert_eq!(names, expected);
    let names: Vec<_> = network.buffers().into_iter().map(|buffer| buffer.name).collect();
    assert_eq!(names, ["norm.running_mean", "norm.running_var"]);
    assert!(matches!(network.scaled(2.0), Err(NetworkError::OneWidth { .. })));

    let (engine, mut model) = fresh(&network, UNITS);
    let inputs = images(network.as_ref(), 4);
    let view = model.shared_view(0);
    let logits = engine.logits(&model, &view, &inputs, 4);
    same_answers(&logits, &module.valid(), &model, &inputs);

    // And starts so again, after the weights were others.
    let start = model.clone();
    model.theta.fill(0.5);
    model.buffers.fill(0.5);
    assert_ne!(engine.logits(&model, &view, &inputs, 4).row(0, &(0..1)), logits.row(0, &(0..1)));
    let key = Key::of_seed(9);
    for slot in &start.columns[0].parameters {
        let slot = slot.blocks[0];
        assert_eq!(model.initial(slot, key), start.theta[start.layout.slot(slot).range()]);
    }
}

/// The statistics after one training pass, against Burn's own batch normalisation on the same
/// numbers; two models of one network do not meet in them.
///
/// Catches: statistics read one pass late, set too late, or shared between clones.
#[test]
fn statistics_are_those_of_the_last_pass() {
    let module = Tiny::new(INPUT);
    let network: Arc<dyn Network> =
        Arc::new(ModuleNetwork::new("tiny", module.clone(), INPUT).unwrap());
    let (engine, mut model) = fresh(&network, UNITS);
    let (_, mut other) = moved(&network, UNITS);
    let view = model.shared_view(0);
    let training = module.valid().train();
    for rows in [6, 4] {
        let pass = || half_squares(network.as_ref(), rows, Mode::Train);
        gradient(&engine, &mut model, &view, pass());
        gradient(&engine, &mut other, &view, pass());
        let data = TensorData::new(pass().inputs, [rows, 3, 8, 8]);
        training.forward(Tensor::from_data(data, &Device::flex().autodiff()));
        let mean = floats(&training.norm.running_mean.value_sync());
        let variance = floats(&training.norm.running_var.value_sync());
        for (found, expected) in model.buffers.iter().zip(mean.iter().chain(&variance)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let inputs = images(network.as_ref(), 4);
        let logits = engine.logits(&model, &view, &inputs, 4);
        same_answers(&logits, &training.valid(), &model, &inputs);
        assert!(model.buffers.iter().zip(other.buffers.iter()).all(|(a, b)| a != b));
    }
    assert!(floats(&module.norm.running_mean.value_sync()).iter().all(|&mean| mean == 0.0));
}

/// Frozen parts are saved with the learner as buffers, and never move.
///
/// Catches: a frozen parameter trained, or left to the process that happened to draw it.
#[test]
fn frozen_parameters_are_buffers_that_stay() {
    let mut module = Tiny::new(INPUT);
    module.conv = module.conv.freeze();
    module.norm = module.norm.freeze();
    let start = floats(&module.conv.weight.val());
    let network: Arc<dyn Network> = Arc::new(ModuleNetwork::new("tiny", module, INPUT).unwrap());
    let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["dense.weight", "dense.bias"]);
    let (engine, mut model) = fresh(&network, UNITS);
    assert_eq!(model.buffers[..start.len()], start);
    let before = model.buffers.clone();
    let mut view = model.shared_view(0);
    for statistics in [Statistics::Learn, Statistics::Fixed] {
        view.statistics = statistics;
        gradient(&engine, &mut model, &view, half_squares(network.as_ref(), 6, Mode::Train));
        assert_eq!(model.buffers, before);
    }
    model.buffers[..start.len()].fill(0.0); // what is in the buffers is what counts
    let inputs = || images(network.as_ref(), 2);
    let silent = engine.logits(&model, &view, &inputs(), 2);
    assert_eq!(silent.row(0, &(0..UNITS)), silent.row(1, &(0..UNITS)));
}

/// What a run told of its importances: how far it was, of how much.
#[derive(Default)]
struct Importances(Vec<(usize, usize)>);

impl Watch for Importances {
    fn progress(&mut self, progress: &Progress<'_>) {
        if progress.phase == "importance" {
            assert!(!progress.trains);
            self.0.push((progress.step, progress.steps));
        }
    }
}

/// The engine cannot see the layers of a module, so its importances take a pass a sample, and
/// say how far they are.
///
/// Catches: a long hook that shows nothing, or shows parts of another whole.
#[test]
fn importances_say_how_far_they_are() {
    let digits = Arc::new(perennial::data::digits().unwrap());
    let (benchmark, _) = Benchmark::parse("permuted-digits").unwrap();
    let options = Options { tasks: Some(1), samples_per_task: Some(9), ..Options::default() };
    let stream = benchmark.build(&digits, &options, 0).unwrap();
    for (name, settings, of) in [
        ("ewc", json!({"fisher-samples": 5, "fisher": "empirical"}), 5),
        ("mas", json!({"samples": 7}), 7),
        ("perturb", json!({"draws": 4}), 8),
    ] {
        let module = ModuleNetwork::new("tiny", Tiny::new(stream.shape), stream.shape).unwrap();
        let strategy = Entry::find(name).unwrap().create(&settings).unwrap();
        let training = Training::default();
        let mut learner =
            Learner::new(Arc::new(module), strategy, training, Setting::Domain, &stream, 0)
                .unwrap();
        let mut told = Importances::default();
        learner.run(&stream, &mut told, &Stop::default()).unwrap();
        assert_eq!(told.0, (0..of).map(|done| (done, of)).collect::<Vec<_>>(), "{name}");
    }
}

#[derive(Module, Debug)]
struct Drops {
    dense: Linear,
    dropout: Dropout,
}

impl Trunk for Drops {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.dropout.forward(self.dense.forward(images.flatten(1, 3)))
    }
}

#[derive(Module, Debug)]
struct Folds {
    dense: Linear,
}

impl Trunk for Folds {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let features = self.dense.forward(images.flatten(1, 3));
        let [rows, units] = features.dims();
        features.reshape([rows / 2, units * 2])
    }
}

/// Catches: a module taken in that could not be resumed, trained or read row by row.
#[test]
fn modules_that_cannot_be_networks_are_refused_with_the_reason() {
    fn reason<M: Trunk>(module: M) -> String {
        ModuleNetwork::new("mine", module, INPUT).unwrap_err().to_string()
    }
    let dense = || LinearConfig::new(3 * 8 * 8, 4).init(&Device::flex());
    let drops = Drops { dense: dense(), dropout: DropoutConfig::new(0.5).init() };
    let text = reason(drops);
    assert!(text.contains("`mine`") && text.contains("`dropout.training`"), "{text}");
    let text = reason(Tiny::new(INPUT).freeze());
    assert!(text.contains("no parameter to train"), "{text}");
    let text = reason(Folds { dense: dense() });
    assert!(text.contains("[1, 8]") && text.contains("[2, at least 1]"), "{text}");
}
