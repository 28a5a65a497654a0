//! Numbers as readers see them, in one style for the table, the sentences and the page.

use perennial_metrics::statistics::Summary;

/// What stands where a number does not exist.
pub(crate) const NONE: &str = "–";

/// A fraction in the house style: `.583`, `−.198`, `1.000`.
pub(crate) fn fraction(value: f64) -> String {
    let digits = format!("{:.3}", value.abs());
    let digits = digits.strip_prefix('0').unwrap_or(&digits);
    if value < 0.0 && digits != ".000" { format!("−{digits}") } else { digits.to_owned() }
}

/// A round fraction beside an axis: `.5`, `−.25`, `0`, `1`.
pub(crate) fn short_fraction(value: f64) -> String {
    let digits = format!("{:.3}", value.abs());
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let digits = digits.strip_prefix("0.").map_or_else(|| digits.to_owned(), |d| format!(".{d}"));
    if value < 0.0 && digits != "0" { format!("−{digits}") } else { digits }
}

/// A number of any size in a few digits: `.2`, `.025`, `3e-5`.
pub(crate) fn measure(value: f64) -> String {
    match value.abs() {
        0.0 | 0.001.. => short_fraction(value),
        _ => format!("{value:.0e}"),
    }
}

/// A change, which carries its sign: `+.025`, `−.198`, `.000`.
pub(crate) fn change(value: f64) -> String {
    let text = fraction(value);
    if value > 0.0 && text != ".000" { format!("+{text}") } else { text }
}

/// The interval behind a mean: ` ±.012`, or nothing for one seed.
pub(crate) fn half(summary: Summary) -> String {
    summary.half_width.map_or_else(String::new, |half| format!(" ±{}", fraction(half)))
}

/// `.583 ±.012`.
pub(crate) fn estimate(summary: Summary) -> String {
    fraction(summary.mean) + &half(summary)
}

/// `−.198 ±.012`, `+.025`.
pub(crate) fn estimated_change(summary: Summary) -> String {
    change(summary.mean) + &half(summary)
}

/// Percentage points of a fraction, without sign: `31.2`.
pub(crate) fn points(value: f64) -> String {
    format!("{:.1}", value.abs() * 100.0)
}

/// Two digits for the cell of a heat map: `.58`, `1.0`.
pub(crate) fn cell(value: f64) -> String {
    let digits = format!("{value:.2}");
    digits.strip_prefix('0').map_or_else(|| "1.0".to_owned(), ToOwned::to_owned)
}

/// A duration in its natural unit, three digits: `0.42 s`, `12.3 s`, `3.1 min`, `1.4 h`.
pub(crate) fn seconds(value: f64) -> String {
    if value < 0.0005 {
        "0 s".to_owned()
    } else if value < 1.0 {
        format!("{:.0} ms", value * 1e3)
    } else if value < 59.95 {
        format!("{value:.1} s")
    } else if value < 3597.0 {
        format!("{:.1} min", value / 60.0)
    } else {
        format!("{:.1} h", value / 3600.0)
    }
}

/// A duration in seconds, three digits and no unit: `.420`, `1.25`, `12.3`, `186`.
pub(crate) fn in_seconds(value: f64) -> String {
    match value {
        ..0.9995 => fraction(value),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A count with its thousands set apart: `89 610`, by spaces that do not break.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A count in three digits: `89.6 k`.
pub(crate) fn short_count(value: u64) -> String {
    scaled(value, &["", "k", "M", "G", "T"])
}

/// Bytes in powers of a thousand, three digits: `1.23 MB`.
pub(crate) fn bytes(value: u64) -> String {
    scaled(value, &["B", "kB", "MB", "GB", "TB"])
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn scaled(value: u64, units: &[&str]) -> String {
    let mut rest = value as f64;
    let mut unit = 0;
    // 999.5 would be printed as 1000.
    while rest >= 999.5 && unit + 1 < units.len() {
        rest /= 1000.0;
        unit += 1;
    }
    let digits = match rest {
        _ if unit == 0 => format!("{rest:.0}"),
        _ if rest < 9.995 => format!("{rest:.2}"),
        _ if rest < 99.95 => format!("{rest:.1}"),
        _ => format!("{rest:.0}"),
    };
    format!("{digits} {}", units[unit]).trim_end().to_owned()
}

/// How many times as much, in words that fit a sentence: `1.0×`, `12×`.
pub(crate) fn ratio(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}×") } else { format!("{value:.0}×") }
}

/// `a`, `a and b`, `a, b and c`; beyond `most` names `a, b and 4 more`.
pub(crate) fn list(names: &[&str], most: usize) -> String {
    let more = format!("{} more", names.len().saturating_sub(most));
    let mut shown: Vec<&str> = names.iter().copied().take(most).collect();
    if names.len() > most {
        shown.push(&more);
    }
    match shown.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_have_three_digits_and_no_zero_in_front() {
        let shown = [0.5834, -0.198, 1.0, -1.0, 0.0, -0.0001, 0.9996].map(fraction);
        assert_eq!(shown, [".583", "−.198", "1.000", "−1.000", ".000", ".000", "1.000"]);
        assert_eq!([0.025, -0.198, 0.0, 0.0001].map(change), ["+.025", "−.198", ".000", ".000"]);
        let shown = [0.5, -0.25, 1e-17, 1.0, -1e-17, 1.25].map(short_fraction);
        assert_eq!(shown, [".5", "−.25", "0", "1", "0", "1.25"]);
        assert_eq!([0.584, 0.996, 1.0, 0.0].map(cell), [".58", "1.0", "1.0", ".00"]);
    }

    #[test]
    fn units_change_before_a_number_needs_four_digits() {
        assert_eq!(
            [0.0, 0.42, 12.34, 59.96, 186.0, 5040.0].map(seconds),
            ["0 s", "420 ms", "12.3 s", "1.0 min", "3.1 min", "1.4 h"]
        );
        assert_eq!(
            [0.0, 0.42, 0.9996, 1.25, 12.34, 99.96, 5040.0].map(in_seconds),
            [".000", ".420", "1.00", "1.25", "12.3", "100", "5040"]
        );
        assert_eq!(
            [0, 999, 1000, 89_610, 999_600, 1_234_567].map(bytes),
            ["0 B", "999 B", "1.00 kB", "89.6 kB", "1.00 MB", "1.23 MB"]
        );
        assert_eq!(short_count(7), "7");
        assert_eq!(count(1_089_610), "1\u{202f}089\u{202f}610");
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e"], 3), "a, b, c and 2 more");
    }
}
