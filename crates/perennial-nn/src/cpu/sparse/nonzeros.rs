//! Which numbers of rows are not 0.

use std::ops::Range;

use super::kernels::WIDE;
use crate::params::vector::simd_dispatch;

/// A row goes number by number when at most one in so many is not 0. Measured against the dense
/// product, which is as fast at about half.
const SPARSE: usize = 2;
/// Rows of the matrix on the right that are read together: of a hundred columns they fit a core's
/// first cache, where whole matrices do not.
pub(super) const TOGETHER: usize = 64;

/// Where the numbers of some rows are not 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Nonzeros {
    /// Numbers a row.
    pub(super) inputs: usize,
    /// Columns, row after row and ascending; none of a row that was left out.
    pub(super) columns: Vec<u16>,
    /// Where the columns of each run of [`TOGETHER`] of each row begin, and where the last ones
    /// end. `[rows · runs + 1]`
    pub(super) starts: Vec<u32>,
}

impl Nonzeros {
    /// Whether rows of so many numbers, `numbers` in all, are read for so many columns of a
    /// product.
    pub(super) fn serve(inputs: usize, numbers: usize, outputs: usize) -> bool {
        let counted = inputs <= usize::from(u16::MAX) && u32::try_from(numbers).is_ok();
        outputs >= WIDE && counted
    }

    /// No rows, of so many numbers.
    pub(super) fn clear(&mut self, inputs: usize) {
        self.inputs = inputs;
        self.starts.clear();
        self.starts.push(0);
    }

    /// Runs of columns in a row.
    pub(super) fn runs(&self) -> usize {
        self.inputs.div_ceil(TOGETHER)
    }

    /// How many rows.
    pub(super) fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1) / self.runs().max(1)
    }

    /// The entries of these rows.
    pub(super) fn entries(&self, rows: Range<usize>) -> Range<usize> {
        let start = |row: usize| self.starts[row * self.runs()] as usize;
        start(rows.start)..start(rows.end)
    }

    /// Appends a row by its flags, 1 where a number is not 0, up to a multiple of [`EIGHT`]. Where
    /// too many are, it is appended without entries; says whether it has them.
    pub(super) fn push(&mut self, flags: &[u8]) -> bool {
        let (first, before) = (self.end(), self.starts.len());
        let room = first + flags.len();
        if self.columns.len() < room {
            self.columns.resize(room, 0);
        }
        let mut end = first;
        for (run, flags) in flags.chunks(TOGETHER).enumerate() {
            end += take(flags, run * TOGETHER, &mut self.columns[end..]);
            self.starts.push(end as u32);
        }
        let sparse = (end - first) * SPARSE <= self.inputs;
        if !sparse {
            self.starts.truncate(before);
            self.leave_out();
        }
        sparse
    }

    /// Appends a row without entries.
    pub(super) fn leave_out(&mut self) {
        let (runs, end) = (self.runs(), self.end() as u32);
        self.starts.extend(std::iter::repeat_n(end, runs));
    }

    /// Where the entries end.
    pub(super) fn end(&self) -> usize {
        self.starts.last().map_or(0, |&end| end as usize)
    }

    /// Appends to `turned` what `entry(row, entry)` makes of the entries of `rows`, sorted by
    /// column; within one they keep the order of rows. `tops` `[inputs + 1]` then says where those
    /// of each column begin, and where the last ones end.
    pub(super) fn transpose<T: Copy + Default>(
        &self,
        rows: Range<usize>,
        tops: &mut [u32],
        turned: &mut Vec<T>,
        entry: impl Fn(usize, usize) -> T,
    ) {
        tops.fill(0);
        let all = &self.columns[self.entries(rows.clone())];
        for &column in all {
            tops[usize::from(column) + 1] += 1;
        }
        let mut sum = turned.len() as u32;
        for top in &mut *tops {
            sum += *top;
            *top = sum;
        }
        turned.resize(turned.len() + all.len(), T::default());
        for row in rows {
            let entries = self.entries(row..row + 1);
            for (at, &column) in entries.clone().zip(&self.columns[entries]) {
                let place = &mut tops[usize::from(column)];
                turned[*place as usize] = entry(row, at);
                *place += 1;
            }
        }
        // Each column's place moved on to where the next one begins.
        tops.rotate_right(1);
        tops[0] = (turned.len() - all.len()) as u32;
    }
}

/// Flags that are looked at together.
pub(super) const EIGHT: usize = 8;
/// For each byte of eight flags, the lowest first: the numbers of those that are set, in order.
static SET: [[u16; EIGHT]; 256] = set();

const fn set() -> [[u16; EIGHT]; 256] {
    let mut all = [[0; EIGHT]; 256];
    let mut flags = 0;
    while flags < all.len() {
        let (mut at, mut end) = (0, 0);
        while at < EIGHT {
            if flags >> at & 1 == 1 {
                all[flags][end] = at as u16;
                end += 1;
            }
            at += 1;
        }
        flags += 1;
    }
    all
}

/// 1 where a number is not 0.
pub(super) fn flag<T: Copy>(row: &[T], flags: &mut [u8], zero: impl Fn(T) -> bool) {
    simd_dispatch(
        #[inline(always)]
        || flags.iter_mut().zip(row).for_each(|(flag, &number)| *flag = u8::from(!zero(number))),
    );
}

/// Writes the columns whose flags are 1, the first of them column `first` of its row; says how
/// many there are. Eight are written each time and the end moves on after those that count: no
/// branch to guess.
fn take(flags: &[u8], first: usize, to: &mut [u16]) -> usize {
    /// Moves the lowest bits of eight bytes to the highest byte, the first to its lowest bit.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut end = 0;
    for (flags, first) in flags.as_chunks::<EIGHT>().0.iter().zip((first..).step_by(EIGHT)) {
        let flags = u64::from_le_bytes(*flags).wrapping_mul(GATHER) >> (u64::BITS - 8);
        if let Some(to) = to[end..].first_chunk_mut() {
            *to = SET[flags as usize].map(|at| first as u16 + at);
        }
        end += flags.count_ones() as usize;
    }
    end
}
