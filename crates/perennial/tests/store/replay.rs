//! A learner on disk whose head grows keeps old classes by what it stored.

use std::path::Path;

use perennial::OptimizerSettings;
use perennial::data::{ReadOptions, open};
use perennial::learner::Training;
use perennial::scenario::Setting;
use perennial::store::{Learner, Lesson, Settings, Teaching};
use serde_json::json;

use crate::school::{lenient, teach};

/// Five classes of the digits.
fn digits(task: &str, classes: [&str; 5]) -> Lesson {
    let options =
        ReadOptions { classes: classes.map(String::from).into(), ..ReadOptions::default() };
    Lesson::of(task, open(Path::new("digits"), &options, None).unwrap()).unwrap()
}

/// Low digits, then high ones; five seeds. Catches: stored logits that say nothing of the new classes:
/// der keeps .15 to .34 of the low digits then, as does a head that grows and is not filled.
#[test]
fn stored_logits_hold_old_classes_when_the_head_grows() {
    let low = digits("low", ["0", "1", "2", "3", "4"]);
    let high = digits("high", ["5", "6", "7", "8", "9"]);
    for (strategy, least) in [("der", 0.8), ("derpp", 0.93)] {
        for seed in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let settings = Settings {
                network: "mlp:100x100".into(),
                strategy: strategy.into(),
                strategy_settings: json!({ "memory": 500 }),
                setting: Some(Setting::Class),
                optimizer: OptimizerSettings::default(),
                seed,
                ..Settings::default()
            };
            let mut learner = Learner::create(&folder.path().join("l"), &settings).unwrap();
            let training = Training { epochs: 10, batch: 10, lr: 0.1, ..Training::default() };
            let how = Teaching { training, save_every: None, ..lenient() };
            for lesson in [&low, &high] {
                teach(&mut learner, lesson, &how).unwrap();
            }
            let found = learner.evaluate_on(&low, None).unwrap();
            let kept = found.right as f64 / found.rows as f64;
            assert!(kept >= least, "{strategy}, seed {seed}: {kept}");
        }
    }
}
