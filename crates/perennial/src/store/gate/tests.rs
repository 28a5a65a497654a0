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

/// Tasks that have test rows of their own.
fn judge(gate: Gate, tasks: &[Rows], classes: Vec<ClassChange>) -> Judgement {
    let files: Vec<String> = (0..tasks.len()).map(|task| format!("file{task}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    judge_files(gate, tasks, &files, classes)
}

/// Tasks whose test rows are those of a file each.
fn judge_files(gate: Gate, tasks: &[Rows], files: &[&str], classes: Vec<ClassChange>) -> Judgement {
    let names: Vec<String> = (0..tasks.len()).map(|task| format!("t{task}")).collect();
    let pairs: Vec<Pair<'_>> = (names.iter().zip(files).zip(tasks))
        .map(|((task, rows), changes)| {
            let (before, after) = changes.iter().copied().unzip();
            Pair { task, rows, before: Some(before), after }
        })
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
        (3, 0, false), // p 1/8
        (4, 0, true),  // .267, p 1/16
        (5, 0, true),  // p 1/32
        (6, 2, false), // p 37/256
        (7, 2, true),  // p 46/512
    ] {
        let task = [rows(15, broke, mended)];
        let judgement = judge(Gate::default(), &task, Vec::new());
        assert_eq!(judgement.reasons.len(), usize::from(refuses), "{:?}", judgement.reasons);
        assert_eq!(judgement.tasks[0].noise, !refuses);
        let reasons = reasons(strict(), &task, Vec::new());
        let fall = (broke - mended) as f64 / 15.0;
        let of = |whose: &str| {
            format!("{whose} fell by {fall:.4}, more than 0.02 (--strict, without a test)")
        };
        assert_eq!(reasons, [of("`t0`"), of("the mean")]);
    }
    // Beyond noise, and no more than allowed: 20 of 1,000.
    let judgement = judge(Gate::default(), &[rows(1000, 20, 0)], Vec::new());
    assert!(judgement.reasons.is_empty() && !judgement.tasks[0].noise);
    let said = reasons(Gate::default(), &[rows(1000, 21, 0)], Vec::new());
    let why = "more than 0.02 and than chance explains (Holm-adjusted p < 0.001, level 0.05)";
    assert_eq!(said, [format!("`t0` fell by 0.0210, {why}")]);
}

/// Four rows that broke have p 1/16 = .0625: between the levels .05 and .10.
/// Catches: a single level of .05, a second level below .0625, a verdict or a sentence that names the
/// other clause, p or level.
#[test]
fn a_large_fall_refuses_at_the_second_level() {
    let judgement = judge(Gate::default(), &[rows(20, 4, 0)], Vec::new());
    let [task] = &judgement.tasks[..] else { panic!("one task") };
    let (clause, p) = (task.refused.unwrap(), task.p.unwrap());
    assert_eq!(clause, Clause::LargeFall { p, level: 0.1 });
    assert!((p - 0.0625).abs() < 1e-12, "{p}");
    let said = reasons(Gate::default(), &[rows(20, 7, 2)], Vec::new()); // p 46/512
    let why = "more than 5 × 0.02 and than chance explains (Holm-adjusted p 0.090, level 0.10)";
    assert_eq!(said, [format!("`t0` fell by 0.2500, {why}")]);
    // Five rows have p 1/32: the first clause refuses what both would.
    let judgement = judge(Gate::default(), &[rows(20, 5, 0)], Vec::new());
    let Some(Clause::Fall { p, level }) = judgement.tasks[0].refused else { panic!("no fall") };
    assert_eq!(level, 0.05);
    assert!((p - 0.03125).abs() < 1e-12, "{p}");
}

/// Four rows that broke again, p .0625, of so many rows that the fall is not large.
/// Catches: a level of .10 for every fall, a bound that is not 5 × `max_drop`, `≥` for `>`.
#[test]
fn a_fall_that_is_not_large_passes_at_the_same_p() {
    for (count, refuses) in [(50, false), (40, false), (39, true)] {
        let judgement = judge(Gate::default(), &[rows(count, 4, 0)], Vec::new());
        assert_eq!(judgement.reasons.is_empty(), !refuses, "4 of {count}");
        assert_eq!(judgement.tasks[0].noise, !refuses, "4 of {count}");
    }
}

/// Ten tasks of 15 rows. Six rows of one broke: a fall of .4, whose own p is 1/64 = .016 and, after
/// Holm over ten tasks, .156. Four others gained a row each, so the mean fell by 2 of 150 only.
/// Catches: a large fall that is refused without a test, or by its own p at .05 or at .10.
#[test]
fn one_unlucky_task_of_ten_passes() {
    let mut tasks = vec![rows(15, 0, 0); 5];
    tasks.extend(vec![rows(15, 0, 1); 4]);
    tasks.push(rows(15, 6, 0));
    let judgement = judge(Gate::default(), &tasks, Vec::new());
    assert!(judgement.reasons.is_empty(), "{:?}", judgement.reasons);
    assert!(judgement.tasks[9].noise);
    assert!((judgement.tasks[9].p.unwrap() - 0.15625).abs() < 1e-12);
}

/// As the page has it: so many rows of a single task broke, and with one task more chance explains it.
/// Seven rows have p 1/128: .094 after Holm over 12 tasks, .102 over 13.
/// Catches: a second level above .101 or below .0997, one of an own p: seven rows are below .01.
#[test]
fn a_large_fall_refuses_by_its_p_among_all_tasks() {
    for (tasks, broke) in [(1, 4), (3, 5), (6, 6), (12, 7), (25, 8), (51, 9)] {
        for (tasks, refuses) in [(tasks, true), (tasks + 1, false)] {
            let mut all = vec![rows(50, 0, 0); tasks - 1];
            all.push(rows(20, broke, 0));
            let refused = judge(Gate::default(), &all, Vec::new()).tasks[tasks - 1].refused;
            let large = matches!(refused, Some(Clause::LargeFall { .. }));
            assert_eq!((large, refused.is_some()), (refuses, refuses), "{tasks} {broke}");
        }
    }
}

/// Catches: a mean that has the second level, too.
#[test]
fn the_mean_has_one_level() {
    for (p, refused) in [(0.06, None), (0.04, Some(Clause::Fall { p: 0.04, level: 0.05 }))] {
        let fall = Fall { whose: Whose::Mean, measured: 0.12, upper: 0.2, p: Some(p) };
        assert_eq!(Gate::default().clause(&fall), refused);
    }
}

/// Catches: a clause that a script cannot read, one that is read back as another.
#[test]
fn a_clause_is_a_name_with_its_numbers() {
    for (clause, text) in [
        (Clause::Strict, r#"{"clause":"strict"}"#),
        (Clause::Fall { p: 0.25, level: 0.5 }, r#"{"clause":"fall","p":0.25,"level":0.5}"#),
        (
            Clause::LargeFall { p: 0.25, level: 0.5 },
            r#"{"clause":"large-fall","p":0.25,"level":0.5}"#,
        ),
        (Clause::UpperBound { upper: 0.25 }, r#"{"clause":"upper-bound","upper":0.25}"#),
        (Clause::Lost, r#"{"clause":"lost"}"#),
    ] {
        assert_eq!(serde_json::to_string(&clause).unwrap(), text);
        assert_eq!(serde_json::from_str::<Clause>(text).unwrap(), clause);
    }
}

/// One row of 25 was mended and none broke; the upper bound of the fall is beyond .02 all the same.
/// Catches: a rise that is told as a fall below 0, a bound that is told as a test.
#[test]
fn a_bound_refuses_by_what_may_have_fallen() {
    let gate = Gate { confident: true, ..Gate::default() };
    let judgement = judge(gate, &[rows(25, 0, 1)], Vec::new());
    let upper = judgement.tasks[0].upper.unwrap();
    assert_eq!(judgement.tasks[0].refused, Some(Clause::UpperBound { upper }));
    let bound = format!("by as much as {upper:.4} (upper 95 % bound), more than 0.02");
    assert_eq!(judgement.reasons[0], format!("`t0` rose by 0.0400, and may have fallen {bound}"));
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

/// One file of 12 rows taught five times: every task loses the same row, chance (11/12)¹² = .35 of the
/// mean. Five files that lose a row each are refused by the mean: .35⁵ = .005.
/// Catches: a row that counts as evidence once a task.
#[test]
fn one_row_of_a_file_taught_five_times_passes() {
    let tasks = vec![rows(12, 1, 0); 5];
    let judgement = judge_files(Gate::default(), &tasks, &["file"; 5], Vec::new());
    assert!(judgement.reasons.is_empty(), "{:?}", judgement.reasons);
    assert!((judgement.mean.unwrap().p - 0.352).abs() < 0.04);
    assert_eq!(reasons(Gate::default(), &tasks, Vec::new()).len(), 1);
    // Beside another file's task the rows are as few: no more resamples fall.
    let mut beside = tasks;
    beside.push(rows(50, 0, 0));
    let files = ["file", "file", "file", "file", "file", "other"];
    let judgement = judge_files(Gate::default(), &beside, &files, Vec::new());
    assert!(judgement.reasons.is_empty(), "{:?}", judgement.reasons);
    assert!((judgement.mean.unwrap().p - 0.352).abs() < 0.04);
}

/// Copies of a task have the p of that task alone: 4 of 20 rows, 1/16. Tasks with the same rows and
/// other answers are tests of their own: 2/16 after Holm over two.
/// Catches: Holm's count of copies, copies by their rows alone, a mean that judges copies once more.
#[test]
fn copies_of_a_task_are_judged_as_that_task() {
    let mut tasks = vec![rows(20, 4, 0); 12];
    let judgement = judge_files(Gate::default(), &tasks, &["file"; 12], Vec::new());
    let alone = judge(Gate::default(), &tasks[..1], Vec::new());
    assert!(judgement.tasks.iter().all(|task| task.p == alone.tasks[0].p));
    assert_eq!(judgement.reasons.len(), 12);
    tasks.push(rows(20, 0, 0));
    let judgement = judge_files(Gate::default(), &tasks, &["file"; 13], Vec::new());
    assert!((judgement.tasks[0].p.unwrap() - 0.125).abs() < 1e-12);
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
    let lost = "so the class is lost, which refuses without a test";
    assert_eq!(said, [format!("the recall of `few` fell from 5 of 100 to 0 of 100, {lost}")]);
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

/// Which rules refuse an update: the measured fall alone (`strict`); a fall beyond 5 × .02 without a
/// test, or by its own p < .05, each beside the clause of the Holm-adjusted p < .05 and the mean; the
/// gate.
fn refused_by(tasks: &[Rows]) -> [bool; 4] {
    let judgement = judge(Gate::default(), tasks, Vec::new());
    let mean = judgement.mean.unwrap();
    let fall = |task: &Judged| task.before.unwrap() - task.after;
    let own_p = |task: &Judged| {
        PairedFall { samples: task.rows, broke: task.broke, mended: task.mended }.p()
    };
    let any = |rule: &dyn Fn(&Judged) -> bool| judgement.tasks.iter().any(rule);
    let strict = any(&|task| beyond(fall(task), 0.02)) || beyond(mean.fall, 0.02);
    let first_clause = any(&|task| matches!(task.refused, Some(Clause::Fall { .. })));
    let tested = first_clause || mean.refused.is_some();
    let large = |task: &Judged| beyond(fall(task), 0.1);
    let untested = tested || any(&large);
    let own = tested || any(&|task| large(task) && own_p(task) < 0.05);
    [strict, untested, own, !judgement.reasons.is_empty()]
}

/// The share of updates that each rule refuses when nothing became worse: over so many updates, or,
/// with one task, exactly: the sum of the trinomial over all counts.
fn refused_at_random(tasks: usize, count: usize, updates: u32) -> [f64; 4] {
    let mut shares = [0.0; 4];
    let mut add = |tasks: &[Rows], weight: f64| {
        for (share, refused) in shares.iter_mut().zip(refused_by(tasks)) {
            *share += if refused { weight } else { 0.0 };
        }
    };
    if tasks > 1 {
        let mut noise = Noise::new();
        for _ in 0..updates {
            let drawn: Vec<Rows> = (0..tasks).map(|_| noise.rows(count)).collect();
            add(&drawn, 1.0 / f64::from(updates));
        }
        return shares;
    }
    let ln_factorial = |of: usize| (1..=of).map(|factor| (factor as f64).ln()).sum::<f64>();
    let side = (Noise::CHANGES / 2.0).ln();
    for broke in 1..=count {
        // No rule refuses where as many are mended.
        for mended in 0..broke.min(count - broke + 1) {
            let kept = count - broke - mended;
            let ways =
                ln_factorial(count) - [broke, mended, kept].map(ln_factorial).iter().sum::<f64>();
            let changed = (broke + mended) as f64 * side;
            let chance = (ways + changed + kept as f64 * (1.0 - Noise::CHANGES).ln()).exp();
            // All that is left out is less than 1e-5: there are fewer than 10,000 counts.
            if chance > 1e-9 {
                add(&[rows(count, broke, mended)], chance);
            }
        }
    }
    shares
}

/// The table of `docs/gate.md`: older tasks, rows of each, and the shares of [`refused_by`]. The shares
/// of several tasks are over 40,000 drawn tasks.
const REFUSED_AT_RANDOM: [(usize, usize, [f64; 4]); 9] = [
    (1, 15, [0.341, 0.120, 0.001, 0.005]),
    (1, 20, [0.365, 0.050, 0.002, 0.011]),
    (1, 29, [0.390, 0.086, 0.006, 0.021]),
    (1, 75, [0.306, 0.022, 0.022, 0.022]),
    (1, 99, [0.330, 0.026, 0.026, 0.026]),
    (5, 50, [0.790, 0.093, 0.087, 0.072]),
    (10, 15, [0.985, 0.720, 0.060, 0.053]),
    (10, 50, [0.956, 0.150, 0.137, 0.066]),
    (50, 50, [1.000, 0.458, 0.399, 0.010]),
];

/// Half of the last digit of the table's shares.
const ROUNDING: f64 = 0.0005 + 1e-9;

/// Catches: a rule that refuses at random, a page that says another share than the rule has. Several
/// tasks are drawn less often than for the page, so four standard errors are allowed for.
#[test]
fn with_nothing_worse_tasks_are_refused_as_the_page_says() {
    for (tasks, count, shares) in REFUSED_AT_RANDOM {
        let updates = 2000 / tasks as u32;
        let found = refused_at_random(tasks, count, updates);
        for (share, found) in shares.into_iter().zip(found) {
            let error = (share * (1.0 - share) / f64::from(updates)).sqrt();
            let drawn = if tasks == 1 { 0.0 } else { 4.0 * error };
            assert!(
                (found - share).abs() <= drawn + ROUNDING,
                "{tasks} tasks of {count} rows: {found}, not {share}"
            );
        }
    }
}

/// Catches: a share of the page that is not what its command prints.
#[test]
#[ignore = "prints the table of docs/gate.md, and draws for minutes"]
#[expect(clippy::print_stdout, reason = "the page is written from it")]
fn the_table_of_the_page() {
    let mut wrong = Vec::new();
    for (tasks, count, shares) in REFUSED_AT_RANDOM {
        let found = refused_at_random(tasks, count, 40_000 / tasks as u32);
        println!("{tasks} tasks of {count} rows: {found:.4?}");
        if shares.into_iter().zip(found).any(|(share, found)| (found - share).abs() > ROUNDING) {
            wrong.push((tasks, count));
        }
    }
    assert!(wrong.is_empty(), "the page has other shares for {wrong:?}");
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
    let why = "more than 0.2 and than chance explains (Holm-adjusted p < 0.001, level 0.05)";
    assert_eq!(said, [format!("the recall of `fraud` fell from 20 of 20 to 0 of 20, {why}")]);
}
