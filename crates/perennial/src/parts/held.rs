//! In which layers importance lies, and how far weights went from where they are held: what
//! reports draw.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::guard::Guard;
use crate::Layout;
use crate::vector::{part, simd_dispatch, sum};

/// The share of the weights that is called important: those of the largest importance.
const IMPORTANT: usize = 10; // one in ten

/// What a penalty on the weights held, task by task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    importance: Vec<Layer>,
    moves: Vec<Moves>,
}

/// How much of all importance lies in a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Layer {
    name: String,
    /// How many it has now.
    weights: usize,
    /// `[tasks]`
    share: Vec<f64>,
}

/// Means of |θ − θ*| when a task's training ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moves {
    /// 1-based.
    task: usize,
    important: Option<f64>,
    others: Option<f64>,
}

impl Held {
    /// Notes how far the weights are from where they are held, once the training of `task`
    /// (0-based) is over. Where nothing is held, or by what is no number, there is nothing to note.
    pub fn moved(&mut self, task: usize, theta: &[f32], guard: &Guard) {
        let Guard { importance, anchor } = guard;
        let known = importance.len().min(anchor.len()).min(theta.len());
        if known == 0 || importance[..known].iter().all(|&f| f == 0.0) {
            return;
        }
        let (importance, theta, anchor) = (&importance[..known], &theta[..known], &anchor[..known]);
        let important = known.div_ceil(IMPORTANT);
        let (least, above) = least_of_most(importance, important);
        if least.is_nan() {
            return;
        }
        let side = |above: bool| {
            sum(
                [importance, theta, anchor],
                #[inline(always)]
                |[f, theta, anchor]| match if above { f > least } else { f < least } {
                    true => far(theta, anchor),
                    false => 0.0,
                },
            )
        };
        let (mut first, mut rest) = (side(true), side(false));
        // Of those as important as the least of them, the ones of the lowest index.
        let equal = (0..known).filter(|&i| importance[i] == least);
        for (rank, i) in equal.enumerate() {
            let sum = if above + rank < important { &mut first } else { &mut rest };
            *sum += far(theta[i], anchor[i]);
        }
        let mean = |sum: f64, weights: usize| (weights > 0).then(|| sum / weights as f64);
        let (important, others) = (mean(first, important), mean(rest, known - important));
        self.moves.push(Moves { task: task + 1, important, others });
    }

    /// Notes how importance lies in the layers, once a task's is known.
    pub fn lies(&mut self, layout: &Layout, importance: &[f32]) {
        let tasks = self.importance.first().map_or(0, |layer| layer.share.len());
        let mut sums: Vec<(String, usize, f64)> = Vec::new();
        for slot in layout.slots() {
            let sum = sum(
                [part(importance, &slot.range())],
                #[inline(always)]
                |[f]| f64::from(f),
            );
            let name = layer_of(&slot.name);
            match sums.iter_mut().find(|(known, ..)| known == name) {
                Some((_, weights, all)) => {
                    *weights += slot.len();
                    *all += sum;
                }
                None => sums.push((name.to_owned(), slot.len(), sum)),
            }
        }
        let all: f64 = sums.iter().map(|(.., sum)| sum).sum();
        for (name, weights, sum) in sums {
            let share = if all == 0.0 { 0.0 } else { sum / all };
            let at = self.importance.iter().position(|layer| layer.name == name);
            let at = at.unwrap_or_else(|| {
                // Before it was there, nothing lay in it.
                self.importance.push(Layer { name, weights, share: vec![0.0; tasks] });
                self.importance.len() - 1
            });
            self.importance[at].weights = weights;
            self.importance[at].share.push(share);
        }
    }

    /// For reports, under the kinds `importance`: `[{"name", "weights", "share": [tasks]}]`, and
    /// `moves`: `[{"task", "important", "others"}]`; null before a task ended.
    pub fn figures(&self) -> Value {
        if self.importance.is_empty() {
            return Value::Null;
        }
        json!({ "importance": self.importance, "moves": self.moves })
    }
}

/// |θ − θ*|
#[inline(always)]
fn far(theta: f32, anchor: f32) -> f64 {
    f64::from((theta - anchor).abs())
}

/// The least of the `most` largest numbers, and how many are larger. A NaN is the largest.
fn least_of_most(numbers: &[f32], most: usize) -> (f32, usize) {
    // As integers of the contrary order: the largest number is the least.
    let mut keys = vec![0; numbers.len()];
    simd_dispatch(
        #[inline(always)]
        || {
            for (key, number) in keys.iter_mut().zip(numbers) {
                let bits = (number + 0.0).to_bits().cast_signed(); // −0 is 0
                *key = !(bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed());
            }
        },
    );
    let (above, &mut least, _) = keys.select_nth_unstable(most - 1);
    let above = above.iter().filter(|key| **key < least).count();
    let bits = !least ^ ((!least >> 31).cast_unsigned() >> 1).cast_signed();
    (f32::from_bits(bits.cast_unsigned()), above)
}

/// `column1.dense2.weight` lies in `dense2`, `head1.bias` in `head1`.
fn layer_of(slot: &str) -> &str {
    let stem = slot.rsplit_once('.').map_or(slot, |(stem, _)| stem);
    stem.split_once('.').map_or(stem, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Init;
    use crate::vector::Vector;

    /// Twenty weights, of which the two at 3 and 17 are important and moved by .5, each other by a
    /// whole. Catches: the least important taken for the most, a mean over all, a weight that is not
    /// known yet.
    #[test]
    fn the_tenth_is_that_of_the_largest_importance() {
        let mut importance = vec![0.25; 20];
        let mut theta = vec![1.0; 21];
        for i in [3, 17] {
            importance[i] = 2.0;
            theta[i] = -0.5;
        }
        let guard = Guard { importance: importance.into(), anchor: Vector::zeros(20) };
        let mut held = Held::default();
        held.moved(0, &theta, &Guard::default());
        held.moved(1, &theta, &guard);
        let expected = Moves { task: 2, important: Some(0.5), others: Some(1.0) };
        assert_eq!(held.moves, [expected]);
    }

    /// Against a sort. Catches: negative numbers in the wrong order, equal ones counted as larger.
    #[test]
    fn the_least_of_the_most_is_that_of_a_sort() {
        let numbers = [0.5f32, -1.0, 0.0, -0.0, 2.0, 2.0, -3.5, 1e-40, 2.0, -1e30, 0.5];
        let mut sorted = numbers;
        sorted.sort_by(|a, b| b.total_cmp(a));
        for most in 1..=numbers.len() {
            let least = sorted[most - 1];
            let above = numbers.iter().filter(|number| **number > least).count();
            assert_eq!(least_of_most(&numbers, most), (least, above));
        }
    }

    /// Catches: bias and weight as two layers, a head that came later and shifts the others.
    #[test]
    fn shares_are_summed_by_layer() {
        let mut layout = Layout::default();
        for (name, shape) in
            [("column1.dense1.weight", 4), ("column1.dense1.bias", 2), ("head1.weight", 2)]
        {
            layout.append(name, &[shape], Init::Constant(0.0));
        }
        let mut held = Held::default();
        held.lies(&layout, &[1.0, 1.0, 1.0, 0.0, 2.0, 1.0, 1.0, 1.0]);
        layout.append("head2.weight", &[2], Init::Constant(0.0));
        held.lies(&layout, &[0.0; 8]);
        assert_eq!(
            held.figures()["importance"],
            json!([
                { "name": "dense1", "weights": 6, "share": [0.75, 0.0] },
                { "name": "head1", "weights": 2, "share": [0.25, 0.0] },
                { "name": "head2", "weights": 2, "share": [0.0, 0.0] },
            ])
        );
    }
}
