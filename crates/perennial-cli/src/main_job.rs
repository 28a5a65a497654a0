//! `perennial` without a command: what forgetting is, on the digits that are built in.

use crate::args::{Choices, Compare};
use crate::error::Result;
use crate::{compare, output};

/// Enough that joint comes near what the network can learn.
const EPOCHS: usize = 5;

/// Compares every strategy on a stream short enough for a minute.
pub(crate) fn run() -> Result<u8> {
    output::note(
        "comparing every strategy on five tasks of handwritten digits, each with its pixels in \
         another order, three seeds (`perennial --help` shows what else there is)",
    );
    let benchmark = Some("permuted-digits".into());
    compare::run(&Compare {
        choices: Choices { benchmark, epochs: Some(EPOCHS), ..Choices::default() },
        ..Compare::default()
    })
}
