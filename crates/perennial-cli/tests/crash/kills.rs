//! Kills at moments that nobody chose.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::finding::{Extent, Finding};
use crate::place::{Base, STRATEGIES, TEACH, look, perennial};

pub(crate) fn killed_at_random(extent: Extent) -> Finding {
    let mut chance = Chance(1);
    let wanted = extent.of(300, 12);
    let (mut kills, mut rounds) = (0, 0);
    let bases = STRATEGIES.map(Base::new);
    while kills < wanted {
        let base = &bases[rounds % bases.len()];
        let folder = base.copy();
        // How long it takes here, now.
        let begun = Instant::now();
        assert!(perennial(base.copy().path(), TEACH).output().unwrap().status.success());
        let whole = begun.elapsed().as_micros() as u64;
        // Every second attempt is killed early: while it looks at what the one before left.
        loop {
            let longest = if chance.below(2) == 0 { whole / 4 } else { whole };
            let patience = Duration::from_micros(chance.below(longest));
            let mut command = perennial(folder.path(), TEACH);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(patience);
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            if kills >= wanted {
                assert!(perennial(folder.path(), TEACH).output().unwrap().status.success());
                break;
            }
        }
        let seen = look(folder.path());
        assert_eq!((seen.head, seen.digest.as_ref()), (2, Some(&base.new)), "round {rounds}");
        rounds += 1;
    }
    Finding {
        heading: "Killed at random",
        done: "`kill -9` at random moments of teaching, of going on after a kill, and of going on after \
               that; the same command again and again until it ends. The digest is that of an undisturbed \
               run, and every byte hashes to its name.",
        found: format!("{kills} kills over {rounds} tasks. All held."),
    }
}
