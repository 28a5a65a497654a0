//! The moves of a step: one pass over θ, in which a strategy takes part weight by weight.

use std::ops::Range;

use crate::optimizer::{OptimizerSettings, Rule};
use crate::vector::simd_dispatch;

/// The weights of one slot, about to move.
///
/// What a strategy adds is said of one weight, as in its paper, and becomes one loop with the
/// optimiser's rule: each number is read once and none is set aside. Write the closures as
/// `#[inline(always)] move`: they are then compiled for the machine that they run on, and keep their
/// numbers in registers. Without, they do the same, more slowly.
#[derive(Debug)]
#[must_use = "the weights have not moved"]
pub struct Descent<'a> {
    /// Which weights of θ.
    pub(crate) at: Range<usize>,
    pub(crate) lr: f32,
    /// g of them.
    pub(crate) gradient: &'a mut [f32],
    /// They themselves.
    pub(crate) theta: &'a mut [f32],
    /// Of them, as far as it goes: what is not 0 does not move.
    pub(crate) frozen: &'a [u8],
    pub(crate) settings: &'a OptimizerSettings,
    /// How they move, with their moments.
    pub(crate) rule: Rule<'a>,
}

/// How one weight went.
#[derive(Clone, Copy, Debug)]
pub struct Went {
    /// Its gradient before the pull that it moved by: the objective's, if nothing changed it.
    pub g: f32,
    /// ĝ, the gradient after the pull.
    pub pulled: f32,
    /// Δ, the move actually made: what the optimiser made of ĝ; 0 if frozen.
    pub delta: f32,
}

/// Proof that a slot moved: only a [`Descent`] gives it.
#[derive(Debug)]
#[must_use = "the driver asks for it"]
pub struct Moved {
    /// Whether every Δ was a finite number; if not, θ and moments are spoilt.
    pub(crate) finite: bool,
}

impl Descent<'_> {
    /// Where the slot lies in θ.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// The learning rate in force.
    pub fn lr(&self) -> f32 {
        self.lr
    }

    /// Moves by the optimiser's rule.
    pub fn go(self) -> Moved {
        self.go_pulled([], unpulled)
    }

    /// Moves by ĝ = `pull(g, θ, read)`, where `read` is the weight's number of each slice. Where a
    /// slice ends before the slot, the rest moves by g.
    pub fn go_pulled<const R: usize>(
        self,
        read: [&[f32]; R],
        pull: impl Fn(f32, f32, [f32; R]) -> f32 + Copy,
    ) -> Moved {
        self.go_followed(
            read,
            pull,
            [],
            #[inline(always)]
            |_, []| {},
        )
    }

    /// [`go_pulled`](Self::go_pulled), and after each weight's move calls `follow(went, written)`,
    /// where `written` is its number of each of these slices; of a frozen weight Δ is 0.
    ///
    /// # Panics
    ///
    /// When a slice that is written ends before the slot.
    pub fn go_followed<const R: usize, const W: usize>(
        mut self,
        read: [&[f32]; R],
        pull: impl Fn(f32, f32, [f32; R]) -> f32 + Copy,
        mut written: [&mut [f32]; W],
        follow: impl Fn(Went, [&mut f32; W]) + Copy,
    ) -> Moved {
        let len = self.theta.len();
        let known = self.known(&read);
        let masked = self.frozen.len().min(len);
        let mut finite = true;
        for at in
            [0..known.min(masked), known.min(masked)..known.max(masked), known.max(masked)..len]
        {
            let written = written.each_mut().map(|written| &mut written[at.clone()]);
            let (pulled, masked) = (at.end <= known, at.end <= masked);
            let read = read.map(|read| if pulled { &read[at.clone()] } else { &[] });
            finite &= match (pulled, masked) {
                _ if at.is_empty() => true,
                (true, false) => self.part::<false, R, W>(at, read, pull, written, follow),
                (true, true) => self.part::<true, R, W>(at, read, pull, written, follow),
                (false, false) => self.part::<false, 0, W>(at, [], unpulled, written, follow),
                (false, true) => self.part::<true, 0, W>(at, [], unpulled, written, follow),
            };
        }
        Moved { finite }
    }

    /// g ← `pull(g, θ, read)`, as far as all slices go, and nothing moves yet: for a pull before
    /// another one.
    pub fn pull<const R: usize>(
        &mut self,
        read: [&[f32]; R],
        pull: impl Fn(f32, f32, [f32; R]) -> f32 + Copy,
    ) {
        let len = self.known(&read);
        let (gradient, theta) = (&mut self.gradient[..len], &self.theta[..len]);
        let read = read.map(|read| &read[..len]);
        simd_dispatch(
            #[inline(always)]
            move || {
                for (i, (g, &theta)) in gradient.iter_mut().zip(theta).enumerate() {
                    *g = pull(*g, theta, read.map(|read| read[i]));
                }
            },
        );
    }

    /// How many of its first weights all slices know.
    fn known(&self, read: &[&[f32]]) -> usize {
        read.iter().fold(self.theta.len(), |known, read| known.min(read.len()))
    }

    /// The weights `at` of the slot. Says whether every Δ was finite.
    fn part<const MASKED: bool, const R: usize, const W: usize>(
        &mut self,
        at: Range<usize>,
        read: [&[f32]; R],
        pull: impl Fn(f32, f32, [f32; R]) -> f32 + Copy,
        written: [&mut [f32]; W],
        follow: impl Fn(Went, [&mut f32; W]) + Copy,
    ) -> bool {
        let &OptimizerSettings { momentum, weight_decay: decay, beta1, beta2, epsilon, .. } =
            self.settings;
        let lr = self.lr;
        let weights = Weights::<MASKED> {
            theta: &mut self.theta[at.clone()],
            gradient: &self.gradient[at.clone()],
            frozen: if MASKED { &self.frozen[at.clone()] } else { &[] },
        };
        let rule = &mut self.rule;
        simd_dispatch(
            #[inline(always)]
            move || match rule {
                Rule::Sgd => weights.go(
                    (read, pull),
                    [],
                    #[inline(always)]
                    move |g, theta, []| -lr * (g + decay * theta),
                    (written, follow),
                ),
                Rule::Momentum(m) => weights.go(
                    (read, pull),
                    [&mut m[at]],
                    #[inline(always)]
                    move |g, theta, [m]| {
                        *m = momentum * *m + g + decay * theta;
                        -lr * *m
                    },
                    (written, follow),
                ),
                &mut Rule::Adam { ref mut first, ref mut second, correct1, correct2 } => weights
                    .go(
                        (read, pull),
                        [&mut first[at.clone()], &mut second[at]],
                        #[inline(always)]
                        move |g, theta, [first, second]| {
                            let g = g + decay * theta;
                            *first += (1.0 - beta1) * (g - *first);
                            *second += (1.0 - beta2) * (g * g - *second);
                            -lr * (*first / correct1) / ((*second / correct2).sqrt() + epsilon)
                        },
                        (written, follow),
                    ),
            },
        )
    }
}

/// The pull of what a strategy knows nothing of.
#[inline(always)]
fn unpulled(g: f32, _: f32, []: [f32; 0]) -> f32 {
    g
}

/// Weights that one loop moves.
struct Weights<'a, const MASKED: bool> {
    theta: &'a mut [f32],
    gradient: &'a [f32],
    /// None unless masked.
    frozen: &'a [u8],
}

impl<const MASKED: bool> Weights<'_, MASKED> {
    /// θ ← θ + Δ where Δ = `rule(ĝ, θ, moments)`. A frozen weight is left alone and has no moments,
    /// whatever momentum and decay would do; it is not moved by 0: −0 + 0 would be another bit
    /// pattern.
    #[inline(always)]
    fn go<const R: usize, const M: usize, const W: usize>(
        self,
        (read, pull): ([&[f32]; R], impl Fn(f32, f32, [f32; R]) -> f32 + Copy),
        moments: [&mut [f32]; M],
        rule: impl Fn(f32, f32, [&mut f32; M]) -> f32,
        (written, follow): ([&mut [f32]; W], impl Fn(Went, [&mut f32; W]) + Copy),
    ) -> bool {
        // One length, asserted before the loop and not at every index: a loop without branches is
        // as wide as the machine.
        let len = self.theta.len();
        let (theta, gradient) = (self.theta, &self.gradient[..len]);
        let frozen = if MASKED { &self.frozen[..len] } else { &[] };
        let read = read.map(|read| &read[..len]);
        let mut moments = moments.map(|moments| &mut moments[..len]);
        let mut written = written.map(|written| &mut written[..len]);
        let mut finite = true;
        for i in 0..len {
            let (g, start) = (gradient[i], theta[i]);
            let pulled = pull(g, start, read.map(|read| read[i]));
            let delta = rule(pulled, start, moments.each_mut().map(|moments| &mut moments[i]));
            finite &= delta.is_finite();
            let (end, delta) = match MASKED && frozen[i] != 0 {
                true => (start, 0.0),
                false => (start + delta, delta),
            };
            if MASKED {
                for moments in &mut moments {
                    moments[i] = if frozen[i] == 0 { moments[i] } else { 0.0 };
                }
            }
            theta[i] = end;
            let went = Went { g, pulled, delta };
            follow(went, written.each_mut().map(|written| &mut written[i]));
        }
        finite
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SlotId;
    use crate::optimizer::{Optimizer, OptimizerKind};

    /// Each rule, with everything that it can do.
    fn rules() -> [OptimizerSettings; 3] {
        let sgd = OptimizerSettings { weight_decay: 0.1, ..Default::default() };
        let momentum = OptimizerSettings { momentum: 0.9, ..sgd.clone() };
        [sgd.clone(), momentum, OptimizerSettings { kind: OptimizerKind::Adam, ..sgd }]
    }

    /// The weights of one slot.
    struct Slot {
        optimizer: Optimizer,
        theta: Vec<f32>,
        frozen: Vec<u8>,
    }

    impl Slot {
        fn new(settings: OptimizerSettings, theta: &[f32], frozen: &[u8]) -> Self {
            let (optimizer, frozen) = (Optimizer::new(settings), frozen.to_vec());
            Self { optimizer, theta: theta.to_vec(), frozen }
        }

        /// A step with lr .1.
        fn step(&mut self, g: &[f32], descend: impl FnOnce(Descent<'_>) -> Moved) -> bool {
            let Self { optimizer, theta, frozen } = self;
            let (settings, rule) = optimizer.begin(SlotId(0), theta.len());
            let (gradient, at) = (&mut g.to_vec()[..], 0..theta.len());
            descend(Descent { at, lr: 0.1, gradient, theta, frozen, settings, rule }).finite
        }
    }

    fn go(slot: Descent<'_>) -> Moved {
        slot.go()
    }

    fn steps(settings: OptimizerSettings, gradients: &[f32], frozen: &[u8]) -> Vec<f32> {
        let mut slot = Slot::new(settings, &[1.0], frozen);
        let step = |&g: &f32| {
            assert!(slot.step(&[g], go));
            slot.theta[0]
        };
        gradients.iter().map(step).collect()
    }

    /// By hand, lr .1, from θ = 1, gradients 2 and 1.
    #[test]
    fn the_rules_by_hand() {
        let sgd = OptimizerSettings::default();
        assert_eq!(steps(sgd.clone(), &[2.0, 1.0], &[]), [0.8, 0.7]);
        // m: 2, then .9·2 + 1 = 2.8.
        let momentum = OptimizerSettings { momentum: 0.9, ..sgd.clone() };
        let out = steps(momentum, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.8).abs() < 1e-6 && (out[1] - 0.52).abs() < 1e-6, "{out:?}");
        // g + ½θ: 2.5, then 1 + ½ · .75 = 1.375.
        let decay = OptimizerSettings { weight_decay: 0.5, ..sgd };
        let out = steps(decay, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.75).abs() < 1e-6 && (out[1] - 0.6125).abs() < 1e-6, "{out:?}");
        // Adam's first step is lr · sign(g); then m̂ = (.9·.2 + .1)/(1 − .81) = 1.473684,
        // v̂ = (.999·.004 + .001)/(1 − .998001) = 2.499250, Δ = −.1 · .932179.
        let adam = OptimizerSettings { kind: OptimizerKind::Adam, ..Default::default() };
        let out = steps(adam, &[2.0, 1.0], &[]);
        assert!((out[0] - 0.9).abs() < 1e-6 && (out[1] - 0.806_782).abs() < 1e-5, "{out:?}");
    }

    /// By hand, plain SGD with lr .1: ĝ = g + a (θ − 1), where the slice knows the weight. Catches:
    /// what is followed before it moved, or with the gradient of the other side of the pull.
    #[test]
    fn a_pull_and_what_follows_it_by_hand() {
        let mut slot = Slot::new(OptimizerSettings::default(), &[3.0, 3.0], &[]);
        let (mut g, mut pulled, mut delta) = ([0.0; 2], [0.0; 2], [1.0; 2]);
        let moved = slot.step(&[1.0, 1.0], |slot| {
            let written = [&mut g[..], &mut pulled, &mut delta];
            let follow = |went: Went, [g, pulled, delta]: [&mut f32; 3]| {
                (*g, *pulled) = (went.g, went.pulled);
                *delta += went.delta;
            };
            slot.go_followed([&[2.0]], |g, theta, [a]| g + a * (theta - 1.0), written, follow)
        });
        assert!(moved);
        assert_eq!((g, pulled, delta), ([1.0, 1.0], [5.0, 1.0], [0.5, 0.9]));
        assert_eq!(slot.theta, [2.5, 2.9]);
    }

    /// Catches: a pull of what a slice does not know, or that is forgotten before the next one.
    #[test]
    fn a_pull_before_another_stays() {
        let mut slot = Slot::new(OptimizerSettings::default(), &[3.0, 3.0], &[]);
        let moved = slot.step(&[1.0, 1.0], |mut slot| {
            slot.pull([&[2.0]], |g, theta, [a]| g + a * (theta - 1.0));
            slot.go_pulled([&[1.0, 1.0]], |g, _, [a]| g + a)
        });
        assert!(moved);
        assert_eq!(slot.theta, [2.4, 2.8]);
    }

    /// Catches: masking the gradient only, before momentum and decay; a mask that ends before the
    /// slot and holds what is beyond it; a Δ that is followed and was not made.
    #[test]
    fn a_frozen_weight_does_not_move_by_a_bit() {
        for settings in rules() {
            let start = [1.0, -0.0, -0.0, 1.0];
            let mut held = Slot::new(settings.clone(), &start, &[1, 1, 0]);
            let mut free = Slot::new(settings, &start, &[]);
            for g in [2.0, -1.0, 0.0] {
                let mut deltas = [0.0; 4];
                let follow = |went: Went, [delta]: [&mut f32; 1]| *delta = went.delta;
                let moved = held
                    .step(&[g; 4], |slot| slot.go_followed([], unpulled, [&mut deltas], follow));
                assert!(moved && free.step(&[g; 4], go));
                assert_eq!(deltas[..2], [0.0; 2]);
                assert!(deltas[2] != 0.0 && deltas[3] != 0.0 || g == 0.0);
            }
            assert_eq!(held.theta[..2], start[..2]);
            assert!(held.theta[1].is_sign_negative());
            assert_eq!(held.theta[2..], free.theta[2..]);
            // Nor would it, were it free again, by what it was told while frozen.
            match held.optimizer.begin(SlotId(0), 4).1 {
                Rule::Sgd => {}
                Rule::Momentum(m) => assert_eq!(m[..2], [0.0; 2]),
                Rule::Adam { first, second, .. } => {
                    assert_eq!([&first[..2], &second[..2]].concat(), [0.0; 4]);
                }
            }
        }
    }

    /// A mask and slices that end at each weight of a slot, against the same weight by itself.
    /// Catches: a part of a slot that moves with the numbers or the moments of another.
    #[test]
    fn each_part_of_a_slot_moves_as_its_weights_do_alone() {
        const N: usize = 5;
        let pull = |g: f32, theta: f32, [a]: [f32; 1]| g + a * theta;
        let follow = |went: Went, [gathered]: [&mut f32; 1]| *gathered += went.delta;
        let numbers: [f32; N] = std::array::from_fn(|i| i as f32 - 1.5);
        for settings in rules() {
            for (known, masked) in (0..=N).flat_map(|known| (0..=N).map(move |end| (known, end))) {
                let frozen: Vec<u8> = (0..masked as u8).map(|i| i % 2).collect();
                let mut whole = Slot::new(settings.clone(), &numbers, &frozen);
                let mut gathered = [0.0; N];
                for _ in 0..2 {
                    assert!(whole.step(&numbers, |slot| {
                        slot.go_followed([&numbers[..known]], pull, [&mut gathered], follow)
                    }));
                }
                for (i, &number) in numbers.iter().enumerate() {
                    let frozen = frozen.get(i).map_or(&[][..], std::slice::from_ref);
                    let read = if i < known { &numbers[i..=i] } else { &[] };
                    let mut alone = Slot::new(settings.clone(), &[number], frozen);
                    let mut went = [0.0];
                    for _ in 0..2 {
                        assert!(alone.step(&[number], |slot| {
                            slot.go_followed([read], pull, [&mut went], follow)
                        }));
                    }
                    assert_eq!((alone.theta[0], went[0]), (whole.theta[i], gathered[i]));
                }
            }
        }
    }

    /// Catches: a rule whose moves are not looked at, a look at the first or last weight only.
    #[test]
    fn a_move_that_is_no_number_is_told() {
        for settings in rules() {
            for bad in [f32::NAN, f32::INFINITY] {
                for frozen in [&[][..], &[0; 2], &[0; 3]] {
                    let mut slot = Slot::new(settings.clone(), &[0.0; 3], frozen);
                    assert!(!slot.step(&[0.0, bad, 1.0], go));
                }
            }
        }
    }
}
