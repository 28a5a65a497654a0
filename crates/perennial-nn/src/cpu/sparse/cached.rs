//! Rows that stay while weights move: read once, multiplied again and again.

use std::ops::Range;

use pulp::Arch;

use super::aligned::Aligned;
use super::kernels::{Blocks, Line, Lines, Matrix, MatrixMut};
use super::nonzeros::{EIGHT, Nonzeros, TOGETHER, flag};

/// Rows of bytes that are read once and multiplied again and again: two bytes for each number that is not
/// 0, for each of two products.
#[derive(Clone, Debug)]
pub struct CachedRows {
    /// What each byte is as a number.
    numbers: Box<[f32; 256]>,
    /// Of X: some columns after another, a line for each row.
    rows: Tiles,
    /// Of Xᵀ: some rows of a group after another, a line for each column.
    columns: Tiles,
}

/// A matrix in parts.
#[derive(Clone, Debug)]
struct Tiles {
    tiles: Vec<Tile>,
    /// Of each tile, those with few entries first: where the next line is about as long as the one
    /// before, a processor foresees its end.
    lines: Vec<Line>,
    /// Of each line: which row on the right within the tile's, and the byte.
    entries: Vec<[u8; 2]>,
}

/// A part of a matrix.
#[derive(Clone, Debug)]
struct Tile {
    /// The rows on the right that it is multiplied by, at most [`TOGETHER`].
    right: Range<usize>,
    lines: Range<usize>,
    /// Where the entries of its lines begin.
    entries: usize,
}

impl Tiles {
    /// Room for so many lines and entries, and no more: there may be one of these for each task.
    fn with_capacity(lines: usize, entries: usize) -> Self {
        let (lines, entries) = (Vec::with_capacity(lines), Vec::with_capacity(entries));
        Self { tiles: Vec::new(), lines, entries }
    }

    /// Appends a tile. Of each line: which row of the product it adds to, and its entries.
    fn push<'a>(
        &mut self,
        right: Range<usize>,
        lines: impl Iterator<Item = (usize, &'a [[u8; 2]])>,
    ) {
        let mut lines: Vec<(usize, &[[u8; 2]])> = lines.collect();
        lines.sort_by_key(|(_, entries)| entries.len());
        let (first, entries) = (self.lines.len(), self.entries.len());
        for (to, own) in lines {
            self.lines.push(Line { to: to as u16, entries: own.len() as u16 });
            self.entries.extend_from_slice(own);
        }
        self.tiles.push(Tile { right, lines: first..self.lines.len(), entries });
    }

    /// Writes or adds the product of a tile.
    fn multiply(
        &self,
        tile: &Tile,
        numbers: &[f32; 256],
        (right, outputs): (Matrix<'_>, usize),
        out: MatrixMut<'_>,
        add: bool,
    ) {
        let (lines, entries) = (&self.lines[tile.lines.clone()], &self.entries[tile.entries..]);
        let product = Lines { lines, entries, numbers, right, out, add };
        Arch::new().dispatch(Blocks { outputs, product });
    }
}

impl CachedRows {
    /// Reads `groups` of rows of `inputs` bytes, of which `white` is 1, for products of `outputs`
    /// columns; `None` where the rows are better multiplied as they are.
    pub fn read<'a>(
        groups: impl Iterator<Item = impl Iterator<Item = &'a [u8]>>,
        (inputs, white): (usize, u8),
        outputs: usize,
    ) -> Option<Self> {
        let numbers = Box::new(std::array::from_fn(|level| level as f32 / f32::from(white)));
        let (mut nonzeros, mut levels, mut ends) = (Nonzeros::default(), Vec::new(), vec![0]);
        nonzeros.clear(inputs);
        let mut flags = vec![0; inputs.next_multiple_of(EIGHT)];
        for group in groups {
            for row in group {
                flag(row, &mut flags, |level| level == 0);
                let count = (nonzeros.rows() + 1) * inputs;
                let numbered = nonzeros.rows() < usize::from(u16::MAX);
                if !numbered || !Nonzeros::serve(inputs, count, outputs) || !nonzeros.push(&flags) {
                    return None;
                }
                let own = &nonzeros.columns[levels.len()..nonzeros.end()];
                levels.extend(own.iter().map(|&column| row[usize::from(column)]));
            }
            ends.push(nonzeros.rows());
        }
        let rows = by_rows(&nonzeros, &levels);
        let columns = by_columns(&nonzeros, &levels, &ends);
        Some(Self { numbers, rows, columns })
    }

    /// XW, into `out` `[rows, outputs]`; X is what was read and W is `[inputs, outputs]`. The last
    /// one is scratch.
    pub(crate) fn times(&self, weight: &Aligned, sums: &mut Aligned, out: &mut [f32]) {
        let outputs = weight.width;
        sums.begin(out.len() / outputs, outputs); // the first tile writes every row
        for (i, tile) in self.rows.tiles.iter().enumerate() {
            let right = (weight.from(tile.right.start), outputs);
            self.rows.multiply(tile, &self.numbers, right, sums.matrix_mut(), i > 0);
        }
        sums.write(out);
    }

    /// XᵀD over the rows of a group, into or added to `out` `[inputs, outputs]`; X is what was
    /// read and D is `[all rows, outputs]`.
    pub(crate) fn transposed_times(
        &self,
        rows: &Range<usize>,
        (delta, sums): (&Aligned, &mut Aligned),
        out: &mut [f32],
        add: bool,
    ) {
        if rows.is_empty() {
            return;
        }
        let outputs = delta.width;
        match add {
            true => sums.copy(out, outputs),
            false => sums.begin(out.len() / outputs, outputs), // the first tile writes every row
        }
        let tiles = &self.columns.tiles;
        let first = tiles.partition_point(|tile| tile.right.start < rows.start);
        for tile in tiles[first..].iter().take_while(|tile| tile.right.start < rows.end) {
            let add = add || tile.right.start > rows.start;
            let right = (delta.from(tile.right.start), outputs);
            self.columns.multiply(tile, &self.numbers, right, sums.matrix_mut(), add);
        }
        sums.write(out);
    }
}

/// Some columns after another, a line for each row.
fn by_rows(nonzeros: &Nonzeros, levels: &[u8]) -> Tiles {
    let mut tiles = Tiles::with_capacity(nonzeros.rows() * nonzeros.runs(), levels.len());
    let mut entries = Vec::new();
    for (run, first) in (0..nonzeros.inputs).step_by(TOGETHER).enumerate() {
        entries.clear();
        let mut ends = vec![0];
        for starts in nonzeros.starts[run..].windows(2).step_by(nonzeros.runs()) {
            let own = starts[0] as usize..starts[1] as usize;
            let own = nonzeros.columns[own.clone()].iter().zip(&levels[own]);
            entries
                .extend(own.map(|(&column, &level)| [(usize::from(column) - first) as u8, level]));
            ends.push(entries.len());
        }
        let lines = ends.windows(2).map(|ends| &entries[ends[0]..ends[1]]);
        tiles.push(first..nonzeros.inputs.min(first + TOGETHER), lines.enumerate());
    }
    tiles
}

/// Some rows of a group after another, a line for each column; `ends` are those of the groups.
fn by_columns(nonzeros: &Nonzeros, levels: &[u8], ends: &[usize]) -> Tiles {
    let blocks: usize = ends.windows(2).map(|ends| (ends[1] - ends[0]).div_ceil(TOGETHER)).sum();
    let mut tiles = Tiles::with_capacity(blocks * nonzeros.inputs, levels.len());
    let (mut entries, mut tops) = (Vec::new(), vec![0; nonzeros.inputs + 1]);
    for group in ends.windows(2) {
        for first in (group[0]..group[1]).step_by(TOGETHER) {
            let rows = first..group[1].min(first + TOGETHER);
            entries.clear();
            let entry = |row: usize, at: usize| [(row - first) as u8, levels[at]];
            nonzeros.transpose(rows.clone(), &mut tops, &mut entries, entry);
            let lines = tops.windows(2).map(|ends| &entries[ends[0] as usize..ends[1] as usize]);
            tiles.push(rows, lines.enumerate());
        }
    }
    tiles
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
            let kept = CachedRows::read(bytes, (INPUTS, WHITE), outputs).unwrap();
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
            kept.times(&aligned(&weight), &mut aligned(&delta), &mut found);
            sparse.times(&values, &weight, outputs, &mut known);
            assert_eq!(found, known);
            let (mut found, mut known) = (vec![5.0; INPUTS * outputs], vec![7.0; INPUTS * outputs]);
            let mut first = 0;
            for (add, group) in [false, false, true, true].into_iter().zip(&groups) {
                let own = first..first + group.len();
                first = own.end;
                let delta_and_sums = (&aligned(&delta), &mut aligned(&weight));
                kept.transposed_times(&own, delta_and_sums, &mut found, add);
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
            CachedRows::read([rows.iter().map(|row| &row[..])].into_iter(), (4, 9), outputs)
                .is_some()
        };
        assert!(keep(&[thin, thin], WIDE));
        assert!(!keep(&[thin, full], WIDE));
        assert!(!keep(&[thin, thin], WIDE - 1));
    }
}
