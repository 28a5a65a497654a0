//! The figures and tables of a report as files of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use perennial_report::{Comparison, Figure, Tabular};
use resvg::{tiny_skia, usvg};

use crate::error::{Code, Problem, REPORT_IT, Result};
use crate::output;

/// Pixels of a PNG for one of the drawing: sharp in print at a column's width.
const SCALE: f32 = 3.0;

/// Writes every figure as SVG and PNG and every table as CSV, Markdown and LaTeX into `folder`;
/// of several comparisons each into a folder of its own. Says how many files.
pub(crate) fn write(folder: &Path, comparisons: &[Comparison]) -> Result<usize> {
    let fonts = fonts();
    if fonts.is_none() {
        output::note(
            "no PNG is written: the system has no font for its text; the SVG files need none",
        );
    }
    let mut files = 0;
    for (i, comparison) in comparisons.iter().enumerate() {
        let folder = match comparisons {
            [_] => folder.to_owned(),
            _ => folder.join(format!("{}-{}", i + 1, plain(&comparison.benchmark))),
        };
        fs::create_dir_all(&folder).map_err(Problem::cannot_create(&folder))?;
        files += tables(&folder.join("ranking"), &perennial_report::ranking(comparison)?)?;
        for figure in perennial_report::figures(comparison)? {
            files += one(&folder.join(&figure.name), &figure, fonts.as_ref())?;
        }
    }
    Ok(files)
}

/// A name as that of a folder.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn one(path: &Path, figure: &Figure, fonts: Option<&Arc<usvg::fontdb::Database>>) -> Result<usize> {
    let svg = figure.svg();
    save(path, "svg", svg.as_bytes())?;
    if let Some(fonts) = fonts {
        save(path, "png", &png(&svg, fonts.clone())?)?;
    }
    Ok(1 + usize::from(fonts.is_some()) + tables(path, &figure.table)?)
}

fn tables(path: &Path, table: &Tabular) -> Result<usize> {
    save(path, "csv", table.csv().as_bytes())?;
    save(path, "md", table.markdown().as_bytes())?;
    save(path, "tex", table.latex().as_bytes())?;
    Ok(3)
}

fn save(path: &Path, extension: &str, bytes: &[u8]) -> Result<()> {
    let path = PathBuf::from(format!("{}.{extension}", path.display()));
    fs::write(&path, bytes).map_err(Problem::cannot_create(&path))
}

/// The fonts of the system, with one for `sans-serif`; `None` where there is none.
fn fonts() -> Option<Arc<usvg::fontdb::Database>> {
    /// What systems have; the first of them is taken.
    const USUAL: [&str; 6] =
        ["DejaVu Sans", "Liberation Sans", "Noto Sans", "Helvetica", "Arial", "Segoe UI"];
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_system_fonts();
    let has = |name: &str| fonts.faces().any(|face| face.families.iter().any(|(of, _)| of == name));
    let family = USUAL.into_iter().find(|name| has(name)).map(ToOwned::to_owned);
    let first = || Some(fonts.faces().next()?.families.first()?.0.clone());
    let family = family.or_else(first)?;
    fonts.set_sans_serif_family(family);
    Some(Arc::new(fonts))
}

fn png(svg: &str, fontdb: Arc<usvg::fontdb::Database>) -> Result<Vec<u8>> {
    let broken = |what: String| {
        Problem::new(Code::Bug, format!("a figure cannot be drawn: {what}"), REPORT_IT)
    };
    let options = usvg::Options { fontdb, ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| broken(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let size = size.ok_or_else(|| broken("it has no area".into()))?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| broken("it is too large".into()))?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| broken(error.to_string()))
}
