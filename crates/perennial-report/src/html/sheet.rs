//! The computed part of the style sheet.

use std::fmt;

use crate::look;

/// The looks of figures and heat maps, on a light page and on a dark one.
pub(crate) struct Style {
    /// The most tasks of any stream on the page.
    pub(crate) tasks: usize,
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&look::style_sheet(self.tasks))
    }
}

/// The templates may set the rules as they are: they hold no text of a document.
impl askama::filters::HtmlSafe for Style {}
