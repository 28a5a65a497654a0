//! The three views of one document, from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, its helpers too")]

mod document;
mod groups;
mod html;
mod parsed;
mod pictures;
mod reproduction;
mod sample;
mod sentences;
mod table;
mod verdicts;
