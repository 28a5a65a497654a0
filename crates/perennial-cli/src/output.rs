//! Standard out is the answer, standard error everything else. A reader that goes away early
//! (`perennial list | head -1`) is no error.

use std::io::{self, Write as _};

use unicode_width::UnicodeWidthStr as _;

use crate::error::{Problem, Result};

/// Columns where the terminal does not say how many it has.
const COLUMNS: usize = 80;

/// Writes a part of the answer.
pub(crate) fn answer(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::io("write to", "standard out".as_ref())(error))
        }
        _ => Ok(()),
    }
}

/// Writes the answer as one JSON document.
pub(crate) fn document<T: serde::Serialize>(value: &T) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| {
        Problem::new(crate::error::Code::Bug, error.to_string(), crate::error::REPORT_IT)
    })?;
    answer(&(text + "\n"))
}

/// Writes a line beside the answer; on a terminal it is broken between words.
pub(crate) fn note(line: &str) {
    const INDENT: usize = 2;
    let terminal = console::Term::stderr();
    let size = terminal.size_checked().filter(|_| console::user_attended_stderr());
    let text = match size {
        Some((_, columns)) => wrapped(line, usize::from(columns), INDENT),
        None => format!("{line}\n"),
    };
    // Where standard error is closed there is nowhere left to say so.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The columns of the terminal that reads the answer.
pub(crate) fn width() -> usize {
    console::Term::stdout().size_checked().map_or(COLUMNS, |(_, columns)| usize::from(columns))
}

/// Breaks a text between words; lines after the first begin with `indent` spaces.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let (mut out, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        if !line.trim().is_empty() && line.width() + 1 + word.width() > width {
            out += line.trim_end();
            out.push('\n');
            line = " ".repeat(indent);
        } else if !line.trim().is_empty() {
            line.push(' ');
        }
        line += word;
    }
    out + &line + "\n"
}

/// Rows as columns of equal width, the last one wrapped to the terminal.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]], width: usize) -> String {
    const GAP: usize = 2;
    /// A last column narrower than this is left to the terminal.
    const LEAST: usize = 20;
    let widest =
        |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or_default() + GAP;
    let widths: Vec<usize> = (0..N.saturating_sub(1)).map(widest).collect();
    let indent: usize = widths.iter().sum();
    let mut out = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            out += cell;
            out += &" ".repeat(width - cell.width());
        }
        let last = row.last().map_or("", String::as_str);
        out += &wrapped(last, width.saturating_sub(indent).max(LEAST), 0)
            .trim_end()
            .replace('\n', &format!("\n{}", " ".repeat(indent)));
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 7, 2), "one two\n  three\n");
        assert_eq!(wrapped("", 7, 2), "\n");
        assert_eq!(wrapped("longerthanthat a", 5, 0), "longerthanthat\na\n");
    }

    #[test]
    fn the_last_column_is_wrapped_in_place() {
        let rows = [["a".to_owned(), "first second third fourth".to_owned()]];
        assert_eq!(columns(&rows, 23), "a  first second third\n   fourth\n");
    }
}
