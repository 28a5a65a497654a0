//! A column: what its type says it holds, and its values as cells of a table.

use std::borrow::Cow;

use half::f16;
use parquet::basic::{ConvertedType as Said, LogicalType, Type};
use parquet::column::reader::{ColumnReader as Reader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use crate::cells::{Cell, shown};
use crate::classes::whole;
use crate::columns::Role;
use crate::labels::RawLabel;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// As the library gives them.
    Number,
    /// Whole, with the highest bit not a sign.
    Unsigned,
    /// Floats of 16 bits.
    Half,
    /// Whole numbers, to be divided by this power of 10.
    Decimal(f64),
    Text,
}

impl Kind {
    /// Of a column. `Err`: what its values are, if they can be neither inputs nor labels.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        let (said, logical) = (column.converted_type(), column.logical_type_ref());
        Ok(match (column.physical_type(), said, logical) {
            (_, Said::DECIMAL, _) => Self::Decimal(10_f64.powi(column.type_scale())),
            (Type::BYTE_ARRAY, Said::UTF8 | Said::ENUM, _) => Self::Text,
            (_, Said::UINT_8 | Said::UINT_16 | Said::UINT_32 | Said::UINT_64, _) => Self::Unsigned,
            (_, Said::INT_8 | Said::INT_16 | Said::INT_32 | Said::INT_64, _) => Self::Number,
            (Type::FIXED_LEN_BYTE_ARRAY, _, Some(LogicalType::Float16)) => Self::Half,
            (
                Type::BOOLEAN | Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE,
                Said::NONE,
                // The second is that of a column without any value.
                None | Some(LogicalType::Unknown),
            ) => Self::Number,
            (physical, Said::NONE, None) => return Err(format!("values of type {physical}")),
            (_, Said::NONE, Some(logical)) => {
                let name = format!("{logical:?}").to_uppercase();
                let name = name.split(|letter: char| !letter.is_alphanumeric()).next();
                return Err(format!("values of type {}", name.unwrap_or_default()));
            }
            (_, said, _) => return Err(format!("values of type {said}")),
        })
    }
}

/// Why cells cannot be read.
pub(super) enum Fault {
    Library(ParquetError),
    /// One of them is not what it should be.
    Cell {
        row: usize,
        found: String,
        expected: &'static str,
    },
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        Self::Library(error)
    }
}

/// As what the cells of a column are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CellUse {
    Nothing,
    /// An input: a number, or the text of a category.
    Input,
    /// A text, whatever the column holds.
    Text,
    Label,
}

impl CellUse {
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Left => Self::Nothing,
            Role::Input(_) => Self::Input,
            Role::Label => Self::Label,
            Role::Id | Role::Group => Self::Text,
        }
    }
}

/// Some rows of a column. `[rows]`
pub(super) enum Cells {
    /// So many that are not wanted.
    Nothing(usize),
    /// Finite, or NaN where there is no value.
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
    /// Names, of numbers with a type.
    Typed(Vec<Option<String>>),
    /// Names, of texts.
    Labels(Vec<Option<String>>),
}

impl Cells {
    /// How many rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Nothing(rows) => *rows,
            Self::Numbers(cells) => cells.len(),
            Self::Texts(cells) | Self::Typed(cells) | Self::Labels(cells) => cells.len(),
        }
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Numbers(cells) if !cells[row].is_nan() => Cell::Number(cells[row]),
            Self::Nothing(_) | Self::Numbers(_) => Cell::Missing,
            Self::Texts(cells) => of(cells, row, Cell::Text),
            Self::Typed(cells) => of(cells, row, |name| Cell::Label(RawLabel::Typed(name))),
            Self::Labels(cells) => of(cells, row, |name| Cell::Label(RawLabel::Text(name))),
        }
    }

    fn push(&mut self, value: Option<Value<'_>>) -> Result<(), Fault> {
        let row = self.len();
        let wrong = |(found, expected)| Fault::Cell { row, found, expected };
        match self {
            Self::Nothing(_) => {}
            Self::Numbers(cells) => {
                let number = value.map_or(Ok(f64::NAN), Value::number);
                cells.push(number.map_err(|found| wrong((found, "a finite number")))?);
            }
            Self::Texts(cells) => {
                let text = value.map_or(Ok(None), Value::text);
                cells.push(text.map_err(wrong)?);
            }
            Self::Typed(cells) | Self::Labels(cells) => {
                let name = value.map_or(Ok(None), Value::label);
                cells.push(name.map_err(wrong)?);
            }
        }
        Ok(())
    }
}

/// The cell of a text, if there is one.
fn of<'a>(
    cells: &'a [Option<String>],
    row: usize,
    cell: impl FnOnce(Cow<'a, str>) -> Cell<'a>,
) -> Cell<'a> {
    cells[row].as_ref().map_or(Cell::Missing, |text| cell(Cow::Borrowed(text.as_str())))
}

/// A value of a column.
enum Value<'a> {
    Truth(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    Text(&'a [u8]),
}

impl Value<'_> {
    /// As an input: finite, or NaN for none. `Err` is what it is otherwise.
    fn number(self) -> Result<f64, String> {
        let number = match self {
            Self::Truth(truth) => f64::from(u8::from(truth)),
            Self::Signed(number) => number as f64,
            Self::Unsigned(number) => number as f64,
            Self::Float(number) => number.into(),
            Self::Double(number) => number,
            Self::Text(text) => return Err(shown(&String::from_utf8_lossy(text))),
        };
        match (number as f32).is_infinite() {
            true => Err(number.to_string()),
            false => Ok(number),
        }
    }

    /// As the name of a class, without the space around it; `None` if nothing is left. `Err`: what
    /// it is, and what it should be.
    fn label(self) -> Result<Option<String>, (String, &'static str)> {
        let whole = |number: f64, digits| match whole(number, digits) {
            Some(number) => Ok(Some(number.to_string())),
            None if number.is_nan() => Ok(None),
            None => Err((number.to_string(), "a whole number")),
        };
        match self {
            Self::Truth(truth) => Ok(Some(truth.to_string())),
            Self::Signed(number) => Ok(Some(number.to_string())),
            Self::Unsigned(number) => Ok(Some(number.to_string())),
            Self::Float(number) => whole(number.into(), f32::MANTISSA_DIGITS),
            Self::Double(number) => whole(number, f64::MANTISSA_DIGITS),
            Self::Text(_) => self.text(),
        }
    }

    /// As it is written, without the space around it; `None` if nothing is left. `Err` as of a label.
    fn text(self) -> Result<Option<String>, (String, &'static str)> {
        match self {
            Self::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
                Err(_) => Err((shown(&String::from_utf8_lossy(text)), "text in UTF-8")),
            },
            Self::Float(number) if number.is_nan() => Ok(None),
            Self::Double(number) if number.is_nan() => Ok(None),
            Self::Float(number) => Ok(Some(number.to_string())),
            Self::Double(number) => Ok(Some(number.to_string())),
            other => other.label(),
        }
    }
}

/// Reads the next rows of a column, all of which must be there.
pub(super) fn cells(
    reader: &mut Reader,
    kind: Kind,
    wanted: CellUse,
    rows: usize,
) -> Result<Cells, Fault> {
    let mut cells = match (wanted, kind) {
        (CellUse::Nothing, _) => return Ok(Cells::Nothing(rows)),
        (CellUse::Text, _) | (CellUse::Input, Kind::Text) => Cells::Texts(Vec::with_capacity(rows)),
        (CellUse::Label, Kind::Text) => Cells::Labels(Vec::with_capacity(rows)),
        (CellUse::Label, _) => Cells::Typed(Vec::with_capacity(rows)),
        (CellUse::Input, _) => Cells::Numbers(Vec::with_capacity(rows)),
    };
    let into = &mut cells;
    match (reader, kind) {
        (Reader::BoolColumnReader(it), _) => fill(it, rows, into, |&it| Value::Truth(it)),
        (Reader::Int32ColumnReader(it), Kind::Unsigned) => {
            fill(it, rows, into, |&it| Value::Unsigned((it as u32).into()))
        }
        (Reader::Int32ColumnReader(it), Kind::Decimal(ten)) => {
            fill(it, rows, into, |&it| Value::Double(f64::from(it) / ten))
        }
        (Reader::Int32ColumnReader(it), _) => fill(it, rows, into, |&it| Value::Signed(it.into())),
        (Reader::Int64ColumnReader(it), Kind::Unsigned) => {
            fill(it, rows, into, |&it| Value::Unsigned(it as u64))
        }
        (Reader::Int64ColumnReader(it), Kind::Decimal(ten)) => {
            fill(it, rows, into, |&it| Value::Double(it as f64 / ten))
        }
        (Reader::Int64ColumnReader(it), _) => fill(it, rows, into, |&it| Value::Signed(it)),
        (Reader::FloatColumnReader(it), _) => fill(it, rows, into, |&it| Value::Float(it)),
        (Reader::DoubleColumnReader(it), _) => fill(it, rows, into, |&it| Value::Double(it)),
        (Reader::FixedLenByteArrayColumnReader(it), Kind::Decimal(ten)) => {
            fill(it, rows, into, |it| Value::Double(big_endian(it.data()) / ten))
        }
        (Reader::FixedLenByteArrayColumnReader(it), _) => fill(it, rows, into, |it| {
            let bits = it.data().iter().rev().fold(0, |bits, &byte| bits << 8 | u16::from(byte));
            Value::Float(f16::from_bits(bits).to_f32())
        }),
        (Reader::ByteArrayColumnReader(it), Kind::Decimal(ten)) => {
            fill(it, rows, into, |it| Value::Double(big_endian(it.data()) / ten))
        }
        (Reader::ByteArrayColumnReader(it), _) => fill(it, rows, into, |it| Value::Text(it.data())),
        (Reader::Int96ColumnReader(_), _) => {
            Err(ParquetError::NYI("numbers of 96 bits".to_owned()).into())
        }
    }?;
    Ok(cells)
}

/// Appends the next rows of a column, `value` of each.
fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    cells: &mut Cells,
    value: impl Fn(&T::T) -> Value<'_>,
) -> Result<(), Fault> {
    // A level a row, 0 for no value; or none, if every row must have one.
    let (mut levels, mut values) = (Vec::new(), Vec::with_capacity(rows));
    let mut found = 0;
    while found < rows {
        let wanted = rows - found;
        let (read, ..) = reader.read_records(wanted, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            return Err(ParquetError::EOF(format!("{found} values for {rows} rows")).into());
        }
        found += read;
    }
    let mut values = values.iter().map(value);
    match levels.is_empty() {
        true => values.try_for_each(|value| cells.push(Some(value))),
        false => levels
            .iter()
            .try_for_each(|&level| cells.push(if level > 0 { values.next() } else { None })),
    }
}

/// A whole number of any length: two's complement, the highest byte first.
fn big_endian(bytes: &[u8]) -> f64 {
    let negative = bytes.first().is_some_and(|&byte| byte & 0x80 != 0);
    let flip = if negative { 0xff } else { 0 };
    let join = |all: f64, &byte: &u8| all.mul_add(256.0, f64::from(byte ^ flip));
    let distance = bytes.iter().fold(0.0, join);
    if negative { -1.0 - distance } else { distance }
}
