//! Arrays under names: `.npy`, `.npz`, safetensors.
//!
//! Inputs are `x` (or `images`, `data`, `features`, …), labels `y` (or `labels`, `targets`, …); with
//! `x_train`, `y_train`, `x_test`, `y_test` there are two parts. Rows of inputs are `[n]`, `[h, w]`,
//! `[channels, h, w]` or `[h, w, channels]`: a last size of 1, 3 or 4 is taken for channels where
//! the one after the rows is none of them, and so is one that differs from two equal ones before it.
//! Bytes stay bytes (255 is read as 1), booleans become 0 and 1, other numbers floats. Labels are
//! whole numbers, truths or texts, one a row.

mod choose;
mod element;
mod npy;
mod npz;
mod safetensors;
mod zip;

use std::path::Path;

use self::element::{Data, Element};
pub(crate) use self::npz::{fault as npz_fault, npz};
pub(crate) use self::safetensors::safetensors;
pub(crate) use self::zip::Archive;
use crate::classes::whole;
use crate::input::Source;
use crate::labels::{Labels, RawLabel};
use crate::open::{
    Entry, Format, LabelUse, MOST_BYTES, OpenError, Request, Table, Tables, as_bytes,
};
use crate::precision::{self, Spread};
use crate::spec::listed;
use crate::{DataError, Label, LeftOut, Values};

/// An array in C order.
struct Array {
    shape: Vec<usize>,
    data: Data,
}

/// Several arrays of which some may be wanted.
trait Store {
    /// The names of all arrays.
    fn names(&self) -> Vec<String>;
    /// What errors call an array.
    fn path(&self, name: &str) -> std::path::PathBuf;
    /// Reads one of the arrays.
    fn array(&mut self, name: &str) -> Result<Array, DataError>;
}

/// Reads the arrays that are inputs and labels.
fn tables(
    store: &mut dyn Store,
    path: &Path,
    format: Format,
    request: Request<'_>,
) -> Result<Tables, DataError> {
    let chosen = choose::choose(&store.names(), request).map_err(|missing| {
        OpenError::ArrayNames { path: path.to_path_buf(), found: store.names(), missing }
    })?;
    let mut part = |names: &choose::Part| -> Result<Table, DataError> {
        let inputs = store.array(&names.inputs)?;
        let labels = match &names.labels {
            Some(name) => Some((store.path(name), store.array(name)?)),
            None => None,
        };
        check_precision(&inputs, path, request)?;
        let mut table = table(inputs, &store.path(&names.inputs), format)?;
        if let Some((at, labels)) = labels {
            table.labels = Some(labels_of(labels, &at, table.names.len())?);
        }
        table.label = names.labels.clone().map(|name| Label { name, at: 0 });
        table.path = path.to_path_buf();
        finished(table, request)
    };
    let mut train = part(&chosen.all)?;
    let validation = chosen.validation.as_ref().map(&mut part).transpose()?;
    let test = chosen.test.as_ref().map(part).transpose()?;
    let parts = [Some(&chosen.all), chosen.validation.as_ref(), chosen.test.as_ref()];
    let used = |name: &String| {
        let is = |part: &&choose::Part| part.inputs == *name || part.labels.as_ref() == Some(name);
        parts.iter().flatten().any(is)
    };
    let others: Vec<String> = store.names().into_iter().filter(|name| !used(name)).collect();
    if !others.is_empty() && request.labels != LabelUse::Ignored {
        train.notes.push(format!("not used: {}", listed("array", &others)));
    }
    Ok(Tables { train, validation, test })
}

/// A `.npy` by itself: inputs without labels.
pub(crate) fn npy_alone(source: &Source<'_>, request: Request<'_>) -> Result<Table, DataError> {
    let array = npy::read(source.input()?)?;
    check_precision(&array, source.path(), request)?;
    finished(table(array, source.path(), Format::Npy)?, request)
}

/// Refuses columns of numbers that single precision cannot tell apart.
fn check_precision(array: &Array, path: &Path, request: Request<'_>) -> Result<(), OpenError> {
    let [_, columns] = array.shape[..] else { return Ok(()) };
    let mut spreads = vec![Spread::default(); columns];
    let mut add = |at: usize, number: f64| spreads[at % columns].add(number);
    match &array.data {
        Data::Integers(it) => it.iter().enumerate().for_each(|(at, &it)| add(at, it as f64)),
        Data::Naturals(it) => it.iter().enumerate().for_each(|(at, &it)| add(at, it as f64)),
        Data::Doubles(it) => it.iter().enumerate().for_each(|(at, &it)| add(at, it)),
        Data::Bytes(_) | Data::Truths(_) | Data::Floats(_) | Data::Texts(_) => return Ok(()),
    }
    let names: Vec<String> = (1..=columns).map(|number| number.to_string()).collect();
    precision::check(spreads.into_iter().zip(names.iter().map(String::as_str)), path, request)
}

/// Without rows that are not finite, and as bytes where that is asked for.
fn finished(mut table: Table, request: Request<'_>) -> Result<Table, DataError> {
    drop_unfinite(&mut table);
    if let Values::Floats(floats) = table.values {
        let size = table.shape.iter().product();
        table.values = as_bytes(floats, size, request.how, &table.path)?;
    }
    Ok(table)
}

/// The `.npy` files of a folder, by their names.
pub(crate) fn npy_folder(
    folder: &Path,
    entries: &[Entry],
    request: Request<'_>,
) -> Result<Tables, DataError> {
    struct Folder<'a>(&'a Path, Vec<String>);
    impl Store for Folder<'_> {
        fn names(&self) -> Vec<String> {
            self.1.clone()
        }
        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.join(format!("{name}.npy"))
        }
        fn array(&mut self, name: &str) -> Result<Array, DataError> {
            npy::read(Source::File(&self.path(name)).input()?)
        }
    }
    let names = entries.iter().filter(|entry| !entry.is_folder).filter_map(|entry| {
        Some(entry.path.file_name()?.to_str()?.strip_suffix(".npy")?.to_owned())
    });
    tables(&mut Folder(folder, names.collect()), folder, Format::Npz, request)
}

/// Rows without labels.
fn table(array: Array, path: &Path, format: Format) -> Result<Table, DataError> {
    let shape = |expected: &str| OpenError::ArrayShape {
        path: path.to_path_buf(),
        found: array.shape.clone(),
        expected: expected.to_owned(),
    };
    let kind = [1, 3, 4];
    let (row, channels_last) = match array.shape[..] {
        [_, n] => ([1, 1, n], false),
        [_, h, w] => ([1, h, w], false),
        [_, h, w, c] if kind.contains(&c) && !kind.contains(&h) => ([c, h, w], true),
        [_, h, w, c] if h == w && c != w && !kind.contains(&h) => ([c, h, w], true),
        [_, c, h, w] => ([c, h, w], false),
        _ => return Err(shape("[rows, n], [rows, h, w] or [rows, channels, h, w]").into()),
    };
    // An array without rows holds no values that its other sizes could have been compared with.
    let size = row.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if size.is_none_or(|size| size == 0) {
        return Err(shape("at least one value a row").into());
    }
    let rows = array.shape[0];
    let values = match array.data {
        Data::Bytes(pixels) => Values::Bytes { pixels, white: u8::MAX },
        Data::Truths(pixels) => Values::Bytes { pixels, white: 1 },
        Data::Integers(whole) => Values::Floats(whole.into_iter().map(|it| it as f32).collect()),
        Data::Naturals(whole) => Values::Floats(whole.into_iter().map(|it| it as f32).collect()),
        Data::Doubles(doubles) => Values::Floats(doubles.into_iter().map(|it| it as f32).collect()),
        Data::Floats(floats) => Values::Floats(floats),
        Data::Texts(_) => {
            let (path, found) = (path.to_path_buf(), "text".to_owned());
            return Err(OpenError::ArrayType { path, found, expected: "numbers" }.into());
        }
    };
    let values = match values {
        Values::Bytes { pixels, white } if channels_last => {
            Values::Bytes { pixels: channels_first(&pixels, row), white }
        }
        Values::Floats(floats) if channels_last => Values::Floats(channels_first(&floats, row)),
        values => values,
    };
    let names = (1..=rows).map(|row| format!("row {row}")).collect();
    let mut table = Table::new(path, format, row, values, names);
    if array.shape.len() == 4 && row[0] > 1 {
        let [channels, height, width] = row;
        let side = if channels_last { "last" } else { "first" };
        table.notes.push(format!(
            "rows of {:?} are images of {height}×{width} with {channels} channels, which come {side}",
            &array.shape[1..]
        ));
    }
    Ok(table)
}

/// Rows of `[height, width, channels]` as `[channels, height, width]`.
fn channels_first<T: Copy>(values: &[T], [channels, height, width]: [usize; 3]) -> Vec<T> {
    let mut turned = Vec::with_capacity(values.len());
    for row in values.chunks_exact(channels * height * width) {
        for channel in 0..channels {
            turned.extend(row.iter().skip(channel).step_by(channels));
        }
    }
    turned
}

/// The labels of `rows` rows.
fn labels_of(array: Array, path: &Path, rows: usize) -> Result<Labels, DataError> {
    if !matches!(array.shape[..], [count] | [count, 1] if count == rows) {
        let (path, found) = (path.to_path_buf(), array.shape);
        let expected = format!("[{rows}]: a label for each row of the inputs");
        return Err(OpenError::ArrayShape { path, found, expected }.into());
    }
    let mut labels = Labels::default();
    let mut typed = |name: String| labels.push(&RawLabel::Typed(name.into()));
    match array.data {
        Data::Bytes(numbers) => numbers.iter().for_each(|number| typed(number.to_string())),
        Data::Truths(truths) => truths.iter().for_each(|truth| typed((*truth != 0).to_string())),
        Data::Integers(numbers) => numbers.iter().for_each(|number| typed(number.to_string())),
        Data::Naturals(numbers) => numbers.iter().for_each(|number| typed(number.to_string())),
        Data::Floats(numbers) => {
            let numbers = numbers.into_iter().map(f64::from);
            floats(numbers, f32::MANTISSA_DIGITS, path, typed)?;
        }
        Data::Doubles(numbers) => {
            floats(numbers.into_iter(), f64::MANTISSA_DIGITS, path, typed)?;
        }
        Data::Texts(texts) => {
            texts.iter().for_each(|text| labels.push(&RawLabel::Text(text.into())));
        }
    }
    Ok(labels)
}

/// Floats as the whole numbers that they must be, of so many binary digits.
fn floats(
    numbers: impl Iterator<Item = f64>,
    digits: u32,
    path: &Path,
    mut typed: impl FnMut(String),
) -> Result<(), DataError> {
    for (number, row) in numbers.zip(1..) {
        let Some(whole) = whole(number, digits) else {
            return Err(OpenError::BadField {
                path: path.to_path_buf(),
                place: format!("row {row}").into(),
                column: "y".to_owned(),
                found: number.to_string(),
                expected: "a whole number".to_owned(),
            }
            .into());
        };
        typed(whole.to_string());
    }
    Ok(())
}

/// Leaves out rows with a value that is no finite number.
fn drop_unfinite(table: &mut Table) {
    let Values::Floats(floats) = &table.values else { return };
    let size = table.shape.iter().product();
    let is_finite = |row: &[f32]| row.iter().all(|value| value.is_finite());
    let keep: Vec<bool> = floats.chunks_exact(size).map(is_finite).collect();
    if keep.iter().all(|&keep| keep) {
        return;
    }
    let chosen: Vec<usize> = (0..keep.len()).filter(|&row| keep[row]).collect();
    table.values = table.values.gathered(size, &chosen);
    for (row, name) in std::mem::take(&mut table.names).into_iter().enumerate() {
        if keep[row] {
            table.names.push(name);
        } else {
            let why = "with a value that is no finite number";
            LeftOut::add(&mut table.left_out, false, why, || name);
        }
    }
    if let Some(labels) = &mut table.labels {
        labels.rows = chosen.iter().map(|&row| labels.rows[row]).collect();
    }
}

/// How many values a declared shape has, if their bytes can be there and fit into memory.
fn declared(
    shape: &[usize],
    element: Element,
    available: u64,
    path: &Path,
) -> Result<usize, DataError> {
    let count = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64));
    let bytes = count.and_then(|count| count.checked_mul(element.size as u64));
    let Some((count, bytes)) = count.zip(bytes).filter(|&(_, bytes)| bytes <= available) else {
        let declared = format!("an array of {shape:?} values of {} bytes", element.size);
        return Err(DataError::Impossible { path: path.to_path_buf(), declared, available });
    };
    if bytes.max(count.saturating_mul(element.in_memory())) > MOST_BYTES {
        return Err(
            OpenError::TooLarge { path: path.to_path_buf(), bytes, most: MOST_BYTES }.into()
        );
    }
    Ok(count as usize)
}
