//! What the gate found, as `teach` and `history` show it.

use perennial::store::{ClassJudged, ClassVerdict, Judgement, Verdict};
use perennial_report::shorten;
use serde_json::{Value, json};

use super::{change, number};
use crate::output;
use crate::plan::value;

/// At most so many classes, or reasons, are shown; a JSON document has all.
const MOST: usize = 8;
/// Columns for a name, so that the other columns stay within a terminal of 80.
const NAME: usize = 20;

/// What became of every task and of the classes that fell, in words.
pub(super) fn table(judgement: &Judgement, verdict: Option<&Verdict>) -> String {
    let mut text = tasks(judgement) + &classes(judgement);
    let width = output::width();
    let few = judgement.classes.iter().filter(|class| class.verdict == ClassVerdict::TooFew);
    let few: Vec<String> = few.map(|class| quoted(&class.class)).collect();
    if !few.is_empty() {
        let least = ClassJudged::FEWEST;
        let words =
            format!("too few to judge (fewer than {least} test samples): {}", some(&few, ", "));
        text += &output::wrapped(&words, width, 0);
    }
    let noise = judgement.tasks.iter().filter(|task| task.noise);
    let noise: Vec<String> = noise.map(|task| quoted(&task.task)).collect();
    if let (Some(verdict), false) = (verdict, noise.is_empty()) {
        let words = format!(
            "fell by more than {}, which chance explains, so it passes (--strict refuses it): {}",
            verdict.gate.max_drop,
            some(&noise, ", ")
        );
        text += &output::wrapped(&words, width, 0);
    }
    for note in judgement.notes.iter().take(MOST) {
        text += &output::wrapped(note, width, 0);
    }
    text
}

fn tasks(judgement: &Judgement) -> String {
    let head = ["task", "before", "after", "change", "broke", "mended", "p"].map(String::from);
    let mut rows = vec![head];
    for judged in &judgement.tasks {
        let before = judged.before.map_or_else(String::new, number);
        let change = judged.before.map_or_else(String::new, |before| change(before, judged.after));
        let count =
            |count: u64| if judged.before.is_some() { count.to_string() } else { String::new() };
        rows.push([
            judged.task.clone(),
            before,
            number(judged.after),
            change,
            count(judged.broke),
            count(judged.mended),
            judged.p.map_or_else(String::new, |p| format!("{p:.3}")),
        ]);
    }
    if let Some(mean) = &judgement.mean {
        let change = format!("{:+.4}", -mean.fall);
        let none = String::new;
        let p = format!("{:.3}", mean.p);
        rows.push(["mean of the older".into(), none(), none(), change, none(), none(), p]);
    }
    output::columns(&rows, output::width())
}

/// The classes that fell: those that refused first, then those that fell most beyond noise.
fn classes(judgement: &Judgement) -> String {
    let mut fell: Vec<&ClassJudged> =
        judgement.classes.iter().filter(|class| class.after < class.before).collect();
    if fell.is_empty() {
        return String::new();
    }
    let refused = |class: &ClassJudged| class.verdict == ClassVerdict::Refused;
    // A class with too few rows for a test comes after those that have one.
    let p = |class: &ClassJudged| class.p.unwrap_or(1.0);
    fell.sort_by(|a, b| {
        let by_p = p(a).total_cmp(&p(b)).then(b.fall().total_cmp(&a.fall()));
        refused(b).cmp(&refused(a)).then(by_p)
    });
    let head = ["class", "right before", "now", "of", "broke", "mended", "p", ""].map(String::from);
    let mut rows = vec![head];
    rows.extend(fell.iter().take(MOST).map(|class| {
        [
            shorten(&class.class, NAME),
            class.before.to_string(),
            class.after.to_string(),
            class.rows.to_string(),
            class.broke.to_string(),
            class.mended.to_string(),
            class.p.map_or_else(String::new, |p| format!("{p:.3}")),
            if refused(class) { "refused".into() } else { String::new() },
        ]
    }));
    let mut text = output::columns(&rows, output::width());
    if let Some(more @ 1..) = fell.len().checked_sub(MOST) {
        text += &format!("and {more} more that fell\n");
    }
    text
}

fn quoted(name: &str) -> String {
    format!("`{}`", shorten(name, NAME))
}

/// The first of them, and how many more there are.
fn some(all: &[String], between: &str) -> String {
    let shown = all[..all.len().min(MOST)].join(between);
    match all.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{shown}{between}and {more} more"),
        _ => shown,
    }
}

/// Why a version was refused, in words.
pub(super) fn reasons(judgement: &Judgement) -> String {
    some(&judgement.reasons, "; ")
}

/// The first of the reasons, for a line of a table.
pub(super) fn short(judgement: &Judgement) -> String {
    match &judgement.reasons[..] {
        [] => String::new(),
        [reason] => reason.clone(),
        [reason, more @ ..] => format!("{reason}, and {} more", more.len()),
    }
}

/// Every class that was judged.
pub(super) fn classes_document(judgement: &Judgement) -> Vec<Value> {
    let class = |class: &ClassJudged| {
        json!({
            "class": class.class,
            "rows": class.rows,
            "right_before": class.before,
            "right_after": class.after,
            "broke": class.broke,
            "mended": class.mended,
            "p": class.p,
            "verdict": value(&class.verdict),
            "refused": class.refused.as_ref().map(value),
        })
    };
    judgement.classes.iter().map(class).collect()
}

/// The verdict with its whole rule: a manifest leaves out what the first program did not know.
pub(super) fn verdict(verdict: &Verdict) -> Value {
    let mut document = value(verdict);
    document["gate"]["strict"] = verdict.gate.strict.into();
    document["gate"]["max-class-drop"] = verdict.gate.max_class_drop.into();
    document
}

#[cfg(test)]
mod tests {
    use perennial::store::{Gate, Judged};

    use super::*;

    fn class(name: String, before: u64, after: u64, verdict: ClassVerdict) -> ClassJudged {
        let p = (verdict != ClassVerdict::TooFew).then_some(0.5);
        let (broke, mended) = (before - after, 0);
        let (rows, refused) = (before, None);
        ClassJudged { class: name, rows, before, after, broke, mended, p, verdict, refused }
    }

    fn told(judgement: &Judgement) -> String {
        let verdict = Verdict {
            passed: true,
            gate: Gate::default(),
            judged: 1,
            mean_fall: None,
            worst: None,
            worst_class: None,
        };
        table(judgement, Some(&verdict))
    }

    /// Catches: a list without an end, a name that is as long as it likes, the worst cut off, a class
    /// that rose among those that fell.
    #[test]
    fn many_classes_are_a_short_list_with_the_worst_first() {
        use ClassVerdict::{Passed, Refused, TooFew};
        let long = |number: u64| format!("{number} {}", "long name ".repeat(9));
        let mut classes: Vec<ClassJudged> =
            (0..30).map(|number| class(long(number), 10_000, 9_000 - number, Passed)).collect();
        classes.push(class("kept".into(), 50, 50, Passed));
        classes.push(class("lost".into(), 9, 0, Refused));
        classes.extend((0..30).map(|number| class(format!("few {number}"), 3, 3, TooFew)));
        let text = told(&Judgement { classes, ..Judgement::default() });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
        assert!(lines[2].starts_with("lost") && lines[2].ends_with("refused"), "{text}");
        assert!(lines[3].starts_with("29 long"), "the largest fall comes first: {text}");
        assert_eq!(lines[10], "and 23 more that fell");
        assert!(text.contains("`few 7`, and 22 more") && !text.contains("kept"), "{text}");
    }

    /// Catches: a fall that passed as noise and is not told, or one that is told and was none.
    #[test]
    fn a_fall_that_chance_explains_is_told() {
        let task = |noise| Judged {
            task: "low".into(),
            rows: 15,
            before: Some(1.0),
            after: 0.8,
            broke: 3,
            mended: 0,
            p: Some(0.125),
            upper: Some(0.4),
            noise,
            refused: None,
        };
        let of = |noise| told(&Judgement { tasks: vec![task(noise)], ..Judgement::default() });
        let words = |text: String| text.split_whitespace().collect::<Vec<&str>>().join(" ");
        let said = "fell by more than 0.02, which chance explains, so it passes (--strict refuses it): \
                    `low`";
        assert!(words(of(true)).ends_with(said), "{}", of(true));
        assert!(!words(of(false)).contains("chance"));
    }

    /// Catches: reasons that flood a terminal, a count of what is left that is off by one.
    #[test]
    fn reasons_are_bounded_in_words() {
        let reasons_of = |count: usize| Judgement {
            reasons: (0..count).map(|number| format!("r{number}")).collect(),
            ..Judgement::default()
        };
        assert_eq!(reasons(&reasons_of(8)), "r0; r1; r2; r3; r4; r5; r6; r7");
        assert!(reasons(&reasons_of(10)).ends_with("r7; and 2 more"));
        assert_eq!(short(&reasons_of(1)), "r0");
        assert_eq!(short(&reasons_of(3)), "r0, and 2 more");
    }
}
