//! What is said of a comparison, and what is not.

use perennial_report::sentences;
use proptest::prelude::*;

use crate::sample::*;

fn said(strategies: &[Fares], tasks: usize, seeds: u64) -> String {
    sentences(&comparison(strategies, tasks, seeds)).join("\n")
}

#[test]
fn the_usual_comparison() {
    insta::assert_snapshot!(said(&[FINETUNE, JOINT, INDEPENDENT, EWC, GEM, FREEZE], 5, 5));
}

#[test]
fn the_three_frames() {
    insta::assert_snapshot!(said(&[FINETUNE, JOINT, INDEPENDENT], 5, 3));
}

#[test]
fn one_seed_claims_no_significance() {
    let said = said(&[FINETUNE, FEW_PASSES, EWC], 5, 1);
    assert!(
        said.contains("one seed") && !said.contains("separate") && !said.contains('±'),
        "{said}"
    );
    insta::assert_snapshot!(said);
}

#[test]
fn one_strategy_alone() {
    insta::assert_snapshot!(said(&[GEM], 5, 3));
}

#[test]
fn without_finetune() {
    insta::assert_snapshot!(said(&[EWC, GEM], 5, 3));
}

#[test]
fn only_finetune_and_joint() {
    insta::assert_snapshot!(said(&[FINETUNE, FEW_PASSES], 5, 2));
}

#[test]
fn nothing_beats_finetune() {
    insta::assert_snapshot!(said(&[FINETUNE, FREEZE], 5, 3));
}

#[test]
fn nobody_forgets() {
    insta::assert_snapshot!(said(&[Fares { forgets: 0.0, ..FINETUNE }, FREEZE], 5, 3));
}

#[test]
fn one_task() {
    insta::assert_snapshot!(said(&[FINETUNE, GEM], 1, 3));
}

#[test]
fn nothing_finished() {
    insta::assert_snapshot!(sentences(&with_gaps(comparison(&[], 3, 1))).join("\n"));
}

/// Catches: a gain on old tasks that is told as a loss of less than a point, one told of methods of
/// which some gained and some did not.
#[test]
fn a_gain_on_old_tasks_is_no_loss() {
    let gains = |name, by: f64| Fares { name, label: name, learns: 0.5, forgets: -by, ..GEM };
    // With three tasks the BWT is 1.5 times what a later task adds.
    let (der, er) = (gains("der", 0.08), gains("er", 0.12));
    let said_of = |of: &[Fares]| said(of, 3, 2);
    let both = said_of(&[FINETUNE, der, er]);
    assert!(both.contains("er and der gained 12.0 to 18.0 points on old tasks"), "{both}");
    let one = said_of(&[FINETUNE, der]);
    assert!(one.contains("der gained 12.0 points on old tasks and ends at"), "{one}");
    let still = said_of(&[FINETUNE, der, Fares { learns: 0.5, forgets: 0.0, ..EWC }]);
    assert!(still.contains("lost nothing on old tasks"), "{still}");
    let slight = said_of(&[FINETUNE, der, Fares { learns: 0.5, forgets: 0.002, ..EWC }]);
    assert!(slight.contains("gained or lost less than a point on old tasks"), "{slight}");
    for said in [both, one] {
        assert!(!said.contains("less than a point"), "{said}");
    }
}

/// The lead of `ewc`, .03 on every seed, is moved to .06, 0 and .03: t = √3 with 2 degrees of
/// freedom, p = .23.
#[test]
fn a_lead_that_chance_explains_is_called_so() {
    let mut close = comparison(&[FINETUNE, Fares { forgets: 0.07, ..EWC }], 5, 3);
    let lead = |close: &_| sentences(close)[1].clone();
    assert!(lead(&close).contains("(3 seeds separate the two)"), "{}", lead(&close));
    for cell in &mut close.runs {
        if let perennial_report::document::Cell::Done(run) = cell
            && run.strategy == "ewc"
        {
            run.acc = run.acc.map(|acc| acc + [0.03, -0.03, 0.0][run.seed as usize]);
        }
    }
    assert!(lead(&close).contains("(3 seeds do not separate the two)"), "{}", lead(&close));
}

proptest! {
    /// Whatever ran: three sentences, each one sentence, no number that is none.
    #[test]
    fn always_three_whole_sentences(
        pick in prop::sample::subsequence(
            vec![FINETUNE, JOINT, FEW_PASSES, INDEPENDENT, EWC, GEM, FREEZE], 0..=7
        ),
        tasks in 1_usize..6,
        seeds in 1_u64..4,
    ) {
        for sentence in sentences(&comparison(&pick, tasks, seeds)) {
            prop_assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{sentence}");
            let inner = sentence.trim_end_matches('.');
            prop_assert!(!inner.contains(". ") && !inner.contains("  "), "{sentence}");
            prop_assert!(!sentence.contains("NaN") && !sentence.contains("inf"), "{sentence}");
        }
    }
}

/// Chance is .1 here; a method at .05 has learnt nothing. Catches: a method that is no better than a
/// constant and goes unsaid, one that is and is named, a document of before that is judged.
#[test]
fn who_learnt_nothing_is_said() {
    let idle = Fares { learns: 0.05, forgets: 0.0, ..EWC };
    let mut comparison = comparison(&[FINETUNE, idle, GEM], 3, 2);
    let said = perennial_report::learnt_nothing(&comparison).unwrap();
    assert!(said.contains("ewc (3 of 3 tasks)") && !said.contains("gem"), "{said}");
    for cell in &mut comparison.runs {
        if let perennial_report::document::Cell::Done(run) = cell {
            run.largest_class.clear();
        }
    }
    assert_eq!(perennial_report::learnt_nothing(&comparison), None);
}
