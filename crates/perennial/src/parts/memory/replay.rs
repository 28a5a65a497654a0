//! A memory that fills itself by a rule and is drawn from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::by_class::rows_by_class;
use super::{
    Balanced, ClassRing, KMeans, MeanOfFeatures, Memory, Place, Reservoir, Ring, distinct,
};
use crate::draws::Generator;
use crate::scenario::Samples;
use crate::strategy::Batch;
use crate::vector::Mask;
use perennial_nn::loss::{Mode, Pass, Target, Term};

/// Which samples stay when the memory is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Every sample offered so far with the same chance (Vitter 1985, algorithm R; Riemer et al.
    /// 2019 for replay).
    #[default]
    Reservoir,
    /// The last ones of each task, in equal shares of the tasks so far: the memory of GEM (Lopez-Paz
    /// & Ranzato 2017).
    Ring,
    /// The last ones of each class, in equal shares of the classes so far: the ring buffer of
    /// Chaudhry et al. 2019.
    ClassRing,
    /// Of each class the samples nearest to online centroids of its features (Chaudhry et al. 2019).
    KMeans,
    /// Of each class the samples nearest to the running mean of its features (Chaudhry et al. 2019).
    MeanOfFeatures,
    /// Classes as equal as the stream allows (Chrysakis & Moens 2020).
    ClassBalanced,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reservoir => "reservoir",
            Self::Ring => "ring",
            Self::ClassRing => "class-ring",
            Self::KMeans => "k-means",
            Self::MeanOfFeatures => "mean-of-features",
            Self::ClassBalanced => "class-balanced",
        })
    }
}

impl Policy {
    /// Whether it looks at what the network makes of a sample.
    pub fn looks_at_features(self) -> bool {
        matches!(self, Self::KMeans | Self::MeanOfFeatures)
    }

    /// What is stored beside a row in a network of `features` features, in bytes.
    pub fn row_bytes(self, features: usize) -> usize {
        match self {
            Self::KMeans => KMeans::row_bytes(features),
            Self::MeanOfFeatures => MeanOfFeatures::row_bytes(features),
            _ => 0,
        }
    }
}

/// What a step offers to a memory.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The rows.
    pub batch: &'a Batch,
    /// The training rows of the task of each run of the batch.
    pub samples: &'a [&'a Samples],
    /// What the heads read of the batch's rows, `[rows, features]`; empty where the policy does not
    /// [look at it](Policy::looks_at_features) or no row is [new](Replay::has_new).
    pub features: &'a [f32],
    /// How many rows the memory may hold.
    pub capacity: usize,
}

/// A memory with what its policy needs to know. A training row is offered once between
/// [`begin_task`](Self::begin_task) and [`end_task`](Self::end_task), when it first comes, however many
/// passes there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The rows.
    pub memory: Memory,
    reservoir: Reservoir,
    ring: Ring,
    balanced: Balanced,
    #[serde(default, skip_serializing_if = "is_default")]
    class_ring: ClassRing,
    #[serde(default, skip_serializing_if = "is_default")]
    k_means: KMeans,
    #[serde(default, skip_serializing_if = "is_default")]
    mean_of_features: MeanOfFeatures,
    /// Which of the current task's training rows were offered. Empty between tasks, and in a task
    /// that an older program began: that one offered a row in every pass. `[training rows]`
    #[serde(default, skip_serializing_if = "Mask::is_empty")]
    offered: Mask,
    /// Which task that is; `None` between tasks, and in a task that an older program began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<usize>,
    /// The same of rows of other tasks, which come up where tasks have no borders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<usize, Mask>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Replay {
    /// Makes room at the start of task `task`, which has `rows` training rows: the ring's shares, or
    /// fewer rows when each takes more bytes than before. Says which rows stay, where they are not
    /// all and the policy keeps nothing beside them.
    pub fn begin_task(
        &mut self,
        policy: Policy,
        (task, rows): (usize, usize),
        capacity: usize,
        generator: &mut Generator,
    ) -> Option<Vec<usize>> {
        (self.offered, self.task) = (Mask::filled(rows, false), Some(task));
        let memory = &mut self.memory;
        let a_class = capacity / rows_by_class(memory).len().max(1);
        match policy {
            Policy::Ring => self.ring.cut(memory, capacity / (task + 1)),
            Policy::ClassRing => self.class_ring.cut(memory, a_class),
            Policy::KMeans => self.k_means.cut(memory, a_class),
            Policy::MeanOfFeatures => self.mean_of_features.cut(memory, a_class),
            Policy::Reservoir | Policy::ClassBalanced if memory.len() > capacity => {
                // A uniform part of a uniform sample is one, too.
                let stay = distinct(memory.len(), capacity, generator);
                memory.keep(&stay);
                return Some(stay);
            }
            Policy::Reservoir | Policy::ClassBalanced => {}
        }
        None
    }

    /// Lets go of what is known of rows that were offered.
    pub fn end_task(&mut self) {
        (self.offered, self.task) = (Mask::default(), None);
        self.others.clear();
    }

    /// Removes every copy of a sample, with what the policy keeps beside it, and says how many there
    /// were.
    pub fn forget_sample(&mut self, policy: Policy, task: usize, id: u64) -> usize {
        let gone = self.memory.find(task, id);
        if !gone.is_empty() {
            let stay: Vec<usize> = (0..self.memory.len()).filter(|at| !gone.contains(at)).collect();
            self.memory.keep(&stay);
            match policy {
                Policy::KMeans => self.k_means.keep(&stay),
                Policy::MeanOfFeatures => {
                    self.mean_of_features.keep(&stay);
                    self.mean_of_features.keep_classes(&self.memory);
                }
                _ => {}
            }
        }
        gone.len()
    }

    /// Whether a training row of task `task` was offered before.
    pub fn was_offered(&self, task: usize, row: usize) -> bool {
        let offered = match self.task {
            Some(begun) if begun != task => self.others.get(&task),
            _ => Some(&self.offered),
        };
        offered.and_then(|offered| offered.get(row)) == Some(true)
    }

    /// Notes that a row of the task of these training rows is offered.
    fn note_offered(&mut self, task: usize, row: usize, samples: &Samples) {
        let offered = match self.task {
            Some(begun) if begun != task => {
                self.others.entry(task).or_insert_with(|| Mask::filled(samples.len(), false))
            }
            _ => &mut self.offered,
        };
        if row < offered.len() {
            offered.set(row, true);
        }
    }

    /// Whether a batch has a row that was not offered before.
    pub fn has_new(&self, batch: &Batch) -> bool {
        let new = |(task, rows): &(usize, Range<usize>)| {
            batch.rows[rows.clone()].iter().any(|&row| !self.was_offered(*task, row))
        };
        batch.tasks.iter().any(new)
    }

    /// Offers the rows of a batch that were not offered before; calls
    /// `placed(row of the batch, place)` for those that are kept.
    pub fn offer(
        &mut self,
        policy: Policy,
        offer: &Offer<'_>,
        generator: &mut Generator,
        mut placed: impl FnMut(usize, Place),
    ) {
        let Offer { batch, samples, features, capacity } = *offer;
        let width = features.len() / batch.len().max(1);
        for ((task, rows), samples) in batch.tasks.iter().zip(samples) {
            for row in rows.clone() {
                if self.was_offered(*task, batch.rows[row]) {
                    continue;
                }
                self.note_offered(*task, batch.rows[row], samples);
                let (memory, unit) = (&mut self.memory, batch.units[row]);
                let features = &features[row * width..(row + 1) * width];
                let place = match policy {
                    Policy::Reservoir => self.reservoir.offer(memory.len(), capacity, generator),
                    Policy::ClassBalanced => self.balanced.offer(unit, memory, capacity, generator),
                    Policy::Ring => match capacity / (task + 1) {
                        0 => None,
                        each => self.ring.offer(*task, batch.ids[row], memory, each),
                    },
                    Policy::ClassRing => self.class_ring.offer(*task, unit, memory, capacity),
                    Policy::KMeans => self.k_means.offer((*task, unit), features, memory, capacity),
                    Policy::MeanOfFeatures => {
                        self.mean_of_features.offer((*task, unit), features, memory, capacity)
                    }
                };
                if let Some(place) = place {
                    self.memory.put(place, samples, batch.rows[row], unit, *task);
                    placed(row, place);
                }
            }
        }
    }
}

impl Memory {
    /// One pass of cross-entropy over these rows, each with `weight` and among the units by
    /// which `answer` says its task is answered. `rows` are sorted by task first.
    pub fn pass(
        &self,
        rows: Vec<usize>,
        weight: f32,
        answer: impl Fn(usize) -> Range<usize>,
    ) -> Pass {
        let mut pass = Pass { inputs: vec![], rows: 0, mode: Mode::Train, terms: vec![] };
        let rows = self.by_task(rows);
        rows.iter().for_each(|&at| self.append_row(at, &mut pass.inputs));
        self.append_terms(&mut pass, &rows, weight, answer);
        pass
    }

    /// The same rows sorted by task.
    pub(crate) fn by_task(&self, mut rows: Vec<usize>) -> Vec<usize> {
        rows.sort_by_key(|&at| self.task(at));
        rows
    }

    /// Appends to a pass what is asked of rows that are sorted by task, without their numbers.
    pub(crate) fn append_terms(
        &self,
        pass: &mut Pass,
        rows: &[usize],
        weight: f32,
        answer: impl Fn(usize) -> Range<usize>,
    ) {
        let mut first = pass.rows;
        for run in rows.chunk_by(|&a, &b| self.task(a) == self.task(b)) {
            pass.terms.push(Term {
                rows: first..first + run.len(),
                active: answer(self.task(run[0])),
                weight,
                target: Target::Labels(run.iter().map(|&at| self.unit(at)).collect()),
            });
            first += run.len();
        }
        pass.rows = first;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::draws::Key;
    use crate::scenario::Values;
    use crate::state::{from_state, to_state};

    const POLICIES: [Policy; 6] = [
        Policy::Reservoir,
        Policy::Ring,
        Policy::ClassRing,
        Policy::KMeans,
        Policy::MeanOfFeatures,
        Policy::ClassBalanced,
    ];

    /// `count` rows of one byte in two classes; ids are not the numbers of the rows.
    fn samples(count: usize) -> Samples {
        let values = Values::Bytes { pixels: (0..count).map(|i| i as u8).collect(), white: 255 };
        let labels = (0..count as u32).map(|i| i % 2).collect();
        Samples::new(values, 1, labels, (0..count as u64).map(|i| 3 * i + 7).collect()).unwrap()
    }

    fn batch(samples: &Samples, rows: &[usize]) -> Batch {
        Batch {
            inputs: Vec::new(),
            units: rows.iter().map(|&row| samples.label(row)).collect(),
            ids: rows.iter().map(|&row| samples.id(row)).collect(),
            rows: rows.to_vec(),
            tasks: vec![(0, 0..rows.len())],
        }
    }

    /// Offers rows of the data to a memory of `capacity` rows; the feature of a row is its number.
    fn offer(
        replay: &mut Replay,
        policy: Policy,
        samples: &Samples,
        rows: &[usize],
        capacity: usize,
        generator: &mut Generator,
    ) {
        let features: Vec<f32> = rows.iter().map(|&row| row as f32).collect();
        let batch = batch(samples, rows);
        let offer = Offer { batch: &batch, samples: &[samples], features: &features, capacity };
        replay.offer(policy, &offer, generator, |_, _| {});
    }

    /// Offers all rows in batches of 10 in every pass; each pass begins with another row.
    fn pass(replay: &mut Replay, policy: Policy, samples: &Samples, capacity: usize, number: u64) {
        let mut generator = Key::of_seed(number).generator("test");
        let mut rows: Vec<usize> = (0..samples.len()).collect();
        rows.rotate_left(number as usize);
        for rows in rows.chunks(10) {
            offer(replay, policy, samples, rows, capacity, &mut generator);
        }
    }

    fn begun(policy: Policy, samples: &Samples, capacity: usize) -> Replay {
        let mut replay = Replay::default();
        let mut generator = Key::default().generator("test");
        replay.begin_task(policy, (0, samples.len()), capacity, &mut generator);
        replay
    }

    fn distinct_ids(memory: &Memory) -> usize {
        (0..memory.len()).map(|at| memory.id(at)).collect::<BTreeSet<_>>().len()
    }

    /// 200 places, 96 rows, five passes: all 96 are kept, each once. With 30 places the memory after
    /// five passes is that after one. Catches: rows that compete again in a later pass, rows that
    /// are taken for offered by their id.
    #[test]
    fn a_row_competes_once_however_many_passes_there_are() {
        let samples = samples(96);
        for policy in POLICIES {
            for (capacity, kept) in [(200, 96), (30, 30)] {
                let mut replay = begun(policy, &samples, capacity);
                pass(&mut replay, policy, &samples, capacity, 0);
                let once = replay.clone();
                (1..5).for_each(|n| pass(&mut replay, policy, &samples, capacity, n));
                assert_eq!(replay, once, "{policy:?}");
                let found = (replay.memory.len(), distinct_ids(&replay.memory));
                assert_eq!(found, (kept, kept), "{policy:?}");
            }
        }
    }

    /// Catches: a mask that is lost at a save, or that outlives its task, where its rows would be
    /// taken for another's.
    #[test]
    fn what_was_offered_is_saved_within_a_task_and_gone_after_it() {
        let samples = samples(40);
        let mut replay = begun(Policy::Reservoir, &samples, 200);
        let mut generator = Key::default().generator("test");
        offer(&mut replay, Policy::Reservoir, &samples, &[3, 5], 200, &mut generator);
        let mut saved: Replay = from_state(&to_state(&replay).unwrap()).unwrap();
        assert_eq!(saved, replay);
        assert!(saved.was_offered(0, 3) && saved.was_offered(0, 5) && !saved.was_offered(0, 4));
        saved.end_task();
        assert!(!to_state(&saved).unwrap().tensors.contains_key("offered"));
        saved.begin_task(Policy::Reservoir, (1, 40), 200, &mut generator);
        assert!(!saved.was_offered(1, 3));
    }

    /// 96 rows of two classes, 30 places. Catches: what a policy keeps beside its rows that does not
    /// follow them when one is forgotten, or that is lost with a save.
    #[test]
    fn a_sample_is_forgotten_with_what_is_kept_beside_it() {
        let samples = samples(96);
        for policy in POLICIES {
            let mut replay = begun(policy, &samples, 30);
            let (mut generator, rows) =
                (Key::default().generator("test"), (0..60).collect::<Vec<_>>());
            offer(&mut replay, policy, &samples, &rows, 30, &mut generator);
            let id = replay.memory.id(7);
            assert_eq!(replay.forget_sample(policy, 0, id), 1, "{policy:?}");
            assert_eq!(replay.forget_sample(policy, 0, id), 0, "{policy:?}");
            let saved: Replay = from_state(&to_state(&replay).unwrap()).unwrap();
            assert_eq!(saved, replay, "{policy:?}");
            let rest: Vec<usize> = (60..96).collect();
            offer(&mut replay, policy, &samples, &rest, 30, &mut generator);
            let (rows, distinct) = (replay.memory.len(), distinct_ids(&replay.memory));
            // A reservoir's place stays empty until a draw names it.
            let least = if policy == Policy::Reservoir { 29 } else { 30 };
            assert!((least..=30).contains(&rows) && rows == distinct, "{policy:?}: {rows}");
            assert!(replay.memory.find(0, id).is_empty(), "{policy:?}");
        }
    }

    /// A state from before rows were counted has no mask. Catches: a half-done task of an older
    /// program that ends with another memory than it would have there.
    #[test]
    fn a_task_that_an_older_program_began_goes_on_as_there() {
        let samples = samples(96);
        let mut replay = Replay::default();
        (0..2).for_each(|n| pass(&mut replay, Policy::Reservoir, &samples, 200, n));
        assert_eq!((replay.memory.len(), distinct_ids(&replay.memory)), (192, 96));
    }
}
