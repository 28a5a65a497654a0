//! Every verb, cut at every call that changes a file, goes on to the same version.

use std::sync::Arc;

use perennial::store::{Learner, Taught};

use crate::disk::{Cut, Recorded};
use crate::school::{lenient, lesson, opened, school, settings, taught, teach, verified};

/// Catches: a half-done task that is not gone on with or goes on to other bits, a version that is
/// committed twice, a cut that leaves damage.
#[test]
fn teaching_cut_anywhere_goes_on_to_the_same_bits() {
    for strategy in ["ewc", "packnet", "er"] {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole");
        let wanted = taught(&mut school(&whole, strategy, &[0]), 1).state_digest;
        let path = folder.path().join("counted");
        drop(school(&path, strategy, &[0]));
        let files = Arc::new(Recorded::default());
        drop(taught(&mut opened(&path, files.clone()), 1));
        let calls = files.calls().len();
        assert!(calls > 20, "positions and a commit: {calls}");
        for cut in 0..calls {
            let path = folder.path().join(format!("cut {cut}"));
            drop(school(&path, strategy, &[0]));
            let mut learner = opened(&path, Arc::new(Cut::after(cut)));
            let ended = teach(&mut learner, &lesson(1), &lenient());
            assert!(ended.is_err() || cut >= calls, "{cut}: {ended:?}");
            let mut learner = Learner::open(&path).unwrap();
            assert!([1, 2].contains(&learner.head().unwrap().id));
            verified(&path);
            match teach(&mut learner, &lesson(1), &lenient()).unwrap() {
                Taught::Committed { version, .. } => assert_eq!(version.id, 2, "{cut}"),
                Taught::Already { version } => assert_eq!(version, 2, "{cut}"),
                other => panic!("{cut}: {other:?}"),
            }
            assert_eq!(learner.head().unwrap().state_digest, wanted, "{cut}");
            assert_eq!(learner.history().unwrap().versions.len(), 3, "{cut}");
            assert_eq!(learner.half_done().unwrap(), None, "{cut}");
        }
    }
}

/// Catches: a folder that is begun and can neither be opened nor made again.
#[test]
fn making_cut_anywhere_can_be_done_again() {
    for cut in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("learner");
        let made = Learner::create_with(&path, &settings("ewc"), Arc::new(Cut::after(cut)));
        if made.is_ok() {
            assert!(cut > 10, "{cut}");
            break;
        }
        if Learner::open(&path).is_err() {
            Learner::create(&path, &settings("ewc")).unwrap();
        }
        taught(&mut Learner::open(&path).unwrap(), 0);
        verified(&path);
    }
}
