//! Rows that stay while weights move: read once, multiplied again and again.

use std::ops::Range;

use pulp::Arch;

use super::aligned::Aligned;
use super::kernels::{Blocks, Spread, Transposed};
use super::places::{EIGHT, Places, TOGETHER, flag};

/// Groups of rows of bytes, as few bytes as their products can be made of: two for each number
/// that is not 0, where the rows have one for each that is or is not.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// What each byte is as a number.
    numbers: Box<[f32; 256]>,
    /// The entries of some rows of a group after another, each column after column: the row's
    /// place among them, and the byte.
    turned: Vec<[u8; 2]>,
    blocks: Vec<Block>,
}

/// At most [`TOGETHER`] rows of a group.
#[derive(Clone, Debug)]
struct Block {
    rows: Range<usize>,
    /// Where each column's entries begin among the turned, and where the last one's end.
    /// `[inputs + 1]`
    tops: Vec<u32>,
}

impl Kept {
    /// Reads `groups` of rows of `inputs` bytes, of which `white` is 1, for products of `outputs`
    /// columns; `None` where the rows are better multiplied as they are.
    pub(crate) fn read<'a>(
        groups: impl Iterator<Item = impl Iterator<Item = &'a [u8]>>,
        (inputs, white): (usize, u8),
        outputs: usize,
    ) -> Option<Self> {
        let numbers = Box::new(std::array::from_fn(|level| level as f32 / f32::from(white)));
        let (mut places, mut levels, mut ends) = (Places::default(), Vec::new(), vec![0]);
        places.clear(inputs);
        let mut flags = vec![0; inputs.next_multiple_of(EIGHT)];
        for group in groups {
            for row in group {
                flag(row, &mut flags, |level| level == 0);
                let count = (places.rows() + 1) * inputs;
                if !Places::serve(inputs, count, outputs) || !places.push(&flags) {
                    return None;
                }
                let own = &places.columns[levels.len()..places.end()];
                levels.extend(own.iter().map(|&column| row[usize::from(column)]));
            }
            ends.push(places.rows());
        }
        let (mut turned, mut blocks) = (Vec::with_capacity(levels.len()), Vec::new());
        for group in ends.windows(2) {
            for first in (group[0]..group[1]).step_by(TOGETHER) {
                let rows = first..group[1].min(first + TOGETHER);
                let mut tops = vec![0; inputs + 1];
                let entry = |row: usize, at: usize| [(row - first) as u8, levels[at]];
                places.turn(rows.clone(), &mut tops, &mut turned, entry);
                blocks.push(Block { rows, tops });
            }
        }
        Some(Self { numbers, turned, blocks })
    }

    /// Rows and numbers of these entries.
    fn entries(&self, range: Range<usize>) -> impl Iterator<Item = (usize, f32)> {
        let number = |level: u8| self.numbers[usize::from(level)];
        self.turned[range].iter().map(move |&[row, level]| (usize::from(row), number(level)))
    }

    /// XW, into `out` `[rows, outputs]`; X is what was read and W is `[inputs, outputs]`.
    pub(crate) fn times(
        &self,
        (weight, outputs): (&[f32], usize),
        block: &mut Aligned,
        out: &mut [f32],
    ) {
        for Block { rows, tops } in &self.blocks {
            block.clear(rows.len(), outputs);
            let entries = |range: Range<usize>| self.entries(range);
            let product = Spread { tops, entries, weight, outputs, out: block.matrix_mut() };
            Arch::new().dispatch(Blocks { outputs, product });
            block.write(&mut out[rows.start * outputs..rows.end * outputs]);
        }
    }

    /// XᵀD over the rows of a group, into or added to `out` `[inputs, outputs]`; X is what was
    /// read and D is `[all rows, outputs]`.
    pub(crate) fn transposed_times(
        &self,
        rows: &Range<usize>,
        delta: &Aligned,
        out: &mut [f32],
        add: bool,
    ) {
        let outputs = delta.width;
        let first = self.blocks.partition_point(|block| block.rows.start < rows.start);
        for Block { rows: own, tops } in &self.blocks[first..] {
            if own.start >= rows.end {
                break;
            }
            let add = add || own.start > rows.start;
            let entries = |range: Range<usize>| self.entries(range);
            let delta = delta.from(own.start);
            let product = Transposed { tops, entries, delta, outputs, out: &mut *out, add };
            Arch::new().dispatch(Blocks { outputs, product });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sparse, WIDE};
    use super::*;
    use crate::draws::Key;
    use rand::RngExt;

    /// Two runs of columns, one of them short.
    const INPUTS: usize = TOGETHER + 23;
    const WHITE: u8 = 200;

    /// To the bit those of rows that are read for each product. Catches: a block's rows counted
    /// from the pass, a group that goes on in another's block, a byte that is scaled otherwise.
    #[test]
    fn products_are_those_of_rows_read_anew() {
        let mut generator = Key::of_seed(3).generator("kept");
        let mut byte = || match generator.random_range(0..5) {
            0 => generator.random_range(1..=u8::MAX),
            _ => 0,
        };
        let groups = [70, 3, TOGETHER, 1].map(|rows| -> Vec<[u8; INPUTS]> {
            (0..rows).map(|_| std::array::from_fn(|_| byte())).collect()
        });
        let values: Vec<f32> = groups
            .iter()
            .flatten()
            .flatten()
            .map(|&byte| f32::from(byte) / f32::from(WHITE))
            .collect();
        let rows = values.len() / INPUTS;
        for outputs in [WIDE, 100, 209] {
            let bytes = groups.iter().map(|group| group.iter().map(|row| &row[..]));
            let kept = Kept::read(bytes, (INPUTS, WHITE), outputs).unwrap();
            let mut sparse = Sparse::default();
            sparse.read(&values, INPUTS, outputs);
            let number = |i: usize| (i as f32).sin();
            let weight: Vec<f32> = (0..INPUTS * outputs).map(number).collect();
            let delta: Vec<f32> = (0..rows * outputs).map(number).collect();
            let (mut found, mut known) = (vec![5.0; rows * outputs], vec![7.0; rows * outputs]);
            let aligned = |rows: &[f32]| {
                let mut aligned = Aligned::default();
                aligned.copy(&vec![9.0; 3 * rows.len()], 2 * outputs); // what was there before
                aligned.copy(rows, outputs);
                aligned
            };
            kept.times((&weight, outputs), &mut aligned(&delta), &mut found);
            sparse.times(&values, &weight, outputs, &mut known);
            assert_eq!(found, known);
            let (mut found, mut known) = (vec![5.0; INPUTS * outputs], vec![7.0; INPUTS * outputs]);
            let mut first = 0;
            for (add, group) in [false, false, true, true].into_iter().zip(&groups) {
                let own = first..first + group.len();
                first = own.end;
                kept.transposed_times(&own, &aligned(&delta), &mut found, add);
                sparse.transposed_times(&values, own, (&delta, outputs), &mut known, add);
                assert_eq!(found, known);
            }
        }
    }

    /// Catches: a full row that is taken for a sparse one, products too narrow for registers.
    #[test]
    fn what_is_better_multiplied_whole_is_not_kept() {
        let (thin, full) = ([0, 9, 0, 0], [9, 9, 0, 9]);
        let keep = |rows: &[[u8; 4]], outputs| {
            Kept::read([rows.iter().map(|row| &row[..])].into_iter(), (4, 9), outputs).is_some()
        };
        assert!(keep(&[thin, thin], WIDE));
        assert!(!keep(&[thin, full], WIDE));
        assert!(!keep(&[thin, thin], WIDE - 1));
    }
}
