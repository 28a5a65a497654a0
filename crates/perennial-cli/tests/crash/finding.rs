//! What experiments find, and the page that tells it.

use std::fs;
use std::path::Path;

/// How much of an experiment is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Everything: minutes.
    All,
    /// Some of it: seconds.
    Sample,
}

impl Extent {
    /// `all`, or `sample` of it.
    pub(crate) fn of<T>(self, all: T, sample: T) -> T {
        match self {
            Self::All => all,
            Self::Sample => sample,
        }
    }

    /// Every item, or every `n`-th.
    pub(crate) fn pick<T>(self, items: Vec<T>, n: usize) -> Vec<T> {
        let step = self.of(1, n);
        items.into_iter().step_by(step).collect()
    }
}

/// What an experiment found. It panics where what was found is not what must be.
pub(crate) struct Finding {
    pub(crate) heading: &'static str,
    /// What was done and what must hold.
    pub(crate) done: &'static str,
    /// Numbers.
    pub(crate) found: String,
}

/// Writes the page.
pub(crate) fn write(findings: &[Finding]) {
    let mut page = String::from(
        "# Reliability\n\n\
         What a learner's folder was put through, and what was left. This page is written by\n\n\
         ```sh\ncargo test --release -p perennial-cli --test crash -- --ignored\n```\n\n\
         on Linux, with `strace` installed and as root (for the small disks); the test suite tries a\n\
         sample of it every time. Everything is done to the release binary from outside, through its\n\
         command line.\n",
    );
    for Finding { heading, done, found } in findings {
        page += &format!("\n## {heading}\n\n{done}\n\n{found}\n");
    }
    page += "\n## In models\n\n\
             Two more proofs are of the library, and are its own tests:\n\n\
             ```sh\ncargo test --release -p perennial --test store -- --ignored\n```\n\n\
             The calls of every kind of commit are recorded, and every state built that a power \
             cut may leave on a weak file system: each write or rename that was not flushed kept \
             or lost, torn at 512 and at 4,096 bytes. At least 5,000 states; each opens as the \
             old version or the new one. And 500 random sequences of teaching, evaluating, \
             rolling back, collecting, verifying and crashing do what a model of the folder does.\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md");
    fs::write(path, page).unwrap();
}
