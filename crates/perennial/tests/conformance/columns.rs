//! Progressive columns, against the formula written out over single numbers.

use perennial::learner::{Learner, Training};
use perennial::scenario::Part;
use perennial::strategies::Entry;
use perennial::{Engine, Setting};
use serde_json::{Value, json};

use crate::toy::{finish, net, stream};

const SPEC: &str = "mlp:6x5";

fn learnt(settings: &Value) -> Learner {
    let stream = stream("permuted-digits", Some(60), 0);
    let strategy = Entry::find("pnn").unwrap().create(settings).unwrap();
    let training = Training::default();
    let learner = Learner::new(net(SPEC), strategy, training, Setting::Task, &stream, 0).unwrap();
    finish(learner, &stream, &mut ())
}

/// The numbers of a slot and its shape; `None` when there is no such slot.
fn slot<'a>(learner: &'a Learner, name: &str) -> Option<(&'a [f32], &'a [usize])> {
    let model = &learner.core.model;
    let slot = model.layout.slots().iter().find(|slot| slot.name == name)?;
    Some((&model.theta[slot.range()], &slot.shape))
}

/// x W + b; b is 0 where there is none.
fn affine(learner: &Learner, weight: &str, bias: &str, x: &[f64]) -> Vec<f64> {
    let (w, shape) = slot(learner, weight).unwrap();
    assert_eq!(shape[0], x.len(), "{weight}");
    let b = slot(learner, bias).map_or(vec![0.0; shape[1]], |(b, _)| b.to_vec());
    let of = |o: usize| -> f64 {
        (0..x.len()).map(|i| x[i] * f64::from(w[i * shape[1] + o])).sum::<f64>() + f64::from(b[o])
    };
    (0..shape[1]).map(of).collect()
}

fn relu(z: Vec<f64>) -> Vec<f64> {
    z.into_iter().map(|z| z.max(0.0)).collect()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// What column `k` (from 1) receives at a place from the older ones' inputs there.
fn received(learner: &Learner, k: usize, place: &str, older: &[Vec<f64>]) -> Option<Vec<f64>> {
    let name = |part: &str| format!("column{k}.from-older.{place}.{part}");
    if let Some((alpha, _)) = slot(learner, &name("alpha")) {
        let scaled = |(h, &alpha): (&Vec<f64>, &f32)| -> Vec<f64> {
            h.iter().map(|h| h * f64::from(alpha)).collect()
        };
        let joined: Vec<f64> = older.iter().zip(alpha).flat_map(scaled).collect();
        let squeezed = relu(affine(learner, &name("v"), &name("v-bias"), &joined));
        return Some(affine(learner, &name("u"), &name("u-bias"), &squeezed));
    }
    slot(learner, &name("u1"))?;
    let part = |(j, h): (usize, &Vec<f64>)| {
        affine(learner, &name(&format!("u{}", j + 1)), &name(&format!("u{}-bias", j + 1)), h)
    };
    older.iter().enumerate().map(part).reduce(|sum, part| add(&sum, &part))
}

/// The logits of task `k` (from 1).
fn logits(learner: &Learner, k: usize, x: &[f64]) -> Vec<f64> {
    let mut read: Vec<[Vec<f64>; 3]> = Vec::new(); // of each column: x, h_1, h_2
    for column in 1..=k {
        let mut h = vec![x.to_vec()];
        for place in ["dense1", "dense2"] {
            let layer = |part: &str| format!("column{column}.{place}.{part}");
            let mut z = affine(learner, &layer("weight"), &layer("bias"), h.last().unwrap());
            let older: Vec<_> = read.iter().map(|read| read[h.len() - 1].clone()).collect();
            if let Some(lateral) = received(learner, column, place, &older) {
                z = add(&z, &lateral);
            }
            h.push(relu(z));
        }
        read.push(h.try_into().unwrap());
    }
    let head = |part: &str| format!("head{k}.{part}");
    let z = affine(learner, &head("weight"), &head("bias"), &read[k - 1][2]);
    let older: Vec<_> = read[..k - 1].iter().map(|read| read[2].clone()).collect();
    received(learner, k, "output", &older).map_or(z.clone(), |lateral| add(&z, &lateral))
}

/// Catches: a lateral at the wrong place or from the wrong column, an older column run without
/// its own laterals, σ or α left out, laterals that never run.
#[test]
fn the_answers_of_columns_are_those_of_the_formula() {
    for settings in [
        json!({}),
        json!({ "biases": false }),
        json!({ "laterals": "linear" }),
        json!({ "laterals": "full" }),
        json!({ "width": 0.5 }),
    ] {
        let learner = learnt(&settings);
        let samples = stream("permuted-digits", Some(60), 0).tasks[0].load(Part::Test);
        let mut inputs = Vec::new();
        (0..20).for_each(|row| samples.append_row(row, &mut inputs));
        for task in 0..3 {
            let view = learner.strategy().view(task, &learner.core.model);
            let (engine, workspace) =
                (Engine::new(net(SPEC)), &mut perennial::Workspace::default());
            let found = engine.logits(workspace, &learner.core.model, &view, &inputs, 20).unwrap();
            for (row, x) in inputs.chunks(64).enumerate() {
                let x: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
                let expected = logits(&learner, task + 1, &x);
                for (z, expected) in found.row(row, &view.answer).unwrap().iter().zip(expected) {
                    assert!((f64::from(*z) - expected).abs() < 1e-4, "{settings}: {z} {expected}");
                }
            }
        }
    }
}

/// Catches: a lateral without a gradient, or one that stays where it started.
#[test]
fn every_part_of_a_lateral_learns() {
    let learner = learnt(&json!({}));
    let model = &learner.core.model;
    let laterals = model.layout.slots().iter().enumerate();
    let laterals: Vec<_> = laterals.filter(|(_, slot)| slot.name.contains("from-older")).collect();
    // Two places (dense2, output) of two columns, five parameters each.
    assert_eq!(laterals.len(), 2 * 2 * 5);
    for (id, slot) in laterals {
        let start = model.initial(perennial::SlotId(id), perennial::draws::Key::of_seed(0));
        assert_ne!(model.theta[slot.range()], start, "{}", slot.name);
    }
}

/// By hand, over 64 inputs with 10 classes: a column has 64·6 + 6 + 6·5 + 5 = 425 numbers and a
/// head of 60. Adapters of the second: at dense2 α 1, V 6·6 + 6, U 6·5 + 5 = 78; at the output α
/// 1, V 5·5 + 5, U 5·10 + 10 = 91; of the third: α and V grow by 1 + 36 and 1 + 25.
#[test]
fn sizes_by_hand() {
    let figures = learnt(&json!({})).strategy().figures();
    let column = |laterals: usize| json!({ "own": 485, "laterals": laterals });
    assert_eq!(figures["columns"], json!([column(0), column(78 + 91), column(169 + 63)]));
}
