//! `perennial` without a command: what forgetting is, on the digits that are built in.

use crate::args::{Choices, Compare};
use crate::error::Result;
use crate::{compare, output};

/// Compares every strategy on a stream short enough for a minute.
pub(crate) fn run() -> Result<u8> {
    output::note(
        "comparing every strategy on five tasks of handwritten digits, each with its pixels in \
         another order, three seeds (`perennial --help` shows what else there is)",
    );
    compare::run(&Compare {
        choices: Choices { benchmark: Some("permuted-digits".into()), ..Choices::default() },
        ..Compare::default()
    })
}
