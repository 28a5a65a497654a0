//! Streams whose tasks have no sharp borders: rows of other tasks come up while a task has its turn.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::LearnError;
use super::settings::bad;
use crate::draws::Key;
use crate::scenario::{Part, Stream};

/// How often each row that changes its place is offered a swap with another, so that rows of a task
/// spread over the turns of all others.
const SWAPS: usize = 8;

/// How many of a task's `rows` training rows come up in the turns of other tasks.
fn moved(rows: usize, share: f64) -> usize {
    (share * rows as f64).round() as usize
}

/// Refuses a share with which no row moves, and tasks of which one has more rows to move than all
/// others have places for.
pub(super) fn check(stream: &Stream, share: f64) -> Result<(), LearnError> {
    let rows = |part: usize| stream.tasks[part].rows(Part::Train);
    let moved: Vec<usize> = (0..stream.tasks.len()).map(|task| moved(rows(task), share)).collect();
    let all: usize = moved.iter().sum();
    if moved.len() < 2 {
        let expected =
            "a single task has no other whose samples could come up in its turn; leave it out";
        return Err(bad("blurry", &share, expected));
    }
    if all == 0 {
        let most = (0..moved.len()).map(rows).max().unwrap_or(0);
        let expected = format!(
            "it is less than one training sample of any task, and the largest has {most}; use a \
             larger share"
        );
        return Err(bad("blurry", &share, &expected));
    }
    let Some(task) = moved.iter().position(|&own| 2 * own > all) else { return Ok(()) };
    let (name, own) = (&stream.tasks[task].name, moved[task]);
    let expected = format!(
        "task `{name}` would exchange {own} training samples with the other tasks, which together \
         exchange {}; use tasks of more equal sizes, for example by --samples-per-task",
        all - own
    );
    Err(bad("blurry", &share, &expected))
}

/// The training rows that come up in each task's turn, ascending: as many as the task has, of which
/// `share`, rounded to whole rows, are of other tasks. Every row comes up in one turn. Rows are
/// numbered over the training parts of all tasks, which have `rows` rows each, one after another.
///
/// `share` has passed [`check`] for these tasks.
pub(super) fn turns(rows: &[usize], share: f64, seed: u64) -> Vec<Vec<u32>> {
    let (mut turns, mut moving, mut first) = (Vec::new(), Vec::new(), 0);
    for (task, &rows) in rows.iter().enumerate() {
        let mut own: Vec<u32> = (first..first + rows as u32).collect();
        first += rows as u32;
        let key = Key { seed, task: task as u64, ..Key::default() };
        let mut generator = key.generator("rows that move");
        let (leave, stay) = own.partial_shuffle(&mut generator, moved(rows, share));
        moving.extend(leave.iter().map(|&row| (task, row)));
        turns.push(stay.to_vec());
    }
    // The places that became free, task by task as the rows that left them. Moved on by as many as
    // the largest group has, no row is in a place of its own task: no group is more than half of all.
    let places: Vec<usize> = moving.iter().map(|&(task, _)| task).collect();
    let largest = rows.iter().map(|&rows| moved(rows, share)).max().unwrap_or(0);
    moving.rotate_right(largest);
    let mut generator = Key::of_seed(seed).generator("turns of rows that move");
    for _ in 0..SWAPS {
        for at in 0..places.len() {
            let other = generator.random_range(0..places.len());
            if moving[at].0 != places[other] && moving[other].0 != places[at] {
                moving.swap(at, other);
            }
        }
    }
    places.iter().zip(&moving).for_each(|(&place, &(_, row))| turns[place].push(row));
    turns.iter_mut().for_each(|turn| turn.sort_unstable());
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The task of a row.
    fn task_of(rows: &[usize], row: u32) -> usize {
        let mut end = 0;
        rows.iter()
            .position(|&rows| {
                end += rows;
                (row as usize) < end
            })
            .unwrap()
    }

    /// Catches: a row that comes twice or never, a turn of another length, a share that is not exact,
    /// a row that moves to a turn of its own task, turns that do not depend on the seed.
    #[test]
    fn every_row_has_one_turn_and_shares_are_exact() {
        for (rows, share, foreign) in [
            (vec![100, 100, 100], 0.3, vec![30, 30, 30]),
            (vec![10, 10], 0.25, vec![3, 3]), // 2.5, half away from zero
            (vec![40, 30, 20, 10], 0.5, vec![20, 15, 10, 5]),
            (vec![20, 10, 10], 0.9, vec![18, 9, 9]), // one has half of all
            (vec![3, 3, 3, 3], 0.99, vec![3, 3, 3, 3]),
        ] {
            for seed in 0..20 {
                let found = turns(&rows, share, seed);
                assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), rows);
                let others = |(task, turn): (usize, &Vec<u32>)| {
                    turn.iter().filter(|&&row| task_of(&rows, row) != task).count()
                };
                assert_eq!(found.iter().enumerate().map(others).collect::<Vec<_>>(), foreign);
                let mut all = found.concat();
                all.sort_unstable();
                assert!(all.iter().copied().eq(0..rows.iter().sum::<usize>() as u32));
                assert_eq!(found, turns(&rows, share, seed));
                assert!(rows.len() == 4 && rows[0] == 3 || found != turns(&rows, share, seed + 1));
            }
        }
    }

    /// Ten tasks of 200 rows, half of which move: each other task gets about 100/9 = 11.1 of them, and
    /// a turn without any is one in e^-11. Catches: rows that all move to the next task.
    #[test]
    fn rows_of_a_task_spread_over_all_others() {
        let rows = vec![200; 10];
        for (turn, found) in turns(&rows, 0.5, 1).iter().enumerate() {
            for task in 0..10 {
                let count = found.iter().filter(|&&row| task_of(&rows, row) == task).count();
                let expected = if task == turn { 100..=100 } else { 1..=30 };
                assert!(expected.contains(&count), "{count} of task {task} in turn {turn}");
            }
        }
    }
}
