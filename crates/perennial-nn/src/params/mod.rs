//! Parameters: vectors over θ, where each parameter lies in them, and how it starts.

mod grid;
mod init;
mod layout;
pub mod rows;
mod start;
pub mod vector;

pub use self::grid::Grid;
pub use self::init::{Buffer, Init, Parameter, standard_normal};
pub use self::layout::{Layout, Slot, SlotId};
pub use self::start::Start;
pub use self::vector::{Mask, Vector};
