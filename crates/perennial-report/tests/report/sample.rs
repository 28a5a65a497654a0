//! Small comparisons whose numbers follow from a rule, so that what a view says can be checked.

use perennial_metrics::{Accuracy, IncrementalMean};
use perennial_report::document::{
    Cell, Comparison, FailedRun, Failure, KeptBytes, Machine, Method, Run, SCHEMA, Skipped,
};
use serde_json::json;

/// How one strategy fares: a task is learnt to `learns` and loses `forgets` with every later
/// task; seed s moves every accuracy by ±.008.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fares {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) learns: f64,
    pub(crate) forgets: f64,
    pub(crate) told: bool,
    /// Training time, parameters and kept samples, as multiples of finetune's.
    pub(crate) price: [u64; 3],
}

/// Test rows of a task.
const ROWS: u64 = 500;

const fn plain(name: &'static str, learns: f64, forgets: f64, price: [u64; 3]) -> Fares {
    Fares { name, label: name, learns, forgets, told: false, price }
}

pub(crate) const FINETUNE: Fares = plain("finetune", 0.93, 0.09, [1, 1, 0]);
pub(crate) const JOINT: Fares =
    Fares { label: "joint (5 passes)", ..plain("joint", 0.95, 0.0, [5, 1, 4]) };
pub(crate) const FEW_PASSES: Fares = Fares { label: "joint (2 passes)", learns: 0.87, ..JOINT };
pub(crate) const INDEPENDENT: Fares =
    Fares { told: true, ..plain("independent", 0.91, 0.0, [1, 5, 0]) };
pub(crate) const EWC: Fares = plain("ewc", 0.92, 0.06, [2, 1, 0]);
pub(crate) const GEM: Fares = plain("gem", 0.92, 0.01, [4, 1, 1]);
pub(crate) const FREEZE: Fares = plain("freeze", 0.45, 0.0, [1, 1, 0]);

pub(crate) fn comparison(strategies: &[Fares], tasks: usize, seeds: u64) -> Comparison {
    let names: Vec<&str> = strategies.iter().map(|fares| fares.name).collect();
    let training = [("optimizer", "sgd"), ("lr", "0.1"), ("batch", "10"), ("epochs", "1")];
    Comparison {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        benchmark: "permuted-digits".to_owned(),
        setting: "domain".to_owned(),
        tasks,
        task_names: (1..=tasks).map(|task| format!("permutation {task}")).collect(),
        network: "mlp:100x100".to_owned(),
        training: training.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        command: format!("perennial compare permuted-digits --strategies {}", names.join(",")),
        machine: Machine { cores: 2, cpu: "a processor".to_owned(), os: "linux x86_64".to_owned() },
        methods: names.iter().map(|name| method(name)).collect(),
        skipped: Vec::new(),
        tuned: Vec::new(),
        data: Vec::new(),
        runs: strategies
            .iter()
            .flat_map(|fares| (0..seeds).map(|seed| Cell::Done(Box::new(run(fares, tasks, seed)))))
            .collect(),
    }
}

fn method(name: &str) -> Method {
    Method {
        strategy: name.to_owned(),
        title: format!("The method {name}"),
        paper: "A. Author and B. Author (2020), A paper on lifelong learning".to_owned(),
        does: "It trains on the tasks as they come. It holds what mattered to the older ones."
            .to_owned(),
        formula: "L'(θ) = L(θ) + λ/2 Σ_k Σ_i F_i^k (θ_i − θ_i^{*k})²".to_owned(),
        keeps: "one importance and one anchor a task".to_owned(),
    }
}

fn run(fares: &Fares, tasks: usize, seed: u64) -> Run {
    let [time, parameters, data] = fares.price;
    let shift = 0.008 * [0.0, 1.0, -1.0, 0.5, -0.5][seed as usize % 5];
    let mut accuracy = Accuracy::new(tasks);
    for i in 0..=tasks {
        let at = |j: usize| match (i, fares.told) {
            (i, true) if i <= j => None, // no network of its own yet
            (i, false) if i <= j => Some(0.1),
            _ => Some((fares.learns + shift - fares.forgets * (i - j - 1) as f64).max(0.1)),
        };
        accuracy.push_row((0..tasks).map(at).collect::<Vec<_>>()).unwrap();
    }
    Run {
        strategy: fares.name.to_owned(),
        seed,
        settings: [("lambda".to_owned(), json!(1.5)), ("fisher".to_owned(), json!("exact"))].into(),
        acc: accuracy.acc(),
        bwt: accuracy.bwt(),
        fwt: accuracy.fwt(),
        forgetting: accuracy.forgetting(),
        learning_accuracy: accuracy.learning_accuracy(),
        average_incremental_accuracy: accuracy.average_incremental_accuracy(IncrementalMean::Tasks),
        average_incremental_accuracy_by_rows: None,
        lca: None,
        intransigence: Some(0.125),
        accuracy,
        steps: 1000,
        test_rows: vec![ROWS; tasks],
        largest_class: vec![0.1; tasks],
        train_seconds: 1.25 * time as f64,
        eval_seconds: 0.25,
        profile: Default::default(),
        parameters: 17_510 * parameters,
        kept_bytes: KeptBytes { model: 70_040 * parameters, strategy: 0, data: 64_000 * data },
        state_digest: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".to_owned(),
        learner_digest: "d5a2a5f3b7d1c1a4c2f6c4b4c9f0b5a3b1e2d3c4f5a6b7c8d9e0f1a2b3c4d5e6"
            .to_owned(),
        task_known: fares.told,
        notes: Vec::new(),
        anytime: None,
        learning_curves: None,
        inferred: None,
        figures: Default::default(),
        label: fares.label.to_owned(),
    }
}

/// With a failed cell and a skipped strategy.
pub(crate) fn with_gaps(mut comparison: Comparison) -> Comparison {
    comparison.runs.push(Cell::Failed(FailedRun {
        strategy: "gem".to_owned(),
        seed: 3,
        error: Failure {
            code: "diverged".to_owned(),
            message: "The loss became NaN in task 2, step 118.".to_owned(),
            hint: "Lower the learning rate.".to_owned(),
        },
    }));
    comparison.skipped.push(Skipped {
        strategy: "pnn".to_owned(),
        reason: "it needs the task's name to answer, which the class setting does not give"
            .to_owned(),
    });
    comparison
}
