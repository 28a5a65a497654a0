use super::*;

/// A log of `(step, task, accuracies)`, evaluated every 10 steps.
fn log<const T: usize>(evaluations: &[(u64, usize, [Option<f64>; T])]) -> AnytimeLog {
    let mut log = AnytimeLog::new(T, 10);
    for (step, task, accuracies) in evaluations {
        let accuracies = accuracies.to_vec();
        log.push(Evaluation { step: *step, task: *task, accuracies }).unwrap();
    }
    log
}

/// Three tasks, two evaluations each.
fn three_tasks() -> AnytimeLog {
    log(&[
        (10, 0, [Some(0.5), None, Some(0.25)]),
        (20, 0, [Some(1.0), None, Some(0.25)]),
        (30, 1, [Some(0.75), Some(0.5), Some(0.25)]),
        (40, 1, [Some(0.625), Some(0.875), Some(0.125)]),
        (50, 2, [Some(0.25), Some(0.375), Some(0.5)]),
        (60, 2, [Some(0.375), Some(0.75), Some(0.75)]),
    ])
}

#[test]
fn three_tasks_by_hand() {
    let log = three_tasks();
    // .5, 1, (.75 + .5)/2 = .625, (.625 + .875)/2 = .75, (.25 + .375 + .5)/3 = .375,
    // (.375 + .75 + .75)/3 = .625; their sum is 3.875
    assert_eq!(log.aaa(), Some(3.875 / 6.0));
    // after task 2: task 1 min(.75, .625)
    assert_eq!(log.min_acc(2), Some(0.625));
    // .875/2 + .625/2
    assert_eq!(log.wc_acc(2), Some(0.75));
    // after task 3: task 1 min(.75, .625, .25, .375), task 2 min(.375, .75): (.25 + .375)/2.
    // The .5 of task 2 while it was being learnt does not count.
    assert_eq!(log.min_acc(3), Some(0.3125));
    // .75/3 + 2/3 · .3125 = 1.375/3
    assert!((log.wc_acc(3).unwrap() - 1.375 / 3.0).abs() < 1e-15);
}

#[test]
fn windows_by_hand() {
    let log = three_tasks();
    // falls over one period: task 1 .625 − .25 = .375, task 2 .875 − .375 = .5, task 3 .125
    assert_eq!(log.wf(2), Some(1.0 / 3.0));
    // over two: task 1 .75 − .25 = .5, task 2 .5, task 3 .125
    assert_eq!(log.wf(3), Some(1.125 / 3.0));
    // over three: task 1 1 − .25 = .75
    assert_eq!(log.wf(4), Some(1.375 / 3.0));
    assert_eq!(log.wf(usize::MAX), log.wf(4));
    // rises over one period: task 1 .5, task 2 .375, task 3 .375
    assert_eq!(log.wp(2), Some(1.25 / 3.0));
    // over two: task 3 .75 − .125 = .625
    assert_eq!(log.wp(3), Some(1.5 / 3.0));
    // one evaluation is no window
    assert_eq!((log.wf(1), log.wp(1), log.wf(0), log.wp(0)), (None, None, None, None));
}

#[test]
fn only_rising_is_negative_forgetting() {
    let log = log(&[(10, 0, [Some(0.25)]), (20, 0, [Some(0.5)]), (30, 0, [Some(1.0)])]);
    assert_eq!((log.wf(2), log.wp(2)), (Some(-0.25), Some(0.5)));
}

#[test]
fn the_summary_names_its_period_and_window() {
    let log = three_tasks();
    let summary = log.summary(3);
    assert_eq!((summary.period, summary.window, summary.evaluations), (10, 3, 6));
    assert_eq!((summary.aaa, summary.min_acc), (log.aaa(), log.min_acc(3)));
    assert_eq!((summary.wc_acc, summary.wf, summary.wp), (log.wc_acc(3), log.wf(3), log.wp(3)));
}

#[test]
fn what_was_not_evaluated_is_none() {
    let log = log(&[
        (10, 0, [Some(0.5), None, None]),
        (20, 1, [None, Some(0.5), None]),
        (30, 1, [Some(0.5), Some(0.75), None]),
    ]);
    assert_eq!(log.aaa(), None); // task 1 has no answer after step 20
    assert_eq!((log.min_acc(2), log.wc_acc(2)), (None, None));
    assert_eq!((log.min_acc(3), log.wc_acc(3)), (None, None)); // task 3 was not begun
    assert_eq!(
        (log.min_acc(0), log.min_acc(1), log.wc_acc(0), log.wc_acc(1)),
        (None, None, None, None)
    );
    assert_eq!((log.wf(2), log.wp(2)), (None, None)); // task 3 has no two answers
    let empty = AnytimeLog::new(3, 10).summary(5);
    assert_eq!(
        (empty.aaa, empty.min_acc, empty.wc_acc, empty.wf, empty.wp),
        (None, None, None, None, None)
    );
}

#[test]
fn a_task_without_evaluations_of_a_later_one_has_no_minimum() {
    // Task 2 was never evaluated while current; task 1 still has a minimum after it.
    let log =
        log(&[(10, 0, [Some(1.0), Some(0.5), None]), (20, 2, [Some(0.5), Some(0.25), Some(1.0)])]);
    assert_eq!(log.min_acc(2), None);
    assert_eq!(log.min_acc(3), Some(0.375));
}

#[test]
fn refuses_what_cannot_follow() {
    let filled = log(&[(10, 1, [Some(0.5), Some(0.5)])]);
    for (step, task, accuracies, says) in [
        (20, 1, vec![Some(0.5)], "has 1 accuracies, but the run has 2 tasks"),
        (20, 2, vec![None, None], "names the task at position 2"),
        (10, 1, vec![None, None], "follows that after step 10"),
        (20, 0, vec![None, None], "tasks must not go back"),
        (20, 1, vec![None, Some(f64::NAN)], "says NaN for the task at position 1"),
    ] {
        let mut log = filled.clone();
        let error = log.push(Evaluation { step, task, accuracies }).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(log, filled);
    }
    let untrained = Evaluation { step: 0, task: 0, accuracies: vec![None] };
    assert!(AnytimeLog::new(1, 10).push(untrained).is_err());
}
