//! Killed at any step and resumed, a learner is the learner that was never stopped.

use perennial::learner::{Learner, Remainder, Stop, Training, Watch};
use perennial::metrics::Accuracy;
use perennial::strategies;
use perennial::{OptimizerKind, OptimizerSettings, Setting};

use crate::toy::{everyone, finish, learner, net, stream_of};

/// Keeps what would be on disk after every step and at every boundary.
#[derive(Default)]
pub(crate) struct Saves(pub(crate) Vec<Vec<u8>>);

impl Watch for Saves {
    fn save(&mut self, learner: &Learner) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.push(learner.to_bytes()?);
        Ok(())
    }

    fn due(&mut self, _: u64) -> bool {
        true
    }
}

fn training() -> Training {
    let optimizer = OptimizerSettings {
        kind: OptimizerKind::Adam,
        keep: perennial::Keep::Run,
        ..OptimizerSettings::default()
    };
    Training {
        epochs: 2,
        lr: 1e-3,
        optimizer,
        anytime: Some(3),
        lca: Some(2),
        ..Training::default()
    }
}

pub(crate) fn results(learner: &Learner) -> (String, String, Accuracy) {
    let digest = learner.digest().unwrap().to_string();
    (digest, learner.core.model.digest().to_string(), learner.core.accuracy.clone())
}

/// Catches: moments, epoch order, the strategy's state, the loss of a phase, R or a learning curve
/// lost at a save, an accuracy that is in a curve twice; a draw that depends on how often a generator was asked before.
#[test]
fn from_every_save_the_end_is_the_same() {
    for (name, setting) in everyone() {
        let stream = stream_of(setting, 40);
        let mut saves = Saves::default();
        let start = learner(name, "mlp:12", &training(), setting, &stream);
        let whole = results(&finish(start, &stream, &mut saves));
        assert!(saves.0.len() > 3 * 2 * 4, "{name}: only {} saves", saves.0.len());
        for (i, bytes) in saves.0.iter().enumerate() {
            let resumed = Learner::from_bytes(bytes, net("mlp:12"), strategies::load).unwrap();
            // Save → load → save: identical bytes.
            assert_eq!(&resumed.to_bytes().unwrap(), bytes, "{name} {setting}: save {i}");
            let resumed = results(&finish(resumed, &stream, &mut ()));
            assert_eq!(resumed, whole, "{name} {setting}: from save {i}");
        }
    }
}

/// Catches: running statistics left out of the state.
#[test]
fn batch_normalisation_resumes_too() {
    let stream = stream_of(Setting::Task, 20);
    for name in ["finetune", "independent", "pnn", "packnet", "cpg"] {
        let mut saves = Saves::default();
        let start = learner(name, "cnn:4x4x8", &training(), Setting::Task, &stream);
        let whole = results(&finish(start, &stream, &mut saves));
        for bytes in saves.0.iter().step_by(5) {
            let resumed = Learner::from_bytes(bytes, net("cnn:4x4x8"), strategies::load).unwrap();
            assert_eq!(results(&finish(resumed, &stream, &mut ())), whole, "{name}");
        }
    }
}

/// Catches: a save that forgets the last step, a stop that loses one.
#[test]
fn a_stop_saves_after_the_step_and_goes_on_to_the_same_end() {
    struct StopAt(Stop, u64, Vec<u8>);
    impl Watch for StopAt {
        fn progress(&mut self, progress: &perennial::learner::Progress<'_>) {
            if progress.total_steps == self.1 {
                self.0.ask();
            }
        }
        fn save(
            &mut self,
            learner: &Learner,
        ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            self.2 = learner.to_bytes()?;
            Ok(())
        }
    }
    let stream = stream_of(Setting::Domain, 40);
    let begin = || learner("finetune", "mlp:12", &training(), Setting::Domain, &stream);
    let whole = results(&finish(begin(), &stream, &mut ()));
    for at in [1, 7, 8, 23] {
        let stop = Stop::default();
        let mut watch = StopAt(stop.clone(), at, Vec::new());
        let ended = begin().run(&stream, &mut watch, &stop).unwrap();
        assert_eq!(ended, perennial::learner::Ended::Stopped);
        let resumed = Learner::from_bytes(&watch.2, net("mlp:12"), strategies::load).unwrap();
        assert_eq!(resumed.core.steps, at);
        assert_eq!(results(&finish(resumed, &stream, &mut ())), whole);
    }
}

/// Catches: a learner that goes on with another network than it was saved with.
#[test]
fn another_network_is_refused() {
    let stream = stream_of(Setting::Domain, 20);
    let saved = learner("finetune", "mlp:12", &training(), Setting::Domain, &stream);
    let bytes = saved.to_bytes().unwrap();
    let error = Learner::from_bytes(&bytes, net("mlp:13"), strategies::load).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the saved learner belongs to another run: its network is mlp:12, this run's mlp:13"
    );
}

/// Catches: iterations counted in epochs, a last small batch that is trained on all the same,
/// a resume that counts from the epoch.
#[test]
fn a_task_of_iterations_has_that_many_steps() {
    let stream = stream_of(Setting::Domain, 40); // 36 rows: 3 whole batches an epoch
    for (remainder, iterations) in
        [(Remainder::Drop, 7), (Remainder::Short, 5), (Remainder::Even, 5), (Remainder::Drop, 2)]
    {
        let training = Training { iterations: Some(iterations), remainder, ..Training::default() };
        let mut saves = Saves::default();
        let start = learner("finetune", "mlp:8", &training, Setting::Domain, &stream);
        let whole = finish(start, &stream, &mut saves);
        assert_eq!(whole.core.steps, 3 * iterations);
        for bytes in &saves.0 {
            let resumed = Learner::from_bytes(bytes, net("mlp:8"), strategies::load).unwrap();
            let resumed = finish(resumed, &stream, &mut ());
            assert_eq!(resumed.digest().unwrap(), whole.digest().unwrap());
        }
    }
}

/// 36 rows in batches of at most 10 are four batches of 9.
///
/// Catches: a last small batch that is trained on as it is, rows left out, an order of rows that
/// depends on how they are divided.
#[test]
fn an_epoch_is_shared_evenly_over_its_batches() {
    let stream = stream_of(Setting::Domain, 40);
    let digest = |remainder, batch| {
        let training = Training { remainder, batch, epochs: 3, ..Training::default() };
        let start = learner("finetune", "mlp:8", &training, Setting::Domain, &stream);
        finish(start, &stream, &mut ()).core.model.digest()
    };
    let even = digest(Remainder::Even, 10);
    assert_eq!(even, digest(Remainder::Short, 9));
    assert_ne!(even, digest(Remainder::Short, 10));
    assert_ne!(even, digest(Remainder::Drop, 10));
}

/// Catches: a task that is passed over without a step.
#[test]
fn a_task_without_a_whole_batch_is_refused_where_the_rest_is_left_out() {
    let stream = stream_of(Setting::Domain, 10); // 9 rows
    let training = Training { remainder: Remainder::Drop, ..Training::default() };
    let mut learner = learner("finetune", "mlp:8", &training, Setting::Domain, &stream);
    let error = learner.run(&stream, &mut (), &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("which has 9 training samples; use a batch of 9 or less"), "{error}");
}
