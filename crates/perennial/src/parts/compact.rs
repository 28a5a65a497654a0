//! Gradual pruning in stages (Zhu & Gupta 2017, eq. 1).

/// The stages of compaction: which share of what a task took is freed at the end of each.
const STAGES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

/// The sparsity at the end of each stage: all of them, or of a task that must free the share
/// `least` those up to it.
pub fn stages(least: Option<f64>) -> Vec<f64> {
    let mut stages = STAGES.to_vec();
    if let Some(least) = least {
        stages.retain(|&stage| stage < least);
        stages.push(least);
    }
    stages
}

/// `s(u) = s_f + (s_i − s_f)(1 − u)³`: the sparsity when the share u of a stage is done that leads
/// from s_i to s_f.
pub fn sparsity(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * (1.0 - done).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: half way from .2 to .4, .4 − .2 / 8 = .375.
    #[test]
    fn sparsity_by_hand() {
        assert_eq!([0.0, 1.0].map(|done| sparsity(0.2, 0.4, done)), [0.2, 0.4]);
        assert!((sparsity(0.2, 0.4, 0.5) - 0.375).abs() < 1e-12);
    }

    #[test]
    fn a_task_that_missed_its_goal_goes_to_its_share_and_no_further() {
        assert_eq!(stages(None).last(), Some(&0.95));
        assert_eq!(stages(Some(2.0 / 3.0)), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 2.0 / 3.0]);
        assert_eq!(stages(Some(0.5)), [0.1, 0.2, 0.3, 0.4, 0.5]);
    }
}
