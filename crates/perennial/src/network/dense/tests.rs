//! Over slices against autodiff.

use std::sync::Arc;

use super::*;
use crate::draws::Key;
use crate::engine::{Engine, Frozen, heads_of};
use crate::network::Mlp;
use crate::vector::{Mask, Vector};
use perennial_nn::loss::{Mode, Pass, Target, Term};
use rand::RngExt;

/// Loss, logits and gradients over slices are those of autodiff, for three groups of rows of
/// two heads side by side, one of them in two portions, with and without a mask, of full rows,
/// of sparse ones, and of both. Catches: a transposed weight, a rectifier left out, a bias not
/// reset, a head at another's columns, a portion that overwrites instead of adding, a mask not
/// applied or beyond its end, a full row among the sparse ones.
#[test]
fn gradients_are_those_of_autodiff() {
    gradients_agree(None);
    gradients_agree(Some(Mask::from_bytes((0..100).map(|i| u8::from(i % 3 != 0)).collect())));
}

fn gradients_agree(keep: Option<Mask>) {
    let network: Arc<dyn Network> = Arc::new(Mlp::new([1, 3, 4], &[9, 7]).unwrap());
    let mut model = Model::default();
    model.append_column(network.as_ref(), 3);
    model.append_head(7, 3, 3);
    model.append_head(7, 2, 3);
    let view = View {
        column: model.columns[0].clone(),
        older: Vec::new(),
        statistics: crate::model::Statistics::Learn,
        heads: vec![0, 1],
        answer: 0..5,
        keep: keep.map(Arc::new),
    };
    agrees_with_autodiff(network, model, &view);
}

/// For groups of rows of three and two of five units, over 12 inputs, some of them mostly 0.
pub(super) fn agrees_with_autodiff(network: Arc<dyn Network>, mut model: Model, view: &View) {
    let mut generator = Key::of_seed(4).generator("dense");
    model.theta.iter_mut().for_each(|w| *w += generator.random_range(-0.2..0.2));
    // Of every row, numbers at a multiple of `each` are 0; of full rows none.
    let mut part = |rows: usize, active: Range<usize>, each: &[usize]| {
        let labels = (0..rows).map(|i| (active.start + i % active.len()) as u32).collect();
        let mut number = |i: usize| match each[i / 12 % each.len()] {
            each if each > 0 && i.is_multiple_of(each) => 0.0,
            _ => generator.random_range(-1.0..1.0),
        };
        Pass {
            inputs: (0..rows * 12).map(&mut number).collect(),
            rows,
            mode: Mode::Evaluate,
            terms: vec![Term {
                rows: 0..rows,
                active,
                weight: 0.3,
                target: Target::Labels(labels),
            }],
        }
    };
    let parts = [part(5, 0..3, &[0]), part(4, 3..5, &[2]), part(6, 0..5, &[0, 2])];
    let dense = Dense::of(network.as_ref(), &model, view, &view.heads, &mut Vec::new()).unwrap();
    let mut all = Pass { inputs: vec![], rows: 0, mode: Mode::Evaluate, terms: vec![] };
    parts.iter().for_each(|part| all.append(part.clone()));
    let mut work = Work { inputs: all.inputs.clone(), ..Work::default() };
    dense.forward(&model.theta, (all.rows, None), &mut work);
    all.loss(&work.logits, &dense.columns, &mut work.slope).unwrap();
    // Rows 0..5, 5..9 in portions 5..7 and 7..9, 9..15.
    let mut gradients = vec![7.0; 3 * model.theta.len()];
    for (rows, group, add) in
        [(0..5, 0, false), (5..7, 1, false), (7..9, 1, true), (9..15, 2, false)]
    {
        let gradient = &mut gradients[group * model.theta.len()..][..model.theta.len()];
        let mut groups = [Group { rows, gradient, add }];
        let place = |slot| Some(model.layout.slot(slot).offset);
        let rows = (all.rows, None);
        dense.deltas(&model.theta, rows.0, &mut work, place);
        dense.gradients(&model.layout, &model.theta, rows, &mut work, &mut groups, place);
    }
    let engine = Engine::new(network);
    for (part, found) in parts.into_iter().zip(gradients.chunks(model.theta.len())) {
        let mut wanted = Vector::zeros(model.theta.len());
        let frozen = Frozen::default();
        let heads = heads_of(&model, view, [&part.terms[0].active]);
        let at = (view, &heads[..]);
        engine.tracked_gradient(&mut model, at, &frozen, vec![part], &mut wanted).unwrap();
        let size = wanted.iter().fold(0.0f32, |most, g| most.max(g.abs()));
        for range in dense.slots().map(|slot| model.layout.slot(slot).range()) {
            for (found, wanted) in found[range.clone()].iter().zip(&wanted[range]) {
                assert!((found - wanted).abs() <= 1e-5 * size, "{found} where {wanted}");
            }
        }
    }
}
