//! How teaching looks while it runs, and how a signal stops it.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use perennial::learner::{Progress, Stop, Watch};

use crate::error::Result;
use crate::output;
use crate::signals::Signals;

/// A bar on a terminal, a line now and then elsewhere, or nothing.
pub(crate) enum Show {
    Bar { bar: ProgressBar, shown: Instant },
    Lines { said: Instant },
    Quiet,
}

impl Show {
    pub(crate) fn new(task: &str, quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !console::user_attended_stderr() {
            return Self::Lines { said: Instant::now() };
        }
        let template = "{prefix:>22} {wide_bar:.green/dim} {msg} {eta} left";
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::new(1).with_prefix(task.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar { bar, shown: Instant::now() }
    }

    /// Nothing moves any more.
    pub(crate) fn end(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Show {
    fn progress(&mut self, progress: &Progress<'_>) {
        const FRAME: Duration = Duration::from_millis(100);
        const PERIOD: Duration = Duration::from_secs(10);
        let Progress { phase, epoch, epochs, step, steps, .. } = progress;
        let text = format!("{phase} epoch {}/{epochs}", epoch + 1);
        match self {
            Self::Bar { bar, shown } if shown.elapsed() >= FRAME => {
                *shown = Instant::now();
                bar.set_length((epochs * steps) as u64);
                bar.set_position((epoch * steps + step) as u64);
                bar.set_message(text);
            }
            Self::Lines { said } if said.elapsed() >= PERIOD => {
                *said = Instant::now();
                output::note(&format!("{text}, step {step}/{steps}"));
            }
            _ => {}
        }
    }
}

/// Asks for a stop when a signal comes, also within a long computation.
pub(crate) fn stop_by(signals: &Signals) -> Stop {
    const PERIOD: Duration = Duration::from_millis(20);
    let (stop, signals) = (Stop::default(), signals.clone());
    let asked = stop.clone();
    std::thread::spawn(move || {
        while signals.received().is_none() {
            std::thread::sleep(PERIOD);
        }
        asked.ask();
    });
    stop
}

/// Signals as flags from now on, and the stop that they ask for.
pub(crate) fn signals() -> Result<(Signals, Stop)> {
    let signals = Signals::catch()?;
    let stop = stop_by(&signals);
    Ok((signals, stop))
}
