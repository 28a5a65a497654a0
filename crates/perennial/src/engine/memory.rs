//! Gradients of a memory's rows, packed.

use std::iter::zip;
use std::ops::Range;
use std::sync::Mutex;

use perennial_nn::layer::Buffers;
use perennial_nn::loss::{Mode, ObjectiveError, Pass};
use perennial_nn::{CachedRows, Executable, Gradients, Run, Trace, Weights};

use super::{Engine, EngineError, Frozen, Workspace, heads_of, load};
use crate::model::{Model, NormStatistics, View};
use crate::parts::memory::Memory;
use crate::vector::simd_dispatch;
use crate::{Layout, SlotId, Vector};

/// Rows of a pass, at most: enough for the kernels, few enough that inputs and weights of small networks
/// stay in a core's cache.
const ROWS: usize = 256;
/// Numbers that the layers of a pass may make: few rows of large networks take little memory.
const NUMBERS: usize = 1 << 24;
/// A network whose layers make at most so many numbers of a row keeps one thread busy with a pass: its
/// passes are shared among threads. A larger one shares each of its layers.
const LIGHT: usize = 1 << 15;
/// A single group of a light network is computed in so many pieces at most, each of at least so many rows:
/// one a thread. Adding up their gradients costs as much as a few rows do.
const PIECES: usize = 4;
const PIECE: usize = 64;

/// Gradients as rows of a matrix over the active slots, packed one after another. Scratch: made
/// anew by every call that fills it, and no part of a saved state.
#[derive(Clone, Debug, Default)]
pub struct PackedGradients {
    /// `[gradients, length]`
    pub rows: Vec<f32>,
    /// Weights in the active slots.
    pub length: usize,
    /// Where each active slot begins in a row.
    places: Vec<(SlotId, usize)>,
    /// The gradients of all pieces of a group but the first.
    pieces: Vec<f32>,
    /// What the passes of each job read last time.
    read: Vec<Vec<Read>>,
}

/// The rows of a pass as they were last read: the memories of tasks stay as they are while another
/// one is learnt, but of all memories together other rows may be drawn for each step.
#[derive(Clone, Debug, Default)]
struct Read {
    /// Task and id of each row: which samples they are.
    samples: Vec<(usize, u64)>,
    /// The layer that reads them.
    sides: Option<(usize, usize)>,
    /// `None` where they are read anew each time.
    rows: Option<CachedRows>,
}

impl Read {
    /// Caches the rows of a pass where they stay: at once where `stays` says so, or else from the second
    /// time on that they are asked for, for to read them for many passes takes longer than for one.
    fn again(
        &mut self,
        memory: &Memory,
        rows: &[usize],
        sides: Option<(usize, usize)>,
        stays: bool,
    ) {
        let samples = rows.iter().map(|&at| (memory.task(at), memory.id(at))).collect();
        let known = (&samples, sides) == (&self.samples, self.sides);
        if known && self.rows.is_some() {
            return;
        }
        self.rows = None; // before there is the next: never old and new at once
        if let (Some((inputs, outputs)), Some(scale)) = (sides, memory.scale())
            && (stays || known)
            && inputs == memory.inputs()
        {
            let pixels = rows.iter().map(|&at| memory.pixels(at));
            self.rows = CachedRows::read([pixels].into_iter(), (inputs, scale), outputs);
        }
        (self.samples, self.sides) = (samples, sides);
    }
}

impl PackedGradients {
    /// Says which slots a row is made of and makes room for `rows` rows, which hold anything. There may
    /// be `most` rows later: room that is not used takes no memory, where rows that outgrow theirs leave
    /// a hole behind.
    fn begin(&mut self, layout: &Layout, active: &[SlotId], rows: usize, most: usize) {
        self.places.clear();
        self.length = 0;
        for &slot in active {
            self.places.push((slot, self.length));
            self.length += layout.slot(slot).len();
        }
        if self.rows.capacity() < rows * self.length {
            self.rows = Vec::new(); // before there is room for more: never old and new at once
            let _ = self.rows.try_reserve_exact(most.saturating_mul(self.length));
        }
        self.rows.resize(rows * self.length, 0.0);
    }

    /// Calls `edit` with a vector over θ, packed, and writes it back. Where all slots follow each
    /// other, as those of a network with one head do, it is edited where it lies.
    pub fn edit<R>(
        &self,
        layout: &Layout,
        values: &mut [f32],
        edit: impl FnOnce(&mut [f32]) -> R,
    ) -> R {
        let ranges = || self.places.iter().map(|&(slot, _)| layout.slot(slot).range());
        if ranges().is_sorted_by(|a, b| a.end == b.start) {
            let first = ranges().next().map_or(0, |range| range.start);
            return edit(&mut values[first..first + self.length]);
        }
        let mut packed = Vec::with_capacity(self.length);
        ranges().for_each(|range| packed.extend_from_slice(&values[range]));
        let result = edit(&mut packed);
        for (&(_, first), range) in self.places.iter().zip(ranges()) {
            let packed = &packed[first..first + range.len()];
            values[range].copy_from_slice(packed);
        }
        result
    }
}

/// Rows of a memory, and how gradients of them are taken.
#[derive(Clone, Copy, Debug)]
pub struct Recalled<'r> {
    /// What they are taken through.
    pub view: &'r View,
    /// The memory.
    pub memory: &'r Memory,
    /// Its rows: a gradient of the mean cross-entropy for each group.
    pub groups: &'r [Vec<usize>],
    /// How many groups there may be later.
    pub most: usize,
    /// How batch normalisation treats a group: in training mode by the group's own statistics, which
    /// move the running ones.
    pub mode: Mode,
}

/// Rows whose gradient one thread adds up, pass after pass.
struct Job<'a> {
    rows: &'a [usize],
    /// What each of them weighs.
    weight: f32,
    to: &'a mut [f32],
    read: &'a mut Vec<Read>,
    came: Result<(), ObjectiveError>,
}

impl<'a> Job<'a> {
    /// The mean over a group of `of` rows, as far as these rows make it.
    fn new(rows: &'a [usize], of: usize, (to, read): (&'a mut [f32], &'a mut Vec<Read>)) -> Self {
        Self { rows, weight: 1.0 / of as f32, to, read, came: Ok(()) }
    }
}

/// What the passes of all jobs share.
struct Passes<'a> {
    executable: &'a Executable,
    weights: &'a Weights,
    model: &'a Model,
    view: &'a View,
    memory: &'a Memory,
    places: &'a [(SlotId, usize)],
    /// Whether groups are memories of tasks, which stay while another one is learnt.
    stays: bool,
}

impl Engine {
    /// The gradient of the mean cross-entropy of each group of a memory's rows, at the current weights over
    /// the slots `active`: a row for each group, of zeros for an empty one. To the same bits on any number
    /// of threads.
    pub(crate) fn memory_gradients(
        &self,
        workspace: &mut Workspace,
        model: &mut Model,
        recalled: Recalled<'_>,
        active: &[SlotId],
        into: &mut PackedGradients,
    ) -> Result<(), EngineError> {
        let Recalled { view, memory, groups, most, mode } = recalled;
        into.begin(&model.layout, active, groups.len(), most);
        into.rows.fill(0.0);
        if mode == Mode::Train || model.norm == NormStatistics::Task {
            return self.gradients_by_statistics(workspace, model, recalled, into);
        }
        let Workspace { executables, weights, trace, traces, .. } = workspace;
        let executable = executables.of(self.network(), model, view)?;
        load(executable, model, view, weights);
        let PackedGradients { rows, length, places, pieces, read } = into;
        executable.load_for_cached(&model.theta, weights);
        let stays = most > 1;
        let passes = Passes { executable, weights, model, view, memory, places, stays };
        let light = executable.numbers() <= LIGHT;
        let split = match groups {
            [group] if light => (group.len() / PIECE).clamp(1, PIECES),
            _ => 1,
        };
        pieces.clear();
        pieces.resize((split - 1) * *length, 0.0);
        read.resize_with(groups.len().max(split), Vec::new);
        let own = rows.chunks_exact_mut((*length).max(1));
        let mut jobs: Vec<Job<'_>> = match groups {
            [group] if split > 1 => {
                let parts = group.chunks(group.len().div_ceil(split));
                let into = own.chain(pieces.chunks_exact_mut((*length).max(1))).zip(read);
                zip(parts, into).map(|(rows, into)| Job::new(rows, group.len(), into)).collect()
            }
            _ => zip(groups, own.zip(read))
                .map(|(rows, into)| Job::new(rows, rows.len(), into))
                .collect(),
        };
        if light {
            share(jobs.iter_mut().collect(), traces, |job, trace| {
                job.came = passes.add(job, trace);
            });
        } else {
            for job in &mut jobs {
                job.came = passes.add(job, trace);
            }
        }
        jobs.into_iter().try_for_each(|job| job.came)?;
        for piece in pieces.chunks_exact((*length).max(1)) {
            simd_dispatch(
                #[inline(always)]
                || zip(&mut *rows, piece).for_each(|(sum, piece)| *sum += piece),
            );
        }
        Ok(())
    }

    /// The same where rows need statistics of their own: in training mode a group is one pass, and rows of
    /// tasks with statistics of their own are passes apart.
    fn gradients_by_statistics(
        &self,
        workspace: &mut Workspace,
        model: &mut Model,
        Recalled { view, memory, groups, mode, .. }: Recalled<'_>,
        into: &mut PackedGradients,
    ) -> Result<(), EngineError> {
        let by_task = model.norm == NormStatistics::Task;
        let most = if mode == Mode::Train { usize::MAX } else { ROWS };
        let mut gradient = Vector::zeros(model.theta.len());
        for (group, to) in groups.iter().zip(into.rows.chunks_exact_mut(into.length.max(1))) {
            let weight = 1.0 / group.len() as f32;
            let parts = group.chunk_by(|&a, &b| !by_task || memory.task(a) == memory.task(b));
            for rows in parts.flat_map(|rows| rows.chunks(most)) {
                let mut view = view.clone();
                if by_task {
                    view.column = model.shared_view(memory.task(rows[0])).column;
                }
                let pass = memory.pass(rows.to_vec(), weight, |task| model.answer(task));
                let (passes, frozen) = (vec![Pass { mode, ..pass }], Frozen::default());
                let (_, found) =
                    self.gradient(workspace, model, (&view, &frozen), passes, &mut gradient)?;
                for &(slot, first) in into.places.iter().filter(|(slot, _)| found.contains(slot)) {
                    let from = &gradient[model.layout.slot(slot).range()];
                    to[first..].iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
        Ok(())
    }
}

impl Passes<'_> {
    /// Adds the gradient of the rows of a job.
    fn add(&self, job: &mut Job<'_>, trace: &mut Trace) -> Result<(), ObjectiveError> {
        let Self { executable, weights, model, view, memory, places, stays } = *self;
        let Job { rows, weight, to, read, .. } = job;
        let most = (NUMBERS / executable.numbers().max(1)).clamp(1, ROWS);
        let place = |slot: SlotId| {
            let at = places.binary_search_by_key(&slot, |&(slot, _)| slot).ok()?;
            Some(places[at].1)
        };
        read.resize_with(rows.len().div_ceil(most), Read::default);
        for (number, (rows, read)) in rows.chunks(most).zip(&mut **read).enumerate() {
            let rows = memory.by_task(rows.to_vec());
            read.again(memory, &rows, executable.cached_sides(), stays);
            let cached = read.rows.as_ref();
            let inputs = std::mem::take(&mut trace.input);
            let mut pass = Pass { inputs, rows: 0, mode: Mode::Evaluate, terms: Vec::new() };
            pass.inputs.clear();
            memory.append_terms(&mut pass, &rows, *weight, |task| model.answer(task));
            if cached.is_none() {
                rows.iter().for_each(|&at| memory.append_row(at, &mut pass.inputs));
            }
            let units: Vec<&Range<usize>> = pass.terms.iter().map(|term| &term.active).collect();
            let heads = &heads_of(model, view, units)[..];
            trace.input = std::mem::take(&mut pass.inputs);
            let buffers = Buffers::Fixed(&model.buffers);
            let (theta, key, keeps) = (&model.theta, None, true);
            let mut run = Run { theta, weights, buffers, heads, key, keeps, cached };
            executable.forward(pass.rows, &mut run, trace);
            let columns = executable.columns(heads);
            pass.loss(&trace.logits, &columns, &mut trace.logits_gradient)?;
            // What the first pass does not reach stays 0, and what a later one reaches is added.
            let (layout, add) = (&model.layout, number > 0);
            let mut gradients = Gradients { layout, values: to, places: &place, add };
            executable.backward(&run, trace, &mut gradients);
        }
        Ok(())
    }
}

/// Calls `each` for every item, on all threads: each takes the next one, with scratch of its own.
fn share<T: Send>(items: Vec<T>, traces: &mut Vec<Trace>, each: impl Fn(T, &mut Trace) + Sync) {
    let threads = rayon::current_num_threads().min(items.len());
    traces.resize_with(threads.max(traces.len()), Trace::default);
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().expect("no thread panics while it takes one").next();
    rayon::scope(|scope| {
        for trace in &mut traces[..threads] {
            scope.spawn(|_| {
                while let Some(item) = next() {
                    each(item, trace);
                }
            });
        }
    });
}
