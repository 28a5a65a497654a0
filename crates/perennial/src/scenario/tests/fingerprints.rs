use std::collections::BTreeSet;

use super::*;
use crate::scenario::Interpolation;
use crate::scenario::options::Cut;
use crate::scenario::origin::Origin;
use crate::scenario::task::Rows;
use crate::scenario::transform::Transform;

/// A task over rows of a set, put together by hand so that a test can change one thing.
fn task(data: &Arc<Dataset>, change: impl FnOnce(&mut Rows, &mut Vec<u32>)) -> String {
    let origin = Origin::new(data).unwrap();
    let (train, validation) = ([0, 1, 2].into(), [3].into());
    let cut = Cut { train, validation, own_validation: false };
    let mut rows = Rows::new(&origin, [0, 1].into(), Transform::Identity, cut, [0, 1].into());
    let mut classes = vec![0, 1];
    change(&mut rows, &mut classes);
    Task::from_rows("a name".into(), classes, rows).unwrap().fingerprint()
}

#[test]
fn equal_tasks_have_equal_fingerprints_whoever_built_them() {
    let one = task(&toy(10, 2), |_, _| {});
    assert_eq!(one, task(&toy(10, 2), |_, _| {}));
    assert_eq!(one.len(), 64);
}

#[test]
fn one_changed_number_changes_the_fingerprint() {
    let data = toy(10, 2);
    let changed = |change: fn(&mut Dataset)| {
        let mut data = Dataset::clone(&data);
        change(&mut data);
        task(&Arc::new(data), |_, _| {})
    };
    let rotate = |degrees, interpolation| {
        task(&data, |rows, _| rows.transform = Transform::Rotate { degrees, interpolation })
    };
    let permute =
        |from: [u32; 6]| task(&data, |rows, _| rows.transform = Transform::Permute(from.into()));
    let all = [
        task(&data, |_, _| {}),
        changed(|data| pixels(&mut data.train)[17] ^= 1),
        changed(|data| pixels(&mut data.test)[17] ^= 1),
        changed(|data| data.train.labels[4] ^= 1),
        changed(|data| data.test.labels[4] ^= 1),
        changed(|data| set_white(data, 254)),
        changed(|data| data.shape = [1, 3, 2]),
        task(&data, |rows, _| rows.train = [0, 1, 4].into()),
        task(&data, |rows, _| rows.validation = [4].into()),
        task(&data, |rows, _| rows.test = [0, 2].into()),
        // A row that moves from one list to the next leaves their concatenation as it was.
        task(&data, |rows, _| {
            rows.train = [0, 1].into();
            rows.validation = [2, 3].into();
        }),
        task(&data, |rows, _| rows.classes = [1, 0].into()),
        task(&data, |_, classes| *classes = vec![1, 0]),
        rotate(0.0, Interpolation::Nearest),
        rotate(15.0, Interpolation::Nearest),
        rotate(15.000_001, Interpolation::Nearest),
        rotate(15.0, Interpolation::Bilinear),
        permute([0, 1, 2, 3, 4, 5]),
        permute([0, 1, 2, 3, 5, 4]),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn so_it_does_for_rows_of_ones_own() {
    let floats = |value| Values::Floats(vec![0.0, 1.0, 2.0, value]);
    let bytes = |white| Values::Bytes { pixels: vec![0, 1, 2, 3], white };
    let samples = |values, labels: [u32; 2], ids: [u64; 2]| {
        Samples::new(values, 2, labels.into(), ids.into()).unwrap()
    };
    let with = |changed: Samples, validation: bool| {
        let plain = || samples(floats(3.0), [0, 1], [0, 1]);
        let [train, other] = if validation { [plain(), changed] } else { [changed, plain()] };
        Task::from_samples("own", vec![0, 1], train, other, plain()).unwrap().fingerprint()
    };
    let all = [
        with(samples(floats(3.0), [0, 1], [0, 1]), false),
        with(samples(floats(3.5), [0, 1], [0, 1]), false),
        with(samples(floats(3.5), [0, 1], [0, 1]), true),
        with(samples(floats(3.0), [0, 0], [0, 1]), false),
        with(samples(floats(3.0), [0, 1], [0, 2]), false),
        with(samples(bytes(255), [0, 1], [0, 1]), false),
        with(samples(bytes(254), [0, 1], [0, 1]), false),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(all[0], with(samples(floats(3.0), [0, 1], [0, 1]), true));
}
