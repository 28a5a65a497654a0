//! Numbers depend on the plan alone: not on jobs, threads or when a cell was saved.

use crate::run::{finish, numbers, small};

#[test]
fn jobs_threads_and_saving_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, words: &[&str]| {
        numbers(finish(small(&folder.path().join(name), &[words, &["--seeds=2"]].concat())))
    };
    let first = with("a", &["--jobs=1", "--threads=1"]);
    assert_eq!(with("b", &["--jobs=2", "--threads=1"]), first);
    assert_eq!(with("c", &["--jobs=2", "--threads=2"]), first);
    assert_eq!(with("d", &["--jobs=1", "--threads=2", "--save-every=7"]), first);
    // Two memories of 150 rows are two passes, which two threads share.
    let gem = ["--strategies=gem", "--set=gem.memory=150", "--jobs=1"];
    let one = with("e", &[&gem[..], &["--threads=1"]].concat());
    assert_eq!(with("f", &[&gem[..], &["--threads=2"]].concat()), one);
}
