//! Progressive neural networks: a new column for every task, which reads the older ones.
//!
//! Rusu, Rabinowitz, Desjardins, Soyer, Kirkpatrick, Kavukcuoglu, Pascanu & Hadsell, *Progressive
//! Neural Networks*, 2016, <https://arxiv.org/abs/1606.04671>.
//!
//! ```text
//! min L_k over column k and its laterals; columns 1 … k−1 are held
//! h_i^(k) = f(W_i^(k) h_{i−1}^(k) + U_i σ(V_i [α_1 h_{i−1}^(1); …; α_{k−1} h_{i−1}^(k−1)]))
//! ```
//!
//! | symbol | field |
//! | --- | --- |
//! | the lateral's form | `laterals` |
//! | b_V, b_U | `biases` |
//! | size of later columns | `width` |
//!
//! V squeezes what the older columns say to the size that one of them has, σ is the rectifier, α
//! are learnt scalars that start in (0, .1); in convolutional nets V and U are 1×1. Laterals enter
//! every stage with weights after the first, before its last activation, and the output. Older
//! columns run with their own laterals and fixed statistics.
//!
//! Keeps nothing beside θ, which grows by a column and its laterals a task: in all with the square
//! of the tasks. So does the time of a task's step, by a forward pass of every older column.
//!
//! # Differences
//!
//! `laterals = linear` is the paper's first form, a matrix from each older column and no adapter.
//! `laterals = full` is the network of Chaudhry et al. 2019: such matrices at every layer, the
//! first included, with biases, all started as the column's own layers are. In a residual network a
//! block is a layer.
//!
//! ```
//! use perennial::strategies::Entry;
//! let pnn = Entry::find("pnn").unwrap();
//! assert!(pnn.create(&serde_json::json!({"laterals": "linear", "width": 0.5})).is_ok());
//! assert!(pnn.create(&serde_json::json!({"width": 0})).is_err());
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ISOLATED, Method, refused};
use crate::SlotId;
use crate::engine::Frozen;
use crate::learner::{Context, LearnError};
use crate::model::{Model, View};
use crate::network::{Graph, Init, Lateral, LateralKind, NetworkError};
use crate::strategy::{Card, ClassHead, Isolation, Keeps, Strategy};

/// Progressive neural networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pnn {
    /// Its settings.
    pub settings: PnnSettings,
    /// What each column has: numbers of its own (with its head), numbers of its laterals.
    sizes: Vec<[usize; 2]>,
}

/// Settings of progressive networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct PnnSettings {
    /// How a column reads the older ones.
    pub laterals: Laterals,
    /// Whether a bias follows each of a lateral's matrices.
    pub biases: bool,
    /// Hidden widths of the columns after the first, as a part of the first's; above 0, at most 1.
    pub width: f64,
}

/// How a column reads the older ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Laterals {
    /// Through a non-linear adapter over all of them.
    #[default]
    Adapter,
    /// Through a matrix from each.
    Linear,
    /// Through a matrix from each, from the input on: Chaudhry et al. 2019.
    Full,
}

impl Default for PnnSettings {
    fn default() -> Self {
        Self { laterals: Laterals::Adapter, biases: true, width: 1.0 }
    }
}

impl Method for Pnn {
    type Settings = PnnSettings;
    const NAME: &'static str = "pnn";
    const SETTINGS: &'static [(&'static str, &'static str)] = &[
        (
            "laterals",
            "how a column reads the older ones: adapter, linear (a matrix from each), or full \
             (linear from the input on)",
        ),
        ("biases", "whether laterals have biases: true or false"),
        ("width", "hidden widths of later columns, as a part of the first's; above 0, at most 1"),
    ];

    fn with(settings: PnnSettings) -> Result<Self, LearnError> {
        if !(settings.width > 0.0 && settings.width <= 1.0) {
            let expected = "it must be above 0 and at most 1";
            return Err(refused("pnn.width", &settings.width, expected));
        }
        Ok(Self { settings, ..Self::default() })
    }
}

/// What one place of a column reads and makes: shapes of one row.
struct Place {
    name: String,
    /// Of the input in each older column.
    older: Vec<Vec<usize>>,
    /// Of the input in the column itself.
    input: Vec<usize>,
    output: Vec<usize>,
}

impl Pnn {
    /// The architecture of a task's column.
    fn network(&self, cx: &Context<'_>, task: usize) -> Result<Arc<Graph>, NetworkError> {
        match self.settings.width {
            width if task > 0 && width < 1.0 => Ok(Arc::new(cx.network().scaled(width)?)),
            _ => Ok(cx.network().clone()),
        }
    }

    /// The places of the current task's column that laterals may enter; `None` for one that has
    /// none.
    fn places(&self, cx: &Context<'_>) -> Result<Vec<Option<Place>>, NetworkError> {
        let networks: Vec<_> =
            (0..=cx.task).map(|task| self.network(cx, task)).collect::<Result<_, _>>()?;
        let reads: Vec<Vec<Vec<usize>>> =
            networks.iter().map(|network| reads(network.as_ref())).collect();
        let own = networks[cx.task].stages();
        let place = |i: usize, name: &str, output: &[usize]| Place {
            name: name.into(),
            older: reads[..cx.task].iter().map(|reads| reads[i].clone()).collect(),
            input: reads[cx.task][i].clone(),
            output: output.to_vec(),
        };
        let enters = |i: usize| i > 0 || self.settings.laterals == Laterals::Full;
        let mut places: Vec<Option<Place>> = own
            .iter()
            .enumerate()
            .map(|(i, stage)| {
                let has = enters(i) && stage.has_parameters;
                has.then(|| place(i, &stage.name, networks[cx.task].shape(stage.value)))
            })
            .collect();
        places.push(Some(place(own.len(), "output", &[cx.classes()])));
        Ok(places)
    }

    /// Appends the parameters of the laterals into one place.
    fn append(&self, cx: &mut Context<'_>, place: &Place) -> Lateral {
        let column = cx.task + 1;
        let start = cx.network().head_init();
        let (laterals, biases) = (self.settings.laterals, self.settings.biases);
        let mut slots = Vec::new();
        let mut append = |part: &str, shape: &[usize], init: Init| {
            let name = format!("column{column}.from-older.{}.{part}", place.name);
            slots.push(cx.append(&name, shape, init));
        };
        let mut affine = |name: &str, inputs: &[usize], output: &[usize]| {
            let (shape, fan) = matrix(inputs, output);
            let [weight, bias] = match laterals {
                Laterals::Full => start.dense(fan.0, fan.1),
                _ => [Init::xavier(fan.0, fan.1), Init::Constant(0.0)],
            };
            append(name, &shape, weight);
            if biases {
                append(&format!("{name}-bias"), &[fan.1], bias);
            }
        };
        let kind = match laterals {
            Laterals::Linear | Laterals::Full => {
                for (j, older) in place.older.iter().enumerate() {
                    affine(&format!("u{}", j + 1), older, &place.output);
                }
                LateralKind::Linear
            }
            Laterals::Adapter => {
                let mut joined = place.older[0].clone();
                joined[0] = place.older.iter().map(|older| older[0]).sum();
                // V keeps maps maps, whatever the layer makes of them.
                affine("v", &joined, &place.input);
                affine("u", &place.input, &place.output);
                LateralKind::Adapter
            }
        };
        if kind == LateralKind::Adapter {
            let alpha = Init::Between { low: 0.0, high: 0.1 };
            let name = format!("column{column}.from-older.{}.alpha", place.name);
            let alpha = cx.append(&name, &[place.older.len()], alpha);
            slots.insert(0, alpha);
        }
        Lateral { kind, biases, slots }
    }
}

/// What each stage of a network reads, and last what the output reads: shapes of one row.
fn reads(network: &Graph) -> Vec<Vec<usize>> {
    let stages = network.stages().iter().map(|stage| network.shape(stage.reads).to_vec());
    stages.chain([vec![network.features()]]).collect()
}

/// The shape of a matrix from inputs to outputs, 1×1 between maps, and how many of each it joins.
fn matrix(input: &[usize], output: &[usize]) -> (Vec<usize>, (usize, usize)) {
    if input.len() == 3 && output.len() == 3 {
        return (vec![output[0], input[0], 1, 1], (input[0], output[0]));
    }
    let (inputs, outputs) = (input.iter().product(), output.iter().product());
    (vec![inputs, outputs], (inputs, outputs))
}

impl Strategy for Pnn {
    fn card(&self) -> Card {
        Card {
            name: Self::NAME,
            title: "Progressive neural networks",
            paper: "Rusu et al., Progressive Neural Networks, 2016, \
                    https://arxiv.org/abs/1606.04671",
            does: "Adds a column for each task, which reads the layers of the older ones; those \
                   are held. Nothing is forgotten, parameters grow with the square of the tasks, \
                   and the task must be named to answer.",
            formula: "h_i^(k) = f(W_i h_{i−1}^(k) + U_i σ(V_i [α_j h_{i−1}^(j)]_{j<k}))",
            keeps: Keeps::Nothing,
            isolation: Isolation::Column,
            class_head: ClassHead::Grow,
            needs_borders: Some("it adds a column when a task begins"),
            validation: false,
            promises: ISOLATED,
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    fn figures(&self) -> Value {
        let column = |[own, laterals]: &[usize; 2]| json!({ "own": own, "laterals": laterals });
        json!({ "columns": self.sizes.iter().map(column).collect::<Vec<_>>() })
    }

    fn begin_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        if cx.network().stages().is_empty() {
            let (network, strategy) = (cx.network().name().to_owned(), Self::NAME);
            return Err(NetworkError::NoStages { network, strategy }.into());
        }
        let network = self.network(cx, cx.task)?;
        let before = cx.model.theta.len();
        let column = cx.append_column(network.as_ref());
        cx.append_head(network.features());
        let own = cx.model.theta.len();
        if cx.task > 0 {
            let places = self.places(cx)?;
            let laterals: Vec<_> =
                places.iter().map(|place| Some(self.append(cx, place.as_ref()?))).collect();
            cx.model.columns[column].laterals = laterals;
        }
        self.sizes.push([own - before, cx.model.theta.len() - own]);
        Ok(())
    }

    fn frozen(&self, task: usize, model: &Model) -> Frozen {
        let own = model.columns[task].parameters[0].blocks[0];
        Frozen { slots: (0..own.0).map(SlotId).collect(), mask: None }
    }

    fn view(&self, task: usize, model: &Model) -> View {
        View { older: model.columns[..task].to_vec(), ..model.own_view(task) }
    }
}
