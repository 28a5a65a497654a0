//! The samples of each class that lie nearest to its centre, or to one of several centres, in the
//! space of the network's features (Chaudhry et al. 2019, appendix).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::by_class::{Share, class_key, cut, rows_by_class};
use super::{Memory, Place};
use crate::vector::Vector;

/// The share of the old mean of a class's features in the new one: a choice of ours.
const MOMENTUM: f32 = 0.9;

/// A row of numbers for each row of a memory: `[rows, width]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Beside {
    width: usize,
    values: Vector,
}

impl Beside {
    fn row(&self, at: usize) -> &[f32] {
        &self.values[at * self.width..][..self.width]
    }

    fn row_mut(&mut self, at: usize) -> &mut [f32] {
        &mut self.values[at * self.width..][..self.width]
    }

    fn put(&mut self, place: Place, row: &[f32]) {
        self.width = row.len();
        match place {
            Place::End => self.values.append(row),
            Place::Over(at) => self.row_mut(at).copy_from_slice(row),
        }
    }

    fn keep(&mut self, rows: &[usize]) {
        let kept: Vec<f32> = rows.iter().flat_map(|&at| self.row(at)).copied().collect();
        self.values = kept.into();
    }
}

/// The square of the Euclidean distance.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

/// Online k-means of each class's features, with a centroid for each of its places. Of the samples
/// that were assigned to a centroid, the one nearest to it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    centroids: Beside,
    /// What the network made of each stored row when it was stored.
    features: Beside,
    /// How many samples each centroid is the mean of. `[rows]`
    #[serde(with = "crate::state::u32s")]
    counts: Vec<u32>,
}

impl KMeans {
    /// What is stored beside a row, in bytes: its centroid, its features and a count.
    pub fn row_bytes(features: usize) -> usize {
        2 * size_of::<f32>() * features + size_of::<u32>()
    }

    /// Makes room for the next sample of `unit` in task `task`, whose features are `features`, moves
    /// the nearest centroid towards it, and says where it goes; `None` to leave it.
    pub fn offer(
        &mut self,
        (task, unit): (usize, u32),
        features: &[f32],
        memory: &mut Memory,
        capacity: usize,
    ) -> Option<Place> {
        let Share { own, each } = Share::of(memory, class_key(task, unit), capacity)?;
        if own.is_empty() {
            self.cut(memory, each);
        }
        if own.len() < each {
            self.centroids.put(Place::End, features);
            self.features.put(Place::End, features);
            self.counts.push(1);
            return Some(Place::End);
        }
        let apart = |&at: &usize| distance(self.centroids.row(at), features);
        let at = own.into_iter().min_by(|a, b| apart(a).total_cmp(&apart(b)))?;
        self.counts[at] = self.counts[at].saturating_add(1);
        let count = self.counts[at] as f32;
        let centroid = self.centroids.row_mut(at);
        centroid.iter_mut().zip(features).for_each(|(c, f)| *c += (f - *c) / count);
        if distance(features, centroid) < distance(self.features.row(at), centroid) {
            self.features.put(Place::Over(at), features);
            return Some(Place::Over(at));
        }
        None
    }

    /// Cuts every class to `each` rows: those whose centroids are the mean of the most samples.
    pub fn cut(&mut self, memory: &mut Memory, each: usize) {
        let largest_first = |_, mut own: Vec<usize>| {
            own.sort_by_key(|&at| std::cmp::Reverse(self.counts[at]));
            own
        };
        if let Some(stay) = cut(memory, each, largest_first) {
            memory.keep(&stay);
            self.keep(&stay);
        }
    }

    /// Keeps what belongs to these rows, in this order.
    pub fn keep(&mut self, rows: &[usize]) {
        self.centroids.keep(rows);
        self.features.keep(rows);
        self.counts = rows.iter().map(|&at| self.counts[at]).collect();
    }
}

/// A running mean of each class's features, and the samples whose features are nearest to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanOfFeatures {
    /// What the network made of each stored row when it was stored.
    features: Beside,
    /// The mean of each class. `[features]`
    means: BTreeMap<u64, Vector>,
}

impl MeanOfFeatures {
    /// What is stored beside a row, in bytes: its features, and the mean of its class, which may have
    /// no other row.
    pub fn row_bytes(features: usize) -> usize {
        2 * size_of::<f32>() * features
    }

    /// Makes room for the next sample of `unit` in task `task`, whose features are `features`, moves
    /// the class's mean towards it, and says where it goes; `None` to leave it.
    pub fn offer(
        &mut self,
        (task, unit): (usize, u32),
        features: &[f32],
        memory: &mut Memory,
        capacity: usize,
    ) -> Option<Place> {
        let class = class_key(task, unit);
        let Share { own, each } = Share::of(memory, class, capacity)?;
        if own.is_empty() {
            self.cut(memory, each);
            self.means.insert(class, features.to_vec().into());
        }
        let mean = self.means.get_mut(&class)?;
        mean.iter_mut().zip(features).for_each(|(m, f)| *m += (1.0 - MOMENTUM) * (f - *m));
        if own.len() < each {
            self.features.put(Place::End, features);
            return Some(Place::End);
        }
        let apart = |&at: &usize| distance(self.features.row(at), mean);
        let farthest = own.into_iter().max_by(|a, b| apart(a).total_cmp(&apart(b)))?;
        if distance(features, mean) < apart(&farthest) {
            self.features.put(Place::Over(farthest), features);
            return Some(Place::Over(farthest));
        }
        None
    }

    /// Cuts every class to the `each` rows nearest to its mean.
    pub fn cut(&mut self, memory: &mut Memory, each: usize) {
        let nearest_first = |class, mut own: Vec<usize>| {
            if let Some(mean) = self.means.get(&class) {
                let apart = |&at: &usize| distance(self.features.row(at), mean);
                own.sort_by(|a, b| apart(a).total_cmp(&apart(b)));
            }
            own
        };
        if let Some(stay) = cut(memory, each, nearest_first) {
            memory.keep(&stay);
            self.keep(&stay);
        }
    }

    /// Keeps what belongs to these rows, in this order.
    pub fn keep(&mut self, rows: &[usize]) {
        self.features.keep(rows);
    }

    /// Drops the means of classes that have no row in the memory any more.
    pub fn keep_classes(&mut self, memory: &Memory) {
        let there = rows_by_class(memory);
        self.means.retain(|class, _| there.contains_key(class));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Samples, Values};
    use crate::state::{from_state, to_state};

    fn samples() -> Samples {
        let values = Values::Bytes { pixels: vec![0; 30], white: 255 };
        Samples::new(values, 1, vec![0; 30], (0..30).collect()).unwrap()
    }

    fn put(memory: &mut Memory, place: Option<Place>, unit: u32, id: usize) {
        if let Some(place) = place {
            memory.put(place, &samples(), id, unit, 0);
        }
    }

    fn ids(memory: &Memory) -> Vec<u64> {
        (0..memory.len()).map(|at| memory.id(at)).collect()
    }

    /// By hand, one feature and two places. Rows 0 and 1 at 0 and 10 begin the centroids. Row 2 at 4
    /// moves the first to 2: both rows are 2 from it, and the one that is there stays. Row 3 at 2
    /// moves it to (0 + 4 + 2)/3 = 2 and is stored. Row 4 at 13 moves the second to 11.5, as far from
    /// row 1; row 5 at 10.5 to 33.5/3 = 11.17, nearer to it than to row 1 at 10. Catches: a centroid
    /// that is not a mean, a distance to the centroid as it was, a row of another centroid replaced.
    #[test]
    fn k_means_by_hand() {
        let (mut means, mut memory) = (KMeans::default(), Memory::default());
        for (id, at) in [0.0, 10.0, 4.0, 2.0, 13.0, 10.5].into_iter().enumerate() {
            let place = means.offer((0, 0), &[at], &mut memory, 2);
            put(&mut memory, place, 0, id);
            let expected = match id {
                0 => vec![0],
                1 | 2 => vec![0, 1],
                3 | 4 => vec![3, 1],
                _ => vec![3, 5],
            };
            assert_eq!(ids(&memory), expected, "row {id}");
        }
        assert_eq!(means.counts, [3, 3]);
        assert_eq!(means.centroids.row(0), [2.0]);
        assert!((means.centroids.row(1)[0] - 33.5 / 3.0).abs() < 1e-6);
        let saved: KMeans = from_state(&to_state(&means).unwrap()).unwrap();
        assert_eq!(saved, means);
        // A second class takes one of the two places: the centroids are means of as many samples, and
        // the first stays. Catches: counts or features that do not follow their rows.
        let place = means.offer((0, 1), &[7.0], &mut memory, 2);
        put(&mut memory, place, 1, 6);
        assert_eq!((ids(&memory), means.counts.clone()), (vec![3, 6], vec![3, 1]));
        assert_eq!(means.features.values[..], [2.0, 7.0]);
    }

    /// By hand, one feature and two places. Row 0 at 0 is the mean; row 1 at 10 moves it to 1; row 2
    /// at 2 to 1.1, .9 from it, and takes the place of row 1, 8.9 away; row 3 at 5 to 1.49, further
    /// from it than both. Catches: the nearest row replaced, a mean that only stored rows move, the
    /// mean of all samples in place of a running one.
    #[test]
    fn the_mean_of_features_by_hand() {
        let (mut means, mut memory) = (MeanOfFeatures::default(), Memory::default());
        for (id, at) in [0.0, 10.0, 2.0, 5.0].into_iter().enumerate() {
            let place = means.offer((0, 0), &[at], &mut memory, 2);
            put(&mut memory, place, 0, id);
            let expected = [vec![0], vec![0, 1], vec![0, 2], vec![0, 2]];
            assert_eq!(ids(&memory), expected[id], "row {id}");
        }
        assert!((means.means[&0][0] - 1.49).abs() < 1e-6, "{:?}", means.means);
        let saved: MeanOfFeatures = from_state(&to_state(&means).unwrap()).unwrap();
        assert_eq!(saved, means);
        // A second class takes the place of the row further from the mean: 2 is .51 from 1.49.
        let place = means.offer((0, 1), &[7.0], &mut memory, 2);
        put(&mut memory, place, 1, 6);
        assert_eq!((ids(&memory), &means.features.values[..]), (vec![2, 6], &[2.0, 7.0][..]));
        // Catches: a mean that stays without a row and is gone on with.
        memory.keep(&[1]);
        means.keep(&[1]);
        means.keep_classes(&memory);
        assert_eq!(means.means.keys().collect::<Vec<_>>(), [&1]);
    }
}
