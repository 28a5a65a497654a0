//! Three sentences that say to a newcomer what the numbers show, and nothing that they do not:
//! who forgot, who did not, and at what price.

use crate::document::Comparison;
use crate::format;
use crate::standing::{self, Role, Standing};

/// A loss on old tasks below this is not worth a newcomer's attention: one point.
const SMALL: f64 = 0.01;
/// Names before a list ends in "and 4 more".
const NAMES: usize = 3;

/// Who forgot and how much; who did not; at what price. Each is one sentence.
#[must_use]
pub fn sentences(comparison: &Comparison) -> [String; 3] {
    let standings = standing::ranked(comparison);
    let Some(forgetter) = forgetter(&standings) else { return nothing(comparison) };
    let others: Vec<_> =
        standings.iter().filter(|standing| standing.strategy != forgetter.strategy).collect();
    let words = Words {
        tasks: comparison.tasks,
        seeds: standing::seeds(&standings),
        all_told: standing::all_told(&standings),
    };
    [
        words.who_forgot(forgetter, others.len()),
        words.who_did_not(forgetter, &others),
        words.price(forgetter, &others),
    ]
}

/// Whom the first sentence is about: finetune, or else the strategy that forgot most.
fn forgetter<'s, 'a>(standings: &'s [Standing<'a>]) -> Option<&'s Standing<'a>> {
    let bwt = |standing: &Standing<'_>| standing.bwt.map_or(f64::INFINITY, |bwt| bwt.mean);
    standings
        .iter()
        .find(|standing| standing.role == Role::Lower)
        .or_else(|| standings.iter().min_by(|a, b| bwt(a).total_cmp(&bwt(b))))
}

fn nothing(comparison: &Comparison) -> [String; 3] {
    let failed = comparison.failed().count();
    let cells = if failed == 1 { "1 run" } else { &format!("{failed} runs") };
    [
        "No run has finished, so nothing can be said about forgetting.".to_owned(),
        match failed {
            0 => "No run has failed either.".to_owned(),
            _ => format!("{cells} failed, each for the reason given with it."),
        },
        "The same command runs what is missing, and only that.".to_owned(),
    ]
}

/// What all sentences need to know of the comparison.
struct Words {
    tasks: usize,
    seeds: usize,
    all_told: bool,
}

impl Words {
    fn who_forgot(&self, forgetter: &Standing<'_>, others: usize) -> String {
        let tasks = self.tasks;
        let name = forgetter.label;
        let acc = forgetter.acc.map_or_else(
            || "has no accuracy over all tasks".to_owned(),
            |acc| format!("ends with an accuracy of {} over all {tasks} tasks", format::estimate(acc)),
        );
        let who = match (forgetter.role, others) {
            (Role::Lower, _) => format!("{name}, which does nothing to protect what it learnt,"),
            (_, 0) => name.to_owned(),
            _ => format!("{name}, which kept least of {} strategies,", others + 1),
        };
        let Some(bwt) = forgetter.bwt else {
            return if tasks == 1 {
                format!(
                    "With one task there is nothing to forget: {name} reaches an accuracy of {}.",
                    forgetter.acc.map_or_else(|| format::NONE.to_owned(), format::estimate)
                )
            } else {
                format!("How much {name} forgot was not measured; it {acc}.")
            };
        };
        let points = format::points(bwt.mean);
        let bwt_shown = format::estimated_change(bwt);
        if bwt.interval().map_or(bwt.mean, |(_, high)| high) < -SMALL {
            format!(
                "{who} forgot: from the moment a task was learnt to the end it lost {points} \
                 points of accuracy on average (BWT {bwt_shown}), and {acc}."
            )
        } else if bwt.mean < -SMALL {
            format!(
                "{who} lost {points} points of accuracy on old tasks (BWT {bwt_shown}), which {} \
                 seeds do not tell from nothing, and {acc}.",
                self.seeds
            )
        } else {
            format!("{who} did not forget here (BWT {bwt_shown}), and {acc}.")
        }
    }

    fn who_did_not(&self, forgetter: &Standing<'_>, others: &[&Standing<'_>]) -> String {
        if others.is_empty() {
            return alone(forgetter);
        }
        let measured: Vec<_> =
            others.iter().filter_map(|other| Some((*other, other.bwt?.mean))).collect();
        let kept: Vec<&str> = measured
            .iter()
            .filter(|(_, bwt)| *bwt > -SMALL)
            .map(|(other, _)| other.label)
            .collect();
        let least = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let mut parts = Vec::new();
        match (kept.as_slice(), least) {
            ([], Some((other, bwt))) => parts.push(format!(
                "{} lost least on old tasks, {} points",
                other.label,
                format::points(*bwt)
            )),
            ([], None) => {}
            (names, _) => parts
                .push(format!("{} lost less than a point on old tasks", format::list(names, NAMES))),
        }
        if let Some(best) = best(others) {
            parts.push(self.standing_of(best, forgetter, others));
            let bound = others.iter().find(|other| other.role == Role::Upper);
            if let (Some(bound), true) = (bound, best.role == Role::Method)
                && let Some(acc) = bound.acc
            {
                parts.push(format!(
                    "{}, which trains on all data again, reaches {}",
                    bound.label,
                    format::estimate(acc)
                ));
            }
        }
        if parts.is_empty() {
            parts.push("What the others kept was not measured".to_owned());
        }
        parts.join("; ") + "."
    }

    /// Where the best of the others ends, against the one that forgot.
    fn standing_of(
        &self,
        best: &Standing<'_>,
        forgetter: &Standing<'_>,
        others: &[&Standing<'_>],
    ) -> String {
        let (Some(acc), Some(theirs)) = (best.acc, forgetter.acc) else {
            return format!("{} has no accuracy to compare", best.label);
        };
        // Like with like: what trains on all data again is no rival of the methods.
        let mut field = vec![best];
        let rivals = others.iter().copied().filter(|other| other.role == Role::Method);
        field.extend(rivals.filter(|rival| rival.strategy != best.strategy));
        field.push(forgetter);
        let alike = standing::within_noise(&field);
        let lead = acc.mean - theirs.mean;
        let noise = match self.seeds {
            1 => ", with one seed and so without an interval".to_owned(),
            seeds if alike[field.len() - 1] == Some(true) => {
                format!(", which is within the noise of {seeds} seeds")
            }
            seeds => format!(", more than the noise of {seeds} seeds"),
        };
        let near: Vec<&str> = field[1..field.len() - 1]
            .iter()
            .zip(&alike[1..])
            .filter(|(_, alike)| **alike == Some(true))
            .map(|(rival, _)| rival.label)
            .collect();
        let near = match near.as_slice() {
            [] => String::new(),
            names => format!(" (not told apart from {})", format::list(names, NAMES)),
        };
        let told = if best.told && !self.all_told { ", told the task," } else { "" };
        let what = match best.role {
            Role::Method => "the best of the methods",
            _ => "which trains on all data again",
        };
        if lead <= 0.0 {
            return format!(
                "none ends above {}: the nearest, {}, has {}",
                forgetter.label,
                best.label,
                format::estimate(acc)
            );
        }
        format!(
            "{}, {what},{} ends at {}{near}, {} points above {}{noise}",
            best.label,
            told.trim_start_matches(','),
            format::estimate(acc),
            format::points(lead),
            forgetter.label
        )
    }

    fn price(&self, forgetter: &Standing<'_>, others: &[&Standing<'_>]) -> String {
        let own = format!(
            "{} took {} to train, has {} parameters and keeps {} between tasks",
            forgetter.label,
            format::seconds(forgetter.train_seconds),
            format::short_count(forgetter.parameters),
            format::bytes(forgetter.kept.total())
        );
        let mut payers: Vec<_> = best(others).into_iter().collect();
        let bound = others.iter().find(|other| other.role != Role::Method);
        payers.extend(bound.filter(|bound| payers.iter().all(|p| p.strategy != bound.strategy)));
        let against: Vec<String> =
            payers.iter().map(|payer| self.against(payer, forgetter)).collect();
        if against.is_empty() {
            return format!("The price: {own}.");
        }
        format!("The price: {own}; {}.", against.join("; "))
    }

    /// What one strategy costs, as multiples of another's.
    fn against(&self, payer: &Standing<'_>, base: &Standing<'_>) -> String {
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let share = |of: u64, by: u64| (by > 0).then(|| of as f64 / by as f64);
        let time = (base.train_seconds > 0.0)
            .then(|| format!("{} the time", format::ratio(payer.train_seconds / base.train_seconds)));
        let parameters = match share(payer.parameters, base.parameters) {
            Some(share) if (share - 1.0).abs() >= 0.05 => {
                Some(format!("{} the parameters", format::ratio(share)))
            }
            _ => None,
        };
        let kept = match share(payer.kept.total(), base.kept.total()) {
            Some(share) if (share - 1.0).abs() < 0.05 => None,
            _ => Some(format!("{} kept", format::bytes(payer.kept.total()))),
        };
        let parts: Vec<String> = [time, parameters, kept].into_iter().flatten().collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => format!("{} costs the same", payer.label),
            parts => format!("{} needs {}", payer.label, format::list(parts, NAMES)),
        }
    }
}

/// The strategy to talk about: the best method, or the best of all where there is no method.
fn best<'s, 'a>(others: &[&'s Standing<'a>]) -> Option<&'s Standing<'a>> {
    let method = others.iter().find(|other| other.role == Role::Method && other.acc.is_some());
    method.or_else(|| others.iter().find(|other| other.acc.is_some())).copied()
}

/// The second sentence for a comparison of one strategy.
fn alone(standing: &Standing<'_>) -> String {
    match (standing.learning, standing.acc) {
        (Some(learning), Some(acc)) => format!(
            "It had learnt the tasks to {} on average when each was new, and {} is what all of \
             them come to at the end; no other strategy ran beside it.",
            format::estimate(learning),
            format::estimate(acc)
        ),
        _ => "No other strategy ran beside it, so nothing can be compared.".to_owned(),
    }
}
