//! Whether a JPEG file is whole: decoders fill what is missing with grey and say nothing.

/// Whether the marker that ends an image is there, after the scans and not within a thumbnail.
/// Bytes that are no JPEG are whole.
///
/// Source: ITU-T T.81, appendix B. Segments have a marker and a length; after a start of scan the
/// coded data go on to the next marker that is neither a stuffed byte nor a restart.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    let Some(mut rest) = bytes.strip_prefix(b"\xff\xd8") else { return true };
    loop {
        let [0xff, marker, after @ ..] = rest else { return false };
        match *marker {
            // Fill bytes may stand before a marker.
            0xff => rest = &rest[1..],
            END_OF_IMAGE => return true,
            // Markers without a segment: restarts, and TEM.
            0x01 | 0xd0..=0xd7 => rest = after,
            marker => {
                let Some((length, _)) = after.split_first_chunk() else { return false };
                let length = usize::from(u16::from_be_bytes(*length));
                let Some(next) = after.get(length..).filter(|_| length >= 2) else { return false };
                rest = if marker == START_OF_SCAN { after_scan(next) } else { next };
            }
        }
    }
}

/// What follows the coded data.
fn after_scan(data: &[u8]) -> &[u8] {
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    match data.windows(2).position(is_marker) {
        Some(at) => &data[at..],
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: a start, a segment of 4 bytes that holds the end marker, a scan with a stuffed byte
    /// and a restart, an end, and bytes that some cameras append.
    const WHOLE: &[u8] =
        b"\xff\xd8\xff\xe1\x00\x04\xff\xd9\xff\xda\x00\x02\x01\xff\x00\xff\xd3\x07\xff\xd9tail";

    /// Catches: an end that is found in a thumbnail, a scan that ends at a stuffed byte.
    #[test]
    fn only_an_end_after_the_scan_counts() {
        assert!(is_whole(WHOLE));
        let end = WHOLE.len() - b"\xff\xd9tail".len();
        for cut in 2..end {
            assert!(!is_whole(&WHOLE[..cut]), "{cut}");
        }
        assert!(is_whole(b"\x89PNG") && is_whole(b""));
        assert!(!is_whole(b"\xff\xd8\xff\xe1\x00\x00\xff\xd9"));
    }
}
