//! The tasks, the first weights, and how what was learnt is compared with a replica's numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use perennial::data::Values;
use perennial::learner::{Context, Ended, LearnError, Learner, Stop, Training};
use perennial::parts::means::{ClassMeans, Space};
use perennial::parts::memory::Memory;
use perennial::scenario::Samples;
use perennial::state::{Kind, to_state};
use perennial::strategies::Entry;
use perennial::strategy::{
    Batch, Card, Changed, Descent, Gradient, Moved, Outcome, Phase, Pool, Step, Strategy,
    WithinTask,
};
use perennial::{
    Frozen, Layout, Model, OptimizerKind, OptimizerSettings, Pass, Setting, Stream, Task, View,
    network,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Numbers of an input.
const INPUTS: usize = 5;
/// Training rows of the three tasks. Each task has at least as many rows as the tasks before it
/// together, so a replay of as many rows as the batch draws the whole memory.
const ROWS: [usize; 3] = [6, 12, 24];

/// `rows` rows of task `task`, 0-based: their inputs and labels. All numbers are eighths.
fn rows(task: usize, rows: usize, classes: usize) -> Samples {
    let mut values = Vec::new();
    for row in 0..rows {
        for i in 0..INPUTS {
            let centre = ((row % classes * 5 + i * 3 + task * 7) % 9) as f32 / 4.0 - 1.0;
            let noise = ((row * 7 + i * 11 + task * 3 + row * i) % 13) as f32 / 8.0 - 0.75;
            values.push(centre + noise);
        }
    }
    let labels = (0..rows).map(|row| (row % classes) as u32).collect();
    let ids = (0..rows as u64).collect();
    Samples::new(Values::Floats(values), INPUTS, labels, ids).unwrap()
}

/// Three tasks: of the same three classes, or of two new ones each where the head grows. The last
/// `apart` training rows of each are its validation part.
fn stream(setting: Setting, apart: usize) -> Stream {
    let grows = setting == Setting::Class;
    let classes = if grows { 2 } else { 3 };
    let names = (0..6).map(|class| format!("class {class}")).collect();
    let task = |task: usize| {
        let first = if grows { 2 * task as u32 } else { 0 };
        let all = rows(task, ROWS[task], classes);
        let part = |from: usize, to: usize| {
            let Values::Floats(values) = all.values() else { panic!("the rows are floats") };
            let values = Values::Floats(values[from * INPUTS..to * INPUTS].to_vec());
            let ids = (from..to).map(|row| all.id(row)).collect();
            Samples::new(values, INPUTS, all.labels()[from..to].to_vec(), ids).unwrap()
        };
        let (learn, choose) = (part(0, all.len() - apart), part(all.len() - apart, all.len()));
        let classes = (first..first + classes as u32).collect();
        Task::from_samples(format!("task {task}"), classes, learn, choose, all).unwrap()
    };
    Stream::from_tasks("replicas", [1, 1, INPUTS], names, (0..3).map(task).collect()).unwrap()
}

/// The first value of weight number `i` of θ.
fn first(i: usize) -> f32 {
    ((29 * i + 13) % 101) as f32 / 64.0 - 50.0 / 64.0
}

/// What a method is and how it trains, in full batches.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) settings: Value,
    pub(crate) setting: Setting,
    pub(crate) network: &'static str,
    /// Steps of each task.
    pub(crate) steps: [u64; 3],
    pub(crate) lr: f32,
    pub(crate) optimizer: OptimizerSettings,
    /// Validation rows of each task.
    pub(crate) apart: usize,
    /// Rows of a batch: all, but where a case says otherwise.
    pub(crate) batch: usize,
    /// Whether all but the first stored row of each class are forgotten after the first task: then a
    /// draw of one row a class is no draw.
    pub(crate) alone: bool,
}

/// A learner at the end of a task.
pub(crate) struct Taught {
    layout: Layout,
    pub(crate) theta: Vec<f32>,
    /// Vectors of the strategy's state, by name.
    state: BTreeMap<String, Vec<f32>>,
    /// Masks of the strategy's state, by name: eight bits a byte, the first in the lowest place.
    bits: BTreeMap<String, Vec<u8>>,
    /// Task and row of each stored sample, in order.
    pub(crate) stored: Vec<(usize, u64)>,
    /// The unit that answers each training row of the tasks so far, a digit a row, where means of
    /// classes answer.
    pub(crate) answers: String,
}

/// What a replica printed of a learner at the end of a task: θ and the vector that a test names, as
/// [`Taught::digest`] sums them up.
pub(crate) struct After<'a> {
    pub(crate) theta: &'a [f64],
    pub(crate) held: &'a [f64],
}

/// The largest distance to a replica's number, as a share of the largest of the numbers.
const TOLERANCE: f64 = 2e-5;

impl Case {
    /// A method in the domain setting, with twelve steps of plain SGD a task.
    pub(crate) fn new(name: &'static str, settings: Value) -> Self {
        Self {
            name,
            settings,
            setting: Setting::Domain,
            network: "mlp:6x4",
            steps: [12; 3],
            lr: 0.1,
            optimizer: OptimizerSettings::default(),
            apart: 0,
            batch: ROWS.iter().sum(),
            alone: false,
        }
    }

    pub(crate) fn setting(self, setting: Setting) -> Self {
        Self { setting, ..self }
    }

    pub(crate) fn steps(self, steps: [u64; 3]) -> Self {
        Self { steps, ..self }
    }

    pub(crate) fn lr(self, lr: f32) -> Self {
        Self { lr, ..self }
    }

    pub(crate) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    pub(crate) fn adam(self) -> Self {
        let optimizer = OptimizerSettings { kind: OptimizerKind::Adam, ..self.optimizer };
        Self { optimizer, lr: 0.01, ..self }
    }

    pub(crate) fn momentum_and_decay(self, momentum: f32, weight_decay: f32) -> Self {
        Self { optimizer: OptimizerSettings { momentum, weight_decay, ..self.optimizer }, ..self }
    }

    /// Learns the three tasks.
    pub(crate) fn teach(self) -> Vec<Taught> {
        let stream = stream(self.setting, self.apart);
        let ends = Arc::new(Mutex::new(Vec::new()));
        let inner = Entry::find(self.name).unwrap().create(&self.settings).unwrap();
        let most = self.steps.iter().copied().max().unwrap();
        let (steps, alone) = (self.steps, self.alone);
        let strategy = FromFirst { inner, most, steps, alone, known: 0, ends: ends.clone() };
        let training = Training {
            iterations: Some(most),
            batch: self.batch,
            lr: self.lr,
            optimizer: self.optimizer,
            ..Training::default()
        };
        let network = network::parse(self.network, [1, 1, INPUTS]).unwrap();
        // Of no known length: a method may treat the last task of a known one differently.
        let mut learner =
            Learner::open_ended(network, Box::new(strategy), training, self.setting, 0).unwrap();
        assert_eq!(learner.run(&stream, &mut (), &Stop::default()).unwrap(), Ended::Finished);
        let ends = std::mem::take(&mut *ends.lock().unwrap());
        assert_eq!(ends.len(), stream.tasks.len());
        ends
    }

    /// Learns the three tasks, and compares θ and `held` after each with a replica's numbers.
    pub(crate) fn holds(self, held: &str, expected: &[After<'_>; 3]) -> Vec<Taught> {
        let case = format!("{} {} {:?}", self.name, self.settings, self.setting);
        let all = self.teach();
        for (task, (taught, after)) in all.iter().zip(expected).enumerate() {
            let case = format!("{case}, task {}", task + 1);
            close(&format!("{case}, θ"), &taught.digest(&taught.theta), after.theta);
            if !held.is_empty() {
                taught.holds(&case, held, after.held);
            }
        }
        all
    }
}

/// Compares a further vector of learners after each task with a replica's numbers.
pub(crate) fn also_hold(all: &[Taught], held: &str, expected: [&[f64]; 3]) {
    assert_eq!(all.len(), expected.len());
    for (task, (taught, expected)) in all.iter().zip(expected).enumerate() {
        taught.holds(&format!("task {}", task + 1), held, expected);
    }
}

/// Numbers as near to a replica's as f32 allows.
pub(crate) fn close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
    let largest = expected.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let apart = (found - expected).abs() / largest;
        assert!(apart <= TOLERANCE, "{what}, number {i}: {found} instead of {expected}");
    }
}

impl Taught {
    fn holds(&self, case: &str, held: &str, expected: &[f64]) {
        close(&format!("{case}, {held}"), &self.digest(self.vector(held)), expected);
    }

    /// A weighted sum of each slot's numbers; the weights 1, 1¼, 1½, 1¾, 2, 1, … tell neighbours
    /// apart, and no weight is left out.
    pub(crate) fn digest(&self, values: &[f32]) -> Vec<f64> {
        let slots = self.layout.slots().iter().filter(|slot| slot.range().end <= values.len());
        slots.map(|slot| weighted(values[slot.range()].iter().copied().map(f64::from))).collect()
    }

    /// A vector of the strategy's state.
    pub(crate) fn vector(&self, name: &str) -> &[f32] {
        let Some(vector) = self.state.get(name) else {
            panic!("{name} is none of {:?}", self.state.keys())
        };
        vector
    }

    /// Which weights of a slot a mask marks, as a row of 0 and 1. A mask that ends before the slot
    /// does marks none beyond.
    pub(crate) fn marked(&self, mask: &str, slot: &str) -> String {
        let slot = self.layout.slots().iter().find(|known| known.name == slot).unwrap();
        let bytes = &self.bits[mask];
        let bit = |i: usize| bytes.get(i / 8).map_or(0, |byte| byte >> (i % 8) & 1);
        slot.range().map(|i| if bit(i) == 1 { '1' } else { '0' }).collect()
    }

    /// The owners of a slot's weights, as a row of digits, from their planes of bits.
    pub(crate) fn owners(&self, planes: &str, slot: &str) -> String {
        let planes = (0..2).map(|plane| format!("{planes}.{plane}"));
        let known = planes.filter(|plane| self.bits.contains_key(plane));
        let marks: Vec<String> = known.map(|plane| self.marked(&plane, slot)).collect();
        let owner = |i: usize| {
            let set = |plane: &String| plane.as_bytes()[i] == b'1';
            marks
                .iter()
                .zip([1, 2])
                .filter(|(plane, _)| set(plane))
                .map(|(_, bit)| bit)
                .sum::<u32>()
        };
        (0..marks[0].len()).filter_map(|i| char::from_digit(owner(i), 10)).collect()
    }
}

pub(crate) fn weighted(values: impl Iterator<Item = f64>) -> f64 {
    values.enumerate().map(|(j, value)| (1.0 + (j % 5) as f64 / 4.0) * value).sum()
}

/// Gives a strategy the [`first`] weights and as many steps as the case says, and records the
/// learner at the end of each task.
struct FromFirst {
    inner: Box<dyn Strategy>,
    /// Steps of each task; the training is set to the most of them.
    steps: [u64; 3],
    most: u64,
    /// As [`Case::alone`].
    alone: bool,
    /// How many weights have their first value.
    known: usize,
    ends: Arc<Mutex<Vec<Taught>>>,
}

impl FromFirst {
    /// Sets the weights that are new. Later columns of PackNet and CPG are biases, which begin as
    /// copies of the column before, so they are left alone.
    fn set_first(&mut self, model: &mut Model) {
        for slot in model.layout.slots().iter().filter(|slot| slot.offset >= self.known) {
            let copied = !slot.name.starts_with("head") && !slot.name.starts_with("column1.");
            if self.card().name == "pnn" || !copied {
                slot.range().for_each(|i| model.theta[i] = first(i));
            }
        }
        self.known = model.theta.len();
    }
}

impl FromFirst {
    /// The unit that the nearest mean of a class says of each training row of the tasks so far.
    fn answers(&self, cx: &mut Context<'_>) -> String {
        let Some(means) = self.class_means() else { return String::new() };
        let mut answers = String::new();
        for (task, outputs) in cx.model.outputs.clone().iter().enumerate() {
            let samples = rows(task, ROWS[task], outputs.units.len());
            let units = cx.model.answer(task);
            for row in 0..samples.len() {
                let (mut input, mut scores) = (Vec::new(), Vec::new());
                samples.append_row(row, &mut input);
                let view = cx.model.shared_view(task);
                let values = match means.space {
                    Space::Features => cx.features(&view, &input, 1).unwrap(),
                    Space::Logits => {
                        let all = 0..cx.model.units();
                        let view = View { answer: all.clone(), ..view };
                        cx.logits(&view, &input, 1).unwrap().row(0, &all).unwrap().to_vec()
                    }
                };
                means.score(&values, &units, &mut scores);
                let best = (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
                answers.extend(char::from_digit((units.start + best.unwrap()) as u32, 10));
            }
        }
        answers
    }
}

impl Serialize for FromFirst {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(serializer)
    }
}

impl Strategy for FromFirst {
    fn card(&self) -> Card {
        self.inner.card()
    }
    fn settings(&self) -> Value {
        self.inner.settings()
    }
    fn memory(&self) -> Option<&Memory> {
        self.inner.memory()
    }
    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.set_first(cx.model); // what the driver appended
        self.inner.begin_task(cx)?;
        self.set_first(cx.model); // what the strategy appended
        Ok(())
    }
    fn next_phase(
        &mut self,
        last: Option<&Outcome>,
        cx: &mut Context<'_>,
    ) -> Result<Option<Phase>, LearnError> {
        let part = self.steps[cx.task] as f64 / self.most as f64;
        let phase = self.inner.next_phase(last, cx)?;
        if phase.as_ref().is_some_and(|phase| phase.fresh) {
            self.known = 0;
        }
        self.set_first(cx.model);
        Ok(phase.map(|phase| Phase { share: phase.share * part, ..phase }))
    }
    fn pool(&self) -> Pool {
        self.inner.pool()
    }
    fn within_task(&self) -> WithinTask {
        self.inner.within_task()
    }
    fn objective(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<Vec<Pass>, LearnError> {
        self.inner.objective(batch, cx)
    }
    fn edit_gradient(
        &mut self,
        gradient: &mut Gradient<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), LearnError> {
        self.inner.edit_gradient(gradient, cx)
    }
    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        self.inner.descend(slot)
    }
    fn frozen(&self, task: usize, model: &Model) -> Frozen {
        self.inner.frozen(task, model)
    }
    fn after_step(&mut self, step: &Step<'_>, cx: &mut Context<'_>) -> Result<Changed, LearnError> {
        self.inner.after_step(step, cx)
    }
    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.inner.end_task(cx)?;
        let (mut state, mut bits) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in to_state(self.inner.as_ref())?.tensors {
            match tensor.kind {
                Kind::F32 => {
                    let number = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                    state.insert(name, tensor.bytes.chunks(4).map(number).collect());
                }
                Kind::Bits => {
                    bits.insert(name, tensor.bytes.to_vec());
                }
                _ => {}
            }
        }
        let (layout, theta) = (cx.model.layout.clone(), cx.model.theta.to_vec());
        let row = |memory: &Memory, at| (memory.task(at), memory.id(at));
        let stored = self.inner.memory().map_or(Vec::new(), |memory| {
            (0..memory.len()).map(|at| row(memory, at)).collect::<Vec<_>>()
        });
        let answers = self.answers(cx);
        self.ends.lock().unwrap().push(Taught { layout, theta, state, bits, stored, answers });
        if self.alone && cx.task == 0 {
            let memory = self.inner.memory().unwrap();
            let unit = |at| memory.unit(at);
            let again = (1..memory.len()).filter(|&at| unit(at) == unit(at - 1));
            for (task, id) in again.map(|at| row(memory, at)).collect::<Vec<_>>() {
                assert_eq!(self.inner.forget_sample(task, id), 1);
            }
        }
        Ok(())
    }
    fn view(&self, task: usize, model: &Model) -> View {
        self.inner.view(task, model)
    }
    fn impossible(&self, setting: Setting) -> Option<String> {
        self.inner.impossible(setting)
    }
    fn class_means(&self) -> Option<&ClassMeans> {
        self.inner.class_means()
    }
}
