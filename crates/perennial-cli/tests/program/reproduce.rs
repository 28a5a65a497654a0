//! `reproduce`: verdicts, exit codes, what it goes on with and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{document, finish, perennial, refused};

/// A protocol of two methods on digits, of about a second.
const TOY: &str = r#"
version = 1
about = "Two tasks of digits."
paper = "Nobody, Nothing, 2020"
link = "https://example.org"
table = "table 1"
seeds = 3

[published]
runs = 3
plus-minus = "sd"

[settings]
benchmark = "permuted-digits"
tasks = 2
samples-per-task = 200
network = "mlp:20"
eval-samples = 100

[quick]
settings = { samples-per-task = 50 }
tolerance = 0.9

[[cell]]
method = "finetune"
minutes = 0.1
acc = { published = 0.5, plus-minus = 0.03, tolerance = 1, because = "anything will do" }
bwt = {}
quick = 0.5

[[cell]]
method = "weak"
strategy = "ewc"
settings = { ewc.lambda = 0.5, lr = 0.05 }
minutes = 0.1
acc = { published = 0.0, tolerance = 0.001, because = "no network is so bad" }
quick = 0.5

[[choice]]
of = "weak"
name = "none"
what = "no penalty at all"
settings = { ewc.lambda = 0 }
minutes = 0.1
"#;

/// The toy, with a part of its text replaced.
fn toy(folder: &Path, from: &str, to: &str) -> PathBuf {
    assert!(from.is_empty() || TOY.contains(from), "{from}");
    let path = folder.join("toy.toml");
    fs::write(&path, TOY.replacen(from, to, 1)).unwrap();
    path
}

fn reproduce(folder: &Path, words: &[&str]) -> Command {
    let mut command = perennial();
    command.current_dir(folder).args(["reproduce", "toy.toml", "--out=results", "-q"]).args(words);
    command
}

fn cells(document: &Value) -> Vec<Value> {
    document["protocols"][0]["cells"].as_array().unwrap().clone()
}

/// Runs; says the exit code and the document.
fn ends(mut command: Command) -> (Option<i32>, Value) {
    let output = command.arg("--json").output().unwrap();
    (output.status.code(), document(&output))
}

/// Catches: settings of one method that reach another, seeds that are not the protocol's, verdicts
/// of other numbers, finished cells that run again, more seeds that begin anew.
#[test]
fn a_protocol_of_ones_own_is_run_judged_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "", "");
    let first = finish(reproduce(folder.path(), &[]));
    assert_eq!(first["schema"], "perennial.reproduce/1");
    let [finetune, weak] = <[Value; 2]>::try_from(cells(&first)).unwrap();
    assert_eq!((&finetune["verdict"], &weak["verdict"]), (&"reproduced".into(), &"better".into()));
    assert_eq!(finetune["seeds_run"], serde_json::json!([0, 1, 2]));
    let se = finetune["measures"][0]["published"]["se"].as_f64().unwrap();
    assert!((se - 0.03 / 3f64.sqrt()).abs() < 1e-12, "{se}");
    assert_eq!(finetune["measures"][1]["measure"], "bwt");
    assert!(finetune["measures"][1]["verdict"].is_null());
    assert_eq!(first["counts"]["too_good"], 1);

    // The same numbers as a comparison of that one method.
    let mut compare = perennial();
    compare.current_dir(folder.path()).args(["compare", "permuted-digits", "--strategies=ewc"]);
    compare.args(["--tasks=2", "--samples-per-task=200", "--network=mlp:20", "--eval-samples=100"]);
    compare.args(["--seeds=3", "--set=ewc.lambda=0.5", "--lr=0.05", "--out=compared"]);
    let runs = finish(compare)["runs"].clone();
    let accs = runs.as_array().unwrap().iter().map(|run| run["acc"].as_f64().unwrap());
    let mean = accs.sum::<f64>() / 3.0;
    let ours = weak["measures"][0]["ours"]["mean"].as_f64().unwrap();
    assert!((ours - mean).abs() < 1e-12, "{ours} {mean}");

    // What took any time is not run again.
    assert_eq!(finish(reproduce(folder.path(), &[])), first);
    let result = folder.path().join("results/toy/weak/cells/ewc-1/result.json");
    let before = fs::read(&result).unwrap();
    let more = finish(reproduce(folder.path(), &["--seeds=4", "--method=weak", "--choices"]));
    assert_eq!(cells(&more).len(), 1);
    assert_eq!(cells(&more)[0]["seeds_run"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!(fs::read(&result).unwrap(), before);
    let choice = &more["protocols"][0]["choices"][0];
    assert_eq!((&choice["of"], &choice["measures"][0]["ours"]["n"]), (&"weak".into(), &4.into()));
    assert_eq!(choice["measures"][0]["difference"]["n"], 4);
    // Nothing runs: the other method still has its three seeds.
    let shown = finish(reproduce(folder.path(), &["--show", "--seeds=9"]));
    assert_eq!(cells(&shown)[0]["seeds_run"], serde_json::json!([0, 1, 2]));
}

/// Catches: a number that is not reproduced, or a cell that failed, with exit code 0.
#[test]
fn what_is_not_reproduced_ends_with_one() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "published = 0.0, tolerance = 0.001", "published = 1.0, tolerance = 0.001");
    let (code, document) = ends(reproduce(folder.path(), &[]));
    assert_eq!((code, &cells(&document)[1]["verdict"]), (Some(1), &"not-reproduced".into()));
    // What did not run is no failure.
    let (code, document) = ends(reproduce(folder.path(), &["--method=finetune"]));
    assert_eq!((code, cells(&document).len()), (Some(0), 1));

    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "lr = 0.05", "lr = 1e30");
    let (code, document) = ends(reproduce(folder.path(), &[]));
    let weak = &cells(&document)[1];
    assert_eq!((code, &weak["verdict"]), (Some(1), &"not-reproduced".into()));
    assert!(weak["failures"][1].as_str().unwrap().starts_with("seed 1: "), "{weak}");
    let text = reproduce(folder.path(), &["--show"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("weak: seed 0: ") && text.contains("not reproduced"), "{text}");
}

/// Catches: tolerances set after the run, results of another version taken over or lost.
#[test]
fn results_of_another_version_are_kept_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "", "");
    finish(reproduce(folder.path(), &[]));
    let result = folder.path().join("results/toy/weak/cells/ewc-0/result.json");
    let before = fs::read(&result).unwrap();
    for (from, to, says) in [
        ("version = 1", "version = 2", "version: 1 → 2"),
        ("tolerance = 0.001", "tolerance = 0.5", "published.acc.tolerance: 0.001 → 0.5"),
        ("lr = 0.05", "lr = 0.1", "lr=0.1"),
    ] {
        toy(folder.path(), from, to);
        for show in [&[][..], &["--show"]] {
            let said = refused(reproduce(folder.path(), show), 2, "usage");
            assert!(said.contains("another protocol or version") && said.contains(says), "{said}");
            assert!(said.contains("--out DIR"), "{said}");
        }
    }
    assert_eq!(fs::read(&result).unwrap(), before);
    // Words may change.
    toy(folder.path(), "minutes = 0.1\nacc", "minutes = 9\nreason = 'why not'\nacc");
    assert_eq!(cells(&finish(reproduce(folder.path(), &[])))[0]["reason"], "why not");
    // And a folder of something else is nobody's to write into.
    fs::create_dir_all(folder.path().join("other/toy/finetune")).unwrap();
    fs::write(folder.path().join("other/toy/finetune/thesis.tex"), "").unwrap();
    let said = refused(reproduce(folder.path(), &["--out=other"]), 2, "usage");
    assert!(said.contains("thesis.tex"), "{said}");
}

/// Catches: a slip in a file that is met by a run, by silence, or without its place.
#[test]
fn a_protocol_that_cannot_be_is_refused_by_its_place() {
    for (from, to, says) in [
        ("seeds = 3", "seeds == 3", "line 7 of toy.toml"),
        ("seeds = 3", "sedes = 3", "unknown field `sedes`"),
        ("minutes = 0.1\nacc", "minuets = 0.1\nacc", "unknown field `minuets`"),
        ("minutes = 0.1\nacc", "minutes = 0\nacc", "cell finetune: minutes"),
        ("seeds = 3", "seeds = 0", "seeds = 0 cannot be"),
        ("runs = 3", "runs = 0", "published.runs = 0 cannot be"),
        ("plus-minus = \"sd\"", "plus-minus = \"error\"", "unknown variant `error`"),
        ("plus-minus = \"sd\"\n", "\n", "cell finetune: acc: plus-minus needs"),
        ("strategy = \"ewc\"", "strategy = \"ewk\"", "cell weak: there is no strategy `ewk`"),
        ("permuted-digits", "permuted-digit", "permuted-digits"),
        ("ewc.lambda = 0.5", "ewc.lamda = 0.5", "did you mean `ewc.lambda`?"),
        ("ewc.lambda = 0.5", "ewc.lambda = -1", "ewc.lambda = -1 cannot be"),
        ("tasks = 2", "jobs = 2", "`jobs` is no setting of a protocol"),
        ("tasks = 2", "strategies = 'all'", "`strategies` is no setting of a protocol"),
        ("tolerance = 1,", "tolerance = 0,", "tolerance = 0 cannot be"),
        ("published = 0.5", "published = 50", "published = 50 cannot be: a fraction"),
        (", because = \"anything will do\"", "", "needs its `tolerance` and, with `because`"),
        ("bwt = {}", "bwt = { tolerance = 1 }", "cell finetune: bwt: a tolerance or a ±"),
        ("method = \"weak\"", "method = \"finetune\"", "cell finetune is there twice"),
        ("method = \"weak\"", "method = \"../weak\"", "`../weak` is no name"),
        ("of = \"weak\"", "of = \"week\"", "there is no cell `week`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        toy(folder.path(), from, to);
        let said = refused(reproduce(folder.path(), &[]), 65, "bad-data");
        assert!(said.contains(says) && said.contains("toy.toml"), "{to}: {said}");
        assert!(!folder.path().join("results").exists(), "{to}");
    }
}

#[test]
fn a_command_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "", "");
    for (words, exit, code, says) in [
        (&["reproduce", "gem-permutd"][..], 2, "usage", "did you mean `gem-permuted`?"),
        (&["reproduce", "none-such.toml"], 66, "input-missing", "cannot read none-such.toml"),
        (&["reproduce", "gem-permuted", "--data=none-such"], 66, "input-missing", "none-such"),
        (&["reproduce", "si-permuted", "--data=."], 66, "input-missing", "data fetch mnist"),
        (&["reproduce", "toy.toml", "--method=week"], 2, "usage", "did you mean `weak`?"),
        (&["reproduce", "toy.toml", "--seeds=0"], 2, "usage", "seeds = 0 cannot be"),
        (&["reproduce", "toy.toml", "--jobs=0"], 2, "usage", "jobs = 0 cannot be"),
        (&["reproduce", "toy.toml", "toy.toml"], 2, "usage", "two of the protocols are called toy"),
        (&["reproduce", "toy.toml", "--quick", "--seeds=2"], 2, "usage", "cannot be used with"),
        (&["reproduce", "--check=none-such.md"], 66, "input-missing", "cannot read none-such.md"),
    ] {
        let mut command = perennial();
        command.current_dir(folder.path()).args(words).arg("--out=results");
        let said = refused(command, exit, code);
        assert!(said.contains(says), "{words:?}: {said}");
        assert!(!folder.path().join("results").exists(), "{words:?}");
    }
    // A small form that nobody described.
    toy(folder.path(), "[quick]\nsettings = { samples-per-task = 50 }\ntolerance = 0.9\n", "");
    let said = refused(reproduce(folder.path(), &["--quick"]), 2, "usage");
    assert!(said.contains("toy has no small form"), "{said}");
}

/// Catches: a small form that is taken from an older program's folder, a moved number with exit
/// code 0.
#[test]
fn small_forms_say_what_moved() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "", "");
    let quick = |words: &[&str]| {
        let mut command = perennial();
        command.current_dir(folder.path()).args(["reproduce", "toy.toml", "--quick", "-q"]);
        command.args(words);
        ends(command)
    };
    let (code, document) = quick(&[]);
    assert_eq!((code, &document["schema"]), (Some(0), &"perennial.reproduce-quick/1".into()));
    let now: Vec<f64> =
        document["cells"].as_array().unwrap().iter().map(|c| c["now"].as_f64().unwrap()).collect();
    assert_eq!(now.len(), 2);
    assert!(document["counts"].is_null(), "no verdict of a reproduction");
    toy(folder.path(), "tolerance = 0.9", &format!("tolerance = {}", (now[0] - 0.5).abs() / 2.0));
    let (code, document) = quick(&[]);
    assert_eq!((code, &document["cells"][0]["moved"]), (Some(1), &true.into()));
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 2, "a folder each");
}

/// Catches: a page written by hand, of other results or of other protocols that passes.
#[test]
fn a_page_is_known_for_stale() {
    let folder = tempfile::tempdir().unwrap();
    toy(folder.path(), "", "");
    finish(reproduce(folder.path(), &["--method=finetune", "--markdown=page.md"]));
    let page = folder.path().join("page.md");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("## gem-permuted") && text.contains("## toy"), "{text}");
    assert!(text.contains("| weak | ACC | 0.0000 | – |"), "{text}");
    let check = |out: &str| {
        let mut command = perennial();
        command.current_dir(folder.path()).args(["reproduce", "toy.toml", "--check=page.md"]);
        command.args(["--out", out]);
        let (code, document) = ends(command);
        (code, document["stale"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(check("results"), (Some(0), String::new()));
    assert_eq!(check("not-there"), (Some(0), String::new()), "protocols and page are as they were");
    fs::write(&page, text.replace("reproduced", "better")).unwrap();
    for out in ["results", "not-there"] {
        let (code, why) = check(out);
        assert!(code == Some(1) && why.contains("was changed after it was written"), "{why}");
    }
    fs::write(&page, text.split("<!--").next().unwrap()).unwrap();
    assert!(check("not-there").1.contains("does not end with the digests"));
    fs::write(&page, &text).unwrap();
    finish(reproduce(folder.path(), &["--method=weak"]));
    let (code, why) = check("results");
    assert!(code == Some(1) && why.contains("stale: results holds other results"), "{why}");
    // Written from what is there, without running, it is up to date again.
    finish(reproduce(folder.path(), &["--show", "--markdown=page.md"]));
    assert_eq!(check("results"), (Some(0), String::new()));
}

/// The page that is kept beside the code is of these protocols and of the results that are kept
/// beside it, and was not written by hand.
#[test]
fn the_page_beside_the_code_is_of_these_protocols_and_results() {
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../REPRODUCTION.md");
    const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocols/results");
    let mut command = perennial();
    command.args(["reproduce", "--check", PAGE, "--out", RESULTS]);
    let document = finish(command);
    assert_eq!(
        (&document["stale"], &document["results_there"]),
        (&Value::Null, &Value::Bool(true))
    );
}

#[test]
fn protocols_are_listed() {
    let mut command = perennial();
    command.args(["list", "protocols"]);
    let document = finish(command);
    let protocols = document["protocols"].as_array().unwrap();
    assert!(protocols.len() >= 8, "{document}");
    for protocol in protocols {
        for key in ["name", "about", "paper", "table", "link"] {
            assert!(!protocol[key].as_str().unwrap().is_empty(), "{protocol}");
        }
    }
}

/// The small forms of all protocols, where MNIST is there: catches a change of any method's numbers
/// in the variants that published tables were made with.
#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn no_number_of_the_small_forms_moved() {
    let data = std::env::var_os("PERENNIAL_DATA");
    let Some(data) = data.filter(|data| Path::new(data).join("mnist").is_dir()) else {
        eprintln!("skipped, for PERENNIAL_DATA has no mnist");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command = perennial();
    command.current_dir(folder.path()).args(["reproduce", "--quick", "-q"]);
    command.env("PERENNIAL_DATA", data);
    let (code, document) = ends(command);
    let cells = document["cells"].as_array().unwrap();
    assert!(cells.len() >= 37, "{}", cells.len());
    assert!(cells.iter().all(|cell| cell["recorded"].is_number()), "{document}");
    let moved: Vec<&Value> = cells.iter().filter(|cell| cell["moved"] == true).collect();
    assert!(code == Some(0) && moved.is_empty(), "{moved:?}");
}
