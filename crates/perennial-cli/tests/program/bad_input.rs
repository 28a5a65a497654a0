//! Bad input: a clear sentence, the right exit code, nothing lost.

use std::fs;
use std::path::Path;

use crate::run::{finish, perennial, refused, small};

/// What is refused with exit 2 before anything is written, and what it must say.
#[test]
fn settings_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    for (word, says) in [
        ("--strategies=finetun", "did you mean `finetune`? known are: finetune, joint"),
        ("--network=mpl:100", "there is no network `mpl:100`"),
        ("--network=mlp:0", "a width must be at least 1"),
        ("--lr=0", "lr = 0 cannot be: a learning rate is a number above 0"),
        ("--lr=-1", "lr = -1 cannot be"),
        ("--lr=nan", "expected a finite number"),
        ("--lr=inf", "expected a finite number"),
        ("--lr=fast", "expected a number"),
        ("--tasks=0", "0 tasks"),
        ("--epochs=0", "epochs = 0 cannot be"),
        ("--batch=0", "batch = 0 cannot be"),
        ("--jobs=0", "jobs = 0 cannot be"),
        ("--threads=0", "threads = 0 cannot be"),
        ("--save-every=0", "save-every = 0 cannot be"),
        ("--seeds=0", "seeds = 0 cannot be"),
        ("--eval-every=0", "eval-every = 0 cannot be"),
        ("--anytime=0", "anytime = 0 cannot be"),
        ("--lca=0", "lca = 0 cannot be"),
        ("--samples-per-task=0", "samples"),
        ("--samples-per-task=9999", "1442"),
        ("--validation=1", "validation"),
        ("--remainder=evenly", "expected short, drop or even"),
        ("--setting=tusk", "expected task, domain or class"),
        ("--setting=class", "permuted-digits"),
        ("--set=lr", "has no `=`"),
        ("--set=lr=nan", "--set lr=nan: invalid value 'nan'"),
        ("--set=optimizer.momentun=0.9", "did you mean `optimizer.momentum`?"),
        ("--set=optimizer.momentum=high", "expected a finite number"),
        ("--set=optimizer.momentum=1", "optimizer.momentum = 1 cannot be"),
        ("--set=joint.start=later", "later"),
        ("--set=nothing=1", "there is no setting `nothing`"),
        ("--set=tasks=x", "expected a whole number"),
        ("--tasks=-1", "expected a whole number"),
        ("--set=rotated.angles=0,15", "rotated takes no part here"),
        ("--memory=0", "memory = 0 cannot be"),
        ("--memory=0B", "memory = 0B cannot be"),
        ("--memory=-3", "`-3` is not a number of samples such as 500"),
        ("--memory=2 pounds", "`2 pounds` is not a number of samples such as 500"),
        ("--memory=4", "--memory 4 leaves nothing for each of 5 tasks, and gem keeps"),
        ("--set=er.memory=0", "er.memory = 0 cannot be"),
        ("--set=er.memory=lots", "expected a finite number"),
        ("--set=gem.margin=-1", "gem.margin = -1 cannot be"),
        ("--set=lwf.temperature=0", "lwf.temperature = 0 cannot be"),
        ("--set=packnet.prune=1", "packnet.prune = 1 cannot be: each share must be at least 0"),
        ("--set=packnet.prune=half", "expected equal, paper, a number or numbers"),
        ("--set=cpg.goal=95", "cpg.goal = 95 cannot be: a goal is an accuracy from 0 to 1"),
        ("--set=cpg.growth=0.5", "cpg.growth = 0.5 cannot be: it must be a multiple of at least 1"),
        ("--set=pnn.width=2", "pnn.width = 2 cannot be"),
        ("--infer=guess", "invalid value 'guess'"),
        ("--set=er.batch=-1", "er.batch = -1 cannot be"),
        ("--set=lwf.scale=square", "lwf.scale = square cannot be"),
        ("--set=norm.statistics=once", "norm.statistics = once cannot be"),
        ("--set=optimizer.momentum=2MB", "optimizer.momentum = 2MB cannot be"),
        ("--fast", "unexpected argument '--fast'"),
    ] {
        let mut command = perennial();
        let words = ["compare", word, "--out"];
        command.args(words).arg(folder.path().join("run"));
        let said = refused(command, 2, "usage");
        assert!(said.contains(says), "{word}: {said}");
    }
    assert!(!folder.path().join("run").exists());
}

#[test]
fn benchmarks_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    for (words, exit, code, says) in [
        (&["permuted-digit"][..], 2, "usage", "permuted-digits"),
        (&["split-digits", "--tasks=11"], 2, "usage", "10 classes"),
        (&["permuted-mnist", "--data=none-such"], 66, "input-missing", "none-such"),
        (&["permuted-mnist", "--data=."], 66, "input-missing", "perennial data fetch mnist"),
        (&["none-such.toml"], 66, "input-missing", "none-such.toml"),
        (&["--config=none-such.toml"], 66, "input-missing", "none-such.toml"),
    ] {
        let mut command = perennial();
        command.current_dir(folder.path()).arg("compare").args(words);
        let said = refused(command, exit, code);
        assert!(said.contains(says), "{words:?}: {said}");
    }
    fs::write(folder.path().join("bad.toml"), "lr = 0.1\nbatch == 3\n").unwrap();
    let mut command = perennial();
    command.current_dir(folder.path()).args(["compare", "--config=bad.toml"]);
    let said = refused(command, 65, "bad-data");
    assert!(said.contains("line 2 of bad.toml"), "{said}");
}

#[test]
fn what_teaches_nothing_or_changes_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let list = "[[task]]\nname = 'a'\ndata = 'digits'\nclasses = ['x']\n";
    fs::write(folder.path().join("list.toml"), list).unwrap();
    for (words, says) in [
        (
            &["permuted-digits", "--remainder=drop", "--batch=21", "--samples-per-task=20"][..],
            "which has 20 training samples; use a batch of 20 or less, or another remainder",
        ),
        (
            // Two of the 20 are what cpg chooses by.
            &["permuted-digits", "--remainder=drop", "--batch=20", "--samples-per-task=20"],
            "cpg sets 10 % of its training samples apart to choose by: remainder = drop cannot be",
        ),
        (
            &["permuted-digits", "--strategies=finetune", "--set=joint.start=scratch"],
            "joint takes no part",
        ),
        (
            &["split-digits", "--tasks=6"],
            "6 tasks of 10 classes leave 1 class a task, which needs no learning; use at most 5 tasks",
        ),
        (&["split-digits", "--tasks=3", "--set=split.order=0,1,2,3,4"], "use at most 2 tasks"),
        (&["list.toml"], "list.toml: digits has no class `x`"),
    ] {
        let mut command = perennial();
        command.current_dir(folder.path()).arg("compare").args(words);
        let said = refused(command, 2, "usage");
        assert!(said.contains(says), "{words:?}: {said}");
    }
    // A number that may also be a word, and a word that it may not be.
    let samples = |word: &str| {
        let mut command = perennial();
        command.current_dir(folder.path()).args(["compare", "--strategies=ewc", "--tasks=2"]);
        command.args(["--samples-per-task=20", "--network=mlp:8", "--seeds=1"]);
        command.arg(format!("--set=ewc.fisher-samples={word}")).arg(format!("--out={word}"));
        command
    };
    assert_eq!(finish(samples("all"))["runs"][0]["settings"]["fisher-samples"], "all");
    let said = refused(samples("some"), 2, "usage");
    assert!(said.contains("ewc.fisher-samples = some cannot be"), "{said}");
    // The other settings of a file wait for a comparison that they are of.
    fs::write(folder.path().join("all.toml"), "[joint]\nstart = 'scratch'\n").unwrap();
    let mut command = perennial();
    command
        .current_dir(folder.path())
        .args(["compare", "--config=all.toml", "--strategies=finetune", "--remainder=drop"])
        .args(["--batch=20", "--samples-per-task=20", "--tasks=2", "--network=mlp:8"])
        .args(["--seeds=1", "--out=run"]);
    assert_eq!(finish(command)["runs"][0]["steps"], 2);
}

#[test]
fn a_folder_of_another_run_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    finish(small(folder.path(), &[]));
    let before = fs::read(folder.path().join("result.json")).unwrap();
    let said = refused(small(folder.path(), &["--lr=0.2", "--seeds=2"]), 2, "usage");
    assert!(said.contains("lr: 0.1 → 0.2; seeds: 0 → 0,1"), "{said}");
    assert_eq!(fs::read(folder.path().join("result.json")).unwrap(), before);
    let said = refused(small(folder.path(), &["--remainder=short"]), 2, "usage");
    assert!(said.contains("remainder: even → short"), "{said}");
    // Without a run.json it is somebody else's.
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("thesis.tex"), "").unwrap();
    let said = refused(small(other.path(), &[]), 2, "usage");
    assert!(said.contains("thesis.tex"), "{said}");
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for out in [file.clone(), file.join("below"), Path::new("/proc/none-such").to_owned()] {
        let said = refused(small(&out, &[]), 73, "cannot-create");
        assert!(said.contains(&*out.to_string_lossy()) && said.contains("--out DIR"), "{said}");
    }
}

/// A limit on the size of files fails the same writes as a disk that fills up: the small files
/// of the folder fit, the state does not.
#[cfg(unix)]
#[test]
fn a_full_disk_keeps_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut shell = std::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_perennial");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""])
        .arg(program)
        .args(small(&out, &["--network=mlp:100x100", "--save-every=1"]).get_args());
    let said = refused(shell, 74, "io");
    assert!(said.contains("state") && said.contains("free some space"), "{said}");
    // With space again it goes on, and ends as if nothing had been.
    let whole = finish(small(&folder.path().join("whole"), &["--network=mlp:100x100"]));
    let resumed = finish(small(&out, &["--network=mlp:100x100"]));
    assert_eq!(crate::run::numbers(resumed), crate::run::numbers(whole));
}

/// Catches: a setting of a comparison that `init` takes and drops, passes that a method does not make.
#[test]
fn a_learner_takes_no_setting_that_it_would_not_use() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut command = perennial();
        command.current_dir(folder.path()).args(words);
        command
    };
    for key in ["no-borders=true", "lr=3", "network=cnn"] {
        let said = refused(run(&["init", "l", "--set", key]), 2, "usage");
        assert!(said.contains("would change nothing here"), "{said}");
    }
    let warm = ["--strategy", "lwf", "--setting", "domain", "--set", "lwf.warm-up=.3"];
    let said = refused(run(&[&["init", "l"], &warm[..]].concat()), 2, "usage");
    assert!(said.contains("all tasks share one head"), "{said}");
    finish(run(&["init", "l", "--strategy", "gdumb"]));
    let said =
        refused(run(&["teach", "l", "digits", "--task", "one", "--epochs", "2"]), 2, "usage");
    assert!(said.contains("--epochs would change nothing"), "{said}");
}
