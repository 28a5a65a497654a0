//! `REPRODUCTION.md`: written by the program alone, and known for stale.
//!
//! Its last line bears three digests: of the protocols that are built in, of the results, and of
//! the page above it. The first and the last can be checked without the results.

use std::path::Path;

use perennial::state::write_atomic;
use serde_json::json;

use super::everything;
use super::protocol::Protocol;
use crate::error::{Code, Problem, REPORT_IT, Result};
use crate::output;

/// What makes the page again.
const AGAIN: &str = "write it again with `perennial reproduce --show --markdown FILE --out DIR`";

/// What a page was made of.
#[derive(PartialEq)]
struct Digests {
    protocols: String,
    results: String,
    page: String,
}

impl Digests {
    fn line(&self) -> String {
        let Self { protocols, results, page } = self;
        format!("<!-- digests: protocols {protocols} results {results} page {page} -->")
    }

    /// The digests that a page bears, and the page above them.
    fn read(text: &str) -> Option<(Self, &str)> {
        let (page, line) = text.trim_end().rsplit_once('\n')?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [
                "<!--",
                "digests:",
                "protocols",
                protocols,
                "results",
                results,
                "page",
                own,
                "-->",
            ] => {
                let [protocols, results, own] = [protocols, results, own].map(|s| (*s).to_owned());
                Some((Self { protocols, results, page: own }, page))
            }
            _ => None,
        }
    }
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The whole page: of the built-in protocols, of `more`, and of what the folder holds of them.
fn made(out: &Path, more: &[Protocol]) -> Result<(String, Digests)> {
    let reproduction = everything(out, more)?;
    let results = serde_json::to_string(&reproduction)
        .map_err(|error| Problem::new(Code::Bug, error.to_string(), REPORT_IT))?;
    let page = perennial_report::reproduction::page(&reproduction);
    let (protocols, results) = (Protocol::digest(), hash(&results));
    let digests = Digests { protocols, results, page: hash(&page) };
    Ok((format!("{page}\n{}\n", digests.line()), digests))
}

/// Writes the page.
pub(super) fn write(path: &Path, out: &Path, more: &[Protocol]) -> Result<()> {
    let (page, _) = made(out, more)?;
    write_atomic(path, page.as_bytes()).map_err(|error| {
        let hint = "name a file that can be written with --markdown FILE";
        Problem { hint: hint.into(), ..error.into() }
    })
}

/// Says whether a page is what the protocols and the results make; 1 if it is not.
pub(super) fn check(path: &Path, out: &Path, more: &[Protocol], json: bool) -> Result<u8> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        Problem::new(Code::InputMissing, message, "name the page with --check FILE")
    })?;
    let shown = path.display();
    let stale = match Digests::read(&text) {
        None => Some(format!("{shown} does not end with the digests of what it was made of")),
        Some((there, page)) if there.page != hash(&format!("{}\n", page.trim_end())) => {
            Some(format!("{shown} was changed after it was written"))
        }
        Some((there, _)) if there.protocols != Protocol::digest() => {
            Some(format!("{shown} is stale: the protocols have changed since it was written"))
        }
        Some((there, _)) if out.is_dir() => {
            let (_, now) = made(out, more)?;
            (there.results != now.results).then(|| {
                let out = out.display();
                format!("{shown} is stale: {out} holds other results than it was written from")
            })
        }
        Some(_) => None,
    };
    let compared = if out.is_dir() {
        format!("the protocols and {}", out.display())
    } else {
        format!("the protocols; there are no results in {} to compare it with", out.display())
    };
    if json {
        let document = json!({
            "schema": "perennial.reproduce-check/1",
            "page": path,
            "results_there": out.is_dir(),
            "stale": stale,
        });
        output::document(&document)?;
    } else {
        output::answer(&match &stale {
            Some(why) => format!("{why}; {AGAIN}\n"),
            None => format!("{shown} is up to date with {compared}\n"),
        })?;
    }
    Ok(u8::from(stale.is_some()))
}
