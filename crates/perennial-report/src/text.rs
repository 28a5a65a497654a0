//! Text measured in the columns of a terminal, where a wide letter takes two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text in at most `room` columns, the rest cut to an ellipsis, without control characters
/// (which could steer a terminal).
#[must_use]
pub fn shorten(text: &str, room: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.width() <= room {
        return clean;
    }
    let mut out = String::new();
    for character in clean.chars() {
        if out.width() + character.width().unwrap_or(0) + 1 > room {
            break;
        }
        out.push(character);
    }
    out + "…"
}

/// Lines of at most `width` columns, all but the first indented; a longer word has its own line.
pub(crate) fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let word = shorten(word, usize::MAX);
        if !line.trim().is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line += &word;
    }
    lines.push(line);
    lines
}
