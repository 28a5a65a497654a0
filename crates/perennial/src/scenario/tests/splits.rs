use proptest::prelude::*;

use super::*;
use crate::scenario::{First, Order, Permuted, Split};

fn classes(stream: &Stream) -> Vec<Vec<u32>> {
    stream.tasks.iter().map(|task| task.classes.clone()).collect()
}

proptest! {
    #[test]
    fn tasks_partition_the_classes_and_their_rows(
        (count, per_task) in (1..9_u32).prop_flat_map(|count| (Just(count), 1..=count as usize)),
        drawn: bool,
        seed: u64,
    ) {
        let data = toy(40, count);
        let order = if drawn { Order::Drawn } else { Order::Natural };
        let split = Split { classes: Some(per_task), order };
        let stream = split.stream(&data, &Options::default(), seed).unwrap();
        prop_assert_eq!(stream.tasks.len(), count as usize / per_task);

        let mut seen = classes(&stream).concat();
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), stream.tasks.len() * per_task); // no class comes twice
        for task in &stream.tasks {
            for (part, origin) in [(Part::Train, &data.train), (Part::Test, &data.test)] {
                let samples = task.load(part);
                let has = |label: &&u32| task.classes.contains(label);
                prop_assert_eq!(samples.len(), origin.labels.iter().filter(has).count());
                for i in 0..samples.len() {
                    let class = task.classes[samples.label(i) as usize];
                    prop_assert_eq!(class, origin.labels[samples.id(i) as usize]);
                    prop_assert_eq!(row(&samples, i), origin.image(samples.id(i) as usize).unwrap());
                }
            }
        }
    }
}

#[test]
fn classes_arrive_in_their_natural_order_by_default() {
    let digits = Arc::new(perennial_data::digits().unwrap());
    let stream = Split::default().stream(&digits, &Options::default(), 0).unwrap();
    assert_eq!(classes(&stream), [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]);
    assert_eq!((stream.name.as_str(), stream.tasks[1].name.as_str()), ("split-digits", "2, 3"));
}

#[test]
fn a_drawn_order_holds_every_class_and_follows_the_seed() {
    let digits = Arc::new(perennial_data::digits().unwrap());
    let split = Split { order: Order::Drawn, ..Split::default() };
    let order = |seed| classes(&split.stream(&digits, &tasks(5), seed).unwrap()).concat();
    let mut sorted = order(0);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10).collect::<Vec<_>>());
    assert_eq!(order(3), order(3));
    assert_ne!(order(3), order(4));
}

#[test]
fn a_given_order_takes_names_and_numbers_and_leaves_the_others_out() {
    let order = Order::Given(["class3", "1", "class0", "4", "2"].map(String::from).to_vec());
    let split = Split { classes: Some(2), order };
    let stream = split.stream(&toy(40, 6), &Options::default(), 0).unwrap();
    assert_eq!(classes(&stream), [[3, 1], [0, 4]]);
}

#[test]
fn tasks_share_the_classes_equally_when_nothing_else_is_said() {
    let sizes = |tasks| {
        let options = Options { tasks, ..Options::default() };
        let stream = Split::default().stream(&toy(40, 7), &options, 0).unwrap();
        (stream.tasks.len(), stream.tasks[0].classes.len())
    };
    assert_eq!([sizes(Some(3)), sizes(Some(7)), sizes(None)], [(3, 2), (7, 1), (5, 1)]);
}

#[test]
fn the_first_permutation_is_drawn_or_the_identity() {
    let data = toy(10, 2);
    let first = |first| {
        let stream = Permuted { first }.stream(&data, &tasks(2), 1).unwrap();
        [0, 1].map(|task: usize| row(&stream.tasks[task].load(Part::Train), 9))
    };
    let [drawn, identity] = [First::Drawn, First::Identity].map(first);
    assert_ne!(drawn[0], data.train.image(9).unwrap());
    assert_eq!(identity[0], data.train.image(9).unwrap());
    assert_eq!(identity[1], drawn[1]);
    assert_ne!(drawn[0], drawn[1]);
}
