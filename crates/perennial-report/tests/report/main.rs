//! The three views of one document, from outside.

mod document;
mod html;
mod sample;
mod sentences;
mod table;
