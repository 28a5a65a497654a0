//! Stopped at any instant, by any means, the same command goes on bit for bit.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{document, finish, numbers, perennial, refused, small};

/// Long enough to be stopped in the middle: about a second.
const LONG: &[&str] = &["--samples-per-task=400", "--network=mlp:50x50"];

fn long(out: &Path, more: &[&str]) -> Command {
    small(out, &[LONG, more].concat())
}

fn start(mut command: Command) -> Child {
    command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn kill(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// The processes that name this folder, or whose parent does: the program's workers hold their
/// cell's lock open.
fn workers_in(folder: &Path) -> Vec<u32> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let Ok(open) = fs::read_dir(entry.path().join("fd")) else { continue };
        let holds = open.flatten().any(|fd| {
            fs::read_link(fd.path()).is_ok_and(|path| path.starts_with(folder.join("cells")))
        });
        if holds {
            pids.push(pid);
        }
    }
    pids
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn has_state(out: &Path) -> bool {
    let Ok(cells) = fs::read_dir(out.join("cells")) else { return false };
    cells.flatten().any(|cell| cell.path().join("state").exists())
}

/// Catches: a state that misses a part of the learner, a log that is not cut, a second start
/// that begins anew or runs a finished cell again, workers that outlive their parent.
#[test]
fn killed_at_any_moment_it_ends_as_if_nothing_had_been() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbers(finish(long(&folder.path().join("whole"), &[])));
    for every in ["1", "13", "250"] {
        let out = folder.path().join(every);
        let mut cut = false;
        // Killed again and again, each time a little later after a state was there.
        for round in 0..3 {
            let mut parent = start(long(&out, &["--save-every", every]));
            wait_until("a state, or the end", || {
                has_state(&out) || parent.try_wait().unwrap().is_some()
            });
            std::thread::sleep(Duration::from_millis(25 * round));
            parent.kill().unwrap();
            parent.wait().unwrap();
            wait_until("orphans end", || workers_in(&out).is_empty());
            cut |= has_state(&out);
        }
        assert!(cut, "no kill came in the middle of a cell");
        assert_eq!(numbers(finish(long(&out, &["--save-every", every]))), whole, "every {every}");
        for cell in ["finetune-0", "joint-0"] {
            let log = |run: &str| {
                let path = folder.path().join(run).join("cells").join(cell).join("events.jsonl");
                fs::read_to_string(path).unwrap()
            };
            assert_eq!(log(every), log("whole"), "the log of a resumed run");
        }
    }
}

#[test]
fn a_signal_saves_says_how_to_go_on_and_exits_as_agreed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbers(finish(long(&folder.path().join("whole"), &[])));
    for (signal, exit, code) in [("-INT", 130, "interrupted"), ("-TERM", 143, "terminated")] {
        let out = folder.path().join(code);
        let parent = start(long(&out, &["--save-every=1"]));
        wait_until("a state", || has_state(&out));
        kill(parent.id(), signal);
        let output = parent.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(exit));
        let error = document(&output)["error"].clone();
        assert_eq!(error["code"], code);
        assert!(workers_in(&out).is_empty());
        // The hint is the command that goes on.
        let hint = error["hint"].as_str().unwrap().strip_prefix("go on with: ").unwrap();
        let mut again = perennial();
        again.args(hint.split(' ').skip(1));
        assert_eq!(numbers(finish(again)), whole);
    }
}

/// A terminal's Ctrl-C goes to the whole foreground group. Workers are in none of it.
#[test]
fn a_signal_to_the_group_stops_cleanly_too() {
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mut command = long(folder.path(), &["--save-every=1"]);
    command.process_group(0);
    let parent = start(command);
    wait_until("a state", || has_state(folder.path()));
    let group = format!("-{}", parent.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = parent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let failed = |cell: &str| folder.path().join("cells").join(cell).join("error.json").exists();
    assert!(!failed("finetune-0") && !failed("joint-0"));
}

#[test]
fn a_killed_worker_fails_its_cell_alone_and_the_next_run_tries_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbers(finish(long(&folder.path().join("whole"), &["--jobs=1"])));
    let out = folder.path().join("run");
    let parent = start(long(&out, &["--jobs=1", "--save-every=1"]));
    wait_until("a worker", || has_state(&out));
    kill(workers_in(&out)[0], "-KILL");
    let output = parent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let runs = document(&output)["runs"].clone();
    assert_eq!(runs[0]["error"]["code"], "worker-killed");
    assert!(runs[1]["acc"].is_number(), "{}", runs[1]);
    assert_eq!(numbers(finish(long(&out, &[]))), whole);
}

#[test]
fn a_second_process_is_sent_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = start(long(folder.path(), &["--save-every=1"]));
    wait_until("a state", || has_state(folder.path()));
    let said = refused(long(folder.path(), &[]), 75, "busy");
    assert!(said.contains(&format!("process {} on ", parent.id())), "{said}");
    kill(parent.id(), "-INT");
    parent.wait().unwrap();
}

#[test]
fn a_damaged_state_is_named_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let parent = start(long(folder.path(), &["--save-every=1", "--strategies=finetune"]));
    wait_until("a state", || has_state(folder.path()));
    kill(parent.id(), "-INT");
    parent.wait_with_output().unwrap();
    let cell = folder.path().join("cells/finetune-0");
    let (state, events) = (cell.join("state"), cell.join("events.jsonl"));
    let whole = fs::read(&state).unwrap();
    let again = || long(folder.path(), &["--strategies=finetune"]);
    for at in [0, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&state, &bytes).unwrap();
        let said = refused(again(), 76, "damaged");
        assert!(said.contains("finetune-0/state") && said.contains("delete the folder"), "{said}");
        assert_eq!(said.matches("a copy").count(), 1, "one thing to do, said once: {said}");
        assert_eq!(fs::read(&state).unwrap(), bytes, "left as it was");
    }
    fs::write(&state, &whole).unwrap();
    // A log shorter than the state counts on is damage too.
    let log = fs::read(&events).unwrap();
    assert!(!log.is_empty());
    fs::write(&events, &log[..log.len() - 1]).unwrap();
    let said = refused(again(), 76, "damaged");
    assert!(said.contains("events.jsonl"), "{said}");
    // What the hint says helps.
    fs::remove_dir_all(&cell).unwrap();
    finish(again());
}

/// Catches: a plan from before there was a remainder that is refused, or that is gone on with in
/// other batches than its finished cells had.
#[test]
fn a_run_of_an_older_program_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["--remainder=short", "--batch=30"]; // 200 samples: 20 are left
    let first = numbers(finish(small(folder.path(), &short)));
    let identity = folder.path().join("run.json");
    let text = fs::read_to_string(&identity).unwrap();
    let old = text.replace("\"remainder\": \"short\"", "\"drop-last\": false");
    assert_ne!(old, text);
    fs::write(&identity, old).unwrap();
    fs::remove_file(folder.path().join("cells/finetune-0/result.json")).unwrap();
    let said = refused(small(folder.path(), &["--batch=30"]), 2, "usage");
    assert!(said.contains("remainder: short → even"), "{said}");
    assert!(said.contains("--remainder short"), "{said}");
    assert_eq!(numbers(finish(small(folder.path(), &short))), first);
}

/// Catches: a plan from before a method had a setting that is refused, or a newer setting whose
/// default is not what the older program did.
#[test]
fn a_plan_without_newer_settings_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let replay = ["--strategies=er"];
    let first = numbers(finish(small(folder.path(), &replay)));
    let identity = folder.path().join("run.json");
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(&identity).unwrap()).unwrap();
    let settings = plan["strategies"][0]["settings"].as_object_mut().unwrap();
    for newer in ["batch", "steps"] {
        assert!(settings.remove(newer).is_some(), "{settings:?}");
    }
    fs::write(&identity, plan.to_string()).unwrap();
    fs::remove_file(folder.path().join("cells/er-0/result.json")).unwrap();
    let said = refused(small(folder.path(), &["--strategies=er", "--set=er.steps=2"]), 2, "usage");
    assert!(said.contains("er.steps: 1 → 2"), "{said}");
    assert_eq!(numbers(finish(small(folder.path(), &replay))), first);
}
