//! What a column receives from older ones, of both kinds (Rusu et al. 2016).

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use perennial::network::{Graph, Init, Lateral, LateralKind, parse};
use perennial::{Mode, Model, SlotId, View};

use crate::definition::{Definition, Value, tensor};
use crate::networks::Network;
use crate::support::{UNITS, agree, agrees, functional, gradient, pass, perturb, with_head};

const ROWS: usize = 5;
const OLDER: [&str; 2] = ["column1", "column2"];

/// A slot `NAME.part`, its shape that of a matrix from `input` to `output`: 1×1 between maps.
fn matrix(model: &mut Model, name: &str, input: &[usize], output: &[usize]) -> SlotId {
    let shape = match (input, output) {
        (&[inputs, _, _], &[outputs, _, _]) => vec![outputs, inputs, 1, 1],
        _ => vec![input.iter().product(), output.iter().product()],
    };
    model.append(name, &shape, Init::Normal { sd: 0.3 }, 1)
}

/// A model of two older columns and one that receives from them at every place.
fn with_laterals(network: &Graph, kind: LateralKind, biases: bool) -> (Model, View) {
    let mut model = Model::default();
    (0..3).for_each(|_| {
        model.append_column(network, 1);
    });
    with_head(&mut model, network);
    let stages = network.stages().iter();
    let mut places: Vec<_> = stages
        .map(|stage| (network.shape(stage.reads).to_vec(), network.shape(stage.value).to_vec()))
        .collect();
    places.push((vec![network.features()], vec![UNITS]));
    for (place, (input, output)) in places.into_iter().enumerate() {
        let name = |part: &str| format!("place{place}.{part}");
        let mut slots = Vec::new();
        let mut affine = |model: &mut Model, part: &str, input: &[usize], output: &[usize]| {
            slots.push(matrix(model, &name(part), input, output));
            if biases {
                let bias = name(&format!("{part}.bias"));
                let width = match output.len() {
                    3 if input.len() == 3 => output[0],
                    _ => output.iter().product(),
                };
                slots.push(model.append(&bias, &[width], Init::Normal { sd: 0.3 }, 1));
            }
        };
        match kind {
            LateralKind::Linear => {
                for older in OLDER {
                    affine(&mut model, older, &input, &output);
                }
            }
            LateralKind::Adapter => {
                let mut joined = input.clone();
                joined[0] *= OLDER.len();
                affine(&mut model, "v", &joined, &input);
                affine(&mut model, "u", &input, &output);
                let alpha = Init::Between { low: 0.5, high: 1.0 };
                slots.insert(0, model.append(&name("alpha"), &[OLDER.len()], alpha, 1));
            }
        }
        model.columns[2].laterals.push(Some(Lateral { kind, biases, slots }));
    }
    perturb(&mut model);
    let view = View {
        column: model.columns[2].clone(),
        older: model.columns[..2].to_vec(),
        ..model.shared_view(0)
    };
    (model, view)
}

/// hW + b into a place of the shape of `z`: between maps a 1×1 convolution of rows and columns that lie as
/// far apart as they can.
fn map(net: &Definition<'_>, name: &str, biases: bool, h: Value, z: &Value) -> Value {
    let bias = biases.then(|| net.weight::<1>(&format!("{name}.bias")));
    let both = match (h, z) {
        (Value::Maps(h), Value::Maps(z)) => [h, z.clone()],
        (h, _) => {
            let made = h.rows().matmul(net.weight(name));
            return Value::Rows(match bias {
                Some(bias) => made + bias.unsqueeze(),
                None => made,
            });
        }
    };
    let [[_, _, height, width], [_, _, tall, wide]] = both.each_ref().map(Tensor::dims);
    let [h, _] = both;
    let apart = |from: usize, to: usize| if to > 1 { (from - 1) / (to - 1) } else { from };
    let stride = [apart(height, tall), apart(width, wide)];
    let made = conv2d(h, net.weight(name), bias, ConvOptions::new(stride, [0; 2], [1; 2], 1));
    Value::Maps(made.narrow(2, 0, tall).narrow(3, 0, wide))
}

/// What a place receives where older columns read `older`.
fn receive(
    net: &Definition<'_>,
    place: usize,
    lateral: &Lateral,
    older: &[Value],
    z: &Value,
) -> Value {
    let name = |part: &str| format!("place{place}.{part}");
    let sum = |a: Value, b: Value| match (a, b) {
        (Value::Maps(a), Value::Maps(b)) => Value::Maps(a + b),
        (a, b) => Value::Rows(a.rows() + b.rows()),
    };
    match lateral.kind {
        LateralKind::Linear => {
            let maps = older
                .iter()
                .zip(OLDER)
                .map(|(h, older)| map(net, &name(older), lateral.biases, h.clone(), z));
            maps.reduce(sum).unwrap()
        }
        LateralKind::Adapter => {
            let alpha = net.weight::<1>(&name("alpha"));
            let scaled = older.iter().enumerate().map(|(j, h)| {
                let alpha = alpha.clone().slice([j..j + 1]);
                match h {
                    Value::Maps(h) => h.clone() * alpha.reshape([1, 1, 1, 1]),
                    Value::Rows(h) => Value::Rows(h.clone() * alpha.reshape([1, 1])).maps(),
                }
            });
            let joined = Tensor::cat(scaled.collect(), 1);
            let inner = match &older[0] {
                Value::Maps(_) => Value::Maps(joined),
                Value::Rows(_) => Value::Rows(joined.flatten(1, 3)),
            };
            let squeezed = match map(net, &name("v"), lateral.biases, inner, &older[0]) {
                Value::Maps(x) => Value::Maps(relu(x)),
                Value::Rows(x) => Value::Rows(relu(x)),
            };
            map(net, &name("u"), lateral.biases, squeezed, z)
        }
    }
}

/// The logits of the newest column. Its own statistics are the batch's in training, those of older columns
/// the running ones.
fn logits(
    network: Network,
    nets: [&Definition<'_>; 2],
    view: &View,
    images: Tensor<4>,
) -> Tensor<2> {
    let [held, net] = nets;
    let mut h = network.input(images);
    let mut older = vec![h.clone(); OLDER.len()];
    for stage in 0..network.stages() {
        let lateral = view.column.laterals[stage].as_ref().unwrap();
        // The shape of the place is what the older columns make of it.
        let made: Vec<Value> = (OLDER.iter().zip(&older))
            .map(|(column, h)| network.stage(held, column, stage, h.clone(), None))
            .collect();
        let received = receive(net, stage, lateral, &older, &made[0]);
        h = network.stage(net, "column3", stage, h, Some(received));
        older = made;
    }
    let logits = net.linear("head1", h.rows());
    let lateral = view.column.laterals[network.stages()].as_ref().unwrap();
    let received = receive(net, network.stages(), lateral, &older, &Value::Rows(logits.clone()));
    logits + received.rows()
}

/// Catches: α, V and U in another order, a bias left out, older columns joined in another order or trained,
/// their statistics taken from the batch, a stride that starts elsewhere, laterals after the activation.
#[test]
fn laterals_are_those_of_their_definition() {
    for (spec, input) in
        [("mlp:9x7", [1, 5, 5]), ("cnn:3x4x6", [2, 8, 8]), ("resnet18:3", [1, 9, 8])]
    {
        let network = parse(spec, input).unwrap();
        for (kind, biases) in [
            (LateralKind::Linear, true),
            (LateralKind::Linear, false),
            (LateralKind::Adapter, true),
            (LateralKind::Adapter, false),
        ] {
            let (model, view) = with_laterals(&network, kind, biases);
            for mode in [Mode::Train, Mode::Evaluate] {
                let what = format!("{spec} {kind:?} biases {biases} {mode:?}");
                let held = Definition::new(&model, false);
                let trains = mode == Mode::Train;
                let net = Definition {
                    trains,
                    theta: held.theta.clone(),
                    ..Definition::new(&model, trains)
                };
                let pass = pass(&network, ROWS, mode);
                let [channels, height, width] = input;
                let images = tensor(&pass.inputs, [ROWS, channels, height, width]);
                let logits = logits(Network::of(spec), [&held, &net], &view, images);
                let (z, wanted) = net.gradient(logits, &functional(ROWS));

                let mut after = model.clone();
                let (logits, found, slots) = gradient(&network, &mut after, &view, pass);
                agrees(&format!("{what} logits"), &logits, &z);
                let of_older = |slot: &SlotId| {
                    let name = &model.layout.slot(*slot).name;
                    OLDER.iter().any(|older| name.starts_with(&format!("{older}.")))
                };
                assert!(!slots.iter().any(of_older), "{what}: an older column takes part");
                let own = (0..model.layout.slots().len()).map(SlotId);
                assert_eq!(slots, own.filter(|slot| !of_older(slot)).collect::<Vec<_>>());
                agree(&what, &model, &slots, &found, &wanted);
                for slot in model
                    .buffer_layout
                    .slots()
                    .iter()
                    .filter(|slot| !slot.name.starts_with("column3"))
                {
                    assert_eq!(after.buffers[slot.range()], model.buffers[slot.range()], "{what}");
                }
            }
        }
    }
}
