//! What R says: one number of one run each.
//!
//! | file | question |
//! | --- | --- |
//! | `performance` | how good is it? |
//! | `transfer` | what does one task do to the others? |
//! | `forgetting` | what was lost, and what could not be learnt? |

mod forgetting;
mod performance;
mod transfer;

pub use performance::IncrementalMean;
