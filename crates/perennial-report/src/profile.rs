//! Where the time of training went.

use std::collections::BTreeMap;

use crate::Comparison;

/// Shares below this are added up as `other`.
const LEAST: f64 = 0.01;

/// A line for each strategy whose runs measured it: shares of the training time of all its seeds.
pub fn profiles(comparison: &Comparison) -> Vec<String> {
    let mut strategies: Vec<&str> = Vec::new();
    for run in comparison.done().filter(|run| !run.profile.is_empty()) {
        if !strategies.contains(&run.strategy.as_str()) {
            strategies.push(&run.strategy);
        }
    }
    strategies.into_iter().map(|strategy| line(comparison, strategy)).collect()
}

fn line(comparison: &Comparison, strategy: &str) -> String {
    let (mut spent, mut total) = (BTreeMap::<&str, f64>::new(), 0.0);
    for run in comparison.done().filter(|run| run.strategy == strategy) {
        total += run.train_seconds;
        run.profile.iter().for_each(|(what, time)| *spent.entry(what).or_default() += time);
    }
    let mut shares: Vec<(&str, f64)> =
        spent.into_iter().map(|(what, time)| (what, time / total)).collect();
    shares.retain(|(_, share)| *share >= LEAST);
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let other = 1.0 - shares.iter().map(|(_, share)| share).sum::<f64>();
    if other >= LEAST {
        shares.push(("other", other));
    }
    let shares: Vec<String> =
        shares.iter().map(|(what, share)| format!("{what} {:.0} %", 100.0 * share)).collect();
    format!("Training time of {strategy}: {}.", shares.join(", "))
}
