//! A network with weights, and passes through it.

use perennial_nn::draws::{Generator, Key};
use perennial_nn::layer::Buffers;
use perennial_nn::params::{Grid, Init, Layout, Mask, SlotId};
use perennial_nn::{
    Column, Executable, Gradients, Graph, Head, Run, Statistics, Trace, View, Weights,
};
use rand::RngExt;

/// A graph, its slots and their numbers.
pub(crate) struct Net {
    pub(crate) graph: Graph,
    pub(crate) layout: Layout,
    pub(crate) buffer_layout: Layout,
    pub(crate) theta: Vec<f32>,
    pub(crate) buffers: Vec<f32>,
    pub(crate) view: View,
    pub(crate) heads: Vec<Head>,
    pub(crate) mask: Option<Mask>,
    generator: Generator,
}

/// How a pass runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Whether running statistics follow the data.
    pub(crate) learns: bool,
    pub(crate) keeps: bool,
    pub(crate) key: Option<u64>,
}

pub(crate) const KEEPS: How = How { learns: false, keeps: true, key: None };
pub(crate) const LEARNS: How = How { learns: true, keeps: true, key: None };
pub(crate) const EVALUATES: How = How { learns: false, keeps: false, key: None };

/// What single precision may lose through many layers, and where statistics of a few numbers are
/// subtracted, as a share of the largest number: other networks stay below a tenth of it.
pub(crate) const DEEP: f64 = 1e-4;

/// What numbers of a vector of gradients hold that nothing was written to.
pub(crate) const UNTOUCHED: f32 = 77.0;

/// Numbers from −1 to 1.
pub(crate) fn draws(purpose: &str, len: usize) -> Vec<f32> {
    let mut generator = Key::of_seed(5).generator(purpose);
    (0..len).map(|_| generator.random_range(-1.0..1.0)).collect()
}

impl Net {
    /// A column of the graph, and heads of so many units over it.
    pub(crate) fn new(graph: Graph, units: &[usize]) -> Self {
        let mut net = Self::empty(graph);
        let column = net.column();
        net.view.column = column;
        units.iter().for_each(|&units| net.head(units));
        net
    }

    /// A graph without any slot.
    pub(crate) fn empty(graph: Graph) -> Self {
        let view = View {
            column: Column::default(),
            older: Vec::new(),
            statistics: Statistics::Fixed,
            heads: Vec::new(),
            answer: 0..0,
            keep: None,
        };
        Self {
            graph,
            layout: Layout::default(),
            buffer_layout: Layout::default(),
            theta: Vec::new(),
            buffers: Vec::new(),
            view,
            heads: Vec::new(),
            mask: None,
            generator: Key::of_seed(5).generator("weights"),
        }
    }

    /// Appends a slot.
    pub(crate) fn slot(&mut self, shape: &[usize], init: &Init) -> SlotId {
        let id =
            self.layout.append(format!("slot{}", self.layout.slots().len()), shape, init.clone());
        let start = init.draw(shape.iter().product(), &mut self.generator);
        let noise = |x: f32| x + self.generator.random_range(-0.1..0.1f32);
        self.theta.extend(start.into_iter().map(noise));
        id
    }

    /// Appends the slots of a column of the graph.
    pub(crate) fn column(&mut self) -> Column {
        let graph = self.graph.clone();
        self.column_of(&graph)
    }

    /// The same with the shapes that another graph has.
    pub(crate) fn column_of(&mut self, graph: &Graph) -> Column {
        let parameters = graph.parameters();
        let parameters = parameters.iter().map(|p| Grid::from(self.slot(&p.shape, &p.init)));
        let parameters = parameters.collect();
        let mut buffers = Vec::new();
        for buffer in graph.buffers() {
            let id = self.buffer_layout.append(&buffer.name, &buffer.shape, buffer.init.clone());
            let start = buffer.init.draw(buffer.shape.iter().product(), &mut self.generator);
            let noise = |x: f32| x + self.generator.random_range(-0.5..0.5f32);
            self.buffers.extend(start.into_iter().map(noise));
            buffers.push(id);
        }
        Column { parameters, buffers, laterals: Vec::new() }
    }

    /// Appends a head to the view.
    pub(crate) fn head(&mut self, units: usize) {
        let inputs = match self.heads.first() {
            Some(head) => head.weight.shape(&self.layout)[0],
            None => self.features(),
        };
        let weight = self.slot(&[inputs, units], &Init::xavier(inputs, units)).into();
        let bias = self.slot(&[units], &Init::Constant(0.0)).into();
        let first = self.heads.last().map_or(0, |head| head.units.end);
        self.view.heads.push(self.heads.len());
        self.heads.push(Head { weight, bias, units: first..first + units });
    }

    /// Numbers that heads of the view's column read.
    fn features(&self) -> usize {
        self.executable().width()
    }

    pub(crate) fn executable(&self) -> Executable {
        self.try_executable().unwrap()
    }

    pub(crate) fn try_executable(&self) -> Result<Executable, perennial_nn::GraphError> {
        Executable::new(&self.graph, &self.layout, &self.buffer_layout, &self.view, &self.heads)
    }

    /// Random samples.
    pub(crate) fn samples(&self, rows: usize) -> Vec<f32> {
        draws("samples", rows * self.graph.input().iter().product::<usize>())
    }

    pub(crate) fn forward(&self, x: &[f32], rows: usize, how: How) -> Vec<f32> {
        self.forward_in(&mut Trace::default(), x, rows, how)
    }

    /// The logits of a pass in a trace that may have seen others.
    pub(crate) fn forward_in(
        &self,
        trace: &mut Trace,
        x: &[f32],
        rows: usize,
        how: How,
    ) -> Vec<f32> {
        let (executable, mut moved) = (self.executable(), self.buffers.clone());
        self.run(&executable, &mut moved, how, |run| {
            trace.input.clear();
            trace.input.extend_from_slice(x);
            executable.forward(rows, run, trace);
        });
        trace.logits.clone()
    }

    /// Calls `with` for a run with the weights loaded.
    pub(crate) fn run<R>(
        &self,
        executable: &Executable,
        moved: &mut [f32],
        how: How,
        with: impl FnOnce(&mut Run<'_>) -> R,
    ) -> R {
        let mut weights = Weights::default();
        executable.load(&self.layout, &self.theta, self.mask.as_ref(), &mut weights);
        let buffers = match how.learns {
            true => Buffers::Learn(moved),
            false => Buffers::Fixed(moved),
        };
        let (theta, heads) = (&self.theta[..], &self.view.heads[..]);
        let How { key, keeps, .. } = how;
        with(&mut Run { theta, weights: &weights, buffers, heads, key, keeps, cached: None })
    }

    /// The gradient over θ of Σ w z, z the logits; [`UNTOUCHED`] where slots have no place.
    pub(crate) fn gradient(
        &self,
        x: &[f32],
        rows: usize,
        how: How,
        weights: &[f32],
        places: &dyn Fn(SlotId) -> bool,
    ) -> Vec<f32> {
        let mut trace = Trace::default();
        // What an earlier pass leaves in a trace must not count.
        self.gradient_in(&mut trace, (x, rows), how, weights, places);
        self.gradient_in(&mut trace, (x, rows), how, weights, places)
    }

    pub(crate) fn gradient_in(
        &self,
        trace: &mut Trace,
        (x, rows): (&[f32], usize),
        how: How,
        weights: &[f32],
        places: &dyn Fn(SlotId) -> bool,
    ) -> Vec<f32> {
        let (executable, mut moved) = (self.executable(), self.buffers.clone());
        let mut values = vec![UNTOUCHED; self.theta.len()];
        let place = |slot: SlotId| places(slot).then(|| self.layout.slot(slot).offset);
        self.run(&executable, &mut moved, how, |run| {
            trace.input.clear();
            trace.input.extend_from_slice(x);
            executable.forward(rows, run, trace);
            trace.logits_gradient.copy_from_slice(weights);
            let mut gradients =
                Gradients { layout: &self.layout, values: &mut values, places: &place, add: false };
            executable.backward(run, trace, &mut gradients);
        });
        values
    }

    /// Units of all heads of the view.
    pub(crate) fn units(&self) -> usize {
        self.view.heads.iter().map(|&head| self.heads[head].units.len()).sum()
    }
}

/// The bits of numbers.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Fails where numbers differ by more than a share of the largest.
pub(crate) fn assert_near(what: &str, found: &[f32], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let largest = wanted.iter().fold(0.0, |largest: f64, wanted| largest.max(wanted.abs()));
    for (at, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
        let distance = (f64::from(found) - wanted).abs();
        assert!(
            distance <= tolerance * largest,
            "{what}: {found} and not {wanted} at place {at} (the largest is {largest})"
        );
    }
}
