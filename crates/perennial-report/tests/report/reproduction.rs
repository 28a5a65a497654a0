//! Verdicts by numbers made by hand.

use perennial_metrics::statistics::Summary;
use perennial_report::document::Run;
use perennial_report::reproduction::{
    Cell, ChoiceMeasured, Counts, Measure, Measured, Published, QuickCell, Reproduction, Table,
    Verdict, page, reproduction_table,
};

use crate::sample;

/// A published .6 that is met within .04.
fn published() -> Published {
    Published { value: 0.6, se: Some(0.01), tolerance: 0.04, because: "two of a run".into() }
}

fn ours(mean: f64, half_width: f64) -> Summary {
    Summary { n: 5, mean, sd: Some(0.0), se: Some(0.0), half_width: Some(half_width) }
}

/// Catches: a limit taken as below and not at most, the interval left out, a worse number called
/// better, an interval that holds the published value called decided.
#[test]
fn verdicts_by_hand() {
    use Verdict as V;
    for (mean, half, more, less) in [
        (0.60, 0.04, V::Reproduced, V::Reproduced),
        (0.64, 0.04, V::Reproduced, V::Reproduced), // both exactly at the tolerance
        (0.56, 0.01, V::Reproduced, V::Reproduced),
        (0.60, 0.041, V::TooNoisy, V::TooNoisy), // near, but not surely
        (0.65, 0.01, V::Better, V::NotReproduced),
        (0.55, 0.01, V::NotReproduced, V::Better),
        (0.65, 0.049, V::Better, V::NotReproduced), // .601 … .699: on one side
        (0.65, 0.06, V::TooNoisy, V::TooNoisy),     // .59 … .71 holds .6
        (0.50, 0.09, V::NotReproduced, V::Better),
        (0.50, 0.11, V::TooNoisy, V::TooNoisy),
    ] {
        let ours = ours(mean, half);
        assert_eq!(published().verdict(ours, true), more, "{mean} ± {half}");
        assert_eq!(published().verdict(ours, false), less, "{mean} ± {half}, less is better");
    }
    let alone = Summary::of(&[0.6]).unwrap();
    assert_eq!(published().verdict(alone, true), V::TooNoisy, "one seed has no interval");
}

/// Three seeds of fine-tuning.
fn runs() -> Vec<Run> {
    sample::comparison(&[sample::FINETUNE], 3, 3).done().cloned().collect()
}

fn cell(measures: Vec<Measured>, failures: &[&str]) -> Cell {
    let failures: Vec<String> = failures.iter().map(|&why| why.to_owned()).collect();
    Cell {
        method: "ewc".into(),
        settings: vec!["lr=0.1".into()],
        verdict: Cell::judged(&measures, &failures),
        measures,
        at_chance: false,
        chosen_here: None,
        seeds: 5,
        seeds_run: vec![0, 1, 2, 3, 4],
        failures,
        reason: None,
        seconds: 90.0,
        machines: vec!["2 × one".into()],
        program: Some("0.1.0".into()),
    }
}

/// A measure whose mean is `mean` with an interval of ± .01.
fn measured(measure: Measure, mean: f64) -> Measured {
    let ours = ours(mean, 0.01);
    let verdict = Some(published().verdict(ours, measure.more_is_better()));
    let difference = Some(mean - 0.6);
    Measured { measure, published: Some(published()), ours: Some(ours), difference, verdict }
}

/// Catches: the best verdict of a cell's measures, or the first; a failed run that is forgotten.
#[test]
fn a_cell_is_as_good_as_its_worst_number() {
    use Measure as M;
    let verdict =
        |a: f64, b: f64| cell(vec![measured(M::Acc, a), measured(M::Forgetting, b)], &[]).verdict;
    assert_eq!(verdict(0.6, 0.6), Some(Verdict::Reproduced));
    assert_eq!(verdict(0.7, 0.6), Some(Verdict::Better));
    assert_eq!(verdict(0.7, 0.7), Some(Verdict::NotReproduced)); // it forgets more
    assert_eq!(verdict(0.6, 0.7), Some(Verdict::NotReproduced));
    let failed = cell(vec![measured(M::Acc, 0.6)], &["seed 3: it diverged"]);
    assert_eq!(failed.verdict, Some(Verdict::NotReproduced));
    let unpublished = Measured::new(M::Acc, None, &runs());
    assert!(unpublished.ours.is_some() && unpublished.difference.is_none());
    assert_eq!(cell(vec![unpublished], &["seed 3: it diverged"]).verdict, None);
    let not_run = Measured::new(M::Acc, Some(published()), &[]);
    assert_eq!(cell(vec![not_run], &[]).verdict, Some(Verdict::NotRun));
}

/// Catches: cells at chance, or with a setting chosen by their result, among the others, unpublished ones counted, half-run ones taken for
/// whole, "better" without a reason hidden.
#[test]
fn cells_are_counted_by_hand() {
    let acc = |mean| vec![measured(Measure::Acc, mean)];
    let mut cells = vec![
        cell(acc(0.6), &[]),
        cell(acc(0.66), &[]), // better, by less than twice the tolerance
        cell(acc(0.7), &[]),  // by more
        cell(acc(0.7), &[]),
        cell(acc(0.5), &[]),
        cell(acc(0.6), &[]),
        cell(acc(0.5), &[]),
        cell(acc(0.6), &[]),
        cell(acc(0.7), &[]),
        cell(acc(0.5), &[]),
        cell(vec![Measured::new(Measure::Acc, None, &[])], &[]),
    ];
    cells[3].reason = Some("another protocol".into());
    cells[4].seeds_run.pop();
    cells[5].at_chance = true;
    cells[6].at_chance = true;
    // A number that is too good is no surprise where a setting was chosen for it.
    cells[7..10].iter_mut().for_each(|cell| cell.chosen_here = Some("no margin".into()));
    let counts = Counts::of(&cells);
    let expected = Counts {
        cells: 10,
        run: 9,
        reproduced: 1,
        better: 3,
        too_good: 1,
        not_reproduced: 1,
        at_chance: 2,
        at_chance_met: 1,
        chosen_here: 3,
        chosen_here_met: 2,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    assert_eq!(
        counts.sentence(),
        "9 of 10 cells ran in full: 1 reproduced, 3 better, 1 not reproduced; counted apart, 2 whose \
         published value is at chance level, 1 of them met; counted apart, 3 with a setting chosen on \
         this cell, 2 of them met; 1 better by more than twice the tolerance, and no reason is known."
    );
    let twice = Counts::sum([counts, counts].into_iter());
    assert_eq!((twice.cells, twice.better, twice.at_chance_met), (20, 6, 2));
    assert_eq!((twice.chosen_here, twice.chosen_here_met), (6, 4));
}

/// Catches: means over other seeds than those of the runs, an unpaired difference.
#[test]
fn runs_become_numbers_over_their_seeds() {
    let runs = runs();
    let mean = runs.iter().map(|run| run.acc.unwrap()).sum::<f64>() / runs.len() as f64;
    let measured = Measured::new(Measure::Acc, Some(published()), &runs);
    assert!((measured.ours.unwrap().mean - mean).abs() < 1e-12);
    assert!((measured.difference.unwrap() - (mean - 0.6)).abs() < 1e-12);
    // Against itself nothing differs, however much seeds do.
    let choice = ChoiceMeasured::new(Measure::Acc, &runs, &runs).difference.unwrap();
    assert_eq!((choice.mean, choice.half_width), (0.0, Some(0.0)));
    let first = ChoiceMeasured::new(Measure::Acc, &runs, &runs[..1]);
    assert!(first.ours.is_some() && first.difference.is_none());
}

/// Catches: a moved number taken for chance, a failed run for an unmoved one.
#[test]
fn small_forms_are_compared_with_what_was_recorded() {
    assert_eq!(QuickCell::judged(Some(0.5), &[0.5], 0.0), (Some(0.5), false));
    assert_eq!(QuickCell::judged(Some(0.5), &[0.53], 0.02), (Some(0.53), true));
    assert_eq!(QuickCell::judged(Some(0.5), &[0.47], 0.02), (Some(0.47), true));
    assert_eq!(QuickCell::judged(Some(0.5), &[0.51], 0.02), (Some(0.51), false));
    assert_eq!(QuickCell::judged(Some(0.5), &[], 0.02), (None, true));
    assert_eq!(QuickCell::judged(None, &[0.5], 0.02), (Some(0.5), false));
}

fn reproduction() -> Reproduction {
    let mut better = cell(vec![measured(Measure::Acc, 0.7)], &[]);
    better.reason = Some("the paper saw half as many samples".into());
    let cells = vec![
        cell(vec![measured(Measure::Acc, 0.62), measured(Measure::Forgetting, 0.6)], &[]),
        Cell { method: "si|x".into(), ..better },
        Cell { method: "gem".into(), ..cell(vec![measured(Measure::Acc, 0.5)], &["seed 1: no"]) },
    ];
    Reproduction::new(
        "0.1.0".into(),
        vec![Table {
            protocol: "toy".into(),
            protocol_version: 1,
            paper: "Somebody, Something, 2020".into(),
            table: "table 1".into(),
            link: "https://example.org".into(),
            settings: vec!["tasks=3".into()],
            differs: vec!["Nothing.".into()],
            counts: Counts::of(&cells),
            cells,
            choices: Vec::new(),
        }],
    )
}

/// Catches: lines wider than a terminal, a reason or failure that is not told, a bar in a name that
/// breaks the Markdown table.
#[test]
fn the_terminal_and_the_page_tell_all() {
    let text = reproduction_table(&reproduction(), 80);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let page = page(&reproduction());
    for said in ["half as many samples", "seed 1: no", "not reproduced", "3 of 3 cells ran in full"]
    {
        assert!(text.replace('\n', " ").replace("  ", " ").contains(said), "{said}: {text}");
        assert!(page.contains(said), "{said}: {page}");
    }
    insta::assert_snapshot!(page);
    insta::assert_snapshot!(text);
}
