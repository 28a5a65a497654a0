//! The driver: the only training loop there is.
//!
//! A [`Learner`] is θ, optimiser, strategy and a [`Position`]; [`Learner::run`] moves it along a
//! stream of tasks. Where it stands is data, so a learner saved at any step goes on bit for bit
//! as the uninterrupted one would.

mod blurry;
mod class_head;
mod context;
mod data;
mod error;
pub(crate) mod evaluate;
mod infer;
mod position;
mod profile;
mod recall;
mod remainder;
mod saved;
mod settings;
mod step;
mod stop;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use perennial_metrics::{Accuracy, Evaluation};
use serde::{Deserialize, Serialize};

pub use self::class_head::ClassHead;
pub use self::context::Context;
use self::data::Data;
pub use self::error::LearnError;
pub use self::infer::{Confidence, Inferred};
pub use self::position::{InPhase, Position};
pub use self::remainder::Remainder;
pub use self::saved::KeptBytes;
pub use self::settings::{NormSettings, Training};
pub use self::stop::Stop;
pub use self::watch::{Event, Progress, Watch};
pub use crate::engine::memory::{PackedGradients, Recalled};
use crate::engine::{Engine, Workspace};
use crate::model::{Among, Model, Outputs};
use crate::network::Graph;
use crate::optimizer::{Keep, Optimizer};
use crate::scenario::{Part, Setting, Stream};
use crate::strategy::{Ahead, Card, Isolation, Outcome, Phase, Pool, Strategy};

/// A network that learns task after task by one strategy, and where it stands.
pub struct Learner {
    engine: Engine,
    workspace: Workspace,
    strategy: Box<dyn Strategy>,
    card: Card,
    /// What hooks decided and the log was not told yet: nothing between two positions.
    decisions: Vec<serde_json::Value>,
    /// Everything else that is saved and that equal learners have equal.
    pub core: Core,
    /// Seconds spent: saved, but no part of what learners are compared by.
    pub clock: Clock,
}

/// What is saved of a learner beside its strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Core {
    /// What every draw is a function of.
    pub seed: u64,
    /// Which heads it has.
    pub setting: Setting,
    /// Whether tasks arrive one by one and nobody knows how many: then it measures nothing
    /// itself, and R stays empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_ended: bool,
    /// The network's [name](Graph::name).
    pub network: String,
    /// How it trains.
    pub training: Training,
    /// Where it stands.
    pub position: Position,
    /// θ, buffers and what they are made of.
    pub model: Model,
    /// The optimiser with its moments.
    pub optimizer: Optimizer,
    /// R so far.
    pub accuracy: Accuracy,
    /// Accuracies within tasks, if the training asks for them.
    pub anytime: Vec<Evaluation>,
    /// Accuracy on each task before its first batch and after each of the next ones, if the training
    /// asks for them: a row a task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learning_curves: Vec<Vec<Option<f64>>>,
    /// At the end, how well it answers without being told the task, where it has a network for
    /// each.
    pub inferred: Option<Inferred>,
    /// Steps made in all.
    pub steps: u64,
    /// How many samples of each task were in the strategy's memory after each task: a row a task,
    /// empty where no evaluation followed; no row where it has no memory.
    pub remembered: Vec<Vec<usize>>,
    /// What hooks said to the user, each once.
    pub notes: Vec<String>,
}

/// Seconds spent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// In hooks and steps.
    pub train_seconds: f64,
    /// In evaluations.
    pub eval_seconds: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every task is learnt and measured.
    Finished,
    /// A stop was asked for; what was saved last goes on from there.
    Stopped,
}

impl Learner {
    /// A learner that has seen nothing, for the tasks of `stream`.
    ///
    /// # Errors
    ///
    /// A setting out of its range, or one in which the stream or the strategy makes no sense.
    pub fn new(
        network: Arc<Graph>,
        strategy: Box<dyn Strategy>,
        training: Training,
        setting: Setting,
        stream: &Stream,
        seed: u64,
    ) -> Result<Self, LearnError> {
        stream.check(setting)?;
        let mut learner = Self::untaught(network, strategy, training, setting, seed)?;
        learner.core.training.check_borders(&learner.card, setting, stream)?;
        let (training, stream_ahead) = (&learner.core.training, Some(stream));
        learner.strategy.check(&Ahead { setting, training, stream: stream_ahead })?;
        let Self { engine, card, core, .. } = &mut learner;
        core.accuracy = Accuracy::new(stream.tasks.len());
        if card.isolation == Isolation::Shared && setting == Setting::Domain {
            let model = &mut core.model;
            // One head for all tasks, there from the start: the untrained network can answer.
            let labels = stream.tasks.iter().map(|task| task.classes.len()).max().unwrap_or(0);
            model.append_head(engine.network().features(), labels, seed);
            model.outputs = stream
                .tasks
                .iter()
                .map(|task| Outputs {
                    units: (0..task.classes.len() as u32).collect(),
                    among: Among::All,
                })
                .collect();
        }
        let head = core.training.class_head(card);
        if setting == Setting::Class && head == ClassHead::Full {
            learner.append_full_head(stream);
        }
        Ok(learner)
    }

    /// A learner that has seen nothing, for tasks that arrive one by one: [`run`](Self::run)
    /// takes the stream of the tasks so far, learns those that are new in it, and measures
    /// nothing. A head for all tasks grows with the classes of the largest.
    ///
    /// # Errors
    ///
    /// A setting out of its range, or one in which the strategy makes no sense.
    pub fn open_ended(
        network: Arc<Graph>,
        strategy: Box<dyn Strategy>,
        training: Training,
        setting: Setting,
        seed: u64,
    ) -> Result<Self, LearnError> {
        if training.head == Some(ClassHead::Full) {
            let reason = "a learner that is taught task by task does not know its classes \
                          beforehand; leave it out, and its head grows";
            return Err(settings::bad("head", &ClassHead::Full, reason));
        }
        training.check_open_ended()?;
        let mut learner = Self::untaught(network, strategy, training, setting, seed)?;
        let training = &learner.core.training;
        learner.strategy.check(&Ahead { setting, training, stream: None })?;
        learner.core.open_ended = true;
        learner.core.position = Position::BeforeTask { task: 0 };
        Ok(learner)
    }

    /// A learner without tasks or heads.
    fn untaught(
        network: Arc<Graph>,
        strategy: Box<dyn Strategy>,
        training: Training,
        setting: Setting,
        seed: u64,
    ) -> Result<Self, LearnError> {
        training.check()?;
        if let Some(head) = training.head.filter(|_| setting != Setting::Class) {
            let reason = format!(
                "it is of --setting class, and this is --setting {setting}, where no head grows; \
                 leave it out"
            );
            return Err(settings::bad("head", &head, &reason));
        }
        let card = strategy.card();
        training.norm.check(network.as_ref(), &card, setting)?;
        let reason = match card.isolation != Isolation::Shared && setting == Setting::Class {
            true => Some(
                "it answers with parts of the network that belong to one task, so it must be told \
                 the task; use --setting task or domain"
                    .into(),
            ),
            false => strategy.impossible(setting),
        };
        if let Some(reason) = reason {
            return Err(LearnError::Impossible { strategy: card.name, setting, reason });
        }
        let mut model = Model { head_start: network.head_init(), ..Model::default() };
        if card.isolation == Isolation::Shared {
            model.norm = training.norm.statistics;
        }
        if card.isolation != Isolation::Column {
            model.append_column(network.as_ref(), seed);
        }
        let core = Core {
            seed,
            setting,
            open_ended: false,
            network: network.name().into(),
            optimizer: Optimizer::new(training.optimizer.clone()),
            training,
            position: Position::Start,
            model,
            accuracy: Accuracy::new(0),
            anytime: Vec::new(),
            learning_curves: Vec::new(),
            inferred: None,
            steps: 0,
            remembered: Vec::new(),
            notes: Vec::new(),
        };
        let (engine, workspace) = (Engine::new(network), Workspace::default());
        let (decisions, clock) = (Vec::new(), Clock::default());
        Ok(Self { engine, workspace, strategy, card, decisions, core, clock })
    }

    /// The strategy.
    pub fn strategy(&self) -> &dyn Strategy {
        self.strategy.as_ref()
    }

    /// The strategy's card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// What the strategy [counted](Strategy::figures) and, under the kind `memory`, how many
    /// samples of each task it kept after each task that an evaluation followed; null for nothing.
    pub fn figures(&self) -> serde_json::Value {
        let mut figures = self.strategy.figures();
        if !self.core.remembered.is_empty() {
            if figures.is_null() {
                figures = serde_json::json!({});
            }
            figures["memory"] = serde_json::json!(self.core.remembered);
        }
        figures
    }

    /// Removes every copy of a training sample of task `task` from what the strategy keeps; says
    /// how many there were.
    pub fn forget_sample(&mut self, task: usize, id: u64) -> usize {
        self.strategy.forget_sample(task, id)
    }

    /// Learns what is left of `stream`, from the [`Position`] on; `watch` saves, logs and shows.
    ///
    /// After an error or a stop the learner in memory may be within a hook: go on from what
    /// `watch` saved last.
    ///
    /// # Errors
    ///
    /// What the strategy, the numbers or `watch` could not do.
    pub fn run(
        &mut self,
        stream: &Stream,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<Ended, LearnError> {
        let mut data = Data::new(stream);
        loop {
            if stop.asked() {
                watch.save(self)?;
                return Ok(Ended::Stopped);
            }
            let since = Instant::now();
            let trains = matches!(self.core.position, Position::InPhase(_));
            match self.advance(&mut data, watch, stop) {
                Ok(true) => {}
                Ok(false) => return Ok(Ended::Finished),
                Err(LearnError::Stopped(_)) => return Ok(Ended::Stopped),
                Err(error) => return Err(error),
            }
            if !trains {
                // A phase counts its own time, save by save.
                self.clock.train_seconds += since.elapsed().as_secs_f64();
            }
            watch.save(self)?;
        }
    }

    /// From one position to the next; `false` when there is none.
    fn advance(
        &mut self,
        data: &mut Data<'_>,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<bool, LearnError> {
        let next = match self.core.position.clone() {
            Position::Start => {
                self.measure(data, watch, stop)?;
                Position::BeforeTask { task: 0 }
            }
            Position::BeforeTask { task } if task == data.stream.tasks.len() => return Ok(false),
            Position::BeforeTask { task } => {
                let Training { blurry, no_borders, .. } = self.core.training;
                if self.strategy.pool() != Pool::SoFar && blurry == 0.0 {
                    data.forget_before(task);
                }
                self.append_heads(data.stream, task);
                self.core.model.append_statistics(task);
                let (strategy, mut cx) = self.hook(data, task, 1.0, watch, stop);
                if !no_borders || task == 0 {
                    strategy.begin_task(&mut cx)?;
                }
                let phase = match no_borders {
                    true => Some(Phase::default()),
                    false => strategy.next_phase(None, &mut cx)?,
                };
                let since = Instant::now();
                watch.event(&Event::task(data.stream, task, &self.core.model))?;
                // It hashes the data, which is no training: as in `measure`.
                self.clock.train_seconds -= since.elapsed().as_secs_f64();
                self.enter(task, 0, phase)
            }
            Position::InPhase(at) => match self.train(at, data, watch, stop)? {
                Some(position) => position,
                None => return Err(LearnError::Stopped("the phase")), // saved by `train`
            },
            Position::AfterPhase { task, .. } if self.core.training.no_borders => {
                Position::AfterPhases { task }
            }
            Position::AfterPhase { task, phase, outcome } => {
                let (strategy, mut cx) = self.hook(data, task, 1.0, watch, stop);
                let next = strategy.next_phase(Some(&outcome), &mut cx)?;
                self.enter(task, phase + 1, next)
            }
            Position::AfterPhases { task } => {
                let last = task + 1 == data.stream.tasks.len();
                if !self.core.training.no_borders || last {
                    let (strategy, mut cx) = self.hook(data, task, 1.0, watch, stop);
                    strategy.end_task(&mut cx)?;
                }
                if let Some(memory) = self.strategy.memory() {
                    let tasks = if self.measures(task + 1, data) { task + 1 } else { 0 };
                    let rows = memory.of_tasks(tasks);
                    self.core.remembered.push(rows.iter().map(Vec::len).collect());
                }
                if last {
                    let figures = self.figures();
                    if !figures.is_null() {
                        watch.event(&Event::Figures { task, figures })?;
                    }
                }
                Position::AfterTask { task }
            }
            Position::AfterTask { task } => {
                if !self.core.open_ended {
                    self.measure(data, watch, stop)?;
                }
                Position::BeforeTask { task: task + 1 }
            }
        };
        if let Some(task) = next.task() {
            for what in std::mem::take(&mut self.decisions) {
                watch.event(&Event::Decision { task, what })?;
            }
        }
        self.core.position = next;
        Ok(true)
    }

    /// The heads that the setting asks for, where the strategy leaves them to the driver.
    fn append_heads(&mut self, stream: &Stream, task: usize) {
        let Core { model, setting, seed, .. } = &mut self.core;
        if self.card.isolation != Isolation::Shared || model.outputs.len() > task {
            return;
        }
        let features = self.engine.network().features();
        let classes = &stream.tasks[task].classes;
        let outputs = match setting {
            Setting::Domain => {
                // There from the start, unless nobody knew how many labels there would be.
                let new = classes.len().saturating_sub(model.units());
                if new > 0 {
                    model.append_head(features, new, *seed);
                }
                Outputs { units: (0..classes.len() as u32).collect(), among: Among::All }
            }
            Setting::Task => {
                let head = model.append_head(features, classes.len(), *seed);
                let units = model.heads[head].units.clone();
                Outputs {
                    units: units.clone().map(|unit| unit as u32).collect(),
                    among: Among::Own(units),
                }
            }
            Setting::Class => {
                let seen = units_of_classes(stream, &model.outputs);
                let new: Vec<u32> =
                    classes.iter().copied().filter(|class| !seen.contains(class)).collect();
                if !new.is_empty() {
                    model.append_head(features, new.len(), *seed);
                }
                let known = [seen, new].concat();
                let unit = |class| known.iter().position(|&known| known == class).unwrap_or(0);
                let units = classes.iter().map(|&class| unit(class) as u32).collect();
                Outputs { units, among: Among::All }
            }
        };
        model.outputs.push(outputs);
    }

    /// The position at the start of a phase, or after the last.
    fn enter(&mut self, task: usize, number: usize, phase: Option<Phase>) -> Position {
        let Some(phase) = phase else { return Position::AfterPhases { task } };
        let keep = match number {
            _ if phase.fresh => false,
            // Fresh moments would tell where the task begins.
            0 if self.core.training.no_borders && task > 0 => true,
            0 => self.core.training.optimizer.keep == Keep::Run,
            _ => phase.keep_optimizer,
        };
        if !keep {
            self.core.optimizer.reset();
        }
        Position::InPhase(InPhase::start(task, number, phase))
    }

    /// Splits the learner into its strategy and what a hook may ask for.
    fn hook<'a>(
        &'a mut self,
        data: &'a Data<'_>,
        task: usize,
        lr_factor: f32,
        watch: &'a mut dyn Watch,
        stop: &'a Stop,
    ) -> (&'a mut dyn Strategy, Context<'a>) {
        let core = &mut self.core;
        let context = Context {
            key: core.position.key(core.seed),
            model: &mut core.model,
            lr: core.training.lr * lr_factor,
            training: &core.training,
            setting: core.setting,
            task,
            tasks: (!core.open_ended).then_some(data.stream.tasks.len()),
            engine: &self.engine,
            workspace: &mut self.workspace,
            data,
            card: &self.card,
            notes: &mut core.notes,
            decisions: &mut self.decisions,
            steps: core.steps,
            watch,
            stop,
        };
        (self.strategy.as_mut(), context)
    }

    /// The outcome of a phase that ends at `at`.
    fn outcome(&self, at: &InPhase, data: &Data<'_>) -> Result<Outcome, LearnError> {
        let mut validation = None;
        if at.phase.validate {
            let part = data.stream.tasks[at.task].reader(Part::Validation);
            let rows: Vec<usize> = (0..part.len()).collect();
            validation = self.accuracy_on(at.task, &part, &rows)?;
        }
        Ok(at.outcome(validation))
    }
}

/// The class of each unit of a head that grows, in the order of units.
fn units_of_classes(stream: &Stream, outputs: &[Outputs]) -> Vec<u32> {
    let units = outputs.iter().flat_map(|outputs| outputs.units.iter().copied());
    let classes = stream.tasks.iter().flat_map(|task| task.classes.iter().copied());
    let mut known: Vec<(u32, u32)> = units.zip(classes).collect();
    known.sort_unstable();
    known.dedup();
    known.into_iter().map(|(_, class)| class).collect()
}
