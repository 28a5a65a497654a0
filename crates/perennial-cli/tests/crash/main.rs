//! What becomes of a learner when everything goes wrong. The suite tries a sample of it; all of it,
//! and the page that tells the numbers, is
//!
//! ```sh
//! cargo test --release -p perennial-cli --test crash -- --ignored
//! ```
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends with what went wrong, helpers included")]
#![allow(clippy::print_stderr, reason = "who runs the tests hears what was skipped")]

mod chance;
mod crowd;
mod damage;
mod faults;
mod finding;
mod full;
mod kills;
mod place;
mod trace;

use finding::{Extent, Finding};

/// Every experiment, in the order of the page.
const EXPERIMENTS: &[fn(Extent) -> Finding] = &[
    faults::killed_at_every_call,
    faults::refused_by_the_system,
    full::disks_of_32_sizes,
    kills::killed_at_random,
    damage::every_bit_of_the_small_files,
    damage::random_bits_of_objects,
    damage::every_truncation,
    crowd::teachers_readers_and_others,
];

/// Runs everything and writes `docs/reliability.md`.
#[test]
#[ignore = "half an hour: `cargo test --release -p perennial-cli --test crash -- --ignored`"]
fn reliability() {
    let findings: Vec<Finding> = EXPERIMENTS
        .iter()
        .map(|experiment| {
            let finding = experiment(Extent::All);
            eprintln!("{}: {}", finding.heading, finding.found);
            finding
        })
        .collect();
    finding::write(&findings);
}

#[test]
fn a_sample_of_kills_at_calls() {
    faults::killed_at_every_call(Extent::Sample);
}

#[test]
fn a_sample_of_refusals() {
    faults::refused_by_the_system(Extent::Sample);
}

#[test]
fn a_sample_of_small_disks() {
    full::disks_of_32_sizes(Extent::Sample);
}

#[test]
fn a_sample_of_random_kills() {
    kills::killed_at_random(Extent::Sample);
}

#[test]
fn a_sample_of_damage() {
    damage::every_bit_of_the_small_files(Extent::Sample);
    damage::random_bits_of_objects(Extent::Sample);
    damage::every_truncation(Extent::Sample);
}

#[test]
fn a_moment_of_a_crowd() {
    crowd::teachers_readers_and_others(Extent::Sample);
}
