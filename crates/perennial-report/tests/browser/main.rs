//! The page in a browser: nothing overlaps, nothing is cut, everything can be read; narrow, wide
//! and in print, light and dark. Needs Chromium, and says so where there is none.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, its helpers too")]

#[path = "../report/sample.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod sample;

use std::path::Path;
use std::process::{Command, Stdio};

use perennial_report::document::{Cell, Comparison};
use perennial_report::{html_of_several, live};
use serde_json::{Value, json};

use sample::*;

/// What the browser is called, by those who ship it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The browser's name; a line that tells of the gap where there is none.
#[allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]
fn browser() -> Option<&'static str> {
    let starts = |name: &&str| {
        let version = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.status.success())
    };
    let found = NAMES.into_iter().find(starts);
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium here (Debian's package `chromium`): pages are NOT checked");
    }
    found
}

/// A comparison with all that a page can show: figures of every kind, long names, gaps.
fn rich() -> Comparison {
    let long = Fares { label: "joint (1234567 steps a task)", ..JOINT };
    let mut document =
        with_gaps(comparison(&[FINETUNE, long, INDEPENDENT, EWC, GEM, FREEZE], 5, 3));
    document.task_names[2] = "a task whose name is long ".repeat(8);
    for cell in &mut document.runs {
        let Cell::Done(run) = cell else { continue };
        run.notes.push("A remark with averyveryveryverylongwordthatdoesnotbreak".repeat(3));
        if run.strategy == "ewc" {
            run.figures = serde_json::from_value(json!({
                "importance": (1..=9).map(|i| json!({
                    "name": format!("block{i}.convolution"), "weights": 1000 * i,
                    "share": vec![1.0 / 9.0; 5],
                })).collect::<Vec<_>>(),
                "moves": (2..=5).map(|task| json!({
                    "task": task, "important": 0.003, "others": 0.0301,
                })).collect::<Vec<_>>(),
                "memory": (0..5).map(|t| vec![200 / (t + 1); t + 1]).collect::<Vec<_>>(),
                "conflicts": (1..=5).map(|task| json!({
                    "task": task, "steps": 40, "projected": 0.5, "violated": 1.0,
                    "angle_before": 100.0, "angle_after": 90.0,
                })).collect::<Vec<_>>(),
                "owners": [{ "name": "dense1", "weights": [100, 100, 100, 100, 200],
                             "owned": [25, 15, 20, 10, 100] }],
                "columns": vec![json!({ "own": 300, "laterals": 10 }); 5],
                "decisions": vec![json!({
                    "goal": 0.9, "reached": 0.8, "end": 0.85, "met": false, "picked": 0.5,
                    "width": 1.5, "grown": true, "pruned": 0.5, "retrained": false,
                }); 5],
            }))
            .unwrap();
        }
    }
    document
}

/// As many strategies and tasks as there ever are.
fn crowded() -> Comparison {
    let strategies: Vec<Fares> = (0..21)
        .map(|i| {
            let name: &'static str = Box::leak(format!("strategy-{i}").into_boxed_str());
            let price = [1 + i % 4, 1 + i % 3, i % 2];
            Fares { name, label: name, forgets: 0.001 * i as f64, price, ..GEM }
        })
        .collect();
    comparison(&strategies, 20, 2)
}

/// What the script of this test finds wrong with these pages, in a frame of each width.
fn complaints(browser: &str, pages: &[(String, u32)], dark: bool) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let frames: Vec<String> = pages
        .iter()
        .map(|(page, width)| {
            let page = page.replace('&', "&amp;").replace('"', "&quot;");
            format!("<iframe width=\"{width}\" height=\"900\" srcdoc=\"{page}\"></iframe>")
        })
        .collect();
    let script = include_str!("check.js");
    let harness = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><body>{}<pre id=\"found\"></pre>\
         <script>{script}</script>",
        frames.concat()
    );
    let path = folder.path().join("harness.html");
    std::fs::write(&path, harness).unwrap();
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([&scheme, "--window-size=1400,1000", "--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let found =
        dom.rsplit_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (found, _) = found.unwrap_or_else(|| {
        panic!("the browser said nothing: {}", String::from_utf8_lossy(&output.stderr))
    });
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str::<Vec<Value>>(&found).unwrap_or_else(|error| panic!("{error}: {found}"))
}

/// A page as paper shows it, in a frame as wide as what A4 leaves.
fn printed(page: &str) -> (String, u32) {
    let dark = "@media screen and (prefers-color-scheme:dark)";
    assert!(page.contains(dark), "the page has rules that paper leaves out");
    let print = page.replace(dark, "@media not all");
    (print.replace("@media print", "@media all"), 688)
}

/// Catches: labels on each other or beyond a figure's edge, a page that must be moved sideways,
/// text that melts into its ground.
#[test]
fn nothing_overlaps_is_cut_or_pale() {
    let Some(browser) = browser() else { return };
    let two = html_of_several(&[rich(), crowded()]).unwrap();
    let live = live::live(&rich(), false).unwrap().page;
    keep("rich", &two);
    let frames: Vec<(String, u32)> = [&two, &live]
        .into_iter()
        .flat_map(|page| [(page.clone(), 400), (page.clone(), 1280), printed(page)])
        .collect();
    for dark in [false, true] {
        let found = complaints(browser, &frames, dark);
        assert!(found.is_empty(), "dark {dark}: {found:#?}");
    }
}

/// The script itself sees what it looks for.
#[test]
fn the_check_sees_each_fault() {
    let Some(browser) = browser() else { return };
    let svg = |body: &str| format!("<svg viewBox=\"0 0 100 40\" width=\"100\">{body}</svg>");
    let faults = [
        ("overlap", svg("<text x=\"5\" y=\"20\">one</text><text x=\"9\" y=\"22\">two</text>")),
        ("cut", svg("<text x=\"80\" y=\"20\">much too long</text>")),
        ("sideways", "<p style=\"white-space:nowrap\">".to_owned() + &"wide ".repeat(60) + "</p>"),
        ("contrast", "<p style=\"color:#bbb\">pale</p>".to_owned()),
    ];
    for (kind, body) in faults {
        let page =
            format!("<!DOCTYPE html><title>t</title><style>html{{background:#fff}}</style>{body}");
        let found = complaints(browser, &[(page, 300)], false);
        assert!(found.iter().any(|fault| fault["kind"] == kind), "{kind}: {found:?}");
    }
}

/// Leaves a page in the target folder's `tmp`, for those who change its looks.
fn keep(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}.html"));
    std::fs::write(path, page).unwrap();
}
