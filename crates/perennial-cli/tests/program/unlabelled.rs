//! Data without labels, on which MAS measures importance.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{finish, perennial, refused};

fn run(at: &Path, words: &[&str]) -> Command {
    let mut command = perennial();
    command.current_dir(at).args(words);
    command
}

/// A table of two classes, and one of the same columns without labels.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize, class: usize| format!("{}.5,{}", i + 40 * class, 9 - i % 3);
    let labelled = |i: usize| format!("{},a\n{},b\n", row(i, 0), row(i, 1));
    let table = format!("x,y,kind\n{}", (0..9).map(labelled).collect::<String>());
    let rows: String = (0..7).map(|i| format!("{}\n", row(i, 0))).collect();
    fs::write(folder.path().join("one.csv"), table).unwrap();
    fs::write(folder.path().join("bare.csv"), format!("x,y\n{rows}")).unwrap();
    fs::write(folder.path().join("other.csv"), "x,z\n1,2\n3,4\n").unwrap();
    folder
}

/// Catches: rows without labels that are dropped on the way to the learner, a lesson that is taken for
/// done with other such rows, columns that are not compared.
#[test]
fn a_learner_is_taught_with_rows_without_labels() {
    let folder = place();
    let at = folder.path();
    let made = ["--strategy", "mas", "--set", "mas.data=unlabelled", "--setting", "task"];
    finish(run(at, &[&["init", "it"], &made[..]].concat()));
    let teach = ["teach", "it", "one.csv", "--task", "one", "--epochs", "1"];
    let error = refused(run(at, &teach), 2, "usage");
    assert!(error.contains("teach it with --unlabelled DATA"), "{error}");
    let error =
        refused(run(at, &[&teach[..], &["--unlabelled", "other.csv"]].concat()), 65, "bad-data");
    assert!(error.contains("other.csv"), "{error}");
    let with = [&teach[..], &["--unlabelled", "bare.csv"]].concat();
    assert_eq!(finish(run(at, &with))["committed"], true);
    assert_eq!(finish(run(at, &with))["already"], true);
    finish(run(at, &["init", "plain"]));
    let plain = ["teach", "plain", "one.csv", "--task", "one", "--unlabelled", "bare.csv"];
    let error = refused(run(at, &plain), 2, "usage");
    assert!(error.contains("--unlabelled would change nothing"), "{error}");
}

/// Catches: a key of a list that is read and not used.
#[test]
fn a_list_names_rows_without_labels() {
    let folder = place();
    let at = folder.path();
    let task = |name: &str, more: &str| {
        format!("[[task]]\nname = \"{name}\"\ndata = \"./one.csv\"\n{more}\n")
    };
    let bare = "unlabelled = \"bare.csv\"";
    fs::write(at.join("both.toml"), task("a", bare) + &task("b", bare)).unwrap();
    fs::write(at.join("first.toml"), task("a", bare) + &task("b", "")).unwrap();
    fs::write(at.join("turned.toml"), task("a", &format!("{bare}\npermute = 1"))).unwrap();
    let compare = |list: &str, out: &str| {
        let words = ["compare", list, "--strategies", "mas", "--set", "mas.data=unlabelled"];
        let more = ["--setting", "task", "--seeds", "1", "--network", "mlp:8", "--out", out];
        run(at, &[&words[..], &more[..]].concat())
    };
    finish(compare("both.toml", "both"));
    let error = refused(compare("first.toml", "first"), 2, "usage");
    assert!(error.contains("task `b` brings no samples without labels"), "{error}");
    let error = refused(compare("turned.toml", "turned"), 2, "usage");
    assert!(error.contains("would not be permuted"), "{error}");
}
