//! What a step asks the network to say: passes of rows, and the loss over their logits.
//!
//! The loss and its gradient with respect to the logits are computed over small matrices: the network
//! ends at the logits. Every target is tested against finite differences.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How a pass treats statistics of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Normalises by the pass's own statistics and moves the running ones, where the view
    /// learns them.
    Train,
    /// Uses the running statistics and leaves them alone.
    Evaluate,
}

/// One forward pass of rows, and what is asked of its logits.
#[derive(Clone, Debug)]
pub struct Pass {
    /// `[rows, inputs]`, row-major, already scaled.
    pub inputs: Vec<f32>,
    /// How many rows.
    pub rows: usize,
    /// Training or evaluation.
    pub mode: Mode,
    /// What is asked; their losses add up.
    pub terms: Vec<Term>,
}

/// A loss over some rows of a pass: `weight · Σ_rows loss(row)`.
#[derive(Clone, Debug)]
pub struct Term {
    /// Which rows of the pass.
    pub rows: Range<usize>,
    /// The output units that take part; the others are as if they did not exist.
    pub active: Range<usize>,
    /// For a mean over n rows, 1/n. A term of weight 0 is dropped, a pass without terms too.
    pub weight: f32,
    /// What the logits should be.
    pub target: Target,
}

/// What the logits z of a row, over the active units, should be.
#[derive(Clone, Debug)]
pub enum Target {
    /// Cross-entropy −log softmax(z)\[y\]; y is a unit, one a row.
    Labels(Vec<u32>),
    /// As `Labels`, with the softmax over some of the active units alone: the others have no gradient.
    LabelsAmong {
        /// A unit for each row, one of `units`.
        labels: Vec<u32>,
        /// The units that compete, ascending.
        units: Vec<u32>,
    },
    /// T² · cross-entropy of softmax(z/T) against these probabilities (Hinton et al. 2015).
    Soft {
        /// `[rows, active]`, row-major.
        probabilities: Vec<f32>,
        /// T > 0.
        temperature: f32,
    },
    /// Binary cross-entropy of each unit: `Σ_c −p_c log σ(z_c) − (1 − p_c) log(1 − σ(z_c))`, p from 0
    /// to 1. `[rows, active]`
    Sigmoid(Vec<f32>),
    /// `Σ_c (z_c − stored_c)²`: the logits should be those stored. `[rows, active]`
    Logits(Vec<f32>),
    /// `Σ_c ξ_c z_c`, a linear functional. `[rows, active]`
    Linear(Vec<f32>),
    /// ½ ‖z‖².
    HalfSquare,
}

/// A term that does not fit its pass: a defect of the strategy that made it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the strategy asked for a loss that does not fit its pass: {0}")]
pub struct ObjectiveError(String);

impl Pass {
    /// The mean cross-entropy of labelled rows.
    pub fn labelled(inputs: Vec<f32>, labels: Vec<u32>, active: Range<usize>) -> Self {
        let rows = labels.len();
        let weight = 1.0 / rows as f32;
        let term = Term { rows: 0..rows, active, weight, target: Target::Labels(labels) };
        Self { inputs, rows, mode: Mode::Train, terms: vec![term] }
    }

    /// Appends the rows and terms of another pass: one forward pass of both.
    pub fn append(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
        self.terms.extend(other.terms.into_iter().map(|term| Term {
            rows: term.rows.start + self.rows..term.rows.end + self.rows,
            ..term
        }));
        self.rows += other.rows;
    }

    /// Whether it asks for anything.
    pub fn counts(&self) -> bool {
        self.rows > 0 && self.terms.iter().any(|term| term.weight != 0.0)
    }

    /// Refuses terms that do not fit.
    ///
    /// # Errors
    ///
    /// When a term names rows, units or targets that the pass has not.
    pub fn check(&self, units: &Columns) -> Result<(), ObjectiveError> {
        for term in self.terms.iter().filter(|term| term.weight != 0.0) {
            term.columns(units)?;
            term.check(self.rows)?;
        }
        Ok(())
    }

    /// Adds up the losses of all terms and, into `gradient`, their derivatives by the logits.
    /// `logits` and `gradient` are `[rows, units.len()]` over the units `units` names.
    ///
    /// # Errors
    ///
    /// When a term names rows, units or targets that the pass has not.
    pub fn loss(
        &self,
        logits: &[f32],
        units: &Columns,
        gradient: &mut [f32],
    ) -> Result<f64, ObjectiveError> {
        let mut loss = 0.0;
        for term in self.terms.iter().filter(|term| term.weight != 0.0) {
            let columns = term.columns(units)?;
            term.check(self.rows)?;
            for (i, row) in term.rows.clone().enumerate() {
                let at = row * units.len() + columns.start..row * units.len() + columns.end;
                let row_loss = term.row(i, &logits[at.clone()], &mut gradient[at]);
                loss += f64::from(term.weight) * row_loss;
            }
        }
        Ok(loss)
    }
}

impl Term {
    /// Its columns of the logits.
    fn columns(&self, units: &Columns) -> Result<Range<usize>, ObjectiveError> {
        let missing = || ObjectiveError(format!("units {:?} are not in its view", self.active));
        units.of(&self.active).ok_or_else(missing)
    }

    fn check(&self, pass_rows: usize) -> Result<(), ObjectiveError> {
        let (rows, active) = (self.rows.len(), self.active.len());
        if self.rows.end > pass_rows {
            let text = format!("rows {:?} of a pass of {pass_rows}", self.rows);
            return Err(ObjectiveError(text));
        }
        let (given, needed) = match &self.target {
            Target::Labels(labels) => {
                if let Some(label) = labels.iter().find(|&&y| !self.active.contains(&(y as usize)))
                {
                    let text = format!("label {label} is not among units {:?}", self.active);
                    return Err(ObjectiveError(text));
                }
                (labels.len(), rows)
            }
            Target::LabelsAmong { labels, units } => {
                if let Some(unit) = units.iter().find(|&&u| !self.active.contains(&(u as usize))) {
                    let text = format!("unit {unit} is not among units {:?}", self.active);
                    return Err(ObjectiveError(text));
                }
                if let Some(label) = labels.iter().find(|label| !units.contains(label)) {
                    let text = format!("label {label} is not among units {units:?}");
                    return Err(ObjectiveError(text));
                }
                (labels.len(), rows)
            }
            Target::Soft { probabilities: values, .. }
            | Target::Sigmoid(values)
            | Target::Logits(values)
            | Target::Linear(values) => (values.len(), rows * active),
            Target::HalfSquare => return Ok(()),
        };
        if given == needed {
            return Ok(());
        }
        Err(ObjectiveError(format!("{given} target numbers where {needed} are needed")))
    }

    /// The loss of the term's row `i`; adds weight · its derivative to `gradient`.
    fn row(&self, i: usize, z: &[f32], gradient: &mut [f32]) -> f64 {
        let weight = self.weight;
        let own = i * z.len()..(i + 1) * z.len();
        match &self.target {
            Target::Labels(labels) => {
                let label = labels[i] as usize - self.active.start;
                let log_normaliser = log_sum_exp(z, 1.0);
                for (g, &z) in gradient.iter_mut().zip(z) {
                    *g += weight * (z - log_normaliser).exp();
                }
                gradient[label] -= weight;
                f64::from(log_normaliser - z[label])
            }
            Target::LabelsAmong { labels, units } => {
                let column = |unit: u32| unit as usize - self.active.start;
                let open: Vec<f32> = units.iter().map(|&unit| z[column(unit)]).collect();
                let log_normaliser = log_sum_exp(&open, 1.0);
                for (&unit, z) in units.iter().zip(&open) {
                    gradient[column(unit)] += weight * (z - log_normaliser).exp();
                }
                gradient[column(labels[i])] -= weight;
                f64::from(log_normaliser - z[column(labels[i])])
            }
            Target::Soft { probabilities, temperature } => {
                let (t, p) = (*temperature, &probabilities[own]);
                let log_normaliser = log_sum_exp(z, t);
                let total: f32 = p.iter().sum();
                let mut loss = 0.0;
                for ((g, &z), &p) in gradient.iter_mut().zip(z).zip(p) {
                    let log_q = z / t - log_normaliser;
                    *g += weight * t * (total * log_q.exp() - p);
                    loss -= f64::from(p) * f64::from(log_q);
                }
                f64::from(t) * f64::from(t) * loss
            }
            Target::Sigmoid(probabilities) => {
                let mut loss = 0.0;
                for ((g, &z), &p) in gradient.iter_mut().zip(z).zip(&probabilities[own]) {
                    *g += weight * (sigmoid(z) - p);
                    // log(1 + exp z) without overflow.
                    let above = f64::from(z.max(0.0)) + f64::from((-z.abs()).exp()).ln_1p();
                    loss += above - f64::from(p) * f64::from(z);
                }
                loss
            }
            Target::Logits(stored) => {
                let mut loss = 0.0;
                for ((g, &z), &stored) in gradient.iter_mut().zip(z).zip(&stored[own]) {
                    *g += weight * 2.0 * (z - stored);
                    loss += f64::from(z - stored).powi(2);
                }
                loss
            }
            Target::Linear(xi) => {
                let mut loss = 0.0;
                for ((g, &z), &xi) in gradient.iter_mut().zip(z).zip(&xi[own]) {
                    *g += weight * xi;
                    loss += f64::from(xi) * f64::from(z);
                }
                loss
            }
            Target::HalfSquare => {
                let mut loss = 0.0;
                for (g, &z) in gradient.iter_mut().zip(z) {
                    *g += weight * z;
                    loss += 0.5 * f64::from(z).powi(2);
                }
                loss
            }
        }
    }
}

/// 1 / (1 + exp(−z)), from 0 to 1 for every z.
pub fn sigmoid(z: f32) -> f32 {
    let below = (-z.abs()).exp();
    if z < 0.0 { below / (1.0 + below) } else { 1.0 / (1.0 + below) }
}

/// log Σ exp(z/T), safe against overflow.
fn log_sum_exp(z: &[f32], temperature: f32) -> f32 {
    let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = z.iter().map(|&z| ((z - max) / temperature).exp()).sum();
    max / temperature + sum.ln()
}

/// Which column of a matrix of logits is which unit: heads side by side.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    heads: Vec<Range<usize>>,
    len: usize,
}

impl Columns {
    /// The units of these heads, in this order.
    pub fn new(heads: Vec<Range<usize>>) -> Self {
        let len = heads.iter().map(Range::len).sum();
        Self { heads, len }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The columns of a range of units; `None` when one is missing.
    pub fn of(&self, units: &Range<usize>) -> Option<Range<usize>> {
        let mut first = 0;
        let mut start = None;
        let mut next = units.start;
        for head in &self.heads {
            if head.contains(&next) {
                start.get_or_insert(first + next - head.start);
                next = head.end.min(units.end);
                if next == units.end {
                    return start.map(|start| start..start + units.len());
                }
            }
            first += head.len();
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // one head is one range of units
mod tests {
    use super::*;

    fn all_targets(active: usize) -> Vec<Target> {
        let p = vec![0.2, 0.5, 0.3, 0.1, 0.1, 0.8];
        assert_eq!(active, 3);
        vec![
            Target::Labels(vec![3, 2]),
            Target::LabelsAmong { labels: vec![3, 1], units: vec![1, 3] },
            Target::Soft { probabilities: p.clone(), temperature: 2.0 },
            Target::Sigmoid(p.clone()),
            Target::Logits(p.clone()),
            Target::Linear(p),
            Target::HalfSquare,
        ]
    }

    /// Catches: a wrong factor in any derivative (T instead of T², a missing 2, a ½).
    #[test]
    fn every_gradient_is_the_finite_difference_of_its_loss() {
        let logits: Vec<f32> = (0..10).map(|i| (f64::from(i) * 1.7).sin() as f32).collect();
        let units = Columns::new(vec![0..5]);
        for target in all_targets(3) {
            let term = Term { rows: 0..2, active: 1..4, weight: 0.7, target };
            let pass = Pass { inputs: vec![], rows: 2, mode: Mode::Train, terms: vec![term] };
            let loss = |z: &[f32]| pass.loss(z, &units, &mut [0.0; 10]).unwrap();
            let mut gradient = [0.0; 10];
            pass.loss(&logits, &units, &mut gradient).unwrap();
            for i in 0..10 {
                let (mut up, mut down) = (logits.clone(), logits.clone());
                up[i] += 1e-2;
                down[i] -= 1e-2;
                let slope = (loss(&up) - loss(&down)) / f64::from(up[i] - down[i]);
                assert!((slope - f64::from(gradient[i])).abs() < 1e-4, "{pass:?} at {i}");
            }
            // Units that are not active feel nothing.
            assert_eq!([gradient[0], gradient[4], gradient[5], gradient[9]], [0.0; 4]);
        }
    }

    /// By hand: z = (0, ln 3), label 1 → softmax (¼, ¾), loss ln(4/3), gradient (¼, −¼).
    #[test]
    fn cross_entropy_by_hand() {
        let pass = Pass::labelled(vec![], vec![1], 0..2);
        let mut gradient = [0.0; 2];
        let loss = pass.loss(&[0.0, 3f32.ln()], &Columns::new(vec![0..2]), &mut gradient).unwrap();
        assert!((loss - (4f64 / 3.0).ln()).abs() < 1e-6);
        assert!((gradient[0] - 0.25).abs() < 1e-6 && (gradient[1] + 0.25).abs() < 1e-6);
    }

    /// By hand: of z = (0, 9, ln 3) the units 0 and 2 compete, so the numbers are those of (0, ln 3).
    #[test]
    fn cross_entropy_among_some_units_by_hand() {
        let mut pass = Pass::labelled(vec![], vec![2], 0..3);
        pass.terms[0].target = Target::LabelsAmong { labels: vec![2], units: vec![0, 2] };
        let (units, mut gradient) = (Columns::new(vec![0..3]), [0.0; 3]);
        let loss = pass.loss(&[0.0, 9.0, 3f32.ln()], &units, &mut gradient).unwrap();
        assert!((loss - (4f64 / 3.0).ln()).abs() < 1e-6);
        assert!((gradient[0] - 0.25).abs() < 1e-6 && (gradient[2] + 0.25).abs() < 1e-6);
        assert_eq!(gradient[1], 0.0);
    }

    /// By hand: z = (0, ln 3) has σ = (½, ¾); against p = (1, 0) the loss is ln 2 + ln 4, the gradient
    /// (−½, ¾). Catches: p and 1 − p exchanged, a softmax in place of each unit's own sigmoid.
    #[test]
    fn binary_cross_entropy_by_hand() {
        let mut pass = Pass::labelled(vec![], vec![0], 0..2);
        pass.terms[0].target = Target::Sigmoid(vec![1.0, 0.0]);
        let mut gradient = [0.0; 2];
        let loss = pass.loss(&[0.0, 3f32.ln()], &Columns::new(vec![0..2]), &mut gradient).unwrap();
        assert!((loss - 8f64.ln()).abs() < 1e-6, "{loss}");
        assert!((gradient[0] + 0.5).abs() < 1e-6 && (gradient[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        for target in [Target::Labels(vec![0]), Target::Sigmoid(vec![1.0, 0.0])] {
            let mut pass = Pass::labelled(vec![], vec![0], 0..2);
            pass.terms[0].target = target;
            let mut gradient = [0.0; 2];
            let loss = pass.loss(&[-3e38, 3e38], &Columns::new(vec![0..2]), &mut gradient).unwrap();
            assert!(!loss.is_nan() && gradient.iter().all(|g| g.is_finite()));
        }
    }

    #[test]
    fn columns_follow_heads_side_by_side() {
        let columns = Columns::new(vec![2..4, 4..7, 9..10]);
        assert_eq!(columns.of(&(2..4)), Some(0..2));
        assert_eq!(columns.of(&(3..6)), Some(1..4));
        assert_eq!(columns.of(&(9..10)), Some(5..6));
        assert_eq!(columns.of(&(5..8)), None);
        assert_eq!(columns.of(&(0..3)), None);
        assert_eq!(columns.of(&(6..10)), None);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let units = Columns::new(vec![0..2]);
        let fails = |pass: Pass| pass.loss(&[0.0; 2], &units, &mut [0.0; 2]).unwrap_err().0;
        assert!(fails(Pass::labelled(vec![], vec![5], 0..2)).contains("label 5"));
        assert!(fails(Pass::labelled(vec![], vec![1], 0..3)).contains("units 0..3"));
        let among = |units: Vec<u32>| {
            let mut pass = Pass::labelled(vec![], vec![1], 0..2);
            pass.terms[0].target = Target::LabelsAmong { labels: vec![1], units };
            fails(pass)
        };
        assert!(among(vec![0]).contains("label 1 is not among units [0]"));
        assert!(among(vec![1, 2]).contains("unit 2 is not among units 0..2"));
        let mut pass = Pass::labelled(vec![], vec![1], 0..2);
        pass.terms[0].target = Target::Linear(vec![1.0]);
        assert!(fails(pass).contains("1 target numbers where 2"));
    }
}
