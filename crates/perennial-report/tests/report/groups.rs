//! Several documents: parts of one comparison are joined, others stay apart.

use perennial_report::document::{BegunRun, Cell, Comparison};
use perennial_report::{grouped, html_of_several, live};

use crate::parsed::parse;
use crate::sample::*;

fn named(documents: Vec<Comparison>) -> Vec<(String, Comparison)> {
    documents
        .into_iter()
        .enumerate()
        .map(|(i, document)| (format!("folder {i}"), document))
        .collect()
}

/// The seeds of one comparison in another document.
fn other_seeds(mut comparison: Comparison) -> Comparison {
    for cell in &mut comparison.runs {
        if let Cell::Done(run) = cell {
            run.seed += 10;
        }
    }
    comparison.training.insert("seeds".into(), "10,11".into());
    comparison
}

/// Catches: benchmarks averaged together, seeds that stay apart, a cell that counts twice.
#[test]
fn parts_are_joined_and_comparisons_stay_apart() {
    let first = comparison(&[FINETUNE, GEM], 2, 2);
    let mut elsewhere = first.clone();
    elsewhere.benchmark = "split-digits".to_owned();
    let all = named(vec![first.clone(), elsewhere, other_seeds(first.clone())]);
    let groups = grouped(all).unwrap();
    let runs: Vec<_> = groups.iter().map(|of| (of.benchmark.as_str(), of.runs.len())).collect();
    assert_eq!(runs, [("permuted-digits", 8), ("split-digits", 4)]);
    let mut faster = first.clone();
    faster.training.insert("lr".into(), "0.3".into());
    assert_eq!(grouped(named(vec![first.clone(), faster])).unwrap().len(), 2);

    let error = grouped(named(vec![first.clone(), first])).unwrap_err().to_string();
    assert_eq!(
        error,
        "folder 0 with folder 1 holds no usable comparison: strategy finetune, seed 0 occurs twice"
    );
}

#[test]
fn a_page_of_two_comparisons_leads_to_each() {
    let mut second = comparison(&[FINETUNE, EWC], 3, 1);
    second.benchmark = "split-digits".to_owned();
    let page = html_of_several(&[comparison(&[FINETUNE, GEM], 2, 2), second]).unwrap();
    let parsed = parse(&page);
    let answers = parsed.elements.iter().filter(|of| of.name == "h2" && of.text == "The answer");
    assert_eq!(answers.count(), 2);
    let link = parsed.elements.iter().find(|of| of.attribute("href") == Some("#g1")).unwrap();
    assert_eq!(link.text, "split-digits");
}

/// With three of five tasks measured and one cell waiting. Catches: a prefix that counts as a
/// result, a strategy that vanishes while it runs, a page that is no valid HTML.
#[test]
fn a_run_that_has_not_ended_is_drawn_as_far_as_it_is() {
    let mut running = comparison(&[FINETUNE, GEM, EWC], 5, 1);
    let Cell::Done(run) = running.runs.remove(1) else { panic!() };
    let mut so_far = perennial_metrics::Accuracy::new(5);
    let whole = run.accuracy.clone();
    run.accuracy.rows().iter().take(4).for_each(|row| so_far.push_row(row.clone()).unwrap());
    let begun = |strategy: &str, so_far| {
        Cell::Begun(BegunRun { strategy: strategy.to_owned(), seed: 0, so_far })
    };
    running.runs.insert(1, begun("gem", so_far));
    running.runs.push(begun("si", perennial_metrics::Accuracy::new(5)));

    let shown = live::live(&running, false).unwrap();
    let parsed = parse(&shown.page);
    assert_eq!(parsed.errors, Vec::<String>::new());
    assert!(shown.page.contains(&shown.part));
    let text = |class: &str| {
        let of = parsed.elements.iter().find(|of| of.attribute("class") == Some(class)).unwrap();
        of.text.clone()
    };
    assert_eq!([text("runs"), text("waits"), text("ended")], ["3/5 tasks", "waits", ".750"]);
    let maps = shown.part.matches("accuracy on each task after each task").count();
    assert_eq!(maps, 3, "finetune, ewc, and gem as far as it is");

    // The report ranks what has ended alone and names the others.
    let page = perennial_report::html(&running).unwrap();
    assert!(page.contains("gem</b>, seed 0, has not ended: 3 of 5 tasks so far"), "{page}");
    assert!(perennial_report::table(&running, 80).lines().all(|line| !line.starts_with("gem")));
    let ranking = perennial_report::ranking(&running).unwrap();
    assert_eq!(ranking.rows.len(), 2);

    // Its log may be whole before its result is there.
    let mut last = running.clone();
    last.runs[1] = begun("gem", whole);
    assert!(live::live(&last, false).unwrap().part.contains("5/5 tasks"));

    // A document that holds one is read again as it was.
    let text = serde_json::to_string(&running).unwrap();
    let again = Comparison::parse(&text, "it").unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}
