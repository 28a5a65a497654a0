//! The kinds of drawings: lines over tasks, points in a plane, maps of accuracies. Each is drawn
//! for a column as narrow as a phone's.

pub(crate) mod heat;
pub(crate) mod lines;
pub(crate) mod scatter;

/// Mean width of a letter at the figures' 11 px, in the widest of the usual fonts.
const LETTER: f64 = 6.6;
/// From one line of text to the next.
const LINE: f64 = 13.0;
