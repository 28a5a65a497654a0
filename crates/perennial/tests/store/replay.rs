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

/// Low digits, then high ones, by the methods whose answers are their memory's. Catches: an evaluation,
/// a prediction or a learner that is opened anew that answers by the logits in place of the means, means
/// that are lost with a save, rows of old tasks that are lost where tasks arrive one by one.
#[test]
fn learners_of_a_balanced_memory_answer_alike_by_every_verb() {
    let low = digits("low", ["0", "1", "2", "3", "4"]);
    let high = digits("high", ["5", "6", "7", "8", "9"]);
    for (strategy, least) in [("icarl", 0.8), ("gdumb", 0.8)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        let settings = Settings {
            network: "mlp:30".into(),
            strategy: strategy.into(),
            strategy_settings: json!({ "memory": 300 }),
            setting: Some(Setting::Class),
            optimizer: OptimizerSettings::default(),
            ..Settings::default()
        };
        let mut learner = Learner::create(&path, &settings).unwrap();
        let training = Training { epochs: 10, batch: 10, lr: 0.1, ..Training::default() };
        let how = Teaching { training, save_every: None, ..lenient() };
        for lesson in [&low, &high] {
            teach(&mut learner, lesson, &how).unwrap();
        }
        let opened = Learner::open(&path).unwrap();
        let row = opened.evaluate().unwrap();
        assert_eq!(row, learner.evaluate().unwrap());
        for (lesson, measured) in [&low, &high].into_iter().zip(&row) {
            let found = opened.evaluate_on(lesson, Some(&lesson.task)).unwrap();
            let said = opened.predict(&lesson.test, &lesson.spec, "rows", None).unwrap();
            let is_right = |row: &usize| {
                let class = &said.classes[said.rows[*row].class];
                *class == lesson.classes[lesson.test.label(*row) as usize]
            };
            let right = (0..lesson.test.len()).filter(is_right).count() as u64;
            assert_eq!([measured.right, found.right], [right; 2], "{strategy}");
            let share = right as f64 / measured.rows as f64;
            assert!(share >= least, "{strategy}, {}: {share}", lesson.task);
            for row in &said.rows {
                let sum: f32 = row.probabilities.iter().sum();
                let most = row.probabilities.iter().copied().fold(0.0, f32::max);
                assert!((sum - 1.0).abs() < 1e-5 && row.probabilities[row.class] == most);
            }
        }
    }
}

/// Five places for five classes: each class is answered by one sample. Catches: a class that is silently
/// answered for by nothing, the others that are answered no more.
#[test]
fn a_class_that_lost_its_last_sample_is_said() {
    let low = digits("low", ["0", "1", "2", "3", "4"]);
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        network: "mlp:30".into(),
        strategy: "icarl".into(),
        strategy_settings: json!({ "memory": 5 }),
        optimizer: OptimizerSettings::default(),
        ..Settings::default()
    };
    let mut learner = Learner::create(&folder.path().join("l"), &settings).unwrap();
    teach(&mut learner, &low, &lenient()).unwrap();
    let before = learner.evaluate_on(&low, None).unwrap().right;
    let found = (0..low.train.len() as u64).find_map(|id| learner.forget_sample("low", id).ok());
    let lost = found.unwrap().unanswered;
    assert_eq!(lost.len(), 1);
    let after = learner.evaluate_on(&low, None).unwrap().right;
    assert!(0 < after && after < before, "{after} of {before}");
    let said = learner.predict(&low.test, &low.spec, "rows", None).unwrap();
    assert!(said.rows.iter().all(|row| said.classes[row.class] != lost[0]));
}
