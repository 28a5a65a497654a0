//! What the seeds say of strategies: the same in the sentences, the table, the ranking and the page.

use std::collections::BTreeSet;

use perennial_report::document::{Cell, Comparison};
use perennial_report::{html, ranking, sentences, table};
use proptest::prelude::*;

use crate::sample::*;

const ER: Fares = Fares { name: "er", label: "er", ..GEM };
const DER: Fares = Fares { name: "der", label: "der", ..GEM };
const CPG: Fares = Fares { name: "cpg", label: "cpg", ..INDEPENDENT };

/// The comparison with these accuracies over all tasks, a row a strategy and a column a seed; without
/// the runs that have none.
fn with_accuracies(strategies: &[Fares], accuracies: &[Vec<Option<f64>>]) -> Comparison {
    let seeds = accuracies.first().map_or(0, Vec::len) as u64;
    let mut document = comparison(strategies, 3, seeds);
    document.runs.retain_mut(|cell| {
        let Cell::Done(run) = cell else { return true };
        let row = strategies.iter().position(|fares| fares.name == run.strategy).unwrap();
        run.acc = accuracies[row][run.seed as usize];
        run.acc.is_some()
    });
    document
}

fn all(accuracies: &[&[f64]]) -> Vec<Vec<Option<f64>>> {
    accuracies.iter().map(|row| row.iter().copied().map(Some).collect()).collect()
}

/// From which method each strategy is not separated, by its marks in the ranking.
fn marked(document: &Comparison) -> Vec<(String, String)> {
    let rows = ranking(document).unwrap().rows;
    let marks = rows.iter().filter_map(|row| {
        let best =
            row[1].shown().split("; ").find_map(|m| m.strip_prefix("not separated from "))?;
        Some((row[0].shown().to_owned(), best.to_owned()))
    });
    marks.collect()
}

/// The first comparison that was said to be "within noise": .967 against .549 among many methods.
/// Three methods a point apart are not separated. Catches: one variance for all methods, which that
/// of finetune drowns.
#[test]
fn a_clear_lead_is_never_called_chance() {
    let accuracies = all(&[
        &[0.45, 0.62, 0.5, 0.58, 0.6],
        &[0.96, 0.967, 0.971, 0.969, 0.968],
        &[0.955, 0.961, 0.972, 0.968, 0.963],
        &[0.958, 0.964, 0.969, 0.962, 0.971],
        &[0.65, 0.7, 0.72, 0.61, 0.68],
        &[0.27, 0.3, 0.29, 0.24, 0.28],
        &[0.955, 0.969, 0.96, 0.967, 0.962],
    ]);
    let strategies = [FINETUNE, CPG, GEM, ER, EWC, FREEZE, FEW_PASSES];
    let document = with_accuracies(&strategies, &accuracies);
    let [_, second, _] = sentences(&document);
    assert!(second.contains("points above finetune (5 seeds separate the two)"), "{second}");
    assert!(
        second.contains("5 seeds do not separate cpg from er, gem and joint (2 passes)"),
        "{second}"
    );
    let names: Vec<String> = marked(&document).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["er", "gem", "joint (2 passes)"]);
    insta::assert_snapshot!(table(&document, 80));

    // With four seeds nothing is claimed and nothing is marked, by any view.
    let fewer: Vec<_> = accuracies.iter().map(|row| row[..4].to_vec()).collect();
    let document = with_accuracies(&strategies, &fewer);
    let said = sentences(&document).join(" ");
    assert!(said.contains("too few seeds to rank 7 strategies: 4, and 5 are needed"), "{said}");
    assert!(!said.contains("separate") && !said.contains("the best"), "{said}");
    let highest = ", which has the highest ACC of the methods, ends at";
    assert!(said.contains(highest), "{said}");
    assert_eq!(marked(&document), []);
    let page = html(&document).unwrap();
    assert!(page.contains("too few seeds to rank 7 strategies: 4, and 5 are needed"));
    assert!(!page.contains("not separated from"), "{page}");
    assert!(!table(&document, 80).contains('≈'));
}

/// Catches: a failed run that costs all strategies a seed, a strategy without common seeds that is
/// "not separated".
#[test]
fn what_lacks_a_seed_is_not_compared() {
    let mut accuracies = all(&[
        &[0.45, 0.62, 0.5, 0.58, 0.6],
        &[0.90, 0.92, 0.91, 0.93, 0.92],
        &[0.91, 0.91, 0.92, 0.92, 0.93],
        &[0.90, 0.93, 0.90, 0.92, 0.93],
        &[0.89, 0.92, 0.91, 0.92, 0.92],
        &[0.65, 0.7, 0.72, 0.61, 0.68],
    ]);
    accuracies[3][2] = None;
    let strategies = [FINETUNE, GEM, ER, DER, INDEPENDENT, EWC];
    let document = with_accuracies(&strategies, &accuracies);
    let names: BTreeSet<String> = marked(&document).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["gem", "independent"].map(ToOwned::to_owned).into());
    let page = html(&document).unwrap();
    assert!(page.contains("der lacks some of these seeds and is not compared"), "{page}");
}

/// Documents of older programs do not say how many test rows there are. Catches: rows of such a
/// document that are 0, which no logit has.
#[test]
fn documents_without_test_rows_are_ranked() {
    let accuracies = all(&[&[0.5, 0.6, 0.5, 0.6, 0.55], &[0.9, 0.91, 0.92, 0.9, 0.91]]);
    let mut document = with_accuracies(&[FINETUNE, GEM], &accuracies);
    let said = sentences(&document);
    assert!(said[1].contains("(5 seeds separate the two)"), "{}", said[1]);
    let mut text = serde_json::to_value(&document).unwrap();
    for run in text["runs"].as_array_mut().unwrap() {
        let run = run.as_object_mut().unwrap();
        run.retain(|key, _| key != "test_rows" && !key.starts_with("average"));
    }
    document = Comparison::parse(&text.to_string(), "an old document").unwrap();
    assert_eq!(sentences(&document), said);
}

/// The names in a list of a sentence, and how many it counts without naming them.
fn listed(list: &str) -> (Vec<&str>, usize) {
    let (names, last) = list.rsplit_once(" and ").unwrap_or(("", list));
    let names = names.split(", ").filter(|name| !name.is_empty());
    match last.strip_suffix(" more").map(str::parse) {
        Some(Ok(more)) => (names.collect(), more),
        _ => (names.chain([last]).collect(), 0),
    }
}

proptest! {
    /// Whatever ran: what a sentence says of a strategy is what its mark says, in every view.
    #[test]
    fn sentences_and_marks_never_contradict(
        pick in prop::sample::subsequence(
            vec![FINETUNE, FEW_PASSES, INDEPENDENT, EWC, GEM, FREEZE, ER, DER, CPG], 2..=9
        ),
        levels in prop::collection::vec(0.05..0.95, 9),
        spreads in prop::collection::vec(prop_oneof![Just(0.0), 0.001..0.3], 9),
        noise in prop::collection::vec(prop::collection::vec(-1.0..1.0, 6), 9),
        missing in prop::collection::vec((0_usize..9, 0_usize..6), 0..4),
        seeds in 1_usize..=6,
    ) {
        let accuracy = |row: usize, seed: usize| {
            let gone = missing.contains(&(row, seed)) && seed > 0;
            let acc: f64 = levels[row] + spreads[row] * noise[row][seed];
            (!gone).then(|| acc.clamp(0.0, 1.0))
        };
        let rows = 0..pick.len();
        let accuracies: Vec<_> =
            rows.map(|row| (0..seeds).map(|seed| accuracy(row, seed)).collect()).collect();
        let document = with_accuracies(&pick, &accuracies);
        let alike = marked(&document);
        let names: BTreeSet<&str> = alike.iter().map(|(name, _)| name.as_str()).collect();
        let best: BTreeSet<&str> = alike.iter().map(|(_, best)| best.as_str()).collect();
        prop_assert!(best.len() <= 1 && best.is_disjoint(&names), "{:?}", alike);

        for line in table(&document, 80).lines().skip(2).take(pick.len()) {
            let name = pick.iter().map(|fares| fares.label).find(|l| line.starts_with(&format!("{l} ")));
            let name = name.unwrap();
            prop_assert_eq!(line.contains('≈'), names.contains(name), "{}", line);
        }

        let page = html(&document).unwrap();
        let said: Vec<&str> = page
            .split("<li>")
            .filter_map(|item| Some(item.split_once("</li>")?.0))
            .take(5)
            .collect();
        let said = said.join(" ").replace('\u{a0}', " ");
        let with_finetune = pick.iter().any(|fares| fares.name == "finetune");
        if said.contains("too few seeds to rank") {
            let claims = said.contains("seeds separate") || said.contains("not separate");
            prop_assert!(names.is_empty() && !claims, "{} {:?}", said, names);
        }
        // The named one comes before the first `, `, the list ends with the sentence or part.
        for part in said.split("seeds do not separate ").skip(1) {
            let part = part.split([';', '.']).next().unwrap();
            if let Some((one, list)) = part.split_once(" from ") {
                let one = one.split(", the best").next().unwrap();
                prop_assert!(best.contains(one) || list == "any other", "{}: {:?}", part, best);
                let others = names.iter().filter(|name| **name != "finetune");
                if list != "any other" {
                    let (listed, more) = listed(list);
                    prop_assert!(listed.iter().all(|name| names.contains(name)), "{}", part);
                    // Without finetune the method that forgot most has its own words before.
                    let (said, all) = (listed.len() + more, others.count());
                    prop_assert!(said == all || !with_finetune && said + 1 == all, "{}", part);
                }
            }
        }
        // `NAME …, the best of the methods, ends at …, N points above finetune (…)`.
        if let (true, Some(verdict)) = (with_finetune, said.split("above finetune (").nth(1)) {
            let of = |words: &str| verdict.split(')').next().unwrap().contains(words);
            prop_assert!(!(of("seeds separate the two") && names.contains("finetune")), "{}", said);
            let claimed = of("do not separate");
            let one_method = !said.contains("the best of the methods");
            prop_assert!(!claimed || one_method || names.contains("finetune"), "{}", said);
        }
    }
}
