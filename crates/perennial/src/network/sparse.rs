//! Rows that are mostly zeros, such as strokes on an empty page, multiplied number by number.
//!
//! A number of a product is a sum over the entries of one row (forward) or one column (gradient)
//! in their order, whatever else is in the batch and however wide the machine's registers are.
//! Which way a row goes is its own affair too: an answer does not depend on its batch.

use std::ops::Range;

use crate::vector::wide;

/// A row goes this way when at most one number in so many is not 0. Measured against the dense
/// product, which is as fast at about half.
const SPARSE: usize = 2;
/// Rows of the matrix on the right that are read together: of a hundred columns they fit a core's
/// first cache, where whole matrices do not.
const TOGETHER: usize = 64;

/// The numbers of a batch of rows that are not 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    /// Numbers a row.
    inputs: usize,
    /// Row after row, by column; none of a full row.
    entries: Vec<Entry>,
    /// Where the entries of each run of [`TOGETHER`] columns of each row begin, and where the last
    /// ones end. `[rows · runs + 1]`
    starts: Vec<usize>,
    /// Rows with too many numbers other than 0, ascending.
    full: Vec<usize>,
    /// Scratch: entries of some rows, column after column.
    turned: Vec<Entry>,
    /// Scratch: where each column's entries begin, and where the last one's end. `[inputs + 1]`
    tops: Vec<usize>,
}

/// A number that is not 0.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Its column in a row, its row in a column.
    at: u32,
    value: f32,
}

impl Sparse {
    /// Reads `rows` `[rows, inputs]` for products of `outputs` columns.
    pub(crate) fn read(&mut self, rows: &[f32], inputs: usize, outputs: usize) {
        self.inputs = inputs;
        self.full.clear();
        self.starts.clear();
        self.starts.push(0);
        let mut end = 0;
        for (number, row) in rows.chunks_exact(inputs.max(1)).enumerate() {
            if self.entries.len() < end + inputs {
                self.entries.resize(end + inputs, Entry::default());
            }
            let (first, before) = (end, self.starts.len());
            for (run, columns) in row.chunks(TOGETHER).enumerate() {
                end += take(columns, run * TOGETHER, &mut self.entries[end..]);
                self.starts.push(end);
            }
            if (end - first) * SPARSE > inputs || outputs < WIDE {
                self.full.push(number);
                self.starts[before..].fill(first);
                end = first;
            }
        }
    }

    /// Whether no row of these is full.
    pub(crate) fn holds(&self, rows: &Range<usize>) -> bool {
        let first = self.full.partition_point(|&full| full < rows.start);
        self.full.get(first).is_none_or(|full| !rows.contains(full))
    }

    /// Whether every row is full.
    pub(crate) fn holds_none(&self) -> bool {
        self.full.len() * self.runs() + 1 >= self.starts.len()
    }

    /// Runs of columns in a row.
    fn runs(&self) -> usize {
        self.inputs.div_ceil(TOGETHER)
    }

    /// XW of the rows that are not full, into their rows of `out` `[rows, outputs]`; W is
    /// `[inputs, outputs]`.
    pub(crate) fn times(&self, weight: &[f32], outputs: usize, out: &mut [f32]) {
        wide(
            #[inline(always)]
            || blocks(outputs, &mut Times { sparse: self, weight, outputs, out }),
        );
    }

    /// XᵀD over `rows`, none of them full, into or added to `out` `[inputs, outputs]`; D is
    /// `[all rows, outputs]`.
    pub(crate) fn transposed_times(
        &mut self,
        rows: Range<usize>,
        delta: &[f32],
        outputs: usize,
        out: &mut [f32],
        add: bool,
    ) {
        for first in rows.clone().step_by(TOGETHER) {
            let together = first..rows.end.min(first + TOGETHER);
            let add = add || together.start > rows.start;
            self.turn(together);
            let (entries, tops) = (&self.turned[..], &self.tops[..]);
            wide(
                #[inline(always)]
                || blocks(outputs, &mut Transposed { entries, tops, delta, outputs, out, add }),
            );
        }
    }

    /// Sorts the entries of `rows` by column; within one they keep the order of rows.
    fn turn(&mut self, rows: Range<usize>) {
        let runs = self.runs();
        let Self { entries, starts, turned, tops, .. } = self;
        let entries = &entries[..];
        tops.clear();
        tops.resize(self.inputs + 1, 0);
        let all = starts[rows.start * runs]..starts[rows.end * runs];
        for entry in &entries[all.clone()] {
            tops[entry.at as usize + 1] += 1;
        }
        let mut sum = 0;
        for top in &mut *tops {
            sum += *top;
            *top = sum;
        }
        turned.resize(all.len(), Entry::default());
        for row in rows {
            for entry in &entries[starts[row * runs]..starts[(row + 1) * runs]] {
                let place = &mut tops[entry.at as usize];
                turned[*place] = Entry { at: row as u32, value: entry.value };
                *place += 1;
            }
        }
        // Each column's place moved on to where the next one begins.
        tops.rotate_right(1);
        tops[0] = 0;
    }
}

/// Writes the numbers of `columns` that are not 0, the first of them column `first` of its row;
/// says how many there are. Every number is written and the end moves on after those that count:
/// no branch to guess.
fn take(columns: &[f32], first: usize, to: &mut [Entry]) -> usize {
    let to = &mut to[..columns.len()];
    let mut end = 0;
    for (at, &value) in columns.iter().enumerate() {
        to[end] = Entry { at: (first + at) as u32, value };
        end += usize::from(value.to_bits() << 1 != 0); // whatever its sign
    }
    end
}

/// Numbers in a register that all machines of today have.
pub(crate) const WIDE: usize = 8;
/// Registers of sums that are held at once: what such machines have, less what is added.
const HELD: usize = 13;

/// Some columns of a product: V registers side by side, and one more that ends with the columns.
/// It overlaps those before it, and both hold the same sums.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    /// Where the last register begins, counted from the first column.
    last: usize,
}

/// The sums of some columns of a row.
#[derive(Clone, Copy)]
struct Sums<const V: usize> {
    whole: [[f32; WIDE]; V],
    last: [f32; WIDE],
}

impl<const V: usize> Sums<V> {
    const ZERO: Self = Self { whole: [[0.0; WIDE]; V], last: [0.0; WIDE] };

    /// Of the columns' numbers of a row.
    #[inline(always)]
    fn load(row: &[f32]) -> Self {
        let mut sums = Self::ZERO;
        if let (Some(whole), Some(last)) = (row.as_chunks().0.first_chunk(), row.last_chunk()) {
            (sums.whole, sums.last) = (*whole, *last);
        }
        sums
    }

    #[inline(always)]
    fn store(self, row: &mut [f32]) {
        if let Some(whole) = row.as_chunks_mut().0.first_chunk_mut() {
            *whole = self.whole;
        }
        if let Some(last) = row.last_chunk_mut() {
            *last = self.last;
        }
    }

    /// Adds a number times those of another row.
    #[inline(always)]
    fn add(&mut self, value: f32, row: &[f32]) {
        let row = Self::load(row);
        for (sums, numbers) in self.whole.iter_mut().zip(&row.whole) {
            for (sum, number) in sums.iter_mut().zip(numbers) {
                *sum += value * number;
            }
        }
        for (sum, number) in self.last.iter_mut().zip(&row.last) {
            *sum += value * number;
        }
    }
}

impl Columns {
    /// Where the columns' numbers of row `row` of a matrix are.
    #[inline(always)]
    fn of(self, row: usize, width: usize) -> Range<usize> {
        let first = row * width + self.first;
        first..first + self.last + WIDE
    }

    /// Adds, for each entry, its value times the columns of its row of a matrix.
    #[inline(always)]
    fn add<const V: usize>(
        self,
        entries: &[Entry],
        matrix: &[f32],
        width: usize,
        mut sums: Sums<V>,
    ) -> Sums<V> {
        for &Entry { at, value } in entries {
            sums.add(value, &matrix[self.of(at as usize, width)]);
        }
        sums
    }
}

/// A product, some of its columns at a time.
trait Block {
    /// Columns that fill V registers.
    fn columns<const V: usize>(&mut self, columns: Columns);
}

/// All columns of a product of at least [`WIDE`], as many at a time as the registers hold.
#[inline(always)]
fn blocks(outputs: usize, block: &mut impl Block) {
    let mut first = 0;
    while first < outputs {
        let width = match outputs - first {
            left if left <= HELD * WIDE => left,
            // Never so many that fewer than a register are left.
            left if left < HELD * WIDE + WIDE => (HELD - 2) * WIDE,
            _ => (HELD - 1) * WIDE,
        };
        let columns = Columns { first, last: width - WIDE };
        match columns.last.div_ceil(WIDE) {
            0 => block.columns::<0>(columns),
            1 => block.columns::<1>(columns),
            2 => block.columns::<2>(columns),
            3 => block.columns::<3>(columns),
            4 => block.columns::<4>(columns),
            5 => block.columns::<5>(columns),
            6 => block.columns::<6>(columns),
            7 => block.columns::<7>(columns),
            8 => block.columns::<8>(columns),
            9 => block.columns::<9>(columns),
            10 => block.columns::<10>(columns),
            11 => block.columns::<11>(columns),
            _ => block.columns::<12>(columns),
        }
        first += width;
    }
}

/// See [`Sparse::times`].
struct Times<'a> {
    sparse: &'a Sparse,
    weight: &'a [f32],
    outputs: usize,
    out: &'a mut [f32],
}

impl Block for Times<'_> {
    #[inline(always)]
    fn columns<const V: usize>(&mut self, columns: Columns) {
        let Self { sparse, weight, outputs, .. } = *self;
        let Sparse { entries, starts, full, .. } = sparse;
        let runs = sparse.runs();
        for run in 0..runs {
            let mut full = full.iter().peekable();
            for (row, starts) in starts.windows(runs + 1).step_by(runs).enumerate() {
                if full.next_if_eq(&&row).is_some() {
                    continue;
                }
                let out = &mut self.out[columns.of(row, outputs)];
                let start = if run > 0 { Sums::<V>::load(out) } else { Sums::ZERO };
                let entries = &entries[starts[run]..starts[run + 1]];
                columns.add(entries, weight, outputs, start).store(out);
            }
        }
    }
}

/// See [`Sparse::transposed_times`].
struct Transposed<'a> {
    entries: &'a [Entry],
    tops: &'a [usize],
    delta: &'a [f32],
    outputs: usize,
    out: &'a mut [f32],
    add: bool,
}

impl Block for Transposed<'_> {
    #[inline(always)]
    fn columns<const V: usize>(&mut self, columns: Columns) {
        let Self { entries, tops, delta, outputs, add, .. } = *self;
        for (input, tops) in tops.windows(2).enumerate() {
            let entries = &entries[tops[0]..tops[1]];
            if add && entries.is_empty() {
                continue;
            }
            let out = &mut self.out[columns.of(input, outputs)];
            let start = if add { Sums::<V>::load(out) } else { Sums::ZERO };
            columns.add(entries, delta, outputs, start).store(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Key;
    use rand::RngExt;

    /// Two runs of columns, one of them short.
    const INPUTS: usize = TOGETHER + 23;

    /// `rows` rows, a share of whose numbers is not 0.
    fn random(rows: usize, share: f64, purpose: &str) -> Vec<f32> {
        let mut generator = Key::of_seed(2).generator(purpose);
        let mut number = || match generator.random_range(0.0..1.0) < share {
            true => generator.random_range(-1.0..1.0f32),
            false => 0.0,
        };
        (0..rows * INPUTS).map(|_| number()).collect()
    }

    /// Catches: a column left out or done twice where blocks or registers meet, a row or column at another's entries,
    /// an old result that is added to, one that is not.
    #[test]
    fn products_are_those_of_the_plain_loops() {
        for outputs in [8, 9, 64, 100, 104, 105, 111, 112, 203] {
            let (rows, mut sparse) = (2 * TOGETHER, Sparse::default());
            let x = random(rows, 0.2, "x");
            let weight: Vec<f32> = (0..INPUTS * outputs).map(|i| (i % 13) as f32 - 6.0).collect();
            let delta: Vec<f32> = (0..rows * outputs).map(|i| (i % 7) as f32 - 3.0).collect();
            sparse.read(&x, INPUTS, outputs);
            assert!(sparse.holds(&(0..rows)) && !sparse.holds_none());
            let mut out = vec![5.0; rows * outputs];
            sparse.times(&weight, outputs, &mut out);
            for (row, out) in out.chunks(outputs).enumerate() {
                for (column, out) in out.iter().enumerate() {
                    let parts =
                        (0..INPUTS).map(|i| x[row * INPUTS + i] * weight[i * outputs + column]);
                    assert!((out - parts.sum::<f32>()).abs() < 1e-5);
                }
            }
            let mut gradient = vec![5.0; INPUTS * outputs];
            sparse.transposed_times(2..TOGETHER + 9, &delta, outputs, &mut gradient, false);
            sparse.transposed_times(TOGETHER + 9..rows, &delta, outputs, &mut gradient, true);
            for (input, of_input) in gradient.chunks(outputs).enumerate() {
                for (column, found) in of_input.iter().enumerate() {
                    let parts = (2..rows)
                        .map(|row| x[row * INPUTS + input] * delta[row * outputs + column]);
                    assert!((found - parts.sum::<f32>()).abs() < 1e-5);
                }
            }
        }
    }

    /// Catches: a way that is chosen for the batch, a full row whose result is written over.
    #[test]
    fn a_row_goes_its_own_way() {
        let (few, many) = (random(1, 0.2, "few"), random(1, 0.9, "many"));
        let weight = vec![1.0; INPUTS * 8];
        let (mut alone, mut beside) = (vec![7.0; 8], vec![7.0; 24]);
        let mut sparse = Sparse::default();
        sparse.read(&few, INPUTS, 8);
        sparse.times(&weight, 8, &mut alone);
        sparse.read(&[&many[..], &few[..], &many[..]].concat(), INPUTS, 8);
        assert!(sparse.holds(&(1..2)) && !sparse.holds(&(0..2)) && !sparse.holds(&(1..3)));
        sparse.times(&weight, 8, &mut beside);
        assert_eq!(&beside[8..16], &alone[..]);
        assert_eq!([&beside[..8], &beside[16..]].concat(), [7.0; 16]);
        sparse.read(&many, INPUTS, 8);
        assert!(sparse.holds_none());
        sparse.read(&few, INPUTS, 7);
        assert!(sparse.holds_none());
    }
}
