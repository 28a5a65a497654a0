//! A strategy of your own: hold every weight at what it was when the last task ended.
//!
//! ```text
//! L'(θ) = L(θ) + b Σ_i (θ_i − θ*_i)²        θ* = θ at the end of the task before
//! ```
//!
//! `cargo run --release --example your_own_strategy` compares it with fine-tuning on five
//! permutations of the embedded digits.

#![allow(clippy::print_stdout)] // an example speaks to who runs it

use std::error::Error;
use std::sync::Arc;

use perennial::learner::{Context, LearnError, Stop, Training};
use perennial::scenario::{Benchmark, Options};
use perennial::strategies::Entry;
use perennial::strategy::{Card, ClassHead, Descent, Isolation, Keeps, Moved, Promises};
use perennial::{Learner, Setting, Strategy, Stream, Vector, network};
use serde::{Deserialize, Serialize};

/// Everything a strategy knows is in itself: it is saved with the weights and resumed.
#[derive(Serialize, Deserialize)]
struct Stay {
    /// b ≥ 0.
    guard: f32,
    /// θ*, empty before the first task ended. `[θ at that time]`
    anchor: Vector,
}

impl Strategy for Stay {
    fn card(&self) -> Card {
        Card {
            name: "stay",
            title: "Stay where you are",
            paper: "",
            does: "Pulls every weight back to where the last task left it.",
            formula: "L(θ) + b Σ (θ − θ*)²",
            keeps: Keeps::Vectors(1),
            isolation: Isolation::Shared,
            class_head: ClassHead::Grow,
            needs_borders: Some("it does something when a task ends"),
            validation: false,
            promises: Promises {
                setting: Setting::Domain,
                epochs: 1,
                newest: None,
                margin: None,
                class_margin: None,
                first_task_is_finetuning: true,
            },
        }
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({ "guard": self.guard })
    }

    /// The penalty's gradient 2b (θ − θ*), in closed form; a weight younger than θ* is free.
    fn descend(&mut self, slot: Descent<'_>) -> Moved {
        let (b, anchor) = (self.guard, self.anchor.of(&slot.at()));
        slot.go_pulled([anchor], move |g, theta, [anchor]| g + 2.0 * b * (theta - anchor))
    }

    fn end_task(&mut self, cx: &mut Context<'_>) -> Result<(), LearnError> {
        self.anchor = cx.model.theta.clone();
        Ok(())
    }
}

fn learn(strategy: Box<dyn Strategy>, stream: &Stream) -> Result<(), Box<dyn Error>> {
    let network = network::parse("mlp:64x64", stream.shape)?;
    let training = Training { epochs: 5, ..Training::default() };
    let mut learner = Learner::new(network, strategy, training, Setting::Domain, stream, 0)?;
    learner.run(stream, &mut (), &Stop::default())?;
    let r = &learner.core.accuracy;
    let (name, acc, bwt) = (learner.card().name, r.acc(), r.bwt());
    println!("{name:10} ACC {:.3}  BWT {:+.3}", acc.unwrap_or_default(), bwt.unwrap_or_default());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let digits = Arc::new(perennial::data::digits()?);
    let (benchmark, _) = Benchmark::parse("permuted-digits")?;
    let options = Options { tasks: Some(5), ..Options::default() };
    let stream = benchmark.build(&digits, &options, 0)?;
    let finetune = Entry::find("finetune").ok_or("the registry has fine-tuning")?;
    learn(finetune.create(&serde_json::json!({}))?, &stream)?;
    learn(Box::new(Stay { guard: 0.02, anchor: Vector::default() }), &stream)
}
