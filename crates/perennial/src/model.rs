//! θ, its buffers and what they are made of: the value a learner trains.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::draws::Key;
pub use perennial_nn::{Column, Head, Statistics, View};

use crate::network::{Graph, Init, Start};
use crate::vector::Vector;
use crate::{Layout, Slot, SlotId};

/// Which units are a task's labels, and which may answer for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outputs {
    /// The unit of each of the task's labels.
    pub units: Vec<u32>,
    /// Which units compete for the answer.
    pub among: Among,
}

/// The units among which an answer is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Among {
    /// All there are: one head for all tasks, or one that grows.
    All,
    /// The task's own: a head a task.
    Own(Range<usize>),
}

/// Which running statistics batch normalisation has over tasks, in a trunk that all tasks share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormStatistics {
    /// Those of all tasks, one after another: a later task moves them under the older ones, whatever
    /// holds the weights.
    #[default]
    Running,
    /// A task's own, which begin as those of the task before. A task is answered with its own.
    Task,
    /// Those of the first task: later ones are normalised by them.
    FixedAfterFirst,
}

/// θ and buffers with their layouts, columns and heads. All of it is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where each trainable parameter lies in `theta`.
    pub layout: Layout,
    /// All trainable parameters.
    pub theta: Vector,
    /// Where each buffer lies in `buffers`.
    pub buffer_layout: Layout,
    /// All running statistics.
    pub buffers: Vector,
    /// The trunks, oldest first.
    pub columns: Vec<Column>,
    /// The heads, oldest first.
    pub heads: Vec<Head>,
    /// How heads start.
    pub head_start: Start,
    /// For each task begun, which units are its labels.
    pub outputs: Vec<Outputs>,
    /// Which running statistics the first trunk has over tasks.
    #[serde(default, skip_serializing_if = "NormStatistics::is_running")]
    pub norm: NormStatistics,
    /// With statistics of a task's own, each task's buffers in the first trunk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_buffers: Vec<Vec<SlotId>>,
}

impl NormStatistics {
    fn is_running(&self) -> bool {
        *self == Self::Running
    }
}

/// How far a model had grown: what [`Model::truncate`] goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    slots: usize,
    buffers: usize,
    columns: usize,
    heads: usize,
}

impl Model {
    /// Appends a parameter, drawn by `init` from a generator of its name.
    pub fn append(&mut self, name: &str, shape: &[usize], init: Init, seed: u64) -> SlotId {
        let slot = self.layout.append(name, shape, init);
        let fresh = self.initial(slot, Key::of_seed(seed));
        self.theta.append(&fresh);
        slot
    }

    /// The numbers a slot starts with, drawn from a generator of `key` and the slot's name.
    pub fn initial(&self, slot: SlotId, key: Key) -> Vec<f32> {
        let slot = self.layout.slot(slot);
        slot.init.draw(slot.len(), &mut key.generator(&format!("init {}", slot.name)))
    }

    /// Appends a trunk of this architecture; says its index in [`columns`](Self::columns).
    pub fn append_column(&mut self, network: &Graph, seed: u64) -> usize {
        let name = format!("column{}", self.columns.len() + 1);
        let parameters = network
            .parameters()
            .into_iter()
            .map(|p| self.append(&format!("{name}.{}", p.name), &p.shape, p.init, seed).into())
            .collect();
        let buffers = network
            .buffers()
            .into_iter()
            .map(|buffer| {
                let name = format!("{name}.{}", buffer.name);
                let slot = self.buffer_layout.append(name, &buffer.shape, buffer.init);
                let slot_made = self.buffer_layout.slot(slot);
                let mut generator = Key::of_seed(seed).generator(&slot_made.name);
                self.buffers.append(&slot_made.init.draw(slot_made.len(), &mut generator));
                slot
            })
            .collect();
        self.columns.push(Column { parameters, buffers, laterals: Vec::new() });
        self.columns.len() - 1
    }

    /// Appends a head of `units` over `features`, started as the network's heads do; says its
    /// index in [`heads`](Self::heads).
    pub fn append_head(&mut self, features: usize, units: usize, seed: u64) -> usize {
        let name = format!("head{}", self.heads.len() + 1);
        let first = self.units();
        let [weight, bias] = self.head_start.dense(features, units);
        let weight = self.append(&format!("{name}.weight"), &[features, units], weight, seed);
        let bias = self.append(&format!("{name}.bias"), &[units], bias, seed);
        self.heads.push(Head {
            weight: weight.into(),
            bias: bias.into(),
            units: first..first + units,
        });
        self.heads.len() - 1
    }

    /// Units over all heads.
    pub fn units(&self) -> usize {
        self.heads.last().map_or(0, |head| head.units.end)
    }

    /// The units among which task `task` is answered now.
    pub fn answer(&self, task: usize) -> Range<usize> {
        match &self.outputs[task].among {
            Among::All => 0..self.units(),
            Among::Own(units) => units.clone(),
        }
    }

    /// Appends the statistics of task `task` in the first trunk, where each task has its own: copies of
    /// those of the task before.
    pub(crate) fn append_statistics(&mut self, task: usize) {
        if self.norm != NormStatistics::Task || self.task_buffers.len() > task {
            return;
        }
        let before = self.task_buffers.last();
        let Some(before) = before.cloned() else {
            return self.task_buffers.push(self.columns[0].buffers.clone());
        };
        let copy = |slot: SlotId| {
            let Slot { name, shape, init, .. } = self.buffer_layout.slot(slot).clone();
            let name = name.split(" of task ").next().unwrap_or_default();
            let values = self.buffers[self.buffer_layout.slot(slot).range()].to_vec();
            self.buffers.append(&values);
            self.buffer_layout.append(format!("{name} of task {}", task + 1), &shape, init)
        };
        let own = before.into_iter().map(copy).collect();
        self.task_buffers.push(own);
    }

    /// The view of networks that share everything: the first column and every head.
    pub fn shared_view(&self, task: usize) -> View {
        let mut column = self.columns[0].clone();
        if let Some(buffers) = self.task_buffers.get(task) {
            column.buffers.clone_from(buffers);
        }
        let fixed = self.norm == NormStatistics::FixedAfterFirst && task > 0;
        View {
            column,
            older: Vec::new(),
            statistics: if fixed { Statistics::Fixed } else { Statistics::Learn },
            heads: (0..self.heads.len()).collect(),
            answer: self.answer(task),
            keep: None,
        }
    }

    /// The shared view of a network that trains on rows of all tasks at once: one set of statistics, which
    /// learns.
    pub fn mixed_view(&self, task: usize) -> View {
        let (column, statistics) = (self.columns[0].clone(), Statistics::Learn);
        View { column, statistics, ..self.shared_view(task) }
    }

    /// The view of a network of a task's own: column and head of the task's number.
    pub fn own_view(&self, task: usize) -> View {
        View { column: self.columns[task].clone(), heads: vec![task], ..self.shared_view(task) }
    }

    /// Sets every weight and buffer to a start drawn from `key`.
    pub fn start_afresh(&mut self, key: Key) {
        for slot in (0..self.layout.slots().len()).map(SlotId) {
            let fresh = self.initial(slot, key);
            self.theta[self.layout.slot(slot).range()].copy_from_slice(&fresh);
        }
        for slot in self.buffer_layout.slots() {
            let mut generator = key.generator(&slot.name);
            let fresh = slot.init.draw(slot.len(), &mut generator);
            self.buffers[slot.range()].copy_from_slice(&fresh);
        }
    }

    /// How far the model has grown.
    pub fn extent(&self) -> Extent {
        Extent {
            slots: self.layout.slots().len(),
            buffers: self.buffer_layout.slots().len(),
            columns: self.columns.len(),
            heads: self.heads.len(),
        }
    }

    /// Takes back everything appended since `extent`.
    pub fn truncate(&mut self, extent: Extent) {
        self.layout.truncate(extent.slots);
        self.theta.resize(self.layout.len());
        self.buffer_layout.truncate(extent.buffers);
        self.buffers.resize(self.buffer_layout.len());
        self.columns.truncate(extent.columns);
        self.heads.truncate(extent.heads);
    }

    /// BLAKE3 of θ and buffers: equal digests, equal weights.
    pub fn digest(&self) -> blake3::Hash {
        let mut hash = blake3::Hasher::new();
        for values in [&self.theta, &self.buffers] {
            hash.update(&(values.len() as u64).to_le_bytes());
            for value in values.iter() {
                hash.update(&value.to_le_bytes());
            }
        }
        hash.finalize()
    }
}
