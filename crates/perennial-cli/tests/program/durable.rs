//! The durable learner through the program.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{document, finish, perennial, refused};

fn run(folder: &Path, words: &[&str]) -> Command {
    let mut command = perennial();
    command.current_dir(folder).args(words);
    command
}

fn done(folder: &Path, words: &[&str]) -> Value {
    finish(run(folder, words))
}

const LOW: &[&str] = &["teach", "it", "digits", "--task=low", "--classes=0,1,2", "--epochs=2"];
const HIGH: &[&str] = &["teach", "it", "digits", "--task=high", "--classes=3,4", "--epochs=2"];

/// A learner of the low digits.
fn learner(folder: &Path) {
    done(folder, &["init", "it", "--network=mlp:20", "--strategy=er", "--set=er.memory=100"]);
    done(folder, LOW);
}

/// Catches: a command that says another thing than it does, an exit code against the contract.
#[test]
fn a_learner_is_taught_judged_undone_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    learner(at);
    let taught = done(at, &[HIGH, &["--max-drop=0.9", "--max-class-drop=1"]].concat());
    assert_eq!((&taught["version"], &taught["committed"]), (&2.into(), &true.into()));
    let row = done(at, &["eval", "it"]);
    assert_eq!(row["tasks"][1]["accuracy"], taught["accuracy"]["high"]);
    let [low, high] = [0, 1].map(|i| row["tasks"][0]["interval"][i].as_f64().unwrap());
    let accuracy = row["tasks"][0]["accuracy"].as_f64().unwrap();
    assert!(low <= accuracy && accuracy <= high);
    let again = done(at, HIGH);
    assert_eq!((&again["already"], &again["version"]), (&true.into(), &2.into()));
    let diff = done(at, &["diff", "it", "1", "HEAD"]);
    assert_eq!(diff["tasks"][0]["classes"].as_array().unwrap().len(), 3);
    assert_eq!(diff["tasks"][1]["before"], Value::Null);
    done(at, &["tag", "it", "good", "1"]);
    assert_eq!(done(at, &["rollback", "it", "--to", "good"])["version"], 1);
    let history = done(at, &["history", "it"]);
    assert_eq!((&history["schema"], &history["head"]), (&"perennial.history/1".into(), &1.into()));
    let version = &history["versions"][2];
    assert_eq!(version["state_digest"], taught["state_digest"]);
    assert_eq!(version["accuracy"], taught["accuracy"]);
    assert_eq!((&version["parent"], &version["task"]), (&1.into(), &"high".into()));
    assert_eq!(history["judged"]["low"], 1);
    assert_eq!(done(at, &["gc", "it", "--keep=1"])["versions"], serde_json::json!([0]));
    assert_eq!(done(at, &["verify", "it"])["good"], true);
    let text = |words: &[&str]| {
        let output = run(at, words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for words in [&["history", "it"][..], &["diff", "it", "1", "2"], &["eval", "it"]] {
        let widest = text(words).lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= 80), "{words:?}: {widest:?}");
    }
}

/// Catches: a refusal that moves HEAD or hides what fell, a promotion that is not said.
#[test]
fn the_gate_refuses_with_a_table_and_exit_1_and_a_reason_promotes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    learner(at);
    let output = run(at, &[HIGH, &["--floor=1", "--json"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = document(&output);
    assert_eq!((&said["committed"], &said["version"]), (&false.into(), &2.into()));
    let reasons: Vec<&str> =
        said["reasons"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for why in ["`low` fell by", "`low` is at", "below 1"] {
        assert!(reasons.iter().any(|reason| reason.contains(why)), "{said}");
    }
    assert_eq!(done(at, &["history", "it"])["head"], 1);
    let output = run(at, &[HIGH, &["--floor=1"]].concat()).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("before") && words.contains("perennial promote it 2"), "{words}");
    assert_eq!(done(at, &["promote", "it", "2", "--why=wanted"])["version"], 3);
    let history = done(at, &["history", "it"]);
    assert_eq!(history["head"], 3);
    assert_eq!(history["versions"][3]["made"]["why"], "wanted");
}

/// Catches: a stored verdict that a newer program cannot read, or tells by its own rule.
#[test]
fn a_verdict_of_the_first_program_is_shown_as_it_was_written() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../perennial/tests/fixtures");
    let reason = "`task 0` fell by 0.5000, more than 0.02";
    let history = done(&fixtures, &["history", "learner-0.1.0"]);
    assert_eq!(history["versions"][3]["refused"], true);
    assert_eq!(history["versions"][3]["reasons"][0], reason);
    let output = run(&fixtures, &["history", "learner-0.1.0"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("`task 0` fell by 0.5000"), "{text}");
}

/// A rare class of 20 among 3,000 is forgotten for a new one beside it, and the task falls by .0066.
/// Catches: a class that hides in its task, a refusal that moves HEAD, says nothing or no way out, a
/// flag that is not passed on, a line that is wider than a terminal.
#[test]
fn a_rare_class_that_is_lost_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Around a place, a grid of 7 × 11 points within .3 of it.
    let write = |name: &str, parts: &[(usize, f64, &str)]| {
        let mut text = String::from("a,b,label\n");
        for (count, place, label) in parts {
            for row in 0..*count {
                let [x, y] = [row % 7, row % 11].map(|step| step as f64 * 0.05 - 0.25 + place);
                text += &format!("{x:.2},{y:.2},{label}\n");
            }
        }
        fs::write(at.join(name), text).unwrap();
    };
    write("payments.csv", &[(3000, 0.0, "ok"), (20, 3.0, "fraud"), (5, -3.0, "rare")]);
    write("vip.csv", &[(300, 4.0, "vip")]);
    let teach = |data: &str, task: &str, words: &[&str]| {
        let (test, task) = (format!("--test={data}"), format!("--task={task}"));
        run(at, &[&["teach", "it", data, &test, &task, "--epochs=5"], words].concat())
    };
    done(at, &["init", "it", "--network=mlp:8", "--strategy=er", "--set=er.memory=50"]);
    let taught = finish(teach("payments.csv", "payments", &[]));
    assert_eq!(taught["classes"], serde_json::json!([]), "nothing is older");

    let output = teach("vip.csv", "vip", &["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = document(&output);
    let fall = said["gate"]["worst"][1].as_f64().unwrap();
    assert!(fall < 0.02, "the task as a whole may fall so far: {fall}");
    let why = "the recall of `fraud` fell from 20 of 20 to 0 of 20, more than 0.2 and than chance \
               explains (Holm-adjusted p < 0.001, level 0.05)";
    assert!(said["reasons"].as_array().unwrap().contains(&why.into()), "{said}");
    let fraud = said["classes"].as_array().unwrap();
    let fraud = fraud.iter().find(|class| class["class"] == "fraud").unwrap();
    let counts = ["rows", "right_before", "right_after", "broke", "mended"];
    assert_eq!(counts.map(|count| fraud[count].as_u64().unwrap()), [20, 20, 0, 20, 0]);
    assert_eq!(fraud["verdict"], "refused");
    assert!(fraud["p"].as_f64().unwrap() < 1e-5);
    let clause = serde_json::json!({ "clause": "fall", "p": fraud["p"], "level": 0.05 });
    assert_eq!(fraud["refused"], clause);
    assert_eq!(said["gate"]["gate"]["max-class-drop"], 0.2);
    assert!(said["hints"][1].as_str().unwrap().contains("--set er.memory, 50 now"), "{said}");

    let history = done(at, &["history", "it"]);
    assert_eq!(history["head"], 1);
    assert_eq!(history["versions"][2]["reasons"], said["reasons"]);
    assert_eq!(history["versions"][2]["gate"]["worst-class"][0], "fraud");
    let words = |command: &mut Command| {
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text.split_whitespace().collect::<Vec<&str>>().join(" ")
    };
    let text = words(&mut teach("vip.csv", "vip", &[]));
    for part in [
        &format!("refused: {why}"),
        "hint: try a lower --lr (0.001 now)",
        "10 test samples): `rare`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(words(&mut run(at, &["history", "it"])).contains("fell from 20 of 20 to 0 of 20"));
    // Damage of the reason does not take the list of versions away.
    let manifest = fs::read_to_string(at.join("it/versions/000002.json")).unwrap();
    let (_, object) = manifest.split_once(r#""gate":{"hash":""#).unwrap();
    let object = at.join("it/objects").join(&object[..64]);
    let whole = fs::read(&object).unwrap();
    fs::write(&object, b"damage").unwrap();
    let said = String::from_utf8(run(at, &["history", "it"]).output().unwrap().stdout).unwrap();
    assert!(said.contains("cannot be") && said.contains("payments"), "{said}");
    fs::write(&object, whole).unwrap();
    let passed = finish(teach("vip.csv", "vip", &["--max-class-drop=1", "--strict"]));
    assert_eq!(passed["committed"], true);
    assert_eq!(passed["gate"]["gate"]["strict"], true);
}

/// Catches: labels that are not the classes' names, rows in another order, CSV that breaks.
#[test]
fn new_samples_are_answered_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows = |shift: f32| {
        let row = |i: i32| format!("{},{}\n", i as f32 / 10.0 + shift, 1.0 - i as f32 / 10.0);
        (0..12).map(row).collect::<Vec<String>>()
    };
    let labelled = |shift: f32, label: &str| {
        rows(shift).iter().map(|row| format!("{},{label}\n", row.trim())).collect::<String>()
    };
    let table = format!("a,b,label\n{}{}", labelled(0.0, "near"), labelled(9.0, "\"far, off\""));
    fs::write(at.join("places.csv"), table).unwrap();
    fs::write(at.join("new.csv"), format!("a,b\n{}{}", rows(0.0)[3], rows(9.0)[3])).unwrap();
    done(at, &["init", "it", "--network=mlp:8", "--strategy=finetune"]);
    done(at, &["teach", "it", "places.csv", "--task=places", "--epochs=60"]);
    let said = done(at, &["predict", "it", "new.csv"]);
    let labels = [&said["rows"][0]["label"], &said["rows"][1]["label"]];
    assert_eq!(labels, ["near", "far, off"]);
    let lines = run(at, &["predict", "it", "new.csv", "--format=jsonl"]).output().unwrap().stdout;
    let first: Value =
        serde_json::from_slice(lines.split(|&b| b == b'\n').next().unwrap()).unwrap();
    assert_eq!(first, said["rows"][0]);
    let csv = String::from_utf8(run(at, &["predict", "it", "new.csv"]).output().unwrap().stdout);
    let csv = csv.unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains("\"p(far, off)\"") && lines[2].contains(",\"far, off\","), "{csv}");
    let measured = done(at, &["eval", "it", "places.csv", "--task=places"]);
    assert_eq!(measured["tasks"][0]["rows"], 24);
    // Of several files a row is known by its file too.
    let answered = done(at, &["predict", "it", "places.csv", "places.csv"]);
    assert_eq!(answered["rows"][0]["input"], "places.csv line 2");
}

/// Catches: a panic, a wrong exit code, a hint that leads nowhere, HEAD moved by a mistake.
#[test]
fn mistakes_are_told_in_a_sentence_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    learner(at);
    fs::write(at.join("wide.csv"), "a,b,label\n1,2,x\n3,4,y\n1,2,x\n3,4,y\n").unwrap();
    fs::write(at.join("ragged.csv"), "a,b,label\n1,2,x\n3,4\n").unwrap();
    fs::write(at.join("cut.parquet"), "PAR1").unwrap();
    // What is said of a Parquet file that is cut off, with a reader of the format and without.
    let (exit, code, part) = if cfg!(feature = "parquet") {
        (65, "bad-data", "is no whole Parquet file")
    } else {
        (2, "usage", "`cargo build --release --features parquet -p perennial-cli`")
    };
    let head = fs::read(at.join("it/HEAD")).unwrap();
    for (words, exit, code, part) in [
        (&["teach", "it", "cut.parquet", "--task=cut"][..], exit, code, part),
        (&["eval", "none"], 66, "input-missing", "there is no such folder"),
        (&["history", "."], 66, "input-missing", "no file FORMAT"),
        (&["init", "it"], 73, "cannot-create", "a learner is there already"),
        (&["init", "new", "--strategy=ewk"], 2, "usage", "did you mean `ewc`"),
        (&["init", "new", "--network=mlp:0"], 2, "usage", "mlp:0"),
        (&["init", "new", "--strategy=packnet", "--setting=class"], 2, "usage", "told the task"),
        (&["init", "new", "--set=si.c=1"], 2, "usage", "si takes no part here"),
        (&["teach", "it", "wide.csv", "--task=wide"], 65, "bad-data", "1×1×2"),
        (&["teach", "it", "ragged.csv", "--task=ragged"], 65, "bad-data", "line 3"),
        (&["teach", "it", "missing.csv", "--task=m"], 66, "input-missing", "missing.csv"),
        (&["teach", "it", "digits", "--task=low", "--lr=0.5"], 2, "usage", "knows a task `low`"),
        (&["teach", "it", "digits", "--task=x", "--max-drop=2"], 2, "usage", "--max-drop 2"),
        (&["teach", "it", "digits", "--task=x", "--max-class-drop=2"], 2, "usage", "-class-drop 2"),
        // What needs no data is refused before they are read: there are none.
        (&["teach", "it", "missing.csv", "--task=x", "--epochs=0"], 2, "usage", "epochs"),
        (&["teach", "it", "missing.csv", "--task=x", "--batch=0"], 2, "usage", "batch"),
        (&["teach", "it", "missing.csv", "--task=x", "--lr=0"], 2, "usage", "lr"),
        (
            &["teach", "it", "missing.csv", "--task=x", "--validation=1"],
            2,
            "usage",
            "--validation 1",
        ),
        (&["teach", "it", "missing.csv", "--task=x", "--floor=2"], 2, "usage", "--floor 2"),
        (&["teach", "it", "missing.csv", "--task="], 2, "usage", "a task needs a name"),
        (&["teach", "it", "digits", "--task=x", "--classes=ten"], 2, "usage", "no class `ten`"),
        (&["eval", "it", "digits", "--task=low"], 65, "bad-data", "has the class `3`, which"),
        (&["eval", "it", "digits", "--task=no"], 2, "usage", "no task `no`; it has low"),
        (&["predict", "it", "wide.csv"], 65, "bad-data", "1×1×2"),
        (&["rollback", "it", "--to=9"], 2, "usage", "no version `9`"),
        (&["rollback", "it", "--to=best"], 2, "usage", "no version or tag `best`"),
        (&["promote", "it", "1", "--why=so"], 2, "usage", "did not refuse version 1"),
        (&["diff", "it", "1", "7"], 2, "usage", "no version `7`"),
        (&["tag", "it", "7"], 2, "usage", "cannot be a tag"),
        (&["forget-sample", "it", "0", "--task=no"], 2, "usage", "no task `no`"),
        (&["import", "new", "wide.csv"], 65, "bad-data", "no exported learner"),
        (&["import", "new", "missing"], 66, "input-missing", "missing"),
    ] {
        let said = refused(run(at, words), exit, code);
        assert!(said.contains(part), "{words:?}: {said}");
        assert!(!at.join("new/HEAD").exists());
    }
    assert_eq!(fs::read(at.join("it/HEAD")).unwrap(), head);
}

/// Catches: a half-done task that is lost, gone on with by other flags, or to other bits, or that must
/// be told again what it was begun with.
#[cfg(target_os = "linux")]
#[test]
fn killed_while_it_is_taught_it_goes_on() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let lenient = ["--save-every=1", "--max-drop=1", "--max-class-drop=1", "--quiet"];
    let own = ["--epochs=12", "--batch=7", "--remainder=short", "--lr=0.002"];
    let teach = [&HIGH[..5], &lenient, &own].concat();
    learner(at);
    let wanted = done(at, &teach)["state_digest"].clone();
    fs::remove_dir_all(at.join("it")).unwrap();
    learner(at);
    let begun = Instant::now();
    let mut half_done = false;
    for round in 1..=3 {
        let mut child = run(at, &teach).stdout(Stdio::null()).spawn().unwrap();
        while !at.join("it/position").exists() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(5 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        half_done |= at.join("it/position").exists();
    }
    assert!(half_done, "no kill came while it was taught");
    let other = [&HIGH[..5], &["--epochs=11"]].concat();
    let said = refused(run(at, &other), 2, "usage");
    assert!(said.contains("--epochs: 12 → 11"), "{said}");
    let bare = [&HIGH[..5], &lenient].concat();
    assert_eq!(done(at, &bare)["state_digest"], wanted);
    assert!(!at.join("it/position").exists());
    assert_eq!(done(at, &bare)["already"], true);
    assert_eq!(done(at, &["verify", "it"])["good"], true);
}

/// Catches: damage that is not named, or whose hint does not help.
#[test]
fn damage_is_named_and_the_hint_helps() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    learner(at);
    done(at, &[HIGH, &["--max-drop=0.9", "--max-class-drop=1"]].concat());
    let object = done(at, &["history", "it"])["versions"][2]["id"].clone();
    assert_eq!(object, 2);
    let newest = fs::read_dir(at.join("it/objects")).unwrap().flatten();
    let newest = newest.max_by_key(|file| file.metadata().unwrap().modified().unwrap()).unwrap();
    let mut bytes = fs::read(newest.path()).unwrap();
    bytes[0] ^= 1;
    fs::write(newest.path(), bytes).unwrap();
    let output = run(at, &["verify", "it", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(76));
    let found = document(&output);
    assert_eq!(found["whole"], serde_json::json!([0, 1]), "{found}");
    done(at, &["rollback", "it", "--to=1"]);
    done(at, &["eval", "it"]);
}
