//! Gradients against slopes of the loss.

use perennial::{Frozen, Mode, SlotId, Vector, Workspace};

use crate::support::{answers, draws, gradient, half_squares, moved, networks};

/// How far from the weights a slope is measured: a large step meets more kinks of rectifiers, a
/// small one drowns in rounding. A right gradient must fit at one of them, a wrong one fits none.
const STEPS: [f32; 3] = [1e-3, 3e-4, 1e-4];
/// Rounding puts a loss off by about this share of itself.
const ROUNDING: f64 = 3e-7;

/// Slot by slot, along a direction that leans on the gradient and has a part in every weight.
///
/// Catches: a gradient given to the wrong slot, twice or not at all; statistics of a training
/// pass taken for constants, or those of an evaluation pass not.
#[test]
fn every_gradient_is_the_slope_of_its_loss() {
    for network in networks() {
        let (engine, model) = moved(&network, 5);
        let view = model.shared_view(0);
        for mode in [Mode::Train, Mode::Evaluate] {
            let pass = half_squares(network.as_ref(), 12, mode);
            let (loss, found) = gradient(&engine, &mut model.clone(), &view, pass.clone());
            for slot in model.layout.slots() {
                let own = &found[slot.range()];
                let norm = own.iter().map(|g| g * g).sum::<f32>().sqrt();
                let share = 1.0 / (own.len() as f32).sqrt();
                let direction: Vec<f32> = draws(&slot.name, own.len())
                    .iter()
                    .zip(own)
                    .map(|(noise, g)| share * noise + g / norm.max(f32::MIN_POSITIVE))
                    .collect();
                let at = |step: f32| {
                    let mut model = model.clone();
                    for (weight, d) in model.theta[slot.range()].iter_mut().zip(&direction) {
                        *weight += step * d;
                    }
                    gradient(&engine, &mut model, &view, pass.clone()).0
                };
                let along = own.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum::<f64>();
                // On a kink the two sides have slopes of their own, and the gradient is one of
                // them or between.
                let sides = STEPS.map(|step| {
                    let [below, above] = [loss - at(-step), at(step) - loss];
                    [below, above].map(|rise| rise / f64::from(step))
                });
                let fits = STEPS.iter().zip(sides).any(|(&step, [below, above])| {
                    let tolerance = 0.02 * f64::from(norm) + ROUNDING * loss / f64::from(step);
                    along > below.min(above) - tolerance && along < below.max(above) + tolerance
                });
                let name = format!("{} {mode:?} {}", network.name(), slot.name);
                assert!(fits, "{name}: slopes {sides:?}, gradient {along}, norm {norm}");
            }
        }
    }
}

/// Catches: evaluation with gradients that quietly normalises by the batch.
#[test]
fn evaluation_with_gradients_gives_the_answers_of_evaluation() {
    for network in networks() {
        let (engine, mut model) = moved(&network, 5);
        let view = model.shared_view(0);
        let pass = half_squares(network.as_ref(), 6, Mode::Evaluate);
        let answers = answers(&engine, &model, &view, &pass.inputs, 6);
        let frozen = Frozen::default();
        let mut found = Vector::zeros(model.theta.len());
        let (computed, _) = engine
            .gradient(
                &mut Workspace::default(),
                &mut model,
                (&view, &frozen),
                vec![pass.clone()],
                &mut found,
            )
            .unwrap();
        for row in 0..6 {
            let tracked = computed.logits[0].row(row, &(0..5)).unwrap();
            for (a, b) in tracked.iter().zip(answers.row(row, &(0..5)).unwrap()) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{}: {a} {b}", network.name());
            }
        }
        let mut train = pass;
        train.mode = Mode::Train;
        let (loss, _) = gradient(&engine, &mut model, &view, train);
        let differs = (loss - computed.loss).abs() > 1e-3 * loss;
        assert_eq!(differs, !network.buffers().is_empty(), "{}", network.name());
    }
}

/// Catches: a frozen slot that is written, listed as active, or that changes what the others get.
#[test]
fn frozen_slots_get_no_gradient() {
    const UNTOUCHED: f32 = 7.0;
    for network in networks() {
        let (engine, model) = moved(&network, 5);
        let view = model.shared_view(0);
        let pass = half_squares(network.as_ref(), 6, Mode::Train);
        let mut free = model.clone();
        let (_, whole) = gradient(&engine, &mut free, &view, pass.clone());
        let slots: Vec<SlotId> = (0..model.layout.slots().len()).map(SlotId).collect();
        let every_second = slots.iter().copied().step_by(2).collect();
        for frozen in [every_second, slots.iter().copied().collect()] {
            let frozen = Frozen { slots: frozen, mask: None };
            let mut found = Vector::from(vec![UNTOUCHED; model.theta.len()]);
            let mut model = model.clone();
            let (workspace, at, passes) =
                (&mut Workspace::default(), (&view, &frozen), vec![pass.clone()]);
            let (computed, active) =
                engine.gradient(workspace, &mut model, at, passes, &mut found).unwrap();
            assert!(computed.loss > 0.0);
            assert_eq!(model.buffers, free.buffers, "{}", network.name()); // its own affair
            for &slot in &slots {
                let range = model.layout.slot(slot).range();
                if frozen.slots.contains(&slot) {
                    assert!(found[range].iter().all(|&g| g == UNTOUCHED));
                    assert!(!active.contains(&slot));
                } else {
                    assert_eq!(found[range.clone()], whole[range]);
                    assert!(active.contains(&slot));
                }
            }
        }
    }
}
