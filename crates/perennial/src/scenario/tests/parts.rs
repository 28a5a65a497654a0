use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::scenario::{Benchmark, First, Interpolation, Permuted, Rotated, Split};

/// The images as they are, with rows chosen: what is left of the benchmark is the choice.
fn upright(dataset: &Arc<Dataset>, options: &Options, seed: u64) -> Stream {
    Permuted { first: First::Identity }.stream(dataset, options, seed).unwrap()
}

proptest! {
    #[test]
    fn validation_is_cut_from_the_rows_chosen_and_test_rows_are_left_alone(
        (rows, chosen) in (4..80_u32).prop_flat_map(|rows| (Just(rows), 2..=rows as usize)),
        validation in 0.0..0.49_f64,
        seed: u64,
    ) {
        let data = toy(rows, 2);
        let cut = Options { tasks: Some(1), samples_per_task: Some(chosen), validation };
        let whole = Options { validation: 0.0, ..cut.clone() };
        let [train, held_out, test] = all_ids(&upright(&data, &cut, seed)).remove(0);
        let [all, none, _] = all_ids(&upright(&data, &whole, seed)).remove(0);

        let union: BTreeSet<u64> = train.iter().chain(&held_out).copied().collect();
        prop_assert_eq!(union.into_iter().collect::<Vec<_>>(), all.clone());
        prop_assert_eq!(train.len() + held_out.len(), chosen); // so they share no row
        prop_assert!(train.is_sorted() && held_out.is_sorted());
        prop_assert!(all.iter().all(|&id| id < u64::from(rows)));
        let share = ((validation * chosen as f64).round() as usize).max(1);
        prop_assert_eq!(held_out.len(), if validation == 0.0 { 0 } else { share });
        prop_assert!(none.is_empty());
        // What is left is known before anything is drawn, with a share that is above 0.
        if validation > 0.0 {
            let left = upright(&data, &whole, seed).tasks[0].rows_left(validation).unwrap();
            prop_assert_eq!(left, train.len());
        }
        prop_assert_eq!(test, (0..u64::from(rows / 2)).collect::<Vec<_>>());
    }

    /// Of bytes and of floats, permuted and rotated. Catches: a row that is read untransformed, a
    /// quotient of another rounding, the label of another row.
    #[test]
    fn a_row_is_read_as_it_is_loaded(rows in 4..40_u32, seed: u64) {
        let bytes = toy(rows, 3);
        let mut floats = Dataset::clone(&bytes);
        for part in [&mut floats.train, &mut floats.test] {
            let numbers = pixels(part).iter().map(|&pixel| f32::from(pixel) / 7.0).collect();
            part.values = Values::Floats(numbers);
        }
        let floats = Arc::new(floats);
        let options = Options { tasks: Some(2), samples_per_task: Some(4), validation: 0.4 };
        for data in [&bytes, &floats] {
            let permuted = Permuted::default().stream(data, &options, seed).unwrap();
            let rotated = Rotated { interpolation: Interpolation::Bilinear, ..Rotated::default() };
            let rotated = rotated.stream(data, &options, seed).unwrap();
            for task in permuted.tasks.iter().chain(&rotated.tasks) {
                for part in [Part::Train, Part::Validation, Part::Test] {
                    let (reader, samples) = (task.reader(part), task.load(part));
                    prop_assert_eq!(reader.len(), samples.len());
                    for i in 0..samples.len() {
                        let (mut read, mut loaded) = (Vec::new(), Vec::new());
                        reader.append_row(i, &mut read);
                        samples.append_row(i, &mut loaded);
                        prop_assert!(read == loaded);
                        prop_assert_eq!(reader.label(i), samples.label(i));
                    }
                }
            }
        }
    }

    #[test]
    fn a_loaded_row_is_the_row_of_its_number(rows in 4..60_u32, seed: u64) {
        let data = toy(rows, 3);
        let options = Options { tasks: Some(1), samples_per_task: Some(3), validation: 0.4 };
        let task = &upright(&data, &options, seed).tasks[0];
        for (part, origin) in
            [(Part::Train, &data.train), (Part::Validation, &data.train), (Part::Test, &data.test)]
        {
            let samples = task.load(part);
            prop_assert_eq!(samples.len(), task.rows(part));
            for i in 0..samples.len() {
                let id = samples.id(i) as usize;
                prop_assert_eq!(row(&samples, i), origin.image(id).unwrap());
                prop_assert_eq!(samples.label(i), origin.labels[id]);
            }
        }
    }

    /// Catches: a judge that reads the validation rows' numbers in the data's test part.
    #[test]
    fn a_task_for_choosing_is_judged_by_its_validation_rows(rows in 8..60_u32, seed: u64) {
        let data = toy(rows, 2);
        let options = Options { tasks: Some(1), samples_per_task: None, validation: 0.4 };
        let task = upright(&data, &options, seed).tasks.remove(0);
        let choosing = task.clone().for_choosing().unwrap();
        prop_assert!(choosing.load(Part::Test) == task.load(Part::Validation));
        prop_assert!(choosing.load(Part::Train) == task.load(Part::Train));
        prop_assert_ne!(choosing.fingerprint(), task.fingerprint());
        let whole = Options { validation: 0.0, ..options };
        let error = upright(&data, &whole, seed).tasks.remove(0).for_choosing().unwrap_err();
        prop_assert!(error.to_string().contains("validation"));
    }

    #[test]
    fn a_task_does_not_depend_on_how_many_follow_it(seed: u64) {
        let data = toy(40, 4);
        let few = Options { tasks: Some(2), samples_per_task: Some(6), validation: 0.3 };
        let many = Options { tasks: Some(4), ..few.clone() };
        let split = Split { classes: Some(1), order: crate::scenario::Order::Drawn };
        for benchmark in [Benchmark::Permuted(Permuted::default()), Benchmark::Split(split)] {
            let short = fingerprints(&benchmark.build(&data, &few, seed).unwrap());
            let long = fingerprints(&benchmark.build(&data, &many, seed).unwrap());
            prop_assert_eq!(&short[..], &long[..2]);
        }
    }
}

#[test]
fn the_same_seed_draws_the_same_stream_and_another_seed_another() {
    let data = toy(40, 4);
    let options = Options { tasks: Some(3), samples_per_task: Some(8), validation: 0.25 };
    for mut benchmark in Benchmark::all() {
        if benchmark.kind() == "split" {
            benchmark.set("classes", "1").unwrap();
        }
        let stream = |seed| benchmark.build(&data, &options, seed).unwrap();
        let one = stream(5);
        assert_eq!(fingerprints(&one), fingerprints(&stream(5)));
        assert_eq!(all_ids(&one), all_ids(&stream(5)));
        for (task, other) in all_ids(&one).into_iter().zip(all_ids(&stream(6))) {
            assert_ne!(task, other, "{}", benchmark.kind());
        }
    }
}

#[test]
fn permutations_and_angles_follow_the_seed_too() {
    let data = toy(40, 4);
    for name in ["permuted-digits", "rotated-digits"] {
        let benchmark = Benchmark::parse(name).unwrap().0;
        let stream = |seed| fingerprints(&benchmark.build(&data, &tasks(2), seed).unwrap());
        for (task, other) in stream(5).into_iter().zip(stream(6)) {
            assert_ne!(task, other, "{name}");
        }
    }
}

#[test]
fn every_task_draws_its_own_rows() {
    let options = Options { tasks: Some(2), samples_per_task: Some(10), validation: 0.5 };
    let stream = all_ids(&upright(&toy(40, 4), &options, 0));
    assert_ne!(stream[0][0], stream[1][0]);
    assert_ne!(stream[0][1], stream[1][1]);
}

#[test]
fn a_byte_is_read_as_the_nearest_float_to_its_share_of_white() {
    for white in 1..=u8::MAX {
        let pixels: Vec<u8> = (0..=white).collect();
        let inputs = pixels.len();
        let samples =
            Samples::new(Values::Bytes { pixels, white }, inputs, vec![0], vec![0]).unwrap();
        let mut read = vec![7.0];
        samples.append_row(0, &mut read);
        assert_eq!(read[0], 7.0, "what is there stays");
        for (pixel, value) in read[1..].iter().enumerate() {
            assert_eq!(*value, (pixel as f64 / f64::from(white)) as f32);
        }
        assert_eq!((read[1], read[inputs]), (0.0, 1.0));
    }
}

#[test]
fn the_memory_of_samples_is_that_of_their_type() {
    let new = |values| Samples::new(values, 3, vec![0, 1], vec![8, 9]).unwrap();
    let bytes = new(Values::Bytes { pixels: vec![0; 6], white: 1 });
    let floats = new(Values::Floats(vec![0.0; 6]));
    assert_eq!(bytes.bytes(), 6 + 2 * (4 + 8));
    assert_eq!(floats.bytes(), 6 * 4 + 2 * (4 + 8));
    assert_eq!((floats.label(1), floats.id(1), floats.inputs()), (1, 9, 3));
}
