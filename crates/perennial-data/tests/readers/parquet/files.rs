//! Makes Parquet files, with the writer of the library that reads them.

use std::sync::Arc;

use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

/// The values of a column, `None` for null. `[rows]`
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Truth(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Fixed(Vec<Option<Vec<u8>>>),
}

impl Column {
    pub(crate) fn texts(texts: &[&str]) -> Self {
        Self::Bytes(texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect())
    }

    pub(crate) fn floats(floats: &[f32]) -> Self {
        Self::Float(floats.iter().copied().map(Some).collect())
    }

    fn write(&self, to: &mut SerializedColumnWriter<'_>) {
        let bytes = |values: &[Option<Vec<u8>>]| -> Vec<Option<ByteArray>> {
            values.iter().cloned().map(|value| value.map(ByteArray::from)).collect()
        };
        match self {
            Self::Truth(values) => put::<BoolType>(to, values),
            Self::Int32(values) => put::<Int32Type>(to, values),
            Self::Int64(values) => put::<Int64Type>(to, values),
            Self::Float(values) => put::<FloatType>(to, values),
            Self::Double(values) => put::<DoubleType>(to, values),
            Self::Bytes(values) => put::<ByteArrayType>(to, &bytes(values)),
            Self::Fixed(values) => {
                let values: Vec<_> =
                    bytes(values).into_iter().map(|it| it.map(Into::into)).collect();
                put::<FixedLenByteArrayType>(to, &values);
            }
        }
    }
}

fn put<T: DataType>(to: &mut SerializedColumnWriter<'_>, values: &[Option<T::T>]) {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.iter().flatten().cloned().collect();
    to.typed::<T>().write_batch(&values, Some(&levels), None).unwrap();
}

/// A file with columns as `schema` lists them (`optional int32 a; …`), a group of rows an entry.
pub(crate) fn file(schema: &str, how: WriterProperties, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = parse_message_type(&format!("message table {{ {schema} }}")).unwrap();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema.into(), Arc::new(how)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut writer = group.next_column().unwrap().unwrap();
            column.write(&mut writer);
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

/// A file of one group, written as the library does by itself.
pub(crate) fn plain(schema: &str, columns: &[Column]) -> Vec<u8> {
    file(schema, WriterProperties::default(), &[columns.to_vec()])
}

/// Every codec.
pub(crate) fn codecs() -> [Compression; 7] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ]
}

/// Small pages of either version with a codec, by dictionary or plainly.
pub(crate) fn small_pages(
    version: WriterVersion,
    codec: Compression,
    dictionary: bool,
) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(codec)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(5)
        .set_write_batch_size(2)
}
