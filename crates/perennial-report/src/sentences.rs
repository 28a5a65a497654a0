//! Three sentences that say to a newcomer what the numbers show, and nothing that they do not:
//! who forgot, who did not, and at what price.

use crate::document::Comparison;
use crate::format;
use crate::standing::{self, Role, Standing};

/// A loss on old tasks below this is not worth a newcomer's attention: one point.
const SMALL: f64 = 0.01;
/// Learning accuracy this far below the forgetting strategy's is "learnt little".
const LITTLE: f64 = 0.1;
/// Costs closer than this are called the same: one twentieth.
const SAME: f64 = 0.05;
/// Names before a list ends in "and 4 more".
const NAMES: usize = 3;

/// Who forgot and how much; who did not; at what price. Each is one sentence.
#[must_use]
pub fn sentences(comparison: &Comparison) -> [String; 3] {
    let standings = standing::ranked(comparison);
    let Some(forgetter) = forgetter(&standings) else { return nothing(comparison) };
    let others: Vec<_> =
        standings.iter().filter(|standing| standing.strategy != forgetter.strategy).collect();
    let words = Words { tasks: comparison.tasks, all_told: standing::all_told(&standings) };
    [
        words.who_forgot(forgetter, others.len()),
        words.who_did_not(forgetter, &others),
        price(forgetter, &others),
    ]
}

/// What a page has room for too: the task that fared worst, and which differences are noise.
pub(crate) fn further(standings: &[Standing<'_>]) -> Vec<String> {
    [worst(standings), noise(standings)].into_iter().flatten().collect()
}

/// The mean hides the task that fared worst: of the one that forgot and of the best.
fn worst(standings: &[Standing<'_>]) -> Option<String> {
    let forgetter = forgetter(standings)?;
    let others: Vec<_> =
        standings.iter().filter(|standing| standing.strategy != forgetter.strategy).collect();
    let best = best(&others)?;
    let [low, high] = [forgetter, best].map(|standing| standing.worst.map(format::estimate));
    Some(format!(
        "A mean hides the task that fares worst: with {} it ends at {}, with {} at {}.",
        forgetter.label, low?, best.label, high?
    ))
}

/// Which methods the seeds do not tell from the best one.
fn noise(standings: &[Standing<'_>]) -> Option<String> {
    let methods: Vec<_> = standings
        .iter()
        .filter(|standing| standing.role == Role::Method && standing.acc.is_some())
        .collect();
    let (best, rest) = methods.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let verdicts = standing::within_noise(&methods);
    let named = |verdict| -> Vec<&str> {
        let all = methods.iter().zip(&verdicts).filter(|(_, of)| **of == Some(verdict));
        all.map(|(standing, _)| standing.label).collect()
    };
    let (alike, apart) = (named(true), named(false));
    let seeds = best.runs.len();
    let name = best.label;
    Some(match (alike.is_empty(), apart.is_empty()) {
        (true, true) => format!(
            "{seeds} {} cannot tell a difference between methods from chance; --seeds 3 or more \
             can.",
            if seeds == 1 { "seed" } else { "seeds" }
        ),
        (false, true) => format!(
            "By the paired differences over {seeds} seeds no method is told from {name}, the best \
             of them."
        ),
        (true, false) => format!(
            "By the paired differences over {seeds} seeds {name}, the best of the methods, is \
             beyond noise of all others."
        ),
        (false, false) => format!(
            "By the paired differences over {seeds} seeds {} {} within noise of {name}, the best \
             of the methods; {}.",
            format::list(&alike, NAMES),
            if alike.len() == 1 { "is" } else { "are" },
            match apart.as_slice() {
                [only] => format!("{only} is not"),
                others => format!("the other {} are not", others.len()),
            }
        ),
    })
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
    all_told: bool,
}

impl Words {
    fn who_forgot(&self, forgetter: &Standing<'_>, others: usize) -> String {
        let tasks = self.tasks;
        let name = forgetter.label;
        let acc = forgetter.acc.map_or_else(
            || "has no accuracy over all tasks".to_owned(),
            |acc| {
                format!("ends with an accuracy of {} over all {tasks} tasks", format::estimate(acc))
            },
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
                forgetter.runs.len()
            )
        } else if bwt.mean < SMALL {
            format!(
                "{who} lost less than a point of accuracy on old tasks (BWT {bwt_shown}), and {acc}."
            )
        } else {
            format!("{who} gained {points} points on old tasks (BWT {bwt_shown}), and {acc}.")
        }
    }

    fn who_did_not(&self, forgetter: &Standing<'_>, others: &[&Standing<'_>]) -> String {
        let parts: Vec<String> = match others {
            [] => return alone(forgetter),
            [only] => {
                let kept = only.bwt.map(|bwt| lost(bwt.mean) + " and ");
                let end = self.ending(only, &[], forgetter);
                vec![format!(
                    "{}{} {}{end}",
                    only.label,
                    self.aside(only),
                    kept.unwrap_or_default()
                )]
            }
            _ => {
                let kept = who_kept(forgetter, others);
                let leads = self.who_leads(forgetter, others, kept.is_none());
                [kept, leads, bound(others)].into_iter().flatten().collect()
            }
        };
        if parts.is_empty() {
            return "What the others kept was not measured.".to_owned();
        }
        parts.join("; ") + "."
    }

    /// The best of several others, against the one that forgot; with what it lost itself where
    /// that is not said yet.
    fn who_leads(
        &self,
        forgetter: &Standing<'_>,
        others: &[&Standing<'_>],
        with_loss: bool,
    ) -> Option<String> {
        let best = best(others)?;
        // Like with like: what trains on all data again is no rival of the methods.
        let rivals: Vec<_> = others
            .iter()
            .copied()
            .filter(|other| other.role == Role::Method && other.strategy != best.strategy)
            .collect();
        let loss = best.bwt.filter(|_| with_loss).map(|bwt| lost(bwt.mean) + " and ");
        let end = loss.unwrap_or_default() + &self.ending(best, &rivals, forgetter);
        if best.acc?.mean <= forgetter.acc?.mean {
            let (most, name) = (forgetter.label, best.label);
            return Some(format!("no other ends above {most}, and {name}, the nearest, {end}"));
        }
        let first = if rivals.is_empty() { "" } else { ", the best of the methods," };
        let mut text = format!("{}{}{first} {end}", best.label, self.aside(best));
        let untold = rivals.iter().find(|rival| !rival.told);
        if let (true, Some(untold)) = (best.told, untold)
            && let Some(acc) = untold.acc
        {
            let acc = format::estimate(acc);
            text += &format!("; of those not told, {} is best at {acc}", untold.label);
        }
        Some(text)
    }

    /// Where a strategy ends, how far from the one that forgot, and whether chance explains it.
    fn ending(
        &self,
        best: &Standing<'_>,
        rivals: &[&Standing<'_>],
        forgetter: &Standing<'_>,
    ) -> String {
        let (Some(acc), Some(theirs)) = (best.acc, forgetter.acc) else {
            return "has no accuracy to compare".to_owned();
        };
        let field = [&[best], rivals, &[forgetter]].concat();
        let verdicts = standing::within_noise(&field);
        let seeds = best.runs.len().min(forgetter.runs.len());
        // Whichever of the two is ahead, the verdict stands at the other.
        let noise = match (verdicts[0].or(verdicts[field.len() - 1]), seeds) {
            // Among many comparisons a few seeds cannot tell much from chance.
            (Some(true), _) if field.len() > 2 => {
                let comparisons = field.len() - 1;
                format!("which is within the noise of {seeds} seeds over {comparisons} comparisons")
            }
            (Some(true), _) => format!("which is within the noise of {seeds} seeds"),
            (Some(false), _) => format!("more than the noise of {seeds} seeds"),
            (None, 1) => "with one seed and so without an interval".to_owned(),
            (None, _) => "with too few common seeds for an interval".to_owned(),
        };
        let near: Vec<&str> = rivals
            .iter()
            .zip(&verdicts[1..])
            .filter(|(_, verdict)| **verdict == Some(true))
            .map(|(rival, _)| rival.label)
            .collect();
        let near = match near.as_slice() {
            [] => String::new(),
            names => format!(" (not told apart from {})", format::list(names, NAMES)),
        };
        let lead = acc.mean - theirs.mean;
        let side = if lead < 0.0 { "below" } else { "above" };
        format!(
            "ends at {}{near}, {} points {side} {}, {noise}",
            format::estimate(acc),
            format::points(lead),
            forgetter.label
        )
    }

    /// What makes a strategy's case easier, said wherever it is praised.
    fn aside(&self, standing: &Standing<'_>) -> &'static str {
        match standing.role {
            Role::Upper | Role::Reference => ", which trains on all data again,",
            _ if standing.told && !self.all_told => " (told the task)",
            _ => "",
        }
    }
}

/// What it costs to forget, and what it costs not to.
fn price(forgetter: &Standing<'_>, others: &[&Standing<'_>]) -> String {
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
    let against: Vec<String> = payers.iter().map(|payer| against(payer, forgetter)).collect();
    if against.is_empty() {
        return format!("The price: {own}.");
    }
    format!("The price: {own}; {}.", against.join("; "))
}

/// What one strategy costs, as multiples of another's.
fn against(payer: &Standing<'_>, base: &Standing<'_>) -> String {
    let named = |share: f64, what: &str| {
        let much = (share - 1.0).abs() >= SAME;
        much.then(|| format!("{what} {} the", format::ratio(share)))
    };
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let share = |of: u64, by: u64| (by > 0).then(|| of as f64 / by as f64);
    let time = (base.train_seconds > 0.0)
        .then(|| payer.train_seconds / base.train_seconds)
        .and_then(|share| Some(named(share, "takes")? + " time"));
    let parameters = share(payer.parameters, base.parameters)
        .and_then(|share| Some(named(share, "has")? + " parameters"));
    let (kept, theirs) = (payer.kept.total(), base.kept.total());
    let kept = share(kept, theirs)
        .is_none_or(|share| (share - 1.0).abs() >= SAME)
        .then(|| format!("keeps {}", format::bytes(kept)));
    let parts: Vec<String> = [time, parameters, kept].into_iter().flatten().collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [] => format!("{} costs about the same", payer.label),
        parts => format!("{} {}", payer.label, format::list(parts, NAMES)),
    }
}

/// Who lost next to nothing on old tasks, and who only because there was little to lose; nothing
/// when that is only the best, of whom the next words are.
fn who_kept(forgetter: &Standing<'_>, others: &[&Standing<'_>]) -> Option<String> {
    let measured: Vec<_> =
        others.iter().filter_map(|other| Some((*other, other.bwt?.mean))).collect();
    let keepers = measured.iter().filter(|(_, bwt)| *bwt > -SMALL).map(|(other, _)| *other);
    let learns_little = |other: &&Standing<'_>| match (other.learning, forgetter.learning) {
        (Some(learns), Some(usual)) => learns.mean < usual.mean - LITTLE,
        _ => false,
    };
    let (stiff, kept): (Vec<_>, Vec<_>) = keepers.partition(learns_little);
    let names = |standings: &[&Standing<'_>]| {
        let labels: Vec<&str> = standings.iter().map(|standing| standing.label).collect();
        format::list(&labels, NAMES)
    };
    let small = lost(0.0);
    let best = best(others)?;
    match (kept.as_slice(), stiff.as_slice()) {
        ([], []) => {
            let (least, bwt) = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
            (least.strategy != best.strategy)
                .then(|| format!("{} forgot least of the others: it {}", least.label, lost(*bwt)))
        }
        ([only], []) if only.strategy == best.strategy => None,
        (kept, []) => Some(format!("{} {small}", names(kept))),
        ([], stiff) => Some(format!("{} {small}, but had learnt little of them", names(stiff))),
        (kept, stiff) => {
            Some(format!("{} {small}, and {} had learnt little to lose", names(kept), names(stiff)))
        }
    }
}

/// What the network can hold, where that was measured beside a method.
fn bound(others: &[&Standing<'_>]) -> Option<String> {
    let upper = others.iter().find(|other| other.role == Role::Upper)?;
    let (label, acc) = (upper.label, format::estimate(upper.acc?));
    (best(others)?.role == Role::Method)
        .then(|| format!("{label}, which trains on all data again, ends at {acc}"))
}

/// A change of accuracy on old tasks, as a loss.
fn lost(bwt: f64) -> String {
    if bwt > -SMALL {
        "lost less than a point on old tasks".to_owned()
    } else {
        format!("lost {} points on old tasks", format::points(bwt))
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
