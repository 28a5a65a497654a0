//! The three views of one document, from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, its helpers too")]

mod document;
mod html;
mod groups;
mod parsed;
mod pictures;
mod sample;
mod sentences;
mod table;
