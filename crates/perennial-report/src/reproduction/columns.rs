//! Rows of text under their heads.

use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: usize = 2;

/// Heads, a rule and rows; the first `left` columns stand to the left, the others to the right.
pub(super) fn columns<const N: usize>(
    heads: [&str; N],
    left: usize,
    rows: &[[String; N]],
) -> String {
    let width = |i: usize| {
        let cells = rows.iter().map(|row| row[i].width());
        cells.max().unwrap_or(0).max(heads[i].width())
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let mut line = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let space = " ".repeat(widths[i] - cell.width());
            line += &" ".repeat(if i == 0 { 0 } else { GAP });
            line += &if i < left { cell.clone() + &space } else { space + cell };
        }
        line.trim_end().to_owned() + "\n"
    };
    let mut text = line(&heads.map(ToOwned::to_owned));
    text += &line(&widths.map(|width| "─".repeat(width)));
    rows.iter().for_each(|row| text += &line(row));
    text
}

/// A mean with its interval behind it, both under those of the other rows: `room` columns for the
/// interval.
pub(super) fn padded(mean: String, half: &str, room: usize) -> String {
    mean + half + &" ".repeat(room.saturating_sub(half.width()))
}
