//! Three sentences that say to a newcomer what the numbers show, and nothing that they do not:
//! who forgot, who did not, and at what price.

use crate::document::Comparison;
use crate::format;
use crate::ranking::too_few_seeds;
use crate::standing::{self, Ranked, Role, Standing};
use crate::verdict::Verdict;

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
    of(comparison, &Ranked::of(comparison))
}

/// The three sentences of a comparison whose strategies are ranked already.
pub(crate) fn of(comparison: &Comparison, ranked: &Ranked<'_>) -> [String; 3] {
    let standings = &ranked.standings;
    let Some(forgetter) = forgetter(standings) else { return nothing(comparison) };
    let others: Vec<_> =
        standings.iter().filter(|standing| standing.strategy != forgetter.strategy).collect();
    let best = best(ranked, &others);
    let all_told = standing::all_told(standings);
    let words = Words { ranked, best, tasks: comparison.tasks, all_told };
    [
        words.who_forgot(forgetter, others.len()),
        words.who_did_not(forgetter, &others),
        price(forgetter, &others, best),
    ]
}

/// Which strategies were no better than always saying the most frequent class when they had just
/// learnt a task, and on how many tasks; nothing where none was.
#[must_use]
pub fn learnt_nothing(comparison: &Comparison) -> Option<String> {
    nothing_learnt(&Ranked::of(comparison), comparison.tasks)
}

fn nothing_learnt(ranked: &Ranked<'_>, tasks: usize) -> Option<String> {
    let is_nothing = |standing: &Standing<'_>, task: usize| {
        let largest = standing.over_seeds(|run| run.largest_class.get(task).copied());
        let learnt = standing.over_seeds(|run| run.accuracy.at(task + 1, task));
        // With one class there is nothing to tell apart.
        largest.zip(learnt).is_some_and(|(largest, learnt)| largest < 1.0 && learnt <= largest)
    };
    let mut names = Vec::new();
    for standing in &ranked.standings {
        let count = (0..tasks).filter(|&task| is_nothing(standing, task)).count();
        if count > 0 {
            names.push(format!("{} ({count} of {tasks} tasks)", standing.label));
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "No better than always saying the most frequent class, right after a task was taught: \
             {}.",
            format::list(&names, NAMES)
        )
    })
}

/// What a page has room for too: the task that fared worst, and which methods the seeds separate.
pub(crate) fn further(ranked: &Ranked<'_>, tasks: usize) -> Vec<String> {
    [worst(ranked), separated(ranked), nothing_learnt(ranked, tasks)]
        .into_iter()
        .flatten()
        .collect()
}

/// The mean hides the task that fared worst: of the one that forgot and of the best.
fn worst(ranked: &Ranked<'_>) -> Option<String> {
    let forgetter = forgetter(&ranked.standings)?;
    let others: Vec<_> = ranked
        .standings
        .iter()
        .filter(|standing| standing.strategy != forgetter.strategy)
        .collect();
    let best = best(ranked, &others)?;
    let [low, high] = [forgetter, best].map(|standing| standing.worst.map(format::estimate));
    Some(format!(
        "A mean hides the task that fares worst: with {} it ends at {}, with {} at {}.",
        forgetter.label, low?, best.label, high?
    ))
}

/// Which methods the seeds separate from the best one.
fn separated(ranked: &Ranked<'_>) -> Option<String> {
    let Ranked { standings, verdicts } = ranked;
    let methods =
        standings.iter().filter(|standing| standing.role == Role::Method && standing.acc.is_some());
    if methods.count() < 2 {
        return None;
    }
    if verdicts.too_few_seeds() {
        return Some(format!("There are {}.", too_few_seeds(ranked)));
    }
    let Some(best) = verdicts.best() else {
        return Some(match standing::seeds(standings) {
            1 => "One seed cannot separate methods from each other; --seeds 5 can.".to_owned(),
            _ => "The methods have too few common seeds to be separated; --seeds 5 gives all of \
                  them the same."
                .to_owned(),
        });
    };
    // The first sentences are about finetune; what trains on all data again is marked as methods are.
    let others = || {
        let others = standings.iter().enumerate();
        others.filter(|(_, it)| it.role != Role::Baseline && it.acc.is_some())
    };
    let named = |verdict| -> Vec<&str> {
        let of = others().filter(|(index, _)| verdicts.against_best(*index) == Some(verdict));
        of.map(|(_, standing)| standing.label).collect()
    };
    let (alike, apart) = (named(Verdict::NotSeparated), named(Verdict::Separated));
    let seeds = verdicts.seeds();
    let name = format!("{}, {},", standings[best].label, ranked.best_words());
    let mut text = match (alike.is_empty(), apart.is_empty()) {
        (true, true) => {
            format!("{} is compared with no other method", standings[best].label)
        }
        (false, true) => format!("{seeds} seeds do not separate {name} from any other"),
        (true, false) => format!("{seeds} seeds separate {name} from all others"),
        (false, false) => format!(
            "{seeds} seeds do not separate {name} from {}; they separate it from {}",
            format::list(&alike, NAMES),
            match apart.as_slice() {
                [only] => (*only).to_owned(),
                others => format!("the other {}", others.len()),
            }
        ),
    };
    let left_out = named(Verdict::Unknown);
    if !left_out.is_empty() {
        let (lacks, is) = if left_out.len() == 1 { ("lacks", "is") } else { ("lack", "are") };
        let names = format::list(&left_out, NAMES);
        text += &format!("; {names} {lacks} some of these seeds and {is} not compared");
    }
    Some(text + ".")
}

/// Whom the first sentence is about: finetune, or else the strategy that forgot most.
fn forgetter<'s, 'a>(standings: &'s [Standing<'a>]) -> Option<&'s Standing<'a>> {
    let bwt = |standing: &Standing<'_>| standing.bwt.map_or(f64::INFINITY, |bwt| bwt.mean);
    standings
        .iter()
        .find(|standing| standing.role == Role::Baseline)
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
struct Words<'r, 'a> {
    ranked: &'r Ranked<'a>,
    /// The strategy to talk about beside the one that forgot.
    best: Option<&'r Standing<'a>>,
    tasks: usize,
    all_told: bool,
}

impl Words<'_, '_> {
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
            (Role::Baseline, _) => {
                format!("{name}, which does nothing to protect what it learnt,")
            }
            (_, 0) => name.to_owned(),
            _ => format!("{name}, which has the lowest BWT of {} strategies,", others + 1),
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
                "{who} lost {points} points of accuracy on old tasks (BWT {bwt_shown}), a loss that \
                 {} seeds do not tell from chance, and {acc}.",
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
                let end = self.ending(only, forgetter);
                vec![format!(
                    "{}{} {}{end}",
                    only.label,
                    self.aside(only),
                    kept.unwrap_or_default()
                )]
            }
            _ => {
                let kept = who_kept(forgetter, others, self.best);
                let leads = self.who_leads(forgetter, others, kept.is_none());
                [kept, leads, all_data(others, self.best)].into_iter().flatten().collect()
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
        let best = self.best?;
        // Like with like: what trains on all data again is no rival of the methods.
        let rivals: Vec<_> = others
            .iter()
            .copied()
            .filter(|other| other.role == Role::Method && other.strategy != best.strategy)
            .collect();
        let loss = best.bwt.filter(|_| with_loss).map(|bwt| lost(bwt.mean) + " and ");
        let end = loss.unwrap_or_default() + &self.ending(best, forgetter);
        let lead = |of: &Standing<'_>| Some(of.acc?.mean > forgetter.acc?.mean);
        if !lead(best)? && !rivals.iter().any(|rival| lead(rival) == Some(true)) {
            let (most, name) = (forgetter.label, best.label);
            let other = if best.role == Role::Method { "other method" } else { "other" };
            return Some(format!("no {other} ends above {most}, and {name}, the nearest, {end}"));
        }
        let compared = self.ranked.verdicts.best();
        let is_best =
            compared.is_none_or(|index| self.ranked.standings[index].strategy == best.strategy);
        let first = match self.ranked.best_words() {
            words if is_best && !rivals.is_empty() => format!(", {words},"),
            _ => String::new(),
        };
        let mut text = format!("{}{}{first} {end}", best.label, self.aside(best));
        let near: Vec<&str> = self.not_separated(best, others);
        if !near.is_empty() {
            let (seeds, near) = (self.ranked.verdicts.seeds(), format::list(&near, NAMES));
            text += &format!("; {seeds} seeds do not separate {} from {near}", best.label);
        }
        let untold = rivals.iter().find(|rival| !rival.told);
        if let (true, Some(untold)) = (best.told, untold)
            && let Some(acc) = untold.acc
        {
            let acc = format::estimate(acc);
            text += &format!(
                "; of those not told the task, {} has the highest ACC, {acc}",
                untold.label
            );
        }
        Some(text)
    }

    /// Which of the others the seeds do not separate from the best method: those that the table marks
    /// with ≈, what trains on all data again included.
    fn not_separated<'s>(&self, best: &Standing<'_>, others: &[&'s Standing<'_>]) -> Vec<&'s str> {
        let alike = |other: &&&Standing<'_>| {
            other.strategy != best.strategy
                && self.ranked.verdicts.pair(best, other) == Verdict::NotSeparated
        };
        others.iter().filter(alike).map(|other| other.label).collect()
    }

    /// Where a strategy ends, how far from the one that forgot, and whether chance explains it.
    fn ending(&self, best: &Standing<'_>, forgetter: &Standing<'_>) -> String {
        let (Some(acc), Some(theirs)) = (best.acc, forgetter.acc) else {
            return "has no accuracy to compare".to_owned();
        };
        let verdicts = &self.ranked.verdicts;
        let seeds = verdicts.seeds();
        let chance = match verdicts.pair(best, forgetter) {
            Verdict::Separated => format!("{seeds} seeds separate the two"),
            Verdict::NotSeparated => format!("{seeds} seeds do not separate the two"),
            Verdict::TooFewSeeds => too_few_seeds(self.ranked),
            Verdict::Unknown if best.runs.len() == 1 && forgetter.runs.len() == 1 => {
                "one seed, so no interval".to_owned()
            }
            Verdict::Unknown => "too few common seeds to separate the two".to_owned(),
        };
        let lead = acc.mean - theirs.mean;
        let side = if lead < 0.0 { "below" } else { "above" };
        format!(
            "ends at {}, {} points {side} {} ({chance})",
            format::estimate(acc),
            format::points(lead),
            forgetter.label
        )
    }

    /// What makes a strategy's case easier, said wherever it is praised.
    fn aside(&self, standing: &Standing<'_>) -> &'static str {
        match standing.role {
            Role::AllData => ", which trains on all data again,",
            _ if standing.told && !self.all_told => " (told the task)",
            _ => "",
        }
    }
}

/// What it costs to forget, and what it costs not to.
fn price(
    forgetter: &Standing<'_>,
    others: &[&Standing<'_>],
    best: Option<&Standing<'_>>,
) -> String {
    let own = format!(
        "{} took {} to train, has {} parameters and keeps {} between tasks",
        forgetter.label,
        format::seconds(forgetter.train_seconds),
        format::short_count(forgetter.parameters),
        format::bytes(forgetter.kept.total())
    );
    let mut payers: Vec<_> = best.into_iter().collect();
    let joint = others.iter().copied().find(|other| other.role == Role::AllData);
    payers.extend(joint.filter(|joint| payers.iter().all(|p| p.strategy != joint.strategy)));
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
fn who_kept(
    forgetter: &Standing<'_>,
    others: &[&Standing<'_>],
    best: Option<&Standing<'_>>,
) -> Option<String> {
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
    let best = best?;
    match (kept.as_slice(), stiff.as_slice()) {
        ([], []) => {
            let (least, bwt) = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
            (least.strategy != best.strategy)
                .then(|| format!("{} forgot least of the others: it {}", least.label, lost(*bwt)))
        }
        ([only], []) if only.strategy == best.strategy => None,
        (kept, []) => Some(format!("{} {}", names(kept), all_kept(kept))),
        ([], stiff) => {
            Some(format!("{} {}, but had learnt little of them", names(stiff), all_kept(stiff)))
        }
        (kept, stiff) => {
            let [words, of_stiff] = [kept, stiff].map(all_kept);
            let stiff = match words == of_stiff {
                true => format!("so did {}", names(stiff)),
                false => format!("{} {of_stiff}", names(stiff)),
            };
            Some(format!("{} {words}; {stiff}, but had learnt little of them", names(kept)))
        }
    }
}

/// Where training on all data again ends, beside a method.
fn all_data(others: &[&Standing<'_>], best: Option<&Standing<'_>>) -> Option<String> {
    let joint = others.iter().find(|other| other.role == Role::AllData)?;
    let (label, acc) = (joint.label, format::estimate(joint.acc?));
    (best?.role == Role::Method)
        .then(|| format!("{label}, which trains on all data again, ends at {acc}"))
}

/// A change of accuracy on old tasks, in words.
fn lost(bwt: f64) -> String {
    match bwt {
        _ if bwt >= SMALL => format!("gained {} points on old tasks", format::points(bwt)),
        _ if bwt > -SMALL => "lost less than a point on old tasks".to_owned(),
        _ => format!("lost {} points on old tasks", format::points(bwt)),
    }
}

/// What is true of all of several strategies, none of which lost a point on old tasks.
fn all_kept(standings: &[&Standing<'_>]) -> String {
    let bwt = || standings.iter().filter_map(|standing| standing.bwt).map(|bwt| bwt.mean);
    let (low, high) =
        (bwt().fold(f64::INFINITY, f64::min), bwt().fold(f64::NEG_INFINITY, f64::max));
    let [least, most] = [low, high].map(format::points);
    if low >= SMALL && least != most {
        format!("gained {least} to {most} points on old tasks")
    } else if low >= SMALL || high < SMALL {
        lost(low)
    } else if low >= 0.0 {
        "lost nothing on old tasks".to_owned()
    } else {
        "gained or lost less than a point on old tasks".to_owned()
    }
}

/// The strategy to talk about: the best method, or the best of all where there is no method. The
/// method that marks compare with goes first.
fn best<'s, 'a>(ranked: &Ranked<'a>, others: &[&'s Standing<'a>]) -> Option<&'s Standing<'a>> {
    let compared = ranked.verdicts.best().map(|index| ranked.standings[index].strategy);
    let method = others
        .iter()
        .find(|other| Some(other.strategy) == compared)
        .or_else(|| others.iter().find(|o| o.role == Role::Method && o.acc.is_some()));
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
