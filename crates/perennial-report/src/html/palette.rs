//! The computed part of the style sheet: the colours that numbers and lines take by class.

use std::fmt;

use crate::colour;
use crate::format;

/// Style rules for heat-map cells (`h0` … `h100`), for the lines of tasks (`t0` …) and of
/// strategies (`s0` …), on a light page and on a dark one.
pub(crate) struct Palette {
    /// Number of tasks.
    pub(crate) tasks: usize,
}

/// Class and text of a heat map's cell.
pub(crate) fn heat(accuracy: f64) -> (String, String) {
    (format!("h{:.0}", accuracy.clamp(0.0, 1.0) * 100.0), format::cell(accuracy))
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in 0..=100 {
            let colour = colour::ramp(f64::from(step) / 100.0);
            let ink = if colour.wants_black_text() { "#000" } else { "#fff" };
            writeln!(f, ".h{step}{{background:{colour};color:{ink}}}")?;
        }
        self.lines(f, 0)?;
        // Paper is light, whatever the screen is.
        writeln!(f, "@media screen and (prefers-color-scheme:dark){{")?;
        self.lines(f, 1)?;
        writeln!(f, "}}")
    }
}

impl Palette {
    fn lines(&self, f: &mut fmt::Formatter<'_>, page: usize) -> fmt::Result {
        for task in 0..self.tasks {
            writeln!(f, ".t{task}{{--line:{}}}", colour::ordered(task, self.tasks)[page])?;
        }
        for index in 0..colour::DISTINCT {
            writeln!(f, ".s{index}{{--line:{}}}", colour::distinct(index)[page])?;
        }
        Ok(())
    }
}

/// The templates may set the rules as they are: they hold no text of a document.
impl askama::filters::HtmlSafe for Palette {}
