//! Networks as data: layers, and which reads which.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::layer::Layer;
use crate::params::{Buffer, Parameter, Start};

/// A network without weights: layers in the order in which they are computed, and edges between them.
///
/// Values are counted: value 0 is the input of the network, value i + 1 what layer i makes. The last
/// layer makes the features, a vector that heads read.
#[derive(Clone)]
pub struct Graph {
    name: String,
    input: Vec<usize>,
    nodes: Vec<Node>,
    stages: Vec<Stage>,
    head_init: Start,
    scaled: Option<Arc<Scale>>,
}

/// A network's own way to other widths.
type Scale = dyn Fn(f64) -> Result<Graph, GraphError> + Send + Sync;

/// A layer of a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique in the graph, for example `block1.conv1`: its parameters are named after it.
    pub name: String,
    /// What it computes.
    pub layer: Arc<dyn Layer>,
    /// The values that it reads.
    pub inputs: Vec<usize>,
    /// Shape of one row of the value it makes.
    pub output: Vec<usize>,
    /// Which of [`Graph::parameters`] are its own.
    pub parameters: Range<usize>,
    /// Which of [`Graph::buffers`] are its own.
    pub buffers: Range<usize>,
}

/// A place where other networks of the same graph may join in: what they add is added to a value, before
/// the activation that follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// For example `block3`.
    pub name: String,
    /// The value that is added to.
    pub value: usize,
    /// The value that the stage begins with: what the same stage of another network reads to add here.
    pub reads: usize,
    /// Whether any of its layers has parameters.
    pub has_parameters: bool,
}

/// Why layers make no network: a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A layer does not fit.
    #[error("the layer `{layer}` of the network `{network}` does not fit: {reason}")]
    Layer {
        /// The network.
        network: String,
        /// The layer.
        layer: String,
        /// What it found and what it needs.
        reason: String,
    },
    /// The graph as a whole does not serve.
    #[error("the network `{network}` cannot be used: {reason}")]
    Graph {
        /// The network.
        network: String,
        /// What is wrong.
        reason: String,
    },
}

/// Puts a [`Graph`] together, layer by layer.
pub struct GraphBuilder {
    graph: Graph,
    error: Option<GraphError>,
    marked: Vec<(usize, String)>,
    parameters: usize,
    buffers: usize,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({}, {:?})", self.name, self.input)
    }
}

impl Graph {
    /// Begins a network of this name over inputs of this shape.
    pub fn builder(name: impl Into<String>, input: &[usize]) -> GraphBuilder {
        let (name, input) = (name.into(), input.to_vec());
        let head_init = Start::default();
        let (nodes, stages, scaled) = (Vec::new(), Vec::new(), None);
        let graph = Self { name, input, nodes, stages, head_init, scaled };
        GraphBuilder { graph, error: None, marked: Vec::new(), parameters: 0, buffers: 0 }
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of one row of the input.
    pub fn input(&self) -> &[usize] {
        &self.input
    }

    /// Its layers, each after those that it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The places where laterals attach, from input to features.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// How heads over its features start.
    pub fn head_init(&self) -> Start {
        self.head_init
    }

    /// Shape of one row of a value.
    pub fn shape(&self, value: usize) -> &[usize] {
        match value.checked_sub(1) {
            Some(node) => &self.nodes[node].output,
            None => &self.input,
        }
    }

    /// Numbers that a head reads.
    pub fn features(&self) -> usize {
        self.shape(self.nodes.len()).iter().product()
    }

    /// What it needs, layer after layer.
    pub fn parameters(&self) -> Vec<Parameter> {
        let of = |node: &Node| {
            let inputs: Vec<&[usize]> =
                node.inputs.iter().map(|&value| self.shape(value)).collect();
            let named = |p: Parameter| Parameter { name: node.named(p.name), ..p };
            let found = node.layer.parameters(&inputs).unwrap_or_default();
            found.into_iter().map(named).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of).collect()
    }

    /// Its running statistics, layer after layer.
    pub fn buffers(&self) -> Vec<Buffer> {
        let of = |node: &Node| {
            let inputs: Vec<&[usize]> =
                node.inputs.iter().map(|&value| self.shape(value)).collect();
            let named = |b: Buffer| Buffer { name: node.named(b.name), ..b };
            node.layer.buffers(&inputs).into_iter().map(named).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of).collect()
    }

    /// Whether any of its layers draws random numbers in training.
    pub fn draws(&self) -> bool {
        self.nodes.iter().any(|node| node.layer.draws())
    }

    /// The same graph with every width multiplied by `factor`, at least 1 each.
    ///
    /// # Errors
    ///
    /// When a layer has one width only.
    pub fn scaled(&self, factor: f64) -> Result<Self, GraphError> {
        if let Some(scaled) = &self.scaled {
            return scaled(factor);
        }
        let name = format!("{} × {factor}", self.name);
        let mut builder = Self::builder(name, &self.input).head_init(self.head_init);
        for node in &self.nodes {
            if let Some(reason) = node.layer.fixed_width() {
                let (network, layer) = (self.name.clone(), node.name.clone());
                let reason = format!("the network was asked to be wider or narrower, but {reason}");
                return Err(GraphError::Layer { network, layer, reason });
            }
            let layer = node.layer.scaled(factor).unwrap_or_else(|| node.layer.clone());
            builder.push(&node.name, layer, &node.inputs);
        }
        for stage in &self.stages {
            builder.stage(&stage.name, stage.value);
        }
        builder.build()
    }

    /// The value behind the activations that follow a value alone.
    fn behind_activations(&self, mut value: usize) -> usize {
        loop {
            let mut readers =
                (0..self.nodes.len()).filter(|&i| self.nodes[i].inputs.contains(&value));
            match (readers.next(), readers.next()) {
                (Some(only), None) if self.nodes[only].layer.is_activation() => value = only + 1,
                _ => return value,
            }
        }
    }
}

impl Node {
    /// The name in the graph of a parameter or buffer of the layer.
    fn named(&self, name: String) -> String {
        match self.layer.names_its_own() {
            true => name,
            false => format!("{}.{name}", self.name),
        }
    }
}

impl GraphBuilder {
    /// Heads over the features start by this rule.
    #[must_use]
    pub fn head_init(mut self, init: Start) -> Self {
        self.graph.head_init = init;
        self
    }

    /// Other widths of the network are made by this function, and not by scaling each layer.
    #[must_use]
    pub fn scales_by(
        mut self,
        scaled: impl Fn(f64) -> Result<Graph, GraphError> + Send + Sync + 'static,
    ) -> Self {
        self.graph.scaled = Some(Arc::new(scaled));
        self
    }

    /// Appends a layer that reads these values; says the value that it makes. What does not fit is said by
    /// [`build`](Self::build).
    pub fn add(&mut self, name: &str, layer: impl Layer + 'static, inputs: &[usize]) -> usize {
        self.push(name, Arc::new(layer), inputs)
    }

    /// [`add`](Self::add) of a shared layer.
    pub fn push(&mut self, name: &str, layer: Arc<dyn Layer>, inputs: &[usize]) -> usize {
        let value = self.graph.nodes.len() + 1;
        if self.error.is_none() {
            match self.node(name, layer, inputs) {
                Ok(node) => self.graph.nodes.push(node),
                Err(reason) => {
                    let (network, layer) = (self.graph.name.clone(), name.to_owned());
                    self.error = Some(GraphError::Layer { network, layer, reason });
                }
            }
        }
        value
    }

    fn node(&mut self, name: &str, layer: Arc<dyn Layer>, from: &[usize]) -> Result<Node, String> {
        if self.graph.nodes.iter().any(|node| node.name == name) {
            return Err("another layer has the same name".into());
        }
        if let Some(later) = from.iter().find(|&&value| value > self.graph.nodes.len()) {
            return Err(format!("it reads value {later}, which is not made before it"));
        }
        let inputs: Vec<&[usize]> = from.iter().map(|&value| self.graph.shape(value)).collect();
        let parameters = layer.parameters(&inputs)?;
        let buffers = layer.buffers(&inputs).len();
        let shapes: Vec<Vec<usize>> = parameters.into_iter().map(|p| p.shape).collect();
        let shapes =
            crate::layer::Shapes { inputs: &inputs, parameters: &shapes, reads_data: false };
        let output = layer.bind(&shapes)?.output().to_vec();
        if output
            .iter()
            .try_fold(1usize, |all, &side| all.checked_mul(side))
            .is_none_or(|all| all == 0)
        {
            return Err(format!("it makes {output:?}"));
        }
        let (first, first_buffer) = (self.parameters, self.buffers);
        self.parameters += shapes.parameters.len();
        self.buffers += buffers;
        Ok(Node {
            name: name.into(),
            layer,
            inputs: from.to_vec(),
            output,
            parameters: first..self.parameters,
            buffers: first_buffer..self.buffers,
        })
    }

    /// Marks a value as the one that a stage's laterals are added to.
    pub fn stage(&mut self, name: &str, value: usize) {
        self.marked.push((value, name.into()));
    }

    /// The graph.
    ///
    /// # Errors
    ///
    /// The first layer that does not fit; or that the last layer makes no vector, a layer is read by none,
    /// or a stage is left out by a connection.
    pub fn build(self) -> Result<Graph, GraphError> {
        let Self { mut graph, error, mut marked, .. } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let refuse = |reason: String| GraphError::Graph { network: graph.name.clone(), reason };
        let Some(last) = graph.nodes.last() else { return Err(refuse("it has no layers".into())) };
        if last.output.len() != 1 {
            return Err(refuse(format!(
                "its last layer `{}` makes {:?} where heads read a vector; end it with a `flatten` or a \
                 `global_pool`",
                last.name, last.output
            )));
        }
        let unread = |i: &usize| !graph.nodes.iter().any(|node| node.inputs.contains(&(i + 1)));
        if let Some(i) = (0..graph.nodes.len() - 1).find(unread) {
            return Err(refuse(format!("no layer reads `{}`", graph.nodes[i].name)));
        }
        marked.sort_by_key(|(value, _)| *value);
        let mut stages = Vec::with_capacity(marked.len());
        let (mut reads, mut first) = (0, 0);
        for (value, name) in marked {
            if value == 0 || value > graph.nodes.len() {
                return Err(refuse(format!(
                    "its stage `{name}` is at value {value}, which no layer makes"
                )));
            }
            if let Some(Stage { name: before, .. }) = stages.last().filter(|_| value <= first) {
                return Err(refuse(format!(
                    "its stages `{before}` and `{name}` end at the same layer `{}`",
                    graph.nodes[first - 1].name
                )));
            }
            let end = graph.behind_activations(value);
            let nodes = first..end;
            let jumps = graph.nodes[end..].iter().find(|node| node.inputs.iter().any(|&v| v < end));
            if let Some(node) = jumps {
                return Err(refuse(format!(
                    "the layer `{}` reads what lies before the end of the stage `{name}`",
                    node.name
                )));
            }
            let has_parameters = graph.nodes[nodes].iter().any(|node| !node.parameters.is_empty());
            stages.push(Stage { name, value, reads, has_parameters });
            (reads, first) = (end, end);
        }
        graph.stages = stages;
        Ok(graph)
    }
}
