//! Every metric of a run of four tasks of which some numbers are null, by hand. All accuracies are
//! eighths, so that the sums are exact.

use perennial_metrics::{Accuracy, AnytimeLog, Evaluation, IncrementalMean};

/// R with nulls in rows 0 to 3; `null` stands for −1 here.
const R: [[f64; 4]; 5] = [
    [0.25, 0.125, -1.0, 0.25],
    [0.75, 0.25, -1.0, -1.0],
    [0.875, 0.375, 0.25, -1.0],
    [-1.0, 0.625, 1.0, 0.125],
    [0.5, 0.75, 0.625, 0.875],
];

/// Accuracies of the tasks at an evaluation, after (step, position of the task being learnt).
const COURSE: [((u64, usize), [f64; 4]); 6] = [
    ((5, 0), [0.5, -1.0, -1.0, -1.0]),
    ((10, 1), [0.75, 0.25, -1.0, -1.0]),
    ((15, 1), [0.625, 0.5, -1.0, -1.0]),
    ((20, 2), [0.25, 0.375, 0.5, -1.0]),
    ((25, 3), [0.5, 0.625, 0.25, 0.375]),
    ((30, 3), [0.375, 0.125, 0.75, 0.875]),
];

fn measured(value: f64) -> Option<f64> {
    (value >= 0.0).then_some(value)
}

fn matrix(rows: [[f64; 4]; 5]) -> Accuracy {
    let mut r = Accuracy::new(4);
    for row in rows {
        r.push_row(row.map(measured)).expect("a row of four fractions or nulls");
    }
    r
}

fn log(course: [((u64, usize), [f64; 4]); 6]) -> AnytimeLog {
    let mut log = AnytimeLog::new(4, 5);
    for ((step, task), accuracies) in course {
        let accuracies = accuracies.map(measured).to_vec();
        log.push(Evaluation { step, task, accuracies }).expect("an evaluation that follows");
    }
    log
}

/// Catches: a null that counts as 0 or is left out of a mean, row 0 or the last row within a
/// maximum, a division by T instead of T − 1.
#[test]
fn metrics_of_four_tasks_with_nulls() {
    let r = matrix(R);
    // (.5 + .75 + .625 + .875) / 4; after two tasks (.875 + .375) / 2; after three, one is null
    assert_eq!(r.acc(), Some(2.75 / 4.0));
    assert_eq!((r.acc_after(2), r.acc_after(3)), (Some(0.625), None));
    assert_eq!(r.average_incremental_accuracy(IncrementalMean::Tasks), None);
    assert_eq!(r.worst_task(), Some(0.5));
    // (.75 + .375 + 1 + .875) / 4
    assert_eq!(r.learning_accuracy(), Some(0.75));
    // (.5 − .75) + (.75 − .375) + (.625 − 1) = −.25, over 3 and over 4
    assert_eq!((r.bwt(), r.bwt_over_t()), (Some(-0.25 / 3.0), Some(-0.25 / 4.0)));
    // It reads row 0 of task 3, a null.
    assert_eq!(r.fwt(), None);
    // max(.75, .875, null) − .5 = .375, max(.25, .375, .625) − .75 = −.125,
    // max(null, .25, 1) − .625 = .375; their sum is .625
    assert_eq!(r.forgetting(), Some(0.625 / 3.0));
    // After task 2: .75 − .875. After task 3 the accuracy on task 1 is null.
    assert_eq!((r.forgetting_after(2), r.forgetting_after(3)), (Some(-0.125), None));
    // 1 − .875; .75 − .375; a null in the reference
    let reference = [0.875, 0.75, -1.0, 1.0].map(measured);
    assert_eq!(r.intransigence(&reference), Some(0.125));
    assert_eq!(r.intransigence_after(2, &reference), Some(0.375));
    assert_eq!(r.intransigence_after(3, &reference), None);

    // With .5 in row 0 of task 3: (.25 − .125) + (.25 − .5) + (.125 − .25) = −.25
    let mut known = R;
    known[0][2] = 0.5;
    assert_eq!(matrix(known).fwt(), Some(-0.25 / 3.0));

    // With .5 in row 3 of task 1: A_1 = .75, A_2 = .625, A_3 = 2.125 / 3, A_4 = .6875.
    // With samples 1, 1, 2, 4: A_3 = (.5 + .625 + 2) / 4 = .78125,
    // A_4 = (.5 + .75 + 1.25 + 3.5) / 8 = .75; .75 + .625 + .78125 + .75 = 2.90625
    known[3][0] = 0.5;
    let r = matrix(known);
    let tasks = r.average_incremental_accuracy(IncrementalMean::Tasks);
    assert!((tasks.expect("all are known") - (2.0625 + 2.125 / 3.0) / 4.0).abs() < 1e-15);
    let samples = r.average_incremental_accuracy(IncrementalMean::Samples(&[1, 1, 2, 4]));
    assert_eq!(samples, Some(2.90625 / 4.0));

    // Without row 3: .875 − .5 = .375, .375 − .75 = −.375, .25 − .625 = −.375, their sum −.375.
    let mut sparse = R;
    sparse[3] = [-1.0; 4];
    let r = matrix(sparse);
    assert_eq!((r.forgetting(), r.acc()), (Some(-0.375 / 3.0), Some(2.75 / 4.0)));
    assert_eq!((r.bwt(), r.learning_accuracy()), (None, None));
}

/// Catches: tasks to come within AAA, a minimum over steps before a task was learnt, a window of
/// one more or one fewer, a null that ends a window or counts as 0.
#[test]
fn any_time_metrics_of_four_tasks_with_nulls() {
    let whole = log(COURSE);
    // .5, 1/2, 1.125/2, 1.125/3, 1.75/4, 2.125/4; their sum is 2.90625
    assert_eq!(whole.aaa(), Some(2.90625 / 6.0));
    // k = 2: min(.75, .625).  k = 3: min(.75, .625, .25) and .375.
    // k = 4: min(.75, .625, .25, .5, .375), min(.375, .625, .125), min(.25, .75)
    let minima = [2, 3, 4].map(|k| whole.min_acc(k));
    assert_eq!(minima, [Some(0.625), Some(0.625 / 2.0), Some(0.625 / 3.0)]);
    // .5/2 + .625/2, .5/3 + 2/3 · .3125, .875/4 + 3/4 · .625/3
    for (k, by_hand) in [(2, 0.5625), (3, 0.375), (4, 0.375)] {
        assert!((whole.wc_acc(k).expect("all are known") - by_hand).abs() < 1e-15, "{k}");
    }
    // Falls from one evaluation to the next: .625 → .25, .625 → .125, .5 → .25, and .375 → .875,
    // a fall of −.5. Within three: task 1 .75 → .25 = .5.
    assert_eq!((whole.wf(2), whole.wf(3)), (Some(0.625 / 4.0), Some(0.75 / 4.0)));
    // Rises: .25, .25, .5, .5; none within three is larger.
    assert_eq!((whole.wp(2), whole.wp(3)), (Some(0.375), Some(0.375)));

    // Task 1 was not measured after step 15.
    let mut course = COURSE;
    course[2].1[0] = -1.0;
    let holed = log(course);
    assert_eq!((holed.aaa(), holed.min_acc(2), holed.min_acc(4)), (None, None, None));
    assert_eq!((holed.wc_acc(2), holed.wc_acc(4)), (None, None));
    // Task 1 now falls by .5 → .375 from one to the next, and within three still by .75 → .25.
    assert_eq!((holed.wf(2), holed.wf(3)), (Some(0.375 / 4.0), Some(0.75 / 4.0)));
}
