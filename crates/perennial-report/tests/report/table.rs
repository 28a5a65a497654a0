//! The terminal table, as it is printed.

use perennial_report::table;
use unicode_width::UnicodeWidthStr;

use crate::sample::*;

const ALL: [Fares; 6] = [FINETUNE, JOINT, INDEPENDENT, EWC, GEM, FREEZE];

#[test]
fn five_seeds_at_80_columns() {
    insta::assert_snapshot!(table(&with_gaps(comparison(&ALL, 5, 5)), 80));
}

#[test]
fn one_seed_has_no_intervals() {
    insta::assert_snapshot!(table(&comparison(&[FINETUNE, FEW_PASSES, GEM], 5, 1), 80));
}

#[test]
fn a_narrow_terminal_keeps_names_and_accuracy() {
    insta::assert_snapshot!(table(&comparison(&ALL[..3], 5, 3), 40));
}

#[test]
fn one_task_forgets_nothing_and_an_empty_comparison_says_so() {
    insta::assert_snapshot!(table(&comparison(&[FINETUNE], 1, 2), 80));
    assert_eq!(table(&comparison(&[], 2, 1), 80), "no run finished\n");
}

#[test]
fn no_line_is_wider_than_asked() {
    let mut comparison = with_gaps(comparison(&ALL, 20, 5));
    for width in 40..=120 {
        for line in table(&comparison, width).lines() {
            assert!(line.width() <= width, "{width}: {line}");
        }
    }
    // A wide script counts double, and an endless name is cut.
    for cell in &mut comparison.runs {
        if let perennial_report::document::Cell::Done(run) = cell {
            run.label = "忘却".repeat(40);
        }
    }
    let table = table(&comparison, 80);
    assert!(table.lines().all(|line| line.width() <= 80), "{table}");
    assert!(table.contains('…'), "{table}");
}

#[test]
fn a_label_cannot_steer_the_terminal() {
    let mut comparison = with_gaps(comparison(&[Fares { label: "\u{1b}[31mred", ..GEM }], 2, 1));
    comparison.skipped[0].reason = "because\u{7}\u{1b}[2J".to_owned();
    let table = table(&comparison, 80);
    assert!(!table.chars().any(|c| c.is_control() && c != '\n'), "{table:?}");
}
