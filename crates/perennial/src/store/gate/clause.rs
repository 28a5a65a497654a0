//! The clauses by which a fall refuses, and the sentence of each.

use perennial_metrics::statistics::SIGNIFICANCE;
use serde::{Deserialize, Serialize};

use super::{Gate, beyond};

/// A fall of a task beyond this many times `max_drop` is large.
const LARGE: f64 = 5.0;
/// The level for a large fall. It is twice [`SIGNIFICANCE`], because a task that is lost costs more
/// than a task that is taught twice. The p is Holm-adjusted for both levels: `docs/gate.md` has how
/// often a rule without the adjustment refuses at random.
const LARGE_LEVEL: f64 = 0.10;

/// What the p of a task and of a class is called in a reason.
pub(super) const HOLM: &str = "Holm-adjusted p";

/// The clause by which the gate refused a fall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "clause", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Clause {
    /// A fall beyond `max_drop` under [`Gate::strict`], which asks for no test.
    Strict,
    /// A fall beyond `max_drop`, or of a class beyond `max_class_drop`, with a p below the level .05.
    Fall {
        /// Holm-adjusted over the tasks or over the classes; the bootstrap's p of the mean.
        p: f64,
        /// The level that p is below.
        level: f64,
    },
    /// A fall of a task beyond 5 × `max_drop`, with a p that is not below .05 but below .10.
    LargeFall {
        /// Holm-adjusted over the tasks.
        p: f64,
        /// The level that p is below.
        level: f64,
    },
    /// A fall whose upper 95 % bound is beyond `max_drop`, under [`Gate::confident`].
    UpperBound {
        /// That bound.
        upper: f64,
    },
    /// A class of which rows were right before and none is now.
    Lost,
}

/// A measured fall: of a task, or of the mean.
pub(super) struct Fall<'a> {
    pub(super) whose: Whose<'a>,
    pub(super) measured: f64,
    /// Its upper 95 % bound.
    pub(super) upper: f64,
    /// The p of its test: Holm-adjusted for a task, by bootstrap for the mean; none where no test
    /// judges it.
    pub(super) p: Option<f64>,
}

/// Whose fall it is.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    Task(&'a str),
    Mean,
}

impl Gate {
    /// The clause by which a fall refuses, if it does.
    pub(super) fn clause(&self, fall: &Fall<'_>) -> Option<Clause> {
        let Fall { whose, measured, upper, p } = *fall;
        let fell = beyond(measured, self.max_drop);
        // Only a task has the level for large falls.
        let large = matches!(whose, Whose::Task(_)) && beyond(measured, LARGE * self.max_drop);
        match p {
            _ if fell && self.strict => Some(Clause::Strict),
            Some(p) if fell && p < SIGNIFICANCE => Some(Clause::Fall { p, level: SIGNIFICANCE }),
            Some(p) if large && p < LARGE_LEVEL => {
                Some(Clause::LargeFall { p, level: LARGE_LEVEL })
            }
            _ if self.confident && beyond(upper, self.max_drop) => {
                Some(Clause::UpperBound { upper })
            }
            _ => None,
        }
    }
}

impl Fall<'_> {
    /// Why a clause refuses it, as a sentence.
    pub(super) fn reason(&self, clause: Clause, max_drop: f64) -> String {
        let (whose, p) = match self.whose {
            Whose::Task(task) => (format!("`{task}`"), HOLM),
            Whose::Mean => ("the mean".to_owned(), "bootstrap p"),
        };
        // Its upper bound can refuse what rose.
        let way = if self.measured < 0.0 { "rose" } else { "fell" };
        clause.reason(&format!("{whose} {way} by {:.4}", self.measured.abs()), p, max_drop)
    }
}

impl Clause {
    /// What fell, and then why that refuses: beyond which bound, by which p, at which level.
    pub(super) fn reason(self, what_fell: &str, p_name: &str, max: f64) -> String {
        let tested = |bound: String, p: f64, level: f64| {
            let p = if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") };
            format!("more than {bound} and than chance explains ({p_name} {p}, level {level:.2})")
        };
        let why = match self {
            Self::Strict => format!("more than {max} (--strict, without a test)"),
            Self::Fall { p, level } => tested(max.to_string(), p, level),
            Self::LargeFall { p, level } => tested(format!("{LARGE} × {max}"), p, level),
            Self::UpperBound { upper } => format!(
                "and may have fallen by as much as {upper:.4} (upper 95 % bound), more than {max}"
            ),
            Self::Lost => "so the class is lost, which refuses without a test".into(),
        };
        format!("{what_fell}, {why}")
    }
}
