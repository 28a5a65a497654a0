//! A table of numbers, and the forms in which it leaves: CSV for programs, Markdown and LaTeX for
//! people.

use perennial_metrics::statistics::Summary;

use crate::format::NONE;

/// A table with a name for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Tabular {
    /// Names of the columns; the first column names the rows.
    pub head: Vec<String>,
    /// One datum a column.
    pub rows: Vec<Vec<Datum>>,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Words.
    Text(String),
    /// A number, and how people see it.
    Number(f64, String),
    /// A mean over seeds with its interval, and how people see it.
    Estimate(Summary, String),
    /// A number that does not exist.
    None,
}

impl Datum {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn number(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        value.map_or(Self::None, |value| Self::Number(value, show(value)))
    }

    pub(crate) fn estimate(value: Option<Summary>, show: impl Fn(Summary) -> String) -> Self {
        value.map_or(Self::None, |value| Self::Estimate(value, show(value)))
    }

    /// How people see it; a dash for nothing.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(_, text) | Self::Estimate(_, text) => text,
            Self::None => NONE,
        }
    }
}

impl Tabular {
    pub(crate) fn new(head: &[&str], rows: Vec<Vec<Datum>>) -> Self {
        Self { head: head.iter().map(|name| (*name).to_owned()).collect(), rows }
    }

    /// Comma-separated values (RFC 4180) with every digit. A column of estimates becomes two: the
    /// mean, and the half-width of its 95 % interval, whose name ends in `± 95 %`. What does not
    /// exist is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let estimated = |column: usize| {
            self.rows.iter().any(|row| matches!(row.get(column), Some(Datum::Estimate(..))))
        };
        let wide: Vec<bool> = (0..self.head.len()).map(estimated).collect();
        let mut out = String::new();
        let mut line = |cells: Vec<String>| {
            let quoted: Vec<String> = cells.iter().map(|cell| quote(cell)).collect();
            out += &quoted.join(",");
            out += "\r\n";
        };
        let names = self.head.iter().zip(&wide).flat_map(|(name, wide)| {
            let half = wide.then(|| format!("{name} ± 95 %"));
            std::iter::once(name.clone()).chain(half)
        });
        line(names.collect());
        for row in &self.rows {
            let cells = row.iter().zip(&wide).flat_map(|(datum, wide)| {
                let (value, half) = match datum {
                    Datum::Text(text) => (text.clone(), None),
                    Datum::Number(value, _) => (value.to_string(), None),
                    Datum::Estimate(summary, _) => (summary.mean.to_string(), summary.half_width),
                    Datum::None => (String::new(), None),
                };
                let half = wide.then(|| half.map_or_else(String::new, |half| half.to_string()));
                std::iter::once(value).chain(half)
            });
            line(cells.collect());
        }
        out
    }

    /// A Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let cell = |text: &str| {
            // Narrow spaces within numbers stay.
            let one_line = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            one_line.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
        };
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut out = row(self.head.iter().map(|name| cell(name)).collect());
        let rules = (0..self.head.len()).map(|i| if i == 0 { "---" } else { "---:" }.to_owned());
        out += &row(rules.collect());
        for datums in &self.rows {
            out += &row(datums.iter().map(|datum| cell(datum.shown())).collect());
        }
        out
    }

    /// A LaTeX `tabular` in the style of the package `booktabs`.
    #[must_use]
    pub fn latex(&self) -> String {
        let columns = "r".repeat(self.head.len().saturating_sub(1));
        let row = |cells: Vec<String>| cells.join(" & ") + " \\\\\n";
        let mut out = format!("\\begin{{tabular}}{{l{columns}}}\n\\toprule\n");
        out += &row(self.head.iter().map(|name| latex(name)).collect());
        out += "\\midrule\n";
        for datums in &self.rows {
            out += &row(datums.iter().map(|datum| latex(datum.shown())).collect());
        }
        out + "\\bottomrule\n\\end{tabular}\n"
    }
}

fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// The text with what LaTeX would take as a command escaped.
fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(character);
            }
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '−' => out += "$-$",
            '±' => out += "$\\pm$",
            '×' => out += "$\\times$",
            '°' => out += "$^\\circ$",
            '–' => out += "--",
            '\u{202f}' => out += "\\,",
            '\u{a0}' => out.push('~'),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Tabular {
        let acc = Summary::of(&[0.5, 0.75]);
        let estimate = Datum::estimate(acc, |acc| format!("{:.3}", acc.mean));
        Tabular::new(
            &["strategy", "ACC", "kept_%"],
            vec![
                vec![
                    Datum::text("a, \"b\" | <c>"),
                    estimate,
                    Datum::number(Some(-0.1), |_| "−.1".into()),
                ],
                vec![Datum::text("x_1"), Datum::None, Datum::None],
            ],
        )
    }

    /// Student's .975 quantile with one degree of freedom is 12.706; s/√2 is .125: half-width
    /// 1.588. Catches: rounded numbers in CSV, columns that no longer meet their names, a cell
    /// that breaks out of its place.
    #[test]
    fn each_form_by_hand() {
        let csv = table().csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(lines[0], "strategy,ACC,ACC ± 95 %,kept_%");
        assert!(lines[1].starts_with("\"a, \"\"b\"\" | <c>\",0.625,1.588"), "{}", lines[1]);
        assert!(lines[1].ends_with(",-0.1"), "{}", lines[1]);
        assert_eq!(lines[2..], ["x_1,,,", ""]);
        assert_eq!(
            table().markdown(),
            "| strategy | ACC | kept_% |\n| --- | ---: | ---: |\n\
             | a, \"b\" \\| &lt;c> | 0.625 | −.1 |\n| x_1 | – | – |\n"
        );
        assert_eq!(
            table().latex(),
            "\\begin{tabular}{lrr}\n\\toprule\nstrategy & ACC & kept\\_\\% \\\\\n\\midrule\n\
             a, \"b\" | \\textless{}c\\textgreater{} & 0.625 & $-$.1 \\\\\nx\\_1 & -- & -- \\\\\n\
             \\bottomrule\n\\end{tabular}\n"
        );
    }
}
