//! SIGINT and SIGTERM as something to look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Code, Problem, Result};

/// The signals that ask the program to stop. A second one ends it at once; what was saved stays.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// From now on signals are flags.
    pub(crate) fn catch() -> Result<Self> {
        let (which, again) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, again.clone())
                .and_then(|_| flag::register(signal, again.clone()))
                .and_then(|_| flag::register_usize(signal, which.clone(), signal as usize))
                .map_err(|error| {
                    Problem::new(
                        Code::Io,
                        format!("cannot watch for signals: {error}"),
                        "try again",
                    )
                })?;
        }
        Ok(Self(which))
    }

    /// What stops the program, if a signal came.
    pub(crate) fn received(&self) -> Option<Problem> {
        let (code, name) = match self.0.load(Ordering::SeqCst) as i32 {
            SIGINT => (Code::Interrupted, "SIGINT"),
            SIGTERM => (Code::Terminated, "SIGTERM"),
            _ => return None,
        };
        Some(Problem::new(code, format!("stopped by {name}"), ""))
    }
}
