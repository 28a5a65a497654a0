//! A comparison as event files of TensorBoard: a folder a strategy and seed, a scalar a number.
//!
//! A file is a sequence of records, each the length of its data (u64, little endian), a masked
//! CRC-32C of those eight bytes, the data, and a masked CRC-32C of them. The data are a message
//! `Event` of protocol buffers, of which four fields are used:
//!
//! ```text
//! Event   { 1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary }
//! Summary { 1: repeated Value },  Value { 1: string tag, 2: float simple_value }
//! ```
//!
//! A step is a number of tasks trained.

use crate::document::{Comparison, Run};

/// A file to be written below the folder that TensorBoard is pointed at.
#[derive(Debug, Clone, PartialEq)]
pub struct EventFile {
    /// Its folder: `ewc/seed-0`.
    pub folder: String,
    /// Its name, by which TensorBoard knows it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The finished runs of a comparison. `seconds` since 1970 are told as the time of every event,
/// because a run's log has no clock.
///
/// Scalars: `accuracy/task j` after each number of tasks; `accuracy/so far`, the mean over the
/// tasks learnt; and once, at the end, `end/ACC`, `end/BWT`, `end/FWT`, `end/forgetting`,
/// `end/learning accuracy` and `end/worst task`. A number that does not exist is left out.
#[must_use]
pub fn event_files(comparison: &Comparison, seconds: u64) -> Vec<EventFile> {
    let file = |run: &Run| EventFile {
        folder: format!("{}/seed-{}", plain(&run.strategy), run.seed),
        name: format!("events.out.tfevents.{seconds:010}.perennial"),
        bytes: bytes(run, seconds),
    };
    comparison.done().map(file).collect()
}

/// A strategy's name as that of a folder.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 seconds")]
fn bytes(run: &Run, seconds: u64) -> Vec<u8> {
    let time = seconds as f64;
    let mut out = Vec::new();
    record(&mut out, &event(time, 0, |event| field(event, 3, b"brain.Event:2")));
    let mut scalar = |step: usize, tag: &str, value: Option<f64>| {
        let Some(value) = value else { return };
        record(&mut out, &event(time, step as u64, |event| field(event, 5, &summary(tag, value))));
    };
    let r = &run.accuracy;
    for (after, row) in r.rows().iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            scalar(after, &format!("accuracy/task {}", j + 1), *value);
        }
        if after > 0 {
            scalar(after, "accuracy/so far", r.acc_after(after));
        }
    }
    for (tag, value) in [
        ("end/ACC", run.acc),
        ("end/BWT", run.bwt),
        ("end/FWT", run.fwt),
        ("end/forgetting", run.forgetting),
        ("end/learning accuracy", run.learning_accuracy),
        ("end/worst task", r.worst_task()),
    ] {
        scalar(r.tasks(), tag, value);
    }
    out
}

/// The message `Event` with one further field.
fn event(time: f64, step: u64, what: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1]; // field 1, eight bytes
    event.extend(time.to_le_bytes());
    event.push(2 << 3); // field 2, a varint
    varint(&mut event, step);
    what(&mut event);
    event
}

#[expect(clippy::cast_possible_truncation, reason = "TensorBoard's scalars are f32")]
fn summary(tag: &str, value: f64) -> Vec<u8> {
    let mut inner = Vec::new();
    field(&mut inner, 1, tag.as_bytes());
    inner.push(2 << 3 | 5); // field 2, four bytes
    inner.extend((value as f32).to_le_bytes());
    let mut summary = Vec::new();
    field(&mut summary, 1, &inner);
    summary
}

/// A field of bytes: a string or a message.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    varint(message, bytes.len() as u64);
    message.extend(bytes);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

fn record(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
}

/// CRC-32C as it is stored: rotated and moved, so that a checksum of data with a checksum in them
/// is none that repeats.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), reflected: polynomial 0x1EDC6F41.
fn crc32c(data: &[u8]) -> u32 {
    let shift = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !data.iter().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C's specification, RFC 3720 (B.4) and the catalogue of CRCs.
    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    /// By hand, from the encoding of protocol buffers. Catches: a wrong field number or kind of
    /// field, a length that leaves out the header.
    #[test]
    fn a_scalar_by_hand() {
        let event = event(1.0, 300, |event| field(event, 5, &summary("a", 0.5)));
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let step = [0x10, 0xac, 0x02];
        let value = [0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0, 0x3f];
        assert_eq!(event, [&time[..], &step, &value].concat());
        let mut out = Vec::new();
        record(&mut out, &event);
        assert_eq!((out.len(), out[0]), (8 + 4 + 24 + 4, 24));
    }
}
