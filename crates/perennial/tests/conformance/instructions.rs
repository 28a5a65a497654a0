//! A guard against slowness that looks at no clock: the instructions of a training step, which
//! `valgrind` counts alike on every machine (it shows programs one and the same processor).

use std::env;
use std::process::Command;

use perennial::learner::{Learner, Training};
use perennial::scenario::Setting;
use perennial::strategies::Entry;
use serde_json::{Value, json};

use crate::toy::{finish, net, stream};

/// The variable that says to [`the_steps_to_be_counted`] what to do.
const WHAT: &str = "PERENNIAL_TEST_COUNT";
const TASKS: u64 = 3;
const TOLERANCE: f64 = 0.03;

/// A step that is counted: three tasks of permuted digits, batch 10, all that the driver does between two
/// batches.
#[derive(Clone, Copy, Debug)]
struct Counted {
    strategy: &'static str,
    settings: &'static str,
    network: &'static str,
    /// Instructions. A change that moves them on purpose records the new ones.
    recorded: f64,
}

const COUNTED: [Counted; 8] = [
    counted("finetune", "{}", 282_800.0),
    counted("ewc", r#"{ "fisher-samples": 10 }"#, 287_400.0),
    counted("si", "{}", 299_400.0),
    counted("er", r#"{ "memory": 100 }"#, 453_200.0),
    counted("derpp", r#"{ "memory": 100 }"#, 798_700.0),
    counted("agem", r#"{ "memory": 100, "batch": 20 }"#, 812_600.0),
    Counted { network: "cnn:8x16x32", ..counted("finetune", "{}", 976_800.0) },
    Counted { network: "resnet18:4", ..counted("finetune", "{}", 6_086_800.0) },
];

const fn counted(strategy: &'static str, settings: &'static str, recorded: f64) -> Counted {
    Counted { strategy, settings, network: "mlp:100x100", recorded }
}

#[test]
#[ignore = "no test by itself: the one below runs it as a process of its own"]
fn the_steps_to_be_counted() {
    let what = env::var(WHAT).expect("the test that runs this says what to do");
    let (name, settings, network, steps): (String, Value, String, u64) =
        serde_json::from_str(&what).unwrap();
    let training = Training {
        iterations: Some(steps),
        eval_every: TASKS as usize,
        eval_samples: Some(10),
        ..Training::default()
    };
    let stream = stream("permuted-digits", Some(200), 0);
    let strategy = Entry::find(&name).unwrap().create(&settings).unwrap();
    let learner = Learner::new(net(&network), strategy, training, Setting::Domain, &stream, 0);
    finish(learner.unwrap(), &stream, &mut ());
}

/// Instructions of all of it, with so many steps a task.
fn instructions(counted: Counted, steps: u64) -> f64 {
    let settings: Value = serde_json::from_str(counted.settings).unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "instructions::the_steps_to_be_counted"])
        .env(WHAT, json!([counted.strategy, settings, counted.network, steps]).to_string())
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let count = said.lines().find_map(|line| line.split_once("refs:")).unwrap().1;
    count.trim().replace(',', "").parse().unwrap()
}

/// Catches: a pass that is done twice, a loop that is no longer compiled for wide registers,
/// hundreds of allocations that crept into the step.
#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn a_step_takes_the_instructions_that_were_recorded() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("SKIPPED: valgrind is not installed: the instructions of a step are NOT checked");
        return;
    }
    let measure = |counted: Counted| {
        const FEW: u64 = 10;
        let more = instructions(counted, 2 * FEW);
        let step = (more - instructions(counted, FEW)) / (TASKS * FEW) as f64;
        (counted.strategy, counted.network, counted.recorded, step.round())
    };
    let found = COUNTED.map(measure);
    let near =
        |(.., recorded, now): &(&str, &str, f64, f64)| (now / recorded - 1.0).abs() <= TOLERANCE;
    assert!(found.iter().all(near), "strategy, network, recorded, now: {found:#?}");
}
