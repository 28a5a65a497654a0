//! The page: complete, quiet, escaped, small.

use std::path::Path;
use std::time::{Duration, Instant};

use perennial_report::document::Cell;
use perennial_report::{html, html_of_several};
use serde_json::json;

use crate::parsed::parse;
use crate::sample::*;

fn page() -> String {
    let strategies = [FINETUNE, JOINT, INDEPENDENT, EWC, GEM, FREEZE];
    keep("six", html(&with_gaps(comparison(&strategies, 5, 3))).unwrap())
}

/// Leaves a page in the target folder's `tmp`, for those who change its looks.
fn keep(name: &str, page: String) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}.html"));
    std::fs::write(path, &page).unwrap();
    page
}

#[test]
fn shows_every_strategy_its_price_and_its_gaps() {
    let page = page();
    for text in [
        "finetune",
        "no protection",
        "trains on all data again",
        "told the task",
        "The method ewc.",
        "λ/2 Σ_k Σ_i F_i^k",
        "17\u{202f}510",
        "diverged",
        "it needs the task&#39;s name",
        "perennial compare permuted-digits --strategies",
        "a processor, 2 cores, linux x86_64",
    ] {
        assert!(page.contains(text), "{text} is not on the page");
    }
    // One heat map of 6 rows by 5 tasks a strategy; independent has no answer above its diagonal.
    assert_eq!(page.matches("<table class=\"heat\">").count(), 6);
    assert_eq!(page.matches("<td class=\"none\">–</td>").count(), 15);
    assert_eq!(page.matches(" new\">").count(), 6 * 5);
    // R[5][1] of finetune: .93 − 4 · .09, the mean over three shifts that cancel.
    assert!(page.contains("<td class=\"h57\">.57</td>"));
}

/// Catches: the dot between paper and memory where there is no paper.
#[test]
fn a_method_without_a_paper_has_no_empty_one() {
    let mut document = comparison(&[FINETUNE, EWC], 2, 1);
    document.methods[0].paper.clear();
    let page = html(&document).unwrap();
    assert!(page.contains("<p class=\"paper\">keeps: one importance"), "{page}");
    assert!(page.contains("lifelong learning · keeps: one importance"), "{page}");
}

/// The test rows of two tasks are 100 and 300, so the last mean weighs .85 and .95 as 1 : 3. Catches:
/// a learning curve that the page leaves out, a column of dashes where nothing was measured.
#[test]
fn what_was_measured_along_the_way_is_on_the_page() {
    let mut document = comparison(&[FINETUNE, EWC], 2, 2);
    assert!(!html(&document).unwrap().contains("LCA</th>"));
    for cell in &mut document.runs {
        let Cell::Done(run) = cell else { panic!() };
        let curves = vec![vec![Some(0.25), Some(0.75)]; 2];
        run.learning_curves = Some(perennial_metrics::LearningCurves::new(1, curves));
        run.lca = Some(0.5);
        run.average_incremental_accuracy_by_rows = Some(0.925);
    }
    let page = html(&document).unwrap();
    assert!(page.contains("LCA</th>") && page.contains("its first 1,"), "{page}");
    assert_eq!(page.matches("<td>.500 ±.000</td>").count(), 2);
    assert_eq!(page.matches(".925 ±.000 where every test row does").count(), 2);
    let table = perennial_report::table(&document, 100);
    let ranking = perennial_report::ranking(&document).unwrap();
    assert_eq!(ranking.head.last().unwrap(), "LCA over 1 batches");
    assert_eq!(ranking.rows[0].last().unwrap().shown(), ".500 ±.000");
    assert!(table.contains("LCA") && table.contains("over its first 1 batches"), "{table}");
}

#[test]
fn loads_and_runs_nothing() {
    let page = page();
    assert!(page.contains(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'; img-src data:\">"
    ));
    let parsed = parse(&page);
    assert!(parsed.elements.len() > 1000, "the parser of this test sees elements");
    let ids: Vec<&str> = parsed.elements.iter().filter_map(|of| of.attribute("id")).collect();
    for element in &parsed.elements {
        let forbidden = ["script", "link", "iframe", "object", "embed", "img", "use", "base"];
        assert!(!forbidden.contains(&element.name.as_str()), "<{}>", element.name);
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on"), "{name}={value}");
            assert!(
                !["src", "srcset", "style", "action", "data", "poster"].contains(&name.as_str())
            );
            if name == "href" {
                let id = value.strip_prefix('#').expect("links stay on the page");
                assert!(ids.contains(&id), "{value} leads nowhere");
            }
            assert!(!value.contains("://") && !value.contains("url("), "{name}={value}");
        }
        if element.name == "style" {
            assert!(!element.text.contains("url(") && !element.text.contains("@import"));
        }
    }
}

/// Two seeds, two tasks: .25 and .75 of the steps are .5 of the height. Catches: figures of one
/// seed only, a plot of another column, the first task's nulls shown as 0.
#[test]
fn conflicts_have_a_plot_and_a_table() {
    let mut document = comparison(&[FINETUNE, GEM], 2, 2);
    let shares = [0.25, 0.75];
    let gem = document.runs.iter_mut().filter_map(|cell| match cell {
        Cell::Done(run) if run.strategy == "gem" => Some(run),
        _ => None,
    });
    for (run, share) in gem.zip(shares) {
        run.figures = serde_json::from_value(json!({ "conflicts": [
            { "task": 1, "steps": 0, "projected": null, "violated": null,
              "angle_before": null, "angle_after": null },
            { "task": 2, "steps": 40, "projected": share, "violated": 1.0,
              "angle_before": 100.0 + share, "angle_after": 90.0 },
        ] }))
        .unwrap();
    }
    let page = html(&document).unwrap();
    assert_eq!(page.matches("How often tasks disagreed").count(), 1);
    let plot = page.split("gem: share of steps that were projected").nth(1).unwrap();
    let dot = plot.split("<circle").nth(1).unwrap();
    assert!(dot.contains("cy=\"103.0\""), "{dot}"); // 8 at the top, 198 at the bottom
    let cells =
        |texts: &[&str]| texts.iter().map(|text| format!("<td>{text}</td>")).collect::<String>();
    for row in [
        &["1", "0", "–", "–"][..],
        &["2", "40", ".500", "1.0"],
        &["1", "–", "–"],
        &["2", "100.5", "90.0"],
    ] {
        assert!(page.contains(&cells(row)), "{row:?}");
    }
    // 90° of 180° is the middle: 103 of 8 … 198.
    let plot = page.split("gem: angles to past gradients").nth(1).unwrap();
    let after = plot.split("class=\"dot s0\"").nth(1).unwrap();
    assert!(after.contains("cy=\"103.0\""), "{after}");
}

/// Two tasks: of 100 weights task 1 owns 25; of 200, once the layer grew, that is an eighth, and
/// task 2's 150 are three quarters. Catches: shares of the layer as it was, a bar of the wrong
/// task's colour, free weights that are nobody's but shown as somebody's.
#[test]
fn owners_are_stacked_bars_of_each_layer_after_each_task() {
    let mut document = comparison(&[FINETUNE, EWC], 2, 1);
    for cell in &mut document.runs {
        if let Cell::Done(run) = cell
            && run.strategy == "ewc"
        {
            run.figures = serde_json::from_value(json!({
                "owners": [{ "name": "dense1", "weights": [100, 200], "owned": [25, 150] }],
                "columns": [{ "own": 300, "laterals": 0 }, { "own": 300, "laterals": 100 }],
                "decisions": [
                    { "goal": 0.9, "reached": 0.8, "end": 0.85, "met": false, "picked": null,
                      "width": 1.5, "grown": true, "pruned": 0.5, "retrained": false },
                    { "goal": 0.9, "reached": 0.95, "end": 0.925, "met": true, "picked": 0.75,
                      "width": 1.5, "grown": false, "pruned": 0.25, "retrained": true },
                ],
            }))
            .unwrap();
        }
    }
    let page = html(&document).unwrap();
    let plot = page.split("who owns which share of each layer, after each task\"").nth(1).unwrap();
    let plot = plot.split("</svg>").next().unwrap();
    let height = |class: &str, nth: usize| {
        let of = plot.split(&format!("class=\"bar {class}\"")).nth(nth).unwrap();
        of.split("height=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    // 70 is the whole: a quarter, then an eighth and three quarters.
    assert_eq!([height("t0", 1), height("t0", 2), height("t1", 1)], ["17.5", "8.8", "52.5"]);
    assert!(page.contains("<td>dense1</td><td>200</td><td>12.5</td><td>75.0</td><td>12.5</td>"));
    assert!(page.contains("<td>2</td><td>300</td><td>100</td><td>700</td>"));
    assert!(page.contains("<td>0</td><td>1</td><td>.900</td><td>.850</td><td>no</td><td>–</td>"));
    assert!(page.contains("<td>yes</td><td>.750</td><td>1.50</td><td>no</td><td>.250</td>"));
}

#[test]
fn every_text_of_the_document_is_escaped() {
    let hostile = r#""><img onerror=alert(1)><script>'&"#;
    let mut document = with_gaps(comparison(&[EWC, GEM], 2, 2));
    let calm = html(&document).unwrap();
    // Every string of the document, wherever it stands; keys of settings too.
    let mut value = serde_json::to_value(&document).unwrap();
    poison(&mut value, hostile);
    document = serde_json::from_value(value).unwrap();
    for cell in &mut document.runs {
        match cell {
            Cell::Done(run) => run.notes.push(hostile.to_owned()),
            Cell::Failed(run) => run.strategy.push('2'),
            Cell::Begun(_) => {}
        }
    }
    for (index, cell) in document.runs.iter_mut().enumerate() {
        if let Cell::Done(run) = cell {
            run.strategy = format!("{hostile}{}", index / 2);
        }
    }
    for (index, method) in document.methods.iter_mut().enumerate() {
        method.strategy = format!("{hostile}{index}");
    }
    let page = html(&document).unwrap();
    assert!(!page.contains("<img") && !page.contains("<script"), "markup came through");
    assert_eq!(parse(&page).errors, Vec::<String>::new());
    assert!(page.matches("&lt;script&gt;").count() + page.matches("&#60;script&#62;").count() > 30);
    // The same tags as of the harmless document, but for the notes.
    let tags = |page: &str| page.matches('<').count();
    let notes = page.matches("<ul class=\"notes\">").count() * 4;
    assert_eq!(tags(&page), tags(&calm) + notes);
}

fn poison(value: &mut serde_json::Value, text: &str) {
    match value {
        serde_json::Value::String(string) => text.clone_into(string),
        serde_json::Value::Array(values) => values.iter_mut().for_each(|v| poison(v, text)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|v| poison(v, text)),
        _ => {}
    }
}

/// Catches: tags that are not closed, attributes twice, elements where they cannot be, two parts
/// of one id.
#[test]
fn the_pages_are_valid() {
    let two = [comparison(&[FINETUNE, GEM], 2, 2), comparison(&[FINETUNE, EWC], 3, 1)];
    for page in [page(), html_of_several(&two).unwrap()] {
        let parsed = parse(&page);
        assert_eq!(parsed.errors, Vec::<String>::new());
        let ids = || parsed.elements.iter().filter_map(|element| element.attribute("id"));
        let different: std::collections::BTreeSet<&str> = ids().collect();
        assert_eq!(different.len(), ids().count());
    }
    let unclosed = parse("<!DOCTYPE html><title>t</title><p><b>x</p></i>");
    assert!(!unclosed.errors.is_empty(), "the parser of this test complains");
}

#[test]
fn odd_documents_have_a_page_too() {
    for (strategies, tasks, seeds) in [(&[][..], 1, 1), (&[GEM][..], 1, 1), (&[JOINT], 2, 1)] {
        let page = html(&comparison(strategies, tasks, seeds)).unwrap();
        assert!(page.contains("To make it again") && !page.contains("NaN"), "{page}");
    }
}

#[test]
fn a_comparison_that_contradicts_itself_is_refused() {
    let mut contradiction = comparison(&[FINETUNE], 3, 1);
    contradiction.tasks = 4;
    contradiction.task_names.push("one more".to_owned());
    let error = html(&contradiction).unwrap_err().to_string();
    assert!(error.contains("4 tasks need 5 rows"), "{error}");
}

#[test]
fn the_largest_comparison_is_small_and_quick() {
    let names: Vec<&'static str> =
        (0..21).map(|i| &*Box::leak(format!("strategy-{i}").into_boxed_str())).collect();
    let strategies: Vec<_> = names
        .iter()
        .enumerate()
        // An odd rate makes long fractions, as measured ones are.
        .map(|(i, name)| Fares { name, label: name, forgets: 0.001_234_567 * i as f64, ..GEM })
        .collect();
    let comparison = comparison(&strategies, 20, 5);
    let start = Instant::now();
    let page = html(&comparison).unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    keep("largest", page);
}
