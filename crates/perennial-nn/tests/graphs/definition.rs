//! Views from their definition, in double precision, and gradients by central differences.

use perennial_nn::check::Plain;
use perennial_nn::draws::Key;
use perennial_nn::params::{Grid, SlotId};
use perennial_nn::{Column, Lateral, LateralKind};
use rand::RngExt;

use crate::net::{How, Net, assert_near, draws};
use crate::plain;

/// A value of all rows, samples one after another.
#[derive(Clone)]
struct Value {
    shape: Vec<usize>,
    numbers: Vec<f64>,
}

/// θ in double precision, 0 where the view's mask says no.
pub(crate) fn effective(net: &Net) -> Vec<f64> {
    let used = |at: usize| net.mask.as_ref().and_then(|mask| mask.get(at)).unwrap_or(true);
    let number = |(at, &x): (usize, &f32)| if used(at) { f64::from(x) } else { 0.0 };
    net.theta.iter().enumerate().map(number).collect()
}

/// The numbers of a parameter, its blocks joined along the first two dimensions.
fn joined(net: &Net, theta: &[f64], grid: &Grid) -> Vec<f64> {
    let columns = grid.blocks.len() / grid.rows;
    let mut all = Vec::new();
    for blocks in grid.blocks.chunks(columns) {
        let slots: Vec<_> = blocks.iter().map(|&block| net.layout.slot(block)).collect();
        for row in 0..slots[0].shape[0] {
            for slot in &slots {
                let len: usize = slot.shape[1..].iter().product();
                all.extend(&theta[slot.offset + row * len..][..len]);
            }
        }
    }
    all
}

/// The logits of the view.
pub(crate) fn logits(net: &Net, theta: &[f64], x: &[f32], rows: usize, learns: bool) -> Vec<f64> {
    let x = Value {
        shape: net.graph.input().to_vec(),
        numbers: x.iter().map(|&x| f64::from(x)).collect(),
    };
    let mut columns: Vec<Vec<Value>> = Vec::new();
    for older in &net.view.older {
        let values = column(net, theta, older, &columns, &x, rows, false);
        columns.push(values);
    }
    let own = column(net, theta, &net.view.column, &columns, &x, rows, learns);
    let features = own.last().unwrap();
    let units = net.units();
    let mut logits = vec![0.0; rows * units];
    let mut first = 0;
    for &head in &net.view.heads {
        let head = &net.heads[head];
        let (weight, bias) = (joined(net, theta, &head.weight), joined(net, theta, &head.bias));
        let width = bias.len();
        for (row, h) in features.numbers.chunks(features.numbers.len() / rows).enumerate() {
            for (o, bias) in bias.iter().enumerate() {
                let terms = h.iter().enumerate().map(|(i, h)| h * weight[i * width + o]);
                logits[row * units + first + o] = bias + terms.sum::<f64>();
            }
        }
        first += head.units.len();
    }
    if let Some(Some(lateral)) = net.view.column.laterals.last() {
        let from: Vec<&Value> = columns.iter().filter_map(|values| values.last()).collect();
        let received = receive(net, theta, lateral, &from, &[units], rows);
        logits.iter_mut().zip(received).for_each(|(z, received)| *z += received);
    }
    logits
}

/// All values of a column: its input, then what each layer makes.
fn column(
    net: &Net,
    theta: &[f64],
    column: &Column,
    older: &[Vec<Value>],
    x: &Value,
    rows: usize,
    learns: bool,
) -> Vec<Value> {
    let mut values = vec![x.clone()];
    for (i, node) in net.graph.nodes().iter().enumerate() {
        let inputs: Vec<&Value> = node.inputs.iter().map(|&value| &values[value]).collect();
        let buffers = &column.buffers[node.buffers.clone()];
        let buffers = buffers.iter().map(|&id| &net.buffers[net.buffer_layout.slot(id).range()]);
        let plain = Plain {
            rows,
            shapes: inputs.iter().map(|value| value.shape.clone()).collect(),
            inputs: inputs.iter().map(|value| value.numbers.clone()).collect(),
            parameters: column.parameters[node.parameters.clone()]
                .iter()
                .map(|grid| joined(net, theta, grid))
                .collect(),
            buffers: buffers.map(|b| b.iter().map(|&x| f64::from(x)).collect()).collect(),
            learns,
        };
        let mut numbers = plain::forward(node.layer.as_ref(), &plain);
        // The graph's shape with the width of this column.
        let mut shape = node.output.clone();
        let wide = if shape.len() == 2 { 1 } else { 0 };
        shape[wide] = 1;
        shape[wide] = numbers.len() / rows / shape.iter().product::<usize>();
        let place = net.graph.stages().iter().position(|stage| stage.value == i + 1);
        if let Some((place, Some(lateral))) =
            place.and_then(|place| Some((place, column.laterals.get(place)?.as_ref())))
        {
            let reads = net.graph.stages()[place].reads;
            let from: Vec<&Value> = older.iter().map(|values| &values[reads]).collect();
            let received = receive(net, theta, lateral, &from, &shape, rows);
            numbers.iter_mut().zip(received).for_each(|(x, received)| *x += received);
        }
        values.push(Value { shape, numbers });
    }
    values
}

/// What a lateral adds to a place of this shape.
fn receive(
    net: &Net,
    theta: &[f64],
    lateral: &Lateral,
    from: &[&Value],
    shape: &[usize],
    rows: usize,
) -> Vec<f64> {
    let step = if lateral.biases { 2 } else { 1 };
    match lateral.kind {
        LateralKind::Linear => {
            let mut sum = vec![0.0; rows * shape.iter().product::<usize>()];
            for (h, slots) in from.iter().zip(lateral.slots.chunks(step)) {
                let received = map(net, theta, h, slots, shape, rows).numbers;
                sum.iter_mut().zip(received).for_each(|(sum, received)| *sum += received);
            }
            sum
        }
        LateralKind::Adapter => {
            let alpha = &theta[net.layout.slot(lateral.slots[0]).range()];
            let mut joined = Value { shape: from[0].shape.clone(), numbers: Vec::new() };
            joined.shape[0] = from.iter().map(|h| h.shape[0]).sum();
            for row in 0..rows {
                for (h, alpha) in from.iter().zip(alpha) {
                    let len = h.numbers.len() / rows;
                    joined.numbers.extend(h.numbers[row * len..][..len].iter().map(|h| alpha * h));
                }
            }
            let (v, u) = lateral.slots[1..].split_at(step);
            let inner = joined.shape.clone();
            let mut squeezed = map(net, theta, &joined, v, &inner, rows);
            squeezed.numbers.iter_mut().for_each(|h| *h = h.max(0.0));
            map(net, theta, &squeezed, u, shape, rows).numbers
        }
    }
}

/// hW + b, pixel by pixel where W is over maps; fewer pixels are every so many rows and columns.
fn map(
    net: &Net,
    theta: &[f64],
    h: &Value,
    slots: &[SlotId],
    shape: &[usize],
    rows: usize,
) -> Value {
    let of = |slot: SlotId| &theta[net.layout.slot(slot).range()];
    let (weight, kind) = (of(slots[0]), net.layout.slot(slots[0]).shape.clone());
    let bias = |o: usize| slots.get(1).map_or(0.0, |&slot| of(slot)[o]);
    let len = h.numbers.len() / rows;
    let mut numbers = Vec::new();
    if let [outputs, inputs, 1, 1] = kind[..] {
        let (height, width) = (h.shape[1], h.shape[2]);
        let [tall, wide] =
            if let [_, tall, wide] = shape[..] { [tall, wide] } else { [height, width] };
        // The largest stride that leaves enough pixels.
        let stride = |from: usize, to: usize| {
            (1..=from).filter(|stride| from.div_ceil(*stride) >= to).max().unwrap()
        };
        let (down, across) = (stride(height, tall), stride(width, wide));
        for h in h.numbers.chunks(len) {
            for at in 0..outputs * tall * wide {
                let (o, y, x) = (at / (tall * wide), at / wide % tall * down, at % wide * across);
                let terms =
                    (0..inputs).map(|c| weight[o * inputs + c] * h[(c * height + y) * width + x]);
                numbers.push(bias(o) + terms.sum::<f64>());
            }
        }
        return Value { shape: vec![outputs, tall, wide], numbers };
    }
    let outputs = kind[1];
    for h in h.numbers.chunks(len) {
        for o in 0..outputs {
            let terms = h.iter().enumerate().map(|(i, h)| h * weight[i * outputs + o]);
            numbers.push(bias(o) + terms.sum::<f64>());
        }
    }
    Value { shape: vec![outputs], numbers }
}

/// The step of central differences.
const STEP: f64 = 1e-6;

/// What rounding in double precision may leave of such a difference.
const ROUNDING: f64 = 1e-8;

/// Logits and the gradient by every slot agree with the definition and its central differences, by one
/// number of each slot and along a random direction of all of its numbers.
pub(crate) fn assert_gradients(net: &Net, rows: usize, how: How, tolerance: f64) {
    let x = net.samples(rows);
    assert_gradients_of(net, &x, rows, how, tolerance);
}

pub(crate) fn assert_gradients_of(net: &Net, x: &[f32], rows: usize, how: How, tolerance: f64) {
    let mut theta = effective(net);
    let found = net.forward(x, rows, how);
    assert_near("logits", &found, &logits(net, &theta, x, rows, how.learns), tolerance);
    let weights = draws("weights of logits", rows * net.units());
    let own = net.executable().slots(&net.view.heads);
    let gradient = net.gradient(x, rows, how, &weights, &|slot| own.contains(&slot));
    let mut generator = Key::of_seed(6).generator("directions");
    for slot in own {
        let slot = net.layout.slot(slot);
        let found = &gradient[slot.range()];
        let one = generator.random_range(0..slot.len());
        let only = (0..slot.len()).map(|i| if i == one { 1.0 } else { 0.0 }).collect();
        let all = (0..slot.len()).map(|_| if generator.random::<bool>() { 1.0 } else { -1.0 });
        let largest = found.iter().fold(0.0, |largest: f32, g| largest.max(g.abs()));
        let directions: [Vec<f64>; 2] = [only, all.collect()];
        for direction in directions {
            let mut sum = |distance: f64| {
                let own = slot.range().zip(&direction);
                let before = theta.clone();
                own.for_each(|(at, d)| theta[at] += distance * d);
                let z = logits(net, &theta, x, rows, how.learns);
                theta = before;
                z.iter().zip(&weights).map(|(z, &w)| z * f64::from(w)).sum::<f64>()
            };
            let wanted = (sum(STEP) - sum(-STEP)) / (2.0 * STEP);
            let found = found.iter().zip(&direction).map(|(&g, d)| f64::from(g) * d).sum::<f64>();
            // Errors of single numbers add up as their root.
            let count = direction.iter().map(|d| d.abs()).sum::<f64>().sqrt();
            assert!(
                (found - wanted).abs() <= tolerance * count * f64::from(largest) + ROUNDING,
                "the gradient by {} {:?}: {found} and not {wanted} (the largest is {largest})",
                slot.name,
                slot.shape
            );
        }
    }
}
