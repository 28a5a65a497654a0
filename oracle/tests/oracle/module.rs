//! A user's own Burn module as a network.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use perennial::draws::Key;
use perennial::learner::{Progress, Stop, Training, Watch};
use perennial::network::Graph;
use perennial::network::burn::{Trunk, module};
use perennial::network::check::Check;
use perennial::scenario::{Benchmark, Options, Stream};
use perennial::strategies::Entry;
use perennial::{Learner, Logits, Mode, Model, Setting, SlotId, Statistics, Vector};
use perennial_nn::layer::Statistic;
use serde_json::json;

use crate::definition::{Definition, tensor};
use crate::statistics::{ROWS, SEEDS, of_samples, xi};
use crate::support::{
    UNITS, agree, agrees, answers, draws, fresh, functional, gradient, images, moved, pass,
};

const INPUT: [usize; 3] = [3, 8, 8];

/// A plain Burn module of every kind of layer that the adapter must carry.
#[derive(Module, Debug)]
struct Tiny {
    conv: Conv2d,
    norm: BatchNorm,
    dense: Linear,
}

impl Tiny {
    fn new([channels, height, width]: [usize; 3]) -> Self {
        let device = Device::flex();
        Self {
            conv: Conv2dConfig::new([channels, 5], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(&device),
            norm: BatchNormConfig::new(5).init(&device),
            dense: LinearConfig::new(5 * height * width, 7).init(&device),
        }
    }
}

impl Trunk for Tiny {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.conv.forward(images); // [batch, 5, height, width]
        let x = relu(self.norm.forward(x));
        relu(self.dense.forward(x.flatten(1, 3))) // [batch, 7]
    }
}

fn tiny() -> Arc<Graph> {
    module("tiny", Tiny::new(INPUT), INPUT).unwrap()
}

fn floats<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    tensor.to_data().try_into_vec().unwrap()
}

fn row(logits: &Logits, row: usize) -> &[f32] {
    logits.row(row, &(0..UNITS)).unwrap()
}

/// That the logits of four images are what the module, in evaluation, and the model's head make.
fn same_answers(logits: &Logits, module: &Tiny, model: &Model, inputs: &[f32]) {
    let device = Device::flex();
    let data = TensorData::new(inputs.to_vec(), [4, 3, 8, 8]);
    let features = module.forward(Tensor::from_data(data, &device));
    let weight = model.layout.slot(model.heads[0].weight.blocks[0]).range();
    let head = TensorData::new(model.theta[weight].to_vec(), [7, UNITS]);
    let expected = floats(&features.matmul(Tensor::from_data(head, &device)));
    for (i, expected) in expected.chunks(UNITS).enumerate() {
        for (a, b) in row(logits, i).iter().zip(expected) {
            assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} {b}");
        }
    }
}

/// Catches: parameters out of order or under other names than learners were saved with, a statistic taken
/// for a parameter or the other way round, a start that is not the module's, weights that never reach the
/// module.
#[test]
fn a_module_starts_as_itself() {
    let own = Tiny::new(INPUT);
    let network = module("tiny", own.clone(), INPUT).unwrap();
    assert_eq!((network.name(), network.features()), ("tiny", 7));
    let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
    let expected =
        ["conv.weight", "conv.bias", "norm.gamma", "norm.beta", "dense.weight", "dense.bias"];
    assert_eq!(names, expected);
    let names: Vec<_> = network.buffers().into_iter().map(|buffer| buffer.name).collect();
    assert_eq!(names, ["norm.running_mean", "norm.running_var"]);
    let error = network.scaled(2.0).unwrap_err().to_string();
    assert!(error.contains("`tiny`") && error.contains("has one width only"), "{error}");

    let mut model = fresh(&network);
    assert_eq!(model.layout.slots()[0].name, "column1.conv.weight");
    let inputs = images(&network, 4);
    let view = model.shared_view(0);
    let logits = answers(&network, &model, &view, &inputs, 4);
    same_answers(&logits, &own.valid(), &model, &inputs);

    // And starts so again, after the weights were others.
    let start = model.clone();
    model.theta.fill(0.5);
    model.buffers.fill(0.5);
    assert_ne!(row(&answers(&network, &model, &view, &inputs, 4), 0), row(&logits, 0));
    let key = Key::of_seed(9);
    for slot in &start.columns[0].parameters {
        let slot = slot.blocks[0];
        assert_eq!(model.initial(slot, key), start.theta[start.layout.slot(slot).range()]);
    }
}

/// Catches: a single row left to the kernel for one row; more than 64 rows at once.
#[test]
fn answers_do_not_depend_on_the_batch() {
    let network = tiny();
    let model = moved(&network);
    let (view, inputs) = (model.shared_view(0), images(&network, 150));
    let width = inputs.len() / 150;
    let whole = answers(&network, &model, &view, &inputs, 150);
    for rows in [1, 2, 3, 7, 64, 65] {
        for first in [0, 150 - rows] {
            let part = &inputs[first * width..(first + rows) * width];
            let part = answers(&network, &model, &view, part, rows);
            for i in 0..rows {
                let bits = |z: &[f32]| z.iter().map(|z| z.to_bits()).collect::<Vec<_>>();
                assert_eq!(
                    bits(row(&part, i)),
                    bits(row(&whole, first + i)),
                    "{rows} from {first}"
                );
            }
        }
    }
}

/// Catches: gradients of another parameter, of another pass, or of statistics of the other mode.
#[test]
fn gradients_are_those_of_the_definition() {
    let network = tiny();
    let mut model = fresh(&network);
    model.theta = Vector::from(draws("weights", model.theta.len()));
    let view = model.shared_view(0);
    for (rows, mode) in [(6, Mode::Train), (6, Mode::Evaluate), (1, Mode::Evaluate)] {
        let net = Definition {
            statistics: ["running_mean", "running_var"],
            ..Definition::new(&model, mode == Mode::Train)
        };
        let pass = pass(&network, rows, mode);
        let x = net.conv("column1.conv", tensor(&pass.inputs, [rows, 3, 8, 8]), 1);
        let x = x + net.weight::<1>("column1.conv.bias").reshape([1, 5, 1, 1]);
        let x = relu(net.batch_norm("column1.norm", x)).flatten(1, 3);
        let features = relu(net.linear("column1.dense", x));
        let (z, wanted) = net.gradient(net.linear("head1", features), &functional(rows));
        let (logits, found, mut slots) = gradient(&network, &mut model.clone(), &view, pass);
        agrees(&format!("{mode:?} logits"), &logits, &z);
        // A bias before a normalisation by the batch has no gradient but rounding.
        let name = |slot: &SlotId| &model.layout.slot(*slot).name;
        slots.retain(|slot| mode == Mode::Evaluate || name(slot) != "column1.conv.bias");
        agree(&format!("{mode:?}"), &model, &slots, &found, &wanted);
    }
}

/// A module without kinks, whose gradients central differences can find.
#[derive(Module, Debug)]
struct Smooth {
    norm: BatchNorm,
    dense: Linear,
}

impl Trunk for Smooth {
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.dense.forward(self.norm.forward(images).flatten(1, 3)).tanh()
    }
}

/// The layer passes the suite of the built-in ones.
///
/// Catches: a gradient by the images that is missing or in another layout; a second gradient of one forward
/// pass; targets that are not added to; a batch of more rows than one kernel serves.
#[test]
fn a_module_is_a_layer() {
    let device = Device::flex();
    let mut dense = LinearConfig::new(2 * 3 * 2, 4).init(&device);
    let weight = TensorData::new(draws("dense", 12 * 4), [12, 4]);
    dense.weight = Param::from_tensor(Tensor::from_data(weight, &device) * 0.3);
    dense.bias = Some(Param::from_tensor(Tensor::zeros([4], &device)));
    let own = Smooth { norm: BatchNormConfig::new(2).init(&device), dense };
    let network = module("smooth", own, [2, 3, 2]).unwrap();
    let layer = network.nodes()[0].layer.as_ref();
    for learns in [false, true] {
        Check { learns, ..Check::new(layer, &[&[2, 3, 2]]) }.run().unwrap();
    }
}

/// Catches: the gradient of all rows taken for that of one, statistics of a batch in those of a sample, a
/// second gradient of a forward pass that uses the first one's graph.
#[test]
fn statistics_are_those_of_one_pass_a_sample() {
    let network = tiny();
    let model = moved(&network);
    let (view, all) = (model.shared_view(0), images(&network, ROWS));
    let width = all.len() / ROWS;
    let mut wanted = [vec![0.0; model.theta.len()], vec![0.0; model.theta.len()]];
    for (row, seed) in (0..ROWS).flat_map(|row| (0..SEEDS).map(move |seed| (row, seed))) {
        let mut pass = pass(&network, 1, Mode::Evaluate);
        pass.inputs = all[row * width..][..width].to_vec();
        pass.terms[0].target = perennial::Target::Linear(xi(seed)[row * UNITS..][..UNITS].to_vec());
        let (_, found, _) = gradient(&network, &mut model.clone(), &view, pass);
        for (i, &g) in found.iter().enumerate() {
            wanted[0][i] += f64::from(g) * f64::from(g);
            wanted[1][i] += f64::from(g.abs());
        }
    }
    let slots: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
    for (of, wanted) in [Statistic::Square, Statistic::Absolute].into_iter().zip(&wanted) {
        let found = of_samples(&network, &model, of);
        agree(&format!("{of:?}"), &model, &slots, &found, wanted);
    }
}

/// The statistics after one training pass, against Burn's own batch normalisation on the same numbers; two
/// models of one network do not meet in them.
///
/// Catches: statistics read one pass late, set too late, moved twice, or shared between clones.
#[test]
fn statistics_are_those_of_the_last_pass() {
    let own = Tiny::new(INPUT);
    let network = module("tiny", own.clone(), INPUT).unwrap();
    let (mut model, mut other) = (fresh(&network), moved(&network));
    let view = model.shared_view(0);
    let training = own.valid().train();
    for rows in [6, 4] {
        let pass = || pass(&network, rows, Mode::Train);
        gradient(&network, &mut model, &view, pass());
        gradient(&network, &mut other, &view, pass());
        let data = TensorData::new(pass().inputs, [rows, 3, 8, 8]);
        training.forward(Tensor::from_data(data, &Device::flex().autodiff()));
        let mean = floats(&training.norm.running_mean.value_sync());
        let variance = floats(&training.norm.running_var.value_sync());
        for (found, expected) in model.buffers.iter().zip(mean.iter().chain(&variance)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let inputs = images(&network, 4);
        let logits = answers(&network, &model, &view, &inputs, 4);
        same_answers(&logits, &training.valid(), &model, &inputs);
        assert!(model.buffers.iter().zip(other.buffers.iter()).all(|(a, b)| a != b));
    }
    assert!(floats(&own.norm.running_mean.value_sync()).iter().all(|&mean| mean == 0.0));
    let before = model.buffers.clone();
    gradient(&network, &mut model, &view, pass(&network, 6, Mode::Evaluate));
    assert_eq!(model.buffers, before);
}

/// Frozen parts are saved with the learner as buffers, and never move.
///
/// Catches: a frozen parameter trained, or left to the process that happened to draw it.
#[test]
fn frozen_parameters_are_buffers_that_stay() {
    let mut own = Tiny::new(INPUT);
    own.conv = own.conv.freeze();
    own.norm = own.norm.freeze();
    let start = floats(&own.conv.weight.val());
    let network = module("tiny", own, INPUT).unwrap();
    let names: Vec<_> = network.parameters().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["dense.weight", "dense.bias"]);
    let mut model = fresh(&network);
    assert_eq!(model.buffers[..start.len()], start);
    let before = model.buffers.clone();
    let mut view = model.shared_view(0);
    for statistics in [Statistics::Learn, Statistics::Fixed] {
        view.statistics = statistics;
        gradient(&network, &mut model, &view, pass(&network, 6, Mode::Train));
        assert_eq!(model.buffers, before);
    }
    model.buffers[..start.len()].fill(0.0); // what is in the buffers is what counts
    let silent = answers(&network, &model, &view, &images(&network, 2), 2);
    assert_eq!(row(&silent, 0), row(&silent, 1));
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

fn stream(tasks: usize, samples: usize) -> Stream {
    let digits = Arc::new(perennial::data::digits().unwrap());
    let (benchmark, _) = Benchmark::parse("permuted-digits").unwrap();
    let (tasks, samples_per_task) = (Some(tasks), Some(samples));
    let options = Options { tasks, samples_per_task, validation: 0.1 };
    benchmark.build(&digits, &options, 0).unwrap()
}

fn learner(
    network: Arc<Graph>,
    strategy: &str,
    settings: &serde_json::Value,
    stream: &Stream,
) -> Learner {
    let strategy = Entry::find(strategy).unwrap().create(settings).unwrap();
    Learner::new(network, strategy, Training::default(), Setting::Task, stream, 0).unwrap()
}

/// A run whose module is trained, held (`freeze`) and measured ends, and says how far its importances are.
///
/// Catches: a long hook that shows nothing, or shows parts of another whole; a frozen module that is in the
/// way of training.
#[test]
fn methods_run_over_a_module() {
    let stream = stream(2, 9);
    for (name, settings, parts) in [
        ("ewc", json!({"fisher-samples": 5, "fisher": "empirical"}), Some(1)),
        ("mas", json!({"samples": 7}), Some(1)),
        ("perturb", json!({"draws": 4}), Some(8)),
        ("freeze", json!({}), None),
        ("gem", json!({}), None),
        ("packnet", json!({}), None),
    ] {
        let network = module("tiny", Tiny::new(stream.shape), stream.shape).unwrap();
        let mut learner = learner(network, name, &settings, &stream);
        let start = learner.core.model.theta.clone();
        let mut told = Importances::default();
        learner.run(&stream, &mut told, &Stop::default()).unwrap();
        assert_ne!(learner.core.model.theta[..start.len()], start[..], "{name}");
        let of = parts.unwrap_or(0);
        let wanted: Vec<_> = (0..2).flat_map(|_| (0..of).map(move |done| (done, of))).collect();
        assert_eq!(told.0, wanted, "{name}");
    }
}

/// Methods that connect the layers of a network, or widen it, say that the module's cannot be.
#[test]
fn methods_that_need_layers_refuse_a_module() {
    let stream = stream(2, 40);
    let error = |name: &str| {
        let network = module("mine", Tiny::new(stream.shape), stream.shape).unwrap();
        let mut learner = learner(network, name, &json!({}), &stream);
        learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string()
    };
    let text = error("pnn");
    assert!(text.contains("`mine` marks no stages, which pnn connects"), "{text}");
    let text = error("cpg");
    assert!(text.contains("`mine`") && text.contains("a Burn module has one width only"), "{text}");
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
    fn reason<M: Trunk>(own: M) -> String {
        module("mine", own, INPUT).unwrap_err().to_string()
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
