//! Views of one graph: widened weights, masks, frozen slots, narrower columns, several heads.

use perennial_nn::params::{Grid, Init, Mask, SlotId, Start};
use perennial_nn::{Graph, cnn, mlp, resnet18};

use crate::definition::assert_gradients;
use crate::net::{EVALUATES, KEEPS, LEARNS, Net, UNTOUCHED, bits, draws};

fn graphs() -> Vec<Graph> {
    vec![
        mlp(&[20], &[18, 7], Start::He).unwrap(),
        cnn([2, 5, 6], [5, 6, 9]).unwrap(),
        resnet18([2, 5, 5], 2).unwrap(),
    ]
}

/// The same network with every parameter in up to four blocks, and which number of θ each number is.
fn in_blocks(net: &Net) -> (Net, Vec<usize>) {
    let mut blocked = Net::empty(net.graph.clone());
    let mut origin = Vec::new();
    let mut split = |blocked: &mut Net, grid: &Grid| {
        let slot = net.layout.slot(grid.blocks[0]);
        let halves = |side: usize| match side {
            1 => vec![0..1],
            _ => vec![0..side.div_ceil(3), side.div_ceil(3)..side],
        };
        let second = slot.shape.get(1).copied().unwrap_or(1);
        let tail: usize = slot.shape.iter().skip(2).product();
        let mut blocks = Vec::new();
        for rows in halves(slot.shape[0]) {
            for columns in halves(second) {
                let mut shape = slot.shape.clone();
                shape[0] = rows.len();
                if shape.len() > 1 {
                    shape[1] = columns.len();
                }
                blocks.push(blocked.slot(&shape, &Init::Constant(0.0)));
                for (row, column) in
                    rows.clone().flat_map(|row| columns.clone().map(move |column| (row, column)))
                {
                    let first = slot.offset + (row * second + column) * tail;
                    origin.extend(first..first + tail);
                }
            }
        }
        Grid { rows: halves(slot.shape[0]).len(), blocks }
    };
    blocked.view = net.view.clone();
    blocked.view.column.parameters =
        net.view.column.parameters.iter().map(|grid| split(&mut blocked, grid)).collect();
    for head in &net.heads {
        let (weight, bias) = (split(&mut blocked, &head.weight), split(&mut blocked, &head.bias));
        blocked.heads.push(perennial_nn::Head { weight, bias, units: head.units.clone() });
    }
    blocked.theta = origin.iter().map(|&at| net.theta[at]).collect();
    blocked.buffers.clone_from(&net.buffers);
    blocked.buffer_layout = net.buffer_layout.clone();
    (blocked, origin)
}

/// A weight of several blocks is the weight they make, to the bit, and so are its gradients.
/// Catches: a block at another's place, a gradient written to the joined place.
#[test]
fn widened_weights() {
    for graph in graphs() {
        let net = Net::new(graph, &[3]);
        let (blocked, origin) = in_blocks(&net);
        assert!(blocked.layout.slots().len() > 2 * net.layout.slots().len());
        let x = net.samples(6);
        let weights = draws("weights", 6 * 3);
        for how in [EVALUATES, KEEPS, LEARNS] {
            assert_eq!(bits(&blocked.forward(&x, 6, how)), bits(&net.forward(&x, 6, how)));
        }
        let wanted = net.gradient(&x, 6, KEEPS, &weights, &|_| true);
        let found = blocked.gradient(&x, 6, KEEPS, &weights, &|_| true);
        let wanted: Vec<f32> = origin.iter().map(|&at| wanted[at]).collect();
        assert_eq!(bits(&found), bits(&wanted));
        // Only some blocks have a place.
        let some = |slot: SlotId| slot.0 % 3 == 1;
        let found = blocked.gradient(&x, 6, KEEPS, &weights, &some);
        for (id, slot) in blocked.layout.slots().iter().enumerate() {
            for at in slot.range() {
                let wanted = if some(SlotId(id)) { wanted[at] } else { UNTOUCHED };
                assert_eq!(found[at].to_bits(), wanted.to_bits(), "{} of {}", at, slot.name);
            }
        }
    }
}

/// Every third weight of a prefix of θ is masked: it reads 0 and has the gradient that it would have
/// there. Catches: a mask that keeps what it should drop, a mask that ends within a slot read as all or
/// nothing, a gradient that is masked too.
#[test]
fn masked_weights() {
    for graph in graphs() {
        let mut net = Net::new(graph, &[3]);
        let x = net.samples(6);
        let end = net.theta.len() * 2 / 3;
        let used = |at: usize| at % 3 != 1;
        net.mask = Some(Mask::from_bytes((0..end).map(|at| u8::from(used(at))).collect()));
        let mut zeroed = Net::new(net.graph.clone(), &[3]);
        assert_eq!(zeroed.theta, net.theta);
        (0..end).filter(|&at| !used(at)).for_each(|at| zeroed.theta[at] = 0.0);
        let weights = draws("weights", 6 * 3);
        for how in [EVALUATES, KEEPS, LEARNS] {
            assert_eq!(bits(&net.forward(&x, 6, how)), bits(&zeroed.forward(&x, 6, how)));
        }
        let found = net.gradient(&x, 6, KEEPS, &weights, &|_| true);
        assert_eq!(bits(&found), bits(&zeroed.gradient(&x, 6, KEEPS, &weights, &|_| true)));
        // As many as of the others, of which filters over small maps have none.
        let with = |of: bool| (0..end).filter(|&at| used(at) == of && found[at] != 0.0).count();
        assert!(3 * with(false) > with(true), "{} and {}", with(false), with(true));
    }
}

/// Slots without a place are not touched, and the others have the gradient that they have among all.
/// Catches: a backward pass that ends before a slot with a place, or that writes to one without.
#[test]
fn frozen_slots() {
    for graph in graphs() {
        let net = Net::new(graph, &[2, 3]);
        let (x, weights) = (net.samples(6), draws("weights", 6 * 5));
        let all = net.gradient(&x, 6, LEARNS, &weights, &|_| true);
        assert!(!all.contains(&UNTOUCHED));
        let slots = net.layout.slots().len();
        for kept in [vec![0], vec![slots - 1], vec![slots / 2, 1], vec![]] {
            let found = net.gradient(&x, 6, LEARNS, &weights, &|slot| kept.contains(&slot.0));
            for (id, slot) in net.layout.slots().iter().enumerate() {
                let (found, all) = (&found[slot.range()], &all[slot.range()]);
                match kept.contains(&id) {
                    true => assert_eq!(bits(found), bits(all), "{}", slot.name),
                    false => assert!(found.iter().all(|&g| g == UNTOUCHED), "{}", slot.name),
                }
            }
        }
    }
}

/// A column of other widths through the same graph is the network of these widths, to the bit.
/// Catches: a width that is taken from the graph and not from the slots.
#[test]
fn narrower_and_wider_columns() {
    for graph in graphs() {
        for factor in [0.5, 1.5] {
            let scaled = graph.scaled(factor).unwrap();
            let own = Net::new(scaled.clone(), &[3]);
            let mut through = Net::empty(graph.clone());
            through.view.column = through.column_of(&scaled);
            through.head(3);
            assert_eq!(through.theta, own.theta);
            let (x, weights) = (own.samples(5), draws("weights", 15));
            for how in [EVALUATES, KEEPS, LEARNS] {
                assert_eq!(bits(&through.forward(&x, 5, how)), bits(&own.forward(&x, 5, how)));
            }
            let found = through.gradient(&x, 5, LEARNS, &weights, &|_| true);
            assert_eq!(bits(&found), bits(&own.gradient(&x, 5, LEARNS, &weights, &|_| true)));
        }
    }
}

/// Heads side by side are the heads alone. Catches: columns of one head at another's place, features
/// that get the gradient of one head only.
#[test]
fn heads_side_by_side() {
    for graph in graphs() {
        let mut net = Net::new(graph, &[2, 3, 1]);
        assert_gradients(&net, 4, KEEPS, 1e-5);
        let x = net.samples(4);
        let all = net.forward(&x, 4, KEEPS);
        for (head, columns) in [(0, 0..2), (1, 2..5), (2, 5..6)] {
            net.view.heads = vec![head];
            let alone = net.forward(&x, 4, KEEPS);
            let wanted: Vec<f32> =
                all.chunks(6).flat_map(|z| z[columns.clone()].to_vec()).collect();
            assert_eq!(bits(&alone), bits(&wanted), "head {head}");
        }
    }
}

/// Catches: a head or a column that does not fit the graph and is computed nevertheless.
#[test]
fn views_that_do_not_fit() {
    let message = |net: &Net| net.try_executable().err().unwrap().to_string();
    let mut net = Net::new(mlp(&[6], &[5, 4], Start::He).unwrap(), &[3]);
    let other = net.slot(&[5, 3], &Init::Constant(0.0));
    net.heads[0].weight = other.into();
    let found = message(&net);
    assert!(found.contains("`head 1`") && found.contains("[5, 3]"), "{found}");

    let mut net = Net::new(mlp(&[6], &[5, 4], Start::He).unwrap(), &[3]);
    net.view.column.parameters[2] = other_slot(&mut net, &[7, 4]);
    let found = message(&net);
    assert!(found.contains("`dense2`") && found.contains("reads 7 numbers"), "{found}");

    let mut net = Net::new(cnn([1, 4, 4], [2, 3, 4]).unwrap(), &[3]);
    net.view.column.parameters.truncate(3);
    let found = message(&net);
    assert!(found.contains("`conv2`") && found.contains("no slots"), "{found}");

    // One slot in two places would have the gradient of one of them.
    let mut net = Net::new(mlp(&[4], &[4, 4], Start::He).unwrap(), &[3]);
    net.view.column.parameters[2] = net.view.column.parameters[0].clone();
    let found = message(&net);
    assert!(found.contains("slot0") && found.contains("two places"), "{found}");
}

fn other_slot(net: &mut Net, shape: &[usize]) -> Grid {
    net.slot(shape, &Init::Constant(0.0)).into()
}
