//! Which rows are set apart to be judged by, and which rows are the same.
//!
//! Rows that are equal, or of one group, stay on one side: a row that is judged and was taught says
//! nothing about new rows.

use std::collections::{HashMap, HashSet};

use crate::Values;

/// Rows that are set apart: so many-th of each class.
pub(super) const TEST_EVERY: usize = 5;

/// Rows to learn from and rows to be judged by, each in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) learn: Vec<usize>,
    pub(crate) judge: Vec<usize>,
}

/// Divides rows by their labels: of each class, in order, every fifth row is set apart, and of a
/// class of two to four the last. Rows of one group go one way, where the group's size allows it
/// the same way. A group counts for the class of its first row, and never takes all rows of a class
/// away from learning.
pub(crate) fn held_back(labels: &[u32], classes: usize, groups: &[u32]) -> Split {
    let mut rows_of: Vec<Vec<usize>> = Vec::new();
    let mut at: HashMap<u32, usize> = HashMap::new();
    for (row, group) in groups.iter().enumerate() {
        let next = rows_of.len();
        let at = *at.entry(*group).or_insert(next);
        if at == next {
            rows_of.push(Vec::new());
        }
        rows_of[at].push(row);
    }
    let mut left = vec![0; classes];
    for &label in labels {
        left[label as usize] += 1;
    }
    let counts = |rows: &[usize]| {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        rows.iter().for_each(|&row| *counts.entry(labels[row] as usize).or_default() += 1);
        counts
    };
    let mut judged = vec![false; rows_of.len()];
    let (mut seen, mut apart) = (vec![0; classes], vec![0; classes]);
    let mut last: Vec<Option<usize>> = vec![None; classes];
    let mut take = |group: usize, judged: &mut [bool]| {
        let counts = counts(&rows_of[group]);
        // Something of every class stays to learn from.
        let stays = counts.iter().all(|(&class, &count)| left[class] > count);
        if stays {
            counts.iter().for_each(|(&class, &count)| left[class] -= count);
            judged[group] = true;
        }
        stays
    };
    for (group, rows) in rows_of.iter().enumerate() {
        let class = labels[rows[0]] as usize;
        seen[class] += rows.len();
        last[class] = Some(group);
        let fits = apart[class] + rows.len() <= seen[class] / TEST_EVERY;
        if fits && take(group, &mut judged) {
            apart[class] += rows.len();
        }
    }
    for class in 0..classes {
        if let Some(group) = last[class].filter(|_| apart[class] == 0) {
            take(group, &mut judged);
        }
    }
    let is_judged = |row: &usize| judged[at[&groups[*row]]];
    let (judge, learn) = (0..labels.len()).partition(is_judged);
    Split { learn, judge }
}

/// Numbers rows so that rows share a number if they are equal or of one of the groups given. `[rows]`
pub(crate) fn alike(values: &Values, row: usize, groups: Option<&[u32]>) -> Vec<u32> {
    let equal = equal_rows(values, row);
    let Some(groups) = groups else { return equal };
    // Groups that share an equal row are one: the first row of each set stands for it.
    let mut first: Vec<usize> = (0..equal.len()).collect();
    fn root(first: &mut [usize], mut row: usize) -> usize {
        while first[row] != row {
            first[row] = first[first[row]];
            row = first[row];
        }
        row
    }
    for numbers in [&equal[..], groups] {
        let mut known: HashMap<u32, usize> = HashMap::new();
        for (row, number) in numbers.iter().enumerate() {
            let other = *known.entry(*number).or_insert(row);
            let (a, b) = (root(&mut first, other), root(&mut first, row));
            first[a.max(b)] = a.min(b);
        }
    }
    (0..equal.len()).map(|row| root(&mut first, row) as u32).collect()
}

/// Numbers rows so that equal rows share a number. `[rows]`
fn equal_rows(values: &Values, row: usize) -> Vec<u32> {
    let mut known: HashMap<[u8; 32], u32> = HashMap::new();
    let mut number = |hash| {
        let next = known.len() as u32;
        *known.entry(hash).or_insert(next)
    };
    hashes(values, row).into_iter().map(&mut number).collect()
}

/// How many rows of `test` equal a row of `train`.
pub(crate) fn overlap(train: &Values, test: &Values, row: usize) -> usize {
    let taught: HashSet<[u8; 32]> = hashes(train, row).into_iter().collect();
    hashes(test, row).iter().filter(|hash| taught.contains(*hash)).count()
}

/// BLAKE3 of each row.
fn hashes(values: &Values, row: usize) -> Vec<[u8; 32]> {
    match values {
        Values::Bytes { pixels, .. } => {
            pixels.chunks_exact(row).map(|it| *blake3::hash(it).as_bytes()).collect()
        }
        Values::Floats(floats) => {
            let mut bytes = Vec::with_capacity(4 * row);
            let hash = |row: &[f32]| {
                bytes.clear();
                // Zeros of both signs are equal.
                row.iter().for_each(|value| bytes.extend((value + 0.0).to_le_bytes()));
                *blake3::hash(&bytes).as_bytes()
            };
            floats.chunks_exact(row).map(hash).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(labels: &[u32], groups: &[u32]) -> Split {
        held_back(labels, 3, groups)
    }

    fn alone(rows: usize) -> Vec<u32> {
        (0..rows as u32).collect()
    }

    /// By hand: class 0 has rows 0 2 4 5 6 7, so its fifth is 6; class 1 has 1 and 3, so its last.
    #[test]
    fn every_fifth_of_a_class_is_set_apart_and_the_last_of_a_small_one() {
        let labels = [0, 1, 0, 1, 0, 0, 0, 0, 2];
        let expected = Split { learn: vec![0, 1, 2, 4, 5, 7, 8], judge: vec![3, 6] };
        assert_eq!(split(&labels, &alone(9)), expected);
    }

    /// Thirty groups of ten equal rows, in order: a group is set apart when a fifth of the rows so
    /// far is more than what was set apart by a group, so every fifth group. Catches: a group that
    /// is divided, or set apart each time a fifth row passes.
    #[test]
    fn groups_stay_together() {
        let groups: Vec<u32> = (0..300).map(|row| row / 10).collect();
        let split = split(&[0; 300], &groups);
        let judged: Vec<u32> = split.judge.iter().map(|&row| groups[row]).collect();
        let expected: Vec<u32> =
            (0..30).filter(|group| group % 5 == 4).flat_map(|it| [it; 10]).collect();
        assert_eq!(judged, expected);
        assert_eq!(split.learn.len(), 240);
    }

    /// Catches: a class that is judged and never taught; a class of one group that is judged.
    #[test]
    fn something_of_every_class_stays_to_learn_from() {
        // The only rows of class 1 are in group 4 with rows of class 0, whose turn it is.
        let labels = [0, 0, 0, 0, 0, 1, 2, 2];
        let groups = [0, 1, 2, 3, 4, 4, 7, 7];
        assert_eq!(split(&labels, &groups), Split { learn: (0..8).collect(), judge: vec![] });
    }

    /// Catches: rows compared by their labels, zeros of two signs that differ, groups that are not
    /// joined by a row that both hold.
    #[test]
    fn equal_rows_join_groups() {
        let values = Values::Floats(vec![1.0, 0.0, 2.0, 1.0, 1.0, -0.0, 3.0, 3.0]);
        assert_eq!(alike(&values, 2, None), [0, 1, 0, 2]);
        assert_eq!(alike(&values, 2, Some(&[7, 8, 8, 9])), [0, 0, 0, 3]);
        let test = Values::Floats(vec![2.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(overlap(&values, &test, 2), 2);
        let bytes = |pixels: &[u8]| Values::Bytes { pixels: pixels.to_vec(), white: 9 };
        assert_eq!(alike(&bytes(&[1, 1, 2, 1]), 1, None), [0, 0, 1, 0]);
    }
}
