use rand::RngExt;

use super::*;
use crate::draws::Key;
use crate::network;
use crate::scenario::Values;

/// A network of random weights and statistics with two heads, and random images.
fn setup(spec: &str, input: [usize; 3], rows: usize) -> (Engine, Model, Samples) {
    let network = network::parse(spec, input).unwrap();
    let mut model = Model::default();
    model.append_column(network.as_ref(), 0);
    model.append_head(network.features(), 3, 0);
    model.append_head(network.features(), 4, 0);
    let mut generator = Key::of_seed(5).generator("test");
    // Statistics, biases and scales away from their start, so that nothing is an identity.
    for theta in model.theta.iter_mut() {
        *theta += generator.random_range(-0.02..0.02);
    }
    for slot in model.buffer_layout.slots() {
        // Variances about those of residual sums: else no answer of 18 layers is in doubt, and
        // the slopes of a certain answer are 0.
        let range = if slot.name.ends_with("variance") { 3.0..6.0 } else { -0.1..0.1 };
        for buffer in &mut model.buffers[slot.range()] {
            *buffer += generator.random_range(range.clone());
        }
    }
    let inputs: usize = input.iter().product();
    let pixels = (0..rows * inputs).map(|_| generator.random_range(0..=255)).collect();
    let labels = (0..rows).map(|_| generator.random_range(0..4)).collect();
    let values = Values::Bytes { pixels, white: 255 };
    let samples = Samples::new(values, inputs, labels, (0..rows as u64).collect()).unwrap();
    (Engine::new(network), model, samples)
}

const RULES: [(Slopes, Power); 5] = [
    (Slopes::EveryLabel, Power::Square),
    (Slopes::DrawnLabel, Power::Square),
    (Slopes::TrueLabel, Power::Square),
    (Slopes::LikeliestLabel, Power::Square),
    (Slopes::SquaredNorm, Power::Absolute),
];

fn never(_: usize, _: usize) -> Result<(), ObjectiveError> {
    Ok(())
}

/// Fast = slow, on a head of a task (units 3 to 6) that the other head is no part of. Catches: a
/// sum over positions squared too late or too early, a batch mean squared, a probability in
/// place of its root, a transposed kernel, a stride or padding forgotten, batch statistics in
/// place of the running ones, a weight of another head that has an importance.
#[test]
fn the_fast_importances_are_the_slow_ones() {
    // More rows than a pass of the first takes, and than the second multiplies at once.
    let nets = [
        ("mlp:20x10", [1, 8, 8], 501),
        ("cnn:3x5x7", [2, 9, 8], 210),
        ("resnet18:2", [3, 9, 8], 4),
    ];
    for (spec, input, rows) in nets {
        let (engine, mut model, samples) = setup(spec, input, rows);
        model.outputs = vec![crate::model::Outputs {
            units: vec![3, 4, 5, 6],
            among: crate::model::Among::Own(3..7),
        }];
        let view = model.shared_view(0);
        let rows: Vec<usize> = (0..rows).collect();
        for (slopes, power) in RULES {
            for rows in [&rows[..], &rows[..1]] {
                let asked = Asked {
                    view: &view,
                    samples: &samples,
                    rows,
                    units: &[3, 4, 5, 6],
                    slopes,
                    power,
                };
                let draws = || Key::of_seed(1).generator("labels");
                let fast = engine
                    .moments_by_layer(&model, &asked, &mut draws(), &mut never)
                    .unwrap()
                    .unwrap();
                let slow =
                    engine.moments_one_by_one(&mut model, &asked, &mut draws(), never).unwrap();
                for slot in model.layout.slots() {
                    let most = slow[slot.range()].iter().copied().fold(0.0, f64::max);
                    assert!(most > 0.0 || slot.name.starts_with("head1"), "{spec} {}", slot.name);
                    for i in slot.range() {
                        let far = (fast[i] - slow[i]).abs();
                        assert!(
                            far <= 1e-4 * slow[i] + 1e-6 * most,
                            "{spec} {slopes:?} {}: {} and {}",
                            slot.name,
                            fast[i],
                            slow[i]
                        );
                    }
                }
            }
        }
    }
}

/// With labels drawn from the model, the mean over 2,000 draws is the exact sum over labels. A layer's
/// sum over its weights has a relative error of at most .02 here. Catches: labels that are drawn with
/// equal chances, or of a softmax of other units.
#[test]
fn drawn_labels_come_to_the_exact_mean() {
    let (engine, mut model, samples) = setup("mlp:6", [1, 4, 4], 3);
    model.outputs = vec![crate::model::Outputs {
        units: vec![3, 4, 5, 6],
        among: crate::model::Among::Own(3..7),
    }];
    let view = model.shared_view(0);
    let of = |slopes, seed| {
        let (rows, units) = (&[0, 1, 2][..], &[3, 4, 5, 6][..]);
        let power = Power::Square;
        let asked = Asked { view: &view, samples: &samples, rows, units, slopes, power };
        let mut draws = Key::of_seed(seed).generator("labels");
        let found = engine.moments_by_layer(&model, &asked, &mut draws, &mut never);
        found.unwrap().unwrap()
    };
    let exact = of(Slopes::EveryLabel, 0);
    let mut mean = vec![0.0; exact.len()];
    for seed in 0..2000 {
        let drawn = of(Slopes::DrawnLabel, seed);
        mean.iter_mut().zip(&drawn).for_each(|(mean, drawn)| *mean += drawn / 2000.0);
    }
    for slot in model.layout.slots().iter().filter(|slot| !slot.name.starts_with("head1")) {
        let sum = |values: &[f64]| values[slot.range()].iter().sum::<f64>();
        let ratio = sum(&mean) / sum(&exact);
        assert!((ratio - 1.0).abs() < 0.1, "{}: {ratio}", slot.name);
    }
}

/// A network that takes its weights by itself, one twice, is asked sample by sample.
#[test]
fn a_network_that_does_not_tell_is_asked_one_by_one() {
    use crate::network::{Activation, Network, Normaliser, Parameter, Stage, Weights};
    struct Twice;
    impl Network for Twice {
        fn spec(&self) -> String {
            "twice".into()
        }
        fn input(&self) -> [usize; 3] {
            [1, 2, 2]
        }
        fn parameters(&self) -> Vec<Parameter> {
            let [weight, bias] = crate::network::Start::Xavier.dense(4, 4);
            vec![Parameter::new("w", &[4, 4], weight), Parameter::new("b", &[4], bias)]
        }
        fn stages(&self) -> Vec<Stage> {
            vec![Stage { name: "twice".into(), parameters: 0..2, output: vec![4] }]
        }
        fn forward_stage(
            &self,
            _: usize,
            weights: &Weights,
            _: &mut Normaliser<'_>,
            h: Activation,
            _: Option<Activation>,
        ) -> Activation {
            let x = weights.dense(0, h.flat()).tanh();
            Activation::Flat(weights.dense(0, x))
        }
    }
    let (_, _, samples) = setup("mlp:2", [1, 2, 2], 3);
    let network = std::sync::Arc::new(Twice);
    let mut model = Model::default();
    model.append_column(network.as_ref(), 0);
    model.append_head(4, 4, 0);
    model.outputs =
        vec![crate::model::Outputs { units: vec![0, 1, 2, 3], among: crate::model::Among::All }];
    let view = model.shared_view(0);
    let engine = Engine::new(network);
    let asked = Asked {
        view: &view,
        samples: &samples,
        rows: &[0, 1, 2],
        units: &[0, 1, 2, 3],
        slopes: Slopes::EveryLabel,
        power: Power::Square,
    };
    let draws = || Key::of_seed(1).generator("labels");
    assert!(engine.moments_by_layer(&model, &asked, &mut draws(), &mut never).unwrap().is_none());
    let found = engine.moments(&mut model, &asked, &mut draws(), never).unwrap();
    assert_eq!(found, engine.moments_one_by_one(&mut model, &asked, &mut draws(), never).unwrap());
}
