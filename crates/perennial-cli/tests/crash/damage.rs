//! Bits that turn, and files that end too early.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use perennial::store::{Learner, StoreError};

use crate::chance::Chance;
use crate::finding::{Extent, Finding};
use crate::place::{Base, STRATEGIES, TEACH, done, files};

/// The learner's own measure of every task, in words.
fn row(learner: &Learner) -> Result<String, StoreError> {
    Ok(format!("{:?}", learner.evaluate()?))
}

/// A learner of two tasks, and what is right of it.
struct Victim {
    folder: tempfile::TempDir,
    path: PathBuf,
    /// What it answers.
    row: String,
}

impl Victim {
    fn new() -> Self {
        let folder = Base::new(STRATEGIES[0]).copy();
        done(folder.path(), TEACH);
        let path = folder.path().join("it");
        assert_eq!(Learner::verify(&path).unwrap().damage, Vec::<String>::new());
        let row = row(&Learner::open(&path).unwrap()).unwrap();
        Self { folder, path, row }
    }

    fn small_files(&self) -> Vec<PathBuf> {
        let small = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name == "HEAD" || name == "FORMAT" || path.parent().unwrap().ends_with("versions")
        };
        files(self.folder.path()).into_iter().filter(small).collect()
    }

    fn objects(&self) -> Vec<PathBuf> {
        let object = |path: &PathBuf| path.parent().unwrap().ends_with("objects");
        files(self.folder.path()).into_iter().filter(object).collect()
    }

    /// With other bytes in a file: that something is wrong is seen, and what is answered all the
    /// same is what is right.
    fn suffers(&self, file: &Path, right: &[u8], wrong: &[u8], what: &str) {
        fs::write(file, wrong).unwrap();
        let found = catch_unwind(AssertUnwindSafe(|| {
            let verified = Learner::verify(&self.path);
            let seen = verified.map_or(true, |found| !found.damage.is_empty());
            let answer = Learner::open(&self.path).and_then(|learner| row(&learner));
            (seen, answer)
        }));
        fs::write(file, right).unwrap();
        let (seen, answer) = found.unwrap_or_else(|_| panic!("{what}: a panic"));
        assert!(seen, "{what}: was not seen");
        assert!(answer.is_err() || answer.unwrap() == self.row, "{what}: a wrong answer");
    }
}

pub(crate) fn every_bit_of_the_small_files(extent: Extent) -> Finding {
    let victim = Victim::new();
    let mut bits = 0;
    let small = victim.small_files();
    for file in &small {
        let right = fs::read(file).unwrap();
        for bit in extent.pick((0..8 * right.len()).collect(), 211) {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            victim.suffers(file, &right, &wrong, &format!("bit {bit} of {}", file.display()));
            bits += 1;
        }
    }
    Finding {
        heading: "Every bit of the small files",
        done: "Each bit of HEAD, FORMAT and every manifest turned, one at a time. `verify` sees each, \
               nothing panics, and what the learner answers all the same is what it answered before.",
        found: format!("{bits} bits in {} files. All were seen.", small.len()),
    }
}

pub(crate) fn random_bits_of_objects(extent: Extent) -> Finding {
    let victim = Victim::new();
    let objects = victim.objects();
    let mut chance = Chance(2);
    let flips = extent.of(5_000, 40);
    for _ in 0..flips {
        let file = &objects[chance.below(objects.len() as u64) as usize];
        let right = fs::read(file).unwrap();
        let bit = chance.below(8 * right.len() as u64) as usize;
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        victim.suffers(file, &right, &wrong, &format!("bit {bit} of {}", file.display()));
    }
    Finding {
        heading: "Random bits of objects",
        done: "A random bit of a random object turned: weights, the method's state, test parts, results.",
        found: format!("{flips} bits over {} objects. All were seen.", objects.len()),
    }
}

pub(crate) fn every_truncation(extent: Extent) -> Finding {
    let victim = Victim::new();
    let mut cuts = 0;
    for file in victim.small_files() {
        let right = fs::read(&file).unwrap();
        for length in extent.pick((0..right.len()).collect(), 61) {
            let what = format!("{} cut to {length} bytes", file.display());
            victim.suffers(&file, &right, &right[..length], &what);
            cuts += 1;
        }
    }
    Finding {
        heading: "Every truncation of the small files",
        done: "HEAD, FORMAT and every manifest cut to each shorter length.",
        found: format!("{cuts} lengths. All were seen."),
    }
}
