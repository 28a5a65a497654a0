//! What divides the fields of a text, and what a number from its decimals.

use std::path::Path;

use crate::Decimal;
use crate::open::{OpenError, Request};

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What divides fields.
    pub(super) delimiter: u8,
    /// Whether numbers have a comma before their decimals.
    pub(super) comma: bool,
}

/// What may divide fields, the likelier first where several could.
const DELIMITERS: [u8; 4] = *b"\t;|,";

/// So many lines are looked at.
const LINES: usize = 20;

impl Dialect {
    /// Finds how a text is written by its start. What a learner remembers of decimals decides where
    /// the text leaves it open.
    pub(super) fn of(start: &[u8], path: &Path, request: Request<'_>) -> Result<Self, OpenError> {
        let lines = sample(start);
        let name = path.display();
        if let Some(format) = other_format(start, &lines) {
            return Err(OpenError::UnknownFormat { path: path.to_owned(), found: format });
        }
        let remembered = request.known.and_then(|known| known.asked.decimal);
        let (dialect, is_even) = match request.how.decimal {
            Some(decimal) => Self::with(&lines, decimal),
            None => {
                let (dialect, is_even) = Self::with(&lines, Decimal::Point);
                match (dialect.comma_number(&lines), remembered) {
                    (Some(found), None) => {
                        let message = format!(
                            "{name} holds `{}`: is the comma before the decimals? say --decimal \
                             comma, or --decimal point if it is not",
                            String::from_utf8_lossy(found).trim()
                        );
                        return Err(OpenError::Refused { message });
                    }
                    (Some(_), Some(decimal)) => Self::with(&lines, decimal),
                    (None, _) => (dialect, is_even),
                }
            }
        };
        if !is_even && are_spaced(&lines) {
            let message = format!(
                "the columns of {name} are divided by spaces; write commas, semicolons or tabs \
                 between them"
            );
            return Err(OpenError::Refused { message });
        }
        Ok(dialect)
    }

    /// How lines with this mark before decimals are written, and whether all have as many fields.
    fn with(lines: &[Vec<u8>], decimal: Decimal) -> (Self, bool) {
        let comma = decimal == Decimal::Comma;
        // Between quotes a comma divides nothing, so that it can divide fields, too.
        let quoted = |line: &Vec<u8>| {
            fields(line, b',').iter().any(|field| field.contains(&b'"') && is_comma_number(field))
        };
        let may_divide = |mark: &u8| *mark != b',' || !comma || lines.iter().any(quoted);
        let candidates: Vec<u8> = DELIMITERS.into_iter().filter(may_divide).collect();
        let even = candidates.iter().copied().filter(|&mark| is_even(lines, mark));
        let best = even.map(|mark| (share_of_clean(lines, mark), mark));
        let best = best.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let delimiter = match best {
            Some((_, mark)) => mark,
            // Lines differ: what the first has most of. Whoever reads on will say which line is odd.
            None => {
                let first = lines.first().map(Vec::as_slice).unwrap_or_default();
                let count = |mark: &u8| fields(first, *mark).len();
                candidates.iter().copied().max_by_key(count).unwrap_or(b',')
            }
        };
        (Self { delimiter, comma }, best.is_some())
    }

    /// A field that may be a number with a comma before its decimals.
    fn comma_number(self, lines: &[Vec<u8>]) -> Option<&[u8]> {
        let mut written = lines.iter().flat_map(|line| fields(line, self.delimiter));
        let alone = self.delimiter == b',' && are_single_comma_numbers(lines);
        written.find(|field| is_comma_number(field)).or_else(|| alone.then(|| &*lines[1]))
    }

    /// A field as a number, if it is one: finite or not.
    pub(super) fn number(self, text: &str) -> Option<f64> {
        match self.comma && text.contains(',') {
            true => text.replace(',', ".").parse().ok(),
            false => text.parse().ok(),
        }
    }
}

/// Formats of text that are no tables of columns.
fn other_format(start: &[u8], lines: &[Vec<u8>]) -> Option<String> {
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Some("text in UTF-16 (save it as UTF-8)".to_owned());
    }
    let begins = |line: &Vec<u8>, with: &[u8]| {
        line.len() >= with.len() && line[..with.len()].eq_ignore_ascii_case(with)
    };
    if lines.first().is_some_and(|line| line.starts_with(b"{") || line.starts_with(b"[")) {
        return Some("JSON (save it as CSV)".to_owned());
    }
    if lines.iter().any(|line| begins(line, b"@relation")) {
        return Some("an ARFF file (save it as CSV)".to_owned());
    }
    let is_svm = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut words = text.split_ascii_whitespace();
        let pair = |word: &str| {
            let (index, value) = word.split_once(':')?;
            Some(index.parse::<u32>().is_ok() && value.parse::<f64>().is_ok())
        };
        let target = words.next().is_some_and(|word| word.parse::<f64>().is_ok());
        target && words.clone().count() > 0 && words.all(|word| pair(word) == Some(true))
    };
    let is_svm = !lines.is_empty() && lines.iter().all(is_svm);
    is_svm.then(|| "a libsvm file (save it as CSV or as npz, not sparse)".to_owned())
}

/// The first whole lines that hold something, without their ends.
fn sample(start: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<&[u8]> = start.split(|&byte| byte == b'\n').collect();
    // The last may be cut off.
    if lines.len() > 1 {
        lines.pop();
    }
    let trimmed = lines.into_iter().map(<[u8]>::trim_ascii);
    let bare = trimmed.map(|line| line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line));
    bare.filter(|line| !line.is_empty()).take(LINES).map(<[u8]>::to_vec).collect()
}

/// The fields of a line; a mark between quotes divides nothing.
fn fields(line: &[u8], mark: u8) -> Vec<&[u8]> {
    let mut quoted = false;
    let divides = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == mark && !quoted
    };
    line.split(divides).collect()
}

/// Whether every line has as many fields, and more than one.
fn is_even(lines: &[Vec<u8>], mark: u8) -> bool {
    let mut counts = lines.iter().map(|line| fields(line, mark).len());
    let first = counts.next().unwrap_or(0);
    first > 1 && counts.all(|count| count == first)
}

/// The share of fields that hold no other mark, unless it is the comma of a number.
fn share_of_clean(lines: &[Vec<u8>], mark: u8) -> f64 {
    let (mut clean, mut all) = (0.0, 0.0);
    for field in lines.iter().flat_map(|line| fields(line, mark)) {
        let others = field.iter().any(|byte| *byte != mark && DELIMITERS.contains(byte));
        let is_clean = !others || field.contains(&b'"') || is_comma_number(field);
        clean += f64::from(u8::from(is_clean));
        all += 1.0;
    }
    clean / f64::max(all, 1.0)
}

/// `1,5`
fn is_comma_number(field: &[u8]) -> bool {
    let bare: Vec<u8> = field.iter().copied().filter(|byte| *byte != b'"').collect();
    let bare = bare.trim_ascii();
    let bare = bare.strip_prefix(b"-").or(bare.strip_prefix(b"+")).unwrap_or(bare);
    let mut halves = bare.split(|&byte| byte == b',');
    let digits = |half: Option<&[u8]>| {
        half.is_some_and(|it| !it.is_empty() && it.iter().all(u8::is_ascii_digit))
    };
    digits(halves.next()) && digits(halves.next()) && halves.next().is_none()
}

/// Whether a name stands over lines of which each is one number with a comma.
fn are_single_comma_numbers(lines: &[Vec<u8>]) -> bool {
    let [first, rest @ ..] = lines else { return false };
    let divided = DELIMITERS.iter().any(|mark| first.contains(mark));
    !divided && !rest.is_empty() && rest.iter().all(|line| is_comma_number(line))
}

/// Whether lines are numbers with spaces between.
fn are_spaced(lines: &[Vec<u8>]) -> bool {
    let count = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(line).into_owned();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let numbers = words.iter().filter(|word| word.parse::<f64>().is_ok()).count();
        (words.len() > 1 && 2 * numbers >= words.len()).then_some(words.len())
    };
    let divided = |line: &Vec<u8>| DELIMITERS.iter().any(|mark| line.contains(mark));
    // The first may be names.
    let rest = if lines.len() > 1 { &lines[1..] } else { lines };
    !rest.is_empty() && !lines.iter().any(divided) && rest.iter().all(|line| count(line).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadOptions;
    use crate::open::LabelUse;

    fn of(text: &str, how: &ReadOptions) -> Result<Dialect, String> {
        let request = Request { how, known: None, labels: LabelUse::Required };
        Dialect::of(text.as_bytes(), Path::new("t.csv"), request).map_err(|it| it.to_string())
    }

    fn delimiter(text: &str) -> char {
        of(text, &ReadOptions::default()).unwrap().delimiter.into()
    }

    /// Catches: the mark that the first line has most of, whatever the others have; marks in quotes.
    #[test]
    fn what_divides_columns() {
        assert_eq!(delimiter("1,2,3\n4,5,6\n"), ',');
        assert_eq!(delimiter("1;2;3\n1;2;4\n"), ';');
        assert_eq!(delimiter("1\t2\t3"), '\t');
        assert_eq!(delimiter("alone\n"), ',');
        assert_eq!(delimiter(""), ',');
        assert_eq!(delimiter("a,b,label\n\"x;y\",2,\"z;w\"\n1,2,3\n"), ',');
        assert_eq!(delimiter("a,tags,label\n1,u;v,3\n1,u;v,3\n"), ',');
        // Lines of different lengths: by the first, so that the odd one is told.
        assert_eq!(delimiter("a,b,c\n1,2\n"), ',');
    }

    #[test]
    fn decimal_commas_are_asked_about() {
        for text in ["a;b;label\n1,5;2,3;x\n", "1,5;2,3;x\n4,5;1,2;y\n", "a\n1,5\n2,5\n"] {
            let sentence = of(text, &ReadOptions::default()).unwrap_err();
            assert!(
                sentence.contains("`1,5`") && sentence.contains("--decimal comma"),
                "{sentence}"
            );
        }
        let how = ReadOptions { decimal: Some(Decimal::Comma), ..ReadOptions::default() };
        let dialect = of("1,5;2,3;x\n", &how).unwrap();
        assert_eq!((dialect.delimiter, dialect.number("1,5")), (b';', Some(1.5)));
        let how = ReadOptions { decimal: Some(Decimal::Point), ..ReadOptions::default() };
        assert_eq!(of("1,5;2,3;x\n", &how).unwrap().number("1,5"), None);
        assert_eq!(delimiter("1,5\n2,3\n"), ',');
    }

    #[test]
    fn texts_that_are_no_tables_are_named() {
        for (text, word) in [
            ("1 2 3\n4 5 6\n", "divided by spaces"),
            ("sepal petal\n1.5 2.5\n", "divided by spaces"),
            ("1 1:0.5 3:2\n-1 2:1\n", "libsvm"),
            ("% weather\n@RELATION weather\n@DATA\n1,2\n", "ARFF"),
            ("\u{feff}a", ""),
        ] {
            match of(text, &ReadOptions::default()) {
                Err(sentence) => assert!(sentence.contains(word) && !word.is_empty(), "{sentence}"),
                Ok(_) => assert!(word.is_empty(), "{text}"),
            }
        }
        let request =
            Request { how: &ReadOptions::default(), known: None, labels: LabelUse::Required };
        let error = Dialect::of(b"\xff\xfea\0", Path::new("t"), request).unwrap_err().to_string();
        assert!(error.contains("UTF-16 (save it as UTF-8)"), "{error}");
    }
}
