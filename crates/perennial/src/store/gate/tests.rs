//! The rules by hand, and how often they refuse at random: the figures of `docs/gate.md`.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A task's test rows: whether each was right before, and is now.
type Rows = Vec<(bool, bool)>;

/// Rows of which so many broke and so many were mended; the others stayed right.
fn rows(count: usize, broke: usize, mended: usize) -> Rows {
    let changed = broke + mended;
    (0..count).map(|row| (row < broke || row >= changed, row >= broke)).collect()
}

fn class(name: &str, rows: Rows) -> ClassChange {
    let mut class = ClassChange::of(name.into());
    rows.into_iter().for_each(|(before, after)| class.count(before, after));
    class
}

fn judge(gate: Gate, tasks: &[Rows], classes: Vec<ClassChange>) -> Judgement {
    let names: Vec<String> = (0..tasks.len()).map(|task| format!("t{task}")).collect();
    let pair = |(task, rows): (&'_ String, &Rows)| {
        let (before, after) = rows.iter().copied().unzip();
        (task.clone(), Some(before), after)
    };
    let sides: Vec<(String, Option<Vec<bool>>, Vec<bool>)> =
        names.iter().zip(tasks).map(pair).collect();
    let pairs: Vec<Pair<'_>> = sides
        .iter()
        .map(|(task, before, after)| Pair { task, before: before.clone(), after: after.clone() })
        .collect();
    let (verdict, judgement) = gate.judge(&pairs, classes, 0);
    assert_eq!(verdict.passed, judgement.reasons.is_empty());
    judgement
}

fn reasons(gate: Gate, tasks: &[Rows], classes: Vec<ClassChange>) -> Vec<String> {
    judge(gate, tasks, classes).reasons
}

fn strict() -> Gate {
    Gate { strict: true, ..Gate::default() }
}

/// Catches: a row that refuses, a fall that chance explains and that refuses all the same or is not
/// told, a `strict` that waits for a test, a mean of one task that judges it twice.
#[test]
fn a_fall_refuses_beyond_noise_and_strictly_by_one_row() {
    for (broke, mended, refuses) in [
        (1, 0, false), // a row of 15 is .067
        (4, 0, false), // .267, p 1/16
        (5, 0, true),  // p 1/32
        (7, 2, false), // p 46/512
    ] {
        let task = [rows(15, broke, mended)];
        let judgement = judge(Gate::default(), &task, Vec::new());
        assert_eq!(judgement.reasons.len(), usize::from(refuses), "{:?}", judgement.reasons);
        assert_eq!(judgement.tasks[0].noise, !refuses);
        let reasons = reasons(strict(), &task, Vec::new());
        let fall = (broke - mended) as f64 / 15.0;
        let of = |whose: &str| format!("{whose} fell by {fall:.4}, more than 0.02");
        assert_eq!(reasons, [of("`t0`"), of("the mean")]);
    }
    // Beyond noise, and no more than allowed: 20 of 1,000.
    let judgement = judge(Gate::default(), &[rows(1000, 20, 0)], Vec::new());
    assert!(judgement.reasons.is_empty() && !judgement.tasks[0].noise);
    let said = reasons(Gate::default(), &[rows(1000, 21, 0)], Vec::new());
    assert_eq!(said, ["`t0` fell by 0.0210, more than 0.02 and than chance explains (p < 0.001)"]);
}

/// Ten tasks: six rows that broke have p 1/64 and seven 1/128, .156 and .078 after Holm.
/// Catches: a large fall that waits for Holm, one that refuses at 5 %, one that need not be large.
#[test]
fn a_large_fall_refuses_by_a_test_of_its_own() {
    for (count, broke, refuses) in [(20, 6, false), (20, 7, true), (70, 7, false), (69, 7, true)] {
        let mut tasks = vec![rows(50, 0, 0); 9];
        tasks.push(rows(count, broke, 0));
        let said = reasons(Gate::default(), &tasks, Vec::new());
        let of_the_task = said.iter().any(|reason| reason.contains("`t9` fell by"));
        assert_eq!(of_the_task, refuses, "{count} {broke} {said:?}");
    }
}

/// Two rows of each of ten tasks: no task's test says a thing (p 1/4), all of them together do.
/// Catches: a mean that is not judged, one that refuses at the measured fall alone.
#[test]
fn the_mean_refuses_what_no_task_shows() {
    let said = reasons(Gate::default(), &vec![rows(50, 2, 0); 10], Vec::new());
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("the mean fell by 0.0400, more than 0.02 and"), "{said:?}");
    let mut one = vec![rows(15, 0, 0); 2];
    one.push(rows(15, 2, 0)); // .044 in the mean, and p .12: two rows of 15 are not drawn
    assert!(reasons(Gate::default(), &one, Vec::new()).is_empty());
    assert_eq!(reasons(strict(), &one, Vec::new()).len(), 2);
}

/// Catches: a rare class that hides in its task, `<` for `≤`, a rule that few rows switch off, Holm
/// over all classes where some are not judged, a `max_class_drop` that is not looked at.
#[test]
fn classes_by_hand() {
    use ClassVerdict::{Passed, Refused, TooFew};
    for (change, max, verdict) in [
        (rows(20, 20, 0), 0.2, Refused),
        (rows(20, 5, 0), 0.2, Refused),   // .25, p 1/32
        (rows(25, 5, 0), 0.2, Passed),    // .2 and no more
        (rows(10, 4, 0), 0.2, Passed),    // p 1/16
        (rows(100, 30, 12), 0.2, Passed), // .18, p .004
        (rows(9, 8, 0), 0.2, TooFew),     // one is left
        (rows(9, 9, 0), 0.2, Refused),    // lost
        (rows(5, 5, 0), 0.2, Refused),    // lost
        (rows(4, 4, 0), 0.2, TooFew),
        (rows(20, 20, 0), 0.99, Refused),
        (rows(20, 20, 0), 1.0, Passed),
        (rows(9, 9, 0), 1.0, TooFew),
    ] {
        let said = format!("{max} {verdict:?} {change:?}");
        let gate = Gate { max_class_drop: max, ..Gate::default() };
        let judgement = judge(gate, &[], vec![class("c", change)]);
        assert_eq!(judgement.classes[0].verdict, verdict, "{said}");
        assert_eq!(judgement.reasons.len(), usize::from(verdict == Refused), "{said}");
        assert_eq!(judgement.classes[0].p.is_some(), judgement.classes[0].rows >= 10, "{said}");
    }
    // Wrong rows that stay wrong: five right of a hundred, and then none.
    let mut few = ClassChange { broke: 5, before: 5, rows: 100, ..ClassChange::of("few".into()) };
    let said = reasons(Gate::default(), &[], vec![few.clone()]);
    assert_eq!(said, ["the recall of `few` fell from 5 of 100 to 0 of 100"]);
    (few.broke, few.before) = (4, 4);
    assert!(reasons(Gate::default(), &[], vec![few.clone()]).is_empty());
    // Six rows have p 1/64: .047 of three classes, .062 of four.
    let fell = || class("fell", rows(20, 6, 0));
    let kept = || class("kept", rows(10, 0, 0));
    let tiny = || class("tiny", rows(9, 0, 0));
    let three = vec![fell(), kept(), kept(), tiny(), tiny()];
    assert_eq!(reasons(strict(), &[], three).len(), 1, "tiny classes are no part of Holm's count");
    assert!(reasons(strict(), &[], vec![fell(), kept(), kept(), kept()]).is_empty());
}

/// Catches: a field that an old version does not have and that is read as the new rule, or written
/// where it was not: the seal of an old manifest would break.
#[test]
fn a_gate_of_an_old_version_is_the_rule_it_was_judged_by() {
    let text = r#"{"max-drop":0.02,"floor":null,"confident":false}"#;
    let old: Gate = serde_json::from_str(text).unwrap();
    assert_eq!(old, Gate { strict: true, max_class_drop: 1.0, ..Gate::default() });
    assert_eq!(serde_json::to_string(&old).unwrap(), text);
    for gate in [Gate::default(), Gate { max_class_drop: 0.5, ..strict() }] {
        let text = serde_json::to_string(&gate).unwrap();
        assert_eq!(serde_json::from_str::<Gate>(&text).unwrap(), gate, "{text}");
    }
}

/// What nothing truly worse looks like: 12 rows of 100 change sides, either way alike.
struct Noise(ChaCha8Rng);

impl Noise {
    const CHANGES: f64 = 0.12;

    fn new() -> Self {
        Self(ChaCha8Rng::seed_from_u64(1))
    }

    fn rows(&mut self, count: usize) -> Rows {
        self.falling(count, 0.0)
    }

    /// Rows whose accuracy truly fell by so much: more of them break.
    fn falling(&mut self, count: usize, fall: f64) -> Rows {
        let row = |_| match self.0.random::<f64>() {
            drawn if drawn < Self::CHANGES / 2.0 + fall => (true, false),
            drawn if drawn < Self::CHANGES + fall => (false, true),
            _ => (true, true),
        };
        (0..count).map(row).collect()
    }
}

/// The share of so many updates that are refused.
fn share(updates: u32, mut refused: impl FnMut() -> bool) -> f64 {
    f64::from((0..updates).map(|_| u32::from(refused())).sum::<u32>()) / f64::from(updates)
}

/// A standard error of a share near .25 over 2,000 updates is .01; the bounds are three.
/// Catches: a class rule without a test, or without Holm.
#[test]
fn with_nothing_worse_classes_hardly_ever_refuse() {
    let mut noise = Noise::new();
    let mut plain = 0;
    let refused = share(2000, || {
        let classes: Vec<ClassChange> =
            (0..100).map(|class_| class(&class_.to_string(), noise.rows(20))).collect();
        let judgement = judge(Gate::default(), &[], classes);
        plain += u32::from(judgement.classes.iter().any(|class| beyond(class.fall(), 0.2)));
        !judgement.reasons.is_empty()
    });
    let plain = f64::from(plain) / 2000.0;
    assert!((plain - 0.22).abs() < 0.03, "a fall of .2 alone refuses {plain}");
    assert!(refused <= 0.005, "{refused}");
}

/// As the table of `docs/gate.md` has it: older tasks, rows of each, and the share of updates that is
/// refused by the measured fall alone (`strict`), if a fall of 5 × .02 needed no test, and by the rule.
/// The shares of one task are sums of the trinomial over all counts, those of ten are over 4,000
/// updates.
const REFUSED_AT_RANDOM: [(usize, usize, [f64; 3]); 7] = [
    (1, 15, [0.341, 0.120, 0.001]),
    (1, 20, [0.365, 0.050, 0.002]),
    (1, 29, [0.390, 0.086, 0.006]),
    (1, 75, [0.306, 0.022, 0.022]),
    (1, 99, [0.330, 0.026, 0.026]),
    (10, 15, [0.985, 0.720, 0.053]),
    (10, 50, [0.956, 0.150, 0.066]),
];

/// Catches: a rule that refuses at random, a page that says another share than the rule has.
#[test]
fn with_nothing_worse_tasks_are_refused_as_the_page_says() {
    for (tasks, count, figures) in REFUSED_AT_RANDOM {
        let mut noise = Noise::new();
        let updates = if tasks == 1 { 1000 } else { 200 };
        let (mut plain, mut untested) = (0, 0);
        let refused = share(updates, || {
            let drawn: Vec<Rows> = (0..tasks).map(|_| noise.rows(count)).collect();
            let judgement = judge(Gate::default(), &drawn, Vec::new());
            let falls = || judgement.tasks.iter().map(|task| task.before.unwrap() - task.after);
            let refused = !judgement.reasons.is_empty();
            let mean = judgement.mean.unwrap().fall;
            plain += u32::from(falls().any(|fall| beyond(fall, 0.02)) || beyond(mean, 0.02));
            untested += u32::from(refused || falls().any(|fall| beyond(fall, 0.1)));
            refused
        });
        let of_all = |count: u32| f64::from(count) / f64::from(updates);
        for (figure, found) in figures.into_iter().zip([of_all(plain), of_all(untested), refused]) {
            let error = (figure * (1.0 - figure) / f64::from(updates)).sqrt();
            assert!(
                (found - figure).abs() <= 4.0 * error + 0.001,
                "{tasks} tasks of {count} rows: {found}, not {figure}"
            );
        }
    }
}

/// Catches: a test that finds nothing, a correction that grows out of hand.
#[test]
fn what_became_worse_is_refused() {
    let mut noise = Noise::new();
    let of_one =
        share(100, || !reasons(Gate::default(), &[noise.falling(500, 0.1)], Vec::new()).is_empty());
    assert!(of_one >= 0.99, "from .95 to .85 on 500 rows: {of_one}");
    let of_ten = share(20, || {
        let mut tasks: Vec<Rows> = (0..9).map(|_| noise.rows(500)).collect();
        tasks.push(noise.falling(500, 0.1));
        let said = reasons(Gate::default(), &tasks, Vec::new());
        said.iter().any(|reason| reason.contains("`t9` fell"))
    });
    assert!(of_ten >= 0.9, "one of ten tasks: {of_ten}");
    let task: Rows = (0..3020).map(|row| (true, row >= 20)).collect();
    let classes = vec![class("ok", rows(3000, 0, 0)), class("fraud", rows(20, 20, 0))];
    let said = reasons(Gate::default(), &[task], classes);
    assert_eq!(said, ["the recall of `fraud` fell from 20 of 20 to 0 of 20"]);
}
