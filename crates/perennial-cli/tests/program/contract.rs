//! DESIGN's contract: documents, exit codes, what goes where.

use perennial_report::Comparison;

use crate::run::{document, finish, perennial, refused, small};

#[test]
fn a_comparison_is_one_document_with_all_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let document = finish(small(&out, &[]));
    assert_eq!(document["schema"], "perennial.compare/1");
    for (key, value) in [("benchmark", "permuted-digits"), ("setting", "domain")] {
        assert_eq!(document[key], value);
    }
    assert_eq!((&document["tasks"], &document["network"]), (&3.into(), &"mlp:20".into()));
    let runs = document["runs"].as_array().unwrap();
    let names: Vec<&str> = runs.iter().map(|run| run["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["finetune", "joint", "independent"]);
    for run in runs {
        assert_eq!(run["seed"], 0);
        let rows = run["accuracy"].as_array().unwrap();
        assert_eq!(rows.len(), 4, "row 0 is the untrained network");
        for key in [
            "settings",
            "acc",
            "bwt",
            "fwt",
            "forgetting",
            "learning_accuracy",
            "steps",
            "train_seconds",
            "eval_seconds",
            "parameters",
            "kept_bytes",
            "task_known",
            "label",
        ] {
            assert!(run.get(key).is_some(), "{key} of {run}");
        }
        for key in ["state_digest", "learner_digest"] {
            assert_eq!(run[key].as_str().unwrap().len(), 64);
        }
    }
    // Joint keeps all rows: 3 tasks of 200 images of 64 bytes; the others none.
    assert_eq!(runs[1]["kept_bytes"]["data"], 3 * 200 * 64);
    assert_eq!(runs[0]["kept_bytes"]["data"], 0);
    assert_eq!(runs[1]["label"], "joint (1 pass)");
    // Against joint training from scratch: itself, 0; another, the difference on the last task.
    let last = |run: usize| runs[run]["accuracy"][3][2].as_f64().unwrap();
    assert_eq!(runs[1]["intransigence"], 0.0);
    assert_eq!(runs[0]["intransigence"], last(1) - last(0));
    // One model a task, told which: nothing moves, so BWT is 0 to the last bit.
    assert_eq!((&runs[2]["task_known"], &runs[2]["bwt"]), (&true.into(), &0.0.into()));
    // What was printed is what lies in the folder, and the report opens it.
    let read = Comparison::read(&out).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), document);
    assert!(out.join("report.html").is_file());
    // Run again, it only shows what is there.
    assert_eq!(finish(small(&out, &[])), document);
}

#[test]
fn the_answer_is_on_standard_out_and_everything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = small(&out, &[]).output().unwrap();
    assert!(output.status.success());
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(answer.contains("finetune") && answer.contains("report: "), "{answer}");
    assert!(!answer.contains("[1/3]"), "{answer}");
    assert!(answer.lines().all(|line| line.chars().count() <= 80), "{answer}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("[3/3]"), "{errors}");
    assert!(errors.contains("digits: known set, images of 1×8×8, bytes of which 16 is read as 1"));
    let output = small(&out, &["--quiet"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn one_seed_equals_its_cell_among_several() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--strategies=finetune", "--samples-per-task=50"];
    let with = |name: &str, seed: &str| {
        let mut all: Vec<&str> = words.to_vec();
        all.push(seed);
        let words = ["compare", "permuted-digits", "--tasks=2", "--network=mlp:8"];
        let mut command = perennial();
        command.args(words).args(all).arg("--out").arg(folder.path().join(name));
        finish(command)
    };
    let (several, one) = (with("several", "--seeds=2"), with("one", "--seed=1"));
    assert_eq!(several["runs"][1]["state_digest"], one["runs"][0]["state_digest"]);
    assert_ne!(several["runs"][0]["state_digest"], one["runs"][0]["state_digest"]);
}

#[test]
fn all_skips_the_impossible_and_naming_it_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let words = [
        "compare",
        "split-digits",
        "--setting=class",
        "--seeds=1",
        "--tasks=2",
        "--samples-per-task=20",
        "--network=mlp:8",
    ];
    let mut command = perennial();
    command.args(words).arg("--strategies=all").arg("--out").arg(folder.path().join("all"));
    let document = finish(command);
    assert_eq!(document["skipped"][0]["strategy"], "independent");
    let mut command = perennial();
    command.args(words).arg("--strategies=independent").arg("--out").arg(folder.path().join("one"));
    let said = refused(command, 2, "usage");
    assert!(said.contains("independent cannot work with --setting class"), "{said}");
}

#[test]
fn a_failed_cell_leaves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = small(folder.path(), &["--lr=1e30", "--json"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let runs = document(&output)["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 3);
    assert_eq!(runs[0]["error"]["code"], "diverged");
    let message = runs[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("learning rate"), "{message}");
}

#[test]
fn settings_come_from_flags_then_set_then_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let text = "lr = 0.01\nbatch = 5\nepochs = 2\nstrategies = ['joint']\n\
                [joint]\nstart = 'continued'\n[optimizer]\nmomentum = 0.5\n";
    std::fs::write(&file, text).unwrap();
    let mut command = perennial();
    command
        .args(["compare", "--tasks=2", "--samples-per-task=20", "--network=mlp:8", "--seeds=1"])
        .args(["--batch=4", "--set=batch=3", "--set=epochs=1", "--config"])
        .arg(&file)
        .arg("--out")
        .arg(folder.path().join("run"));
    let document = finish(command);
    let training = &document["training"];
    let expected = [("lr", "0.01"), ("batch", "4"), ("epochs", "1"), ("optimizer.momentum", "0.5")];
    for (key, value) in expected {
        assert_eq!(training[key], value, "{key} of {training}");
    }
    assert_eq!(document["runs"][0]["settings"]["start"], "continued");
    // The document's command makes the same comparison again.
    let command = document["command"].as_str().unwrap();
    let mut again = perennial();
    again.args(command.split(' ').skip(1)).arg("--out").arg(folder.path().join("again"));
    let again = finish(again);
    assert_eq!(again["runs"][0]["learner_digest"], document["runs"][0]["learner_digest"]);
}

#[test]
fn joint_says_how_long_it_trained() {
    let folder = tempfile::tempdir().unwrap();
    for (word, label) in [
        ("--iterations=1", "joint (1 step a task)"),
        ("--iterations=4", "joint (4 steps a task)"),
        ("--epochs=2", "joint (2 passes)"),
    ] {
        let out = folder.path().join(word);
        let document = finish(small(&out, &["--strategies=joint", word]));
        assert_eq!(document["runs"][0]["label"], label);
    }
}

/// Catches: figures that stay in the worker, a log without them or with all of them again after
/// each task, an empty object where nothing was counted, a memory counted where nothing is measured.
#[test]
fn what_a_strategy_counted_is_in_the_document_the_log_and_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let document = finish(small(&out, &["--strategies=finetune,gem"]));
    assert!(document["runs"][0].get("figures").is_none());
    let conflicts = document["runs"][1]["figures"]["conflicts"].as_array().unwrap();
    let steps: Vec<u64> = conflicts.iter().map(|task| task["steps"].as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 20, 20]); // of 200 rows by tens; the first task has no past
    assert_eq!(conflicts[0]["projected"], serde_json::Value::Null);
    assert!((0.0..=1.0).contains(&conflicts[2]["projected"].as_f64().unwrap()));
    let events = std::fs::read_to_string(out.join("cells/gem-0/events.jsonl")).unwrap();
    let told = |line: &&str| line.contains("\"event\":\"figures\"");
    assert_eq!(events.lines().filter(told).count(), 1);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(page.matches("How often tasks disagreed").count(), 1);
    // Every sample of the memory is one of a task that was met: 200 a task, of which all fit.
    let memory = &document["runs"][1]["figures"]["memory"];
    assert_eq!(*memory, serde_json::json!([[200], [200, 200], [200, 200, 200]]));
    assert_eq!(page.matches("What lies in the memory").count(), 1);
    let every = ["--strategies=gem", "--eval-every=2"];
    let document = finish(small(&folder.path().join("every"), &every));
    let memory = &document["runs"][0]["figures"]["memory"];
    assert_eq!(*memory, serde_json::json!([[], [200, 200], [200, 200, 200]]));
}

/// Catches: a penalty that notes nothing, importance of a layer that is not there, the distance
/// from the task's begin instead of the anchor (which a merged anchor is, and a folded one not).
#[test]
fn what_a_penalty_held_is_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["perturb", "ewc", "online-ewc", "si", "mas", "rwalk", "scp"];
    let strategies = format!("--strategies={}", names.join(","));
    let document = finish(small(&folder.path().join("run"), &[&strategies]));
    for (run, name) in document["runs"].as_array().unwrap().iter().zip(names) {
        assert_eq!(run["strategy"], name);
        let layers = run["figures"]["importance"].as_array().unwrap();
        let named: Vec<&str> = layers.iter().map(|layer| layer["name"].as_str().unwrap()).collect();
        assert_eq!(named, ["dense1", "head1"], "{name}");
        for task in 0..3 {
            let share = |layer: &serde_json::Value| layer["share"][task].as_f64().unwrap();
            let all: f64 = layers.iter().map(share).sum();
            assert!((all - 1.0).abs() < 1e-9, "{name}, task {task}: {all}");
        }
        let moves = run["figures"]["moves"].as_array().unwrap();
        let tasks: Vec<u64> = moves.iter().map(|of| of["task"].as_u64().unwrap()).collect();
        assert_eq!(tasks, [2, 3], "{name}");
        assert!(moves.iter().all(|of| of["others"].as_f64().unwrap() > 0.0), "{name}: {moves:?}");
    }
}

/// Catches: the whole budget for each task, a budget that only some methods get or that the
/// command does not say, a method's own setting overruled in silence.
#[test]
fn one_budget_is_for_every_memory() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, words: &[&str]| {
        let all = [&["--strategies=finetune,gem,agem,er,der,derpp"], words].concat();
        small(&folder.path().join(name), &all)
    };
    let samples = finish(with("samples", &["--memory=50"]));
    let memory = |document: &serde_json::Value| -> Vec<serde_json::Value> {
        let runs = document["runs"].as_array().unwrap()[1..].iter();
        runs.map(|run| run["settings"]["memory"].clone()).collect()
    };
    assert_eq!(memory(&samples), [16, 16, 50, 50, 50]); // 50 over 3 tasks is 16 a task
    let row = samples["training"]["memory"].as_str().unwrap();
    assert!(row.starts_with("50 samples in all; an equal share"), "{row}");
    let command = samples["command"].as_str().unwrap();
    assert!(command.contains(" --memory 50") && !command.contains("--set "), "{command}");
    let bytes = finish(with("bytes", &["--set=memory=6kB"]));
    assert_eq!(memory(&bytes), ["2kB", "2kB", "6kB", "6kB", "6kB"]);
    for run in &bytes["runs"].as_array().unwrap()[1..] {
        // A digit takes 64 bytes and 16 of marks; logits are the strategy's own vectors.
        let kept = &run["kept_bytes"];
        let logits = if run["strategy"].as_str().unwrap().starts_with("der") { 48 } else { 0 };
        let (data, own) = (kept["data"].as_u64().unwrap(), kept["strategy"].as_u64().unwrap());
        let rows = data / 80;
        assert!(data % 80 == 0 && rows * (80 + logits) <= 6000, "{run}");
        assert!(rows >= 46 && own >= rows * logits, "{rows} rows: {run}");
    }
    let own = finish(with("own", &["--set=er.memory=6kB"]));
    assert_eq!(serde_json::Value::from(memory(&own)).to_string(), r#"[256,256,"6kB",500,500]"#);
    let said = refused(with("both", &["--memory=50", "--set=er.memory=30"]), 2, "usage");
    assert!(said.contains("--memory 50 and er.memory both say how much er may keep"), "{said}");
    let said = refused(small(folder.path(), &["--memory=50"]), 2, "usage");
    assert!(said.contains("no method here keeps samples"), "{said}");
}

/// Every key that `--set` knows is listed, with what it means.
#[test]
fn lists_name_every_setting() {
    let mut command = perennial();
    command.args(["compare", "--set=nothing=1"]);
    let said = refused(command, 2, "usage");
    let known = said.split_once("known are: ").unwrap().1;
    let mut command = perennial();
    command.arg("list");
    let list = finish(command);
    let of = |list: &serde_json::Value| list.as_array().unwrap().clone();
    let strategies = of(&list["strategies"]);
    let mut settings: Vec<_> = strategies.iter().flat_map(|entry| of(&entry["settings"])).collect();
    settings.extend(of(&list["benchmark_settings"]));
    settings.extend(of(&list["optimizer_settings"]));
    settings.extend(of(&list["network_settings"]));
    for key in known.trim().split(", ").filter(|key| key.contains('.')) {
        let setting = settings.iter().find(|setting| setting["key"] == key);
        let setting = setting.unwrap_or_else(|| panic!("{key} is not listed"));
        assert_ne!(setting["what"], "", "{key}");
        assert!(setting.get("default").is_some(), "{key}");
    }
    let output = perennial().args(["list", "benchmarks"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for key in ["permuted.first", "split.classes", "optimizer.weight-decay"] {
        assert!(text.contains(key), "{key}: {text}");
    }
}

#[test]
fn lists_say_what_there_is() {
    let list = finish({
        let mut command = perennial();
        command.arg("list");
        command
    });
    assert_eq!(list["schema"], "perennial.list/1");
    assert_eq!(list["strategies"][0]["name"], "finetune");
    let joint = &list["strategies"][1]["settings"][0];
    assert_eq!((&joint["key"], &joint["default"]), (&"joint.start".into(), &"scratch".into()));
    let names = |key: &str| list[key].as_array().unwrap().len();
    assert!(names("benchmarks") > 3 && names("networks") >= 3);
    let output = perennial().args(["list", "networks"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("resnet18:20") && !text.contains("finetune"), "{text}");
}
