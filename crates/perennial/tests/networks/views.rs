//! Networks over views of θ: blocks, masks, widths.

use std::sync::Arc;

use perennial::network::{Init, parse};
use perennial::{Engine, Grid, Head, Layout, Mask, Mode, Model, Vector, Workspace};

use crate::support::{
    UNITS, answers, bits, draws, gradient, half_squares, images, moved, networks,
};

/// The same model with every parameter cut in two along each of its first two dimensions, each
/// block a slot of its own: what a widened network looks like.
fn in_blocks(whole: &Model) -> Model {
    let mut cut = Model {
        buffer_layout: whole.buffer_layout.clone(),
        buffers: whole.buffers.clone(),
        outputs: whole.outputs.clone(),
        ..Model::default()
    };
    let mut blocks_of = |grid: &Grid| {
        let slot = whole.layout.slot(grid.blocks[0]);
        let values = &whole.theta[slot.range()];
        let halves = |len: usize| {
            let [first, second] = [0..len / 2, len / 2..len];
            [first, second].into_iter().filter(|half| !half.is_empty()).collect::<Vec<_>>()
        };
        let columns = slot.shape.get(1).copied().unwrap_or(1);
        let rest: usize = slot.shape.iter().skip(2).product();
        let mut blocks = Vec::new();
        for rows in halves(slot.shape[0]) {
            for columns_here in halves(columns) {
                let mut block = Vec::new();
                for row in rows.clone() {
                    let start = row * columns * rest;
                    block.extend_from_slice(
                        &values[start + columns_here.start * rest..start + columns_here.end * rest],
                    );
                }
                let mut shape = slot.shape.clone();
                shape[0] = rows.len();
                if let Some(columns) = shape.get_mut(1) {
                    *columns = columns_here.len();
                }
                let name = format!("{}.{}", slot.name, blocks.len());
                blocks.push(cut.append(&name, &shape, Init::Given(Vector::from(block)), 0));
            }
        }
        Grid { rows: halves(slot.shape[0]).len(), blocks }
    };
    let mut columns = whole.columns.clone();
    for grid in columns.iter_mut().flat_map(|column| &mut column.parameters) {
        *grid = blocks_of(grid);
    }
    let head = |head: &Head| Head {
        weight: blocks_of(&head.weight),
        bias: blocks_of(&head.bias),
        units: head.units.clone(),
    };
    let heads = whole.heads.iter().map(head).collect();
    Model { columns, heads, ..cut }
}

/// Every grid of a model, in the order of the whole model's slots.
fn grids(model: &Model) -> Vec<&Grid> {
    let heads = model.heads.iter().flat_map(|head| [&head.weight, &head.bias]);
    model.columns.iter().flat_map(|column| &column.parameters).chain(heads).collect()
}

/// A vector over slots as the joined parameters, one after another.
fn joined(model: &Model, layout: &Layout, values: &[f32]) -> Vec<f32> {
    let mut joined = Vec::new();
    for grid in grids(model) {
        let mut parameter = vec![f32::NAN; grid.shape(layout).iter().product()];
        grid.runs(layout, |_, to, from| parameter[to].copy_from_slice(&values[from]));
        joined.extend(parameter);
    }
    joined
}

/// Catches: a block joined at the wrong place or its gradient scattered to another, rows and
/// columns of blocks exchanged, a grid that is not the network it was cut from.
#[test]
fn blocks_make_the_same_network_as_the_whole() {
    for network in networks() {
        let (engine, whole) = moved(&network, UNITS);
        let cut = in_blocks(&whole);
        assert!(cut.layout.slots().len() > whole.layout.slots().len());
        assert_eq!(joined(&cut, &cut.layout, &cut.theta), whole.theta[..]);
        let answers = |model: &Model| {
            let inputs = images(network.as_ref(), 6);
            bits(&answers(&engine, model, &model.shared_view(0), &inputs, 6), UNITS)
        };
        assert_eq!(answers(&cut), answers(&whole));
        let slopes = |model: &Model| {
            let pass = half_squares(network.as_ref(), 6, Mode::Train);
            let (_, found) = gradient(&engine, &mut model.clone(), &model.shared_view(0), pass);
            joined(model, &model.layout, &found)
        };
        assert_eq!(slopes(&cut), slopes(&whole), "{}", network.name());
    }
}

/// Catches: a mask that keeps what it should drop, reaches beyond its end, changes θ, or masks
/// the gradient too (a dropped weight shows what it would receive if it were used).
#[test]
fn a_mask_is_zeroed_weights_with_the_gradient_whole() {
    for network in networks() {
        let (engine, mut model) = moved(&network, UNITS);
        let covered = model.theta.len() / 2; // the mask was made before the model grew
        let mask: Vec<u8> = draws("mask", covered).iter().map(|&d| u8::from(d > -0.5)).collect();
        let mut view = model.shared_view(0);
        view.keep = Some(Arc::new(Mask::from_bytes(mask.clone())));
        let mut zeroed = model.clone();
        for (weight, keep) in zeroed.theta.iter_mut().zip(&mask) {
            *weight *= f32::from(*keep);
        }
        let unmasked = zeroed.shared_view(0);
        let inputs = || images(network.as_ref(), 6);
        assert_eq!(
            bits(&answers(&engine, &model, &view, &inputs(), 6), UNITS),
            bits(&answers(&engine, &zeroed, &unmasked, &inputs(), 6), UNITS),
        );
        let pass = || half_squares(network.as_ref(), 6, Mode::Train);
        let before = model.theta.clone();
        let (_, found) = gradient(&engine, &mut model, &view, pass());
        let (_, expected) = gradient(&engine, &mut zeroed, &unmasked, pass());
        assert_eq!(found, expected);
        assert_eq!(model.theta, before);
        let dropped = mask.iter().zip(found.iter()).filter(|(keep, _)| **keep == 0);
        assert!(dropped.clone().any(|(_, g)| *g != 0.0), "{}", network.name());
    }
}

/// Catches: a layer whose shape comes from the architecture and not from its weights.
#[test]
fn shapes_follow_the_weights() {
    for spec in ["mlp:12x8", "cnn:4x6x10", "resnet18:4"] {
        let network = parse(spec, [3, 8, 8]).unwrap();
        for factor in [0.5, 1.5] {
            let other = Arc::new(network.scaled(factor).unwrap());
            let (engine, model) = moved(&other, UNITS);
            let narrow = Engine::new(network.clone());
            let view = model.shared_view(0);
            let inputs = || images(network.as_ref(), 6);
            assert_eq!(
                bits(&answers(&narrow, &model, &view, &inputs(), 6), UNITS),
                bits(&answers(&engine, &model, &view, &inputs(), 6), UNITS),
            );
        }
    }
    let scaled = |spec: &str, factor| {
        parse(spec, [1, 8, 8]).unwrap().scaled(factor).unwrap().name().to_owned()
    };
    assert_eq!(scaled("mlp:12x8", 0.5), "mlp:6x4");
    assert_eq!(scaled("cnn", 0.5), "cnn:16x32x64");
    assert_eq!(scaled("resnet18:20", 1.5), "resnet18:30");
    assert_eq!(scaled("mlp:3", 0.01), "mlp:1");
}

/// z = hW + b with h the features. Catches: features before the last rectifier or pooling, rows that
/// are padded, a chunk left out.
#[test]
fn the_heads_read_the_features() {
    for network in networks() {
        let (engine, model) = moved(&network, UNITS);
        let view = model.shared_view(0);
        for rows in [1, 70] {
            let inputs = images(network.as_ref(), rows);
            let logits = answers(&engine, &model, &view, &inputs, rows);
            let workspace = &mut Workspace::default();
            let features = engine.features(workspace, &model, &view, &inputs, rows).unwrap();
            let width = network.features();
            assert_eq!(features.len(), rows * width);
            let of = |grid: &Grid| &model.theta[model.layout.slot(grid.blocks[0]).range()];
            let (weight, bias) = (of(&model.heads[0].weight), of(&model.heads[0].bias));
            for (row, h) in features.chunks(width).enumerate() {
                for (unit, &z) in logits.row(row, &(0..UNITS)).unwrap().iter().enumerate() {
                    let sum: f32 = (0..width).map(|i| h[i] * weight[i * UNITS + unit]).sum();
                    let by_hand = sum + bias[unit];
                    assert!((z - by_hand).abs() < 1e-4, "{}: {z} {by_hand}", network.name());
                }
            }
        }
    }
}
