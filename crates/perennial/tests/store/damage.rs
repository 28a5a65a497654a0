//! Damage is found, whatever bit it is.

use std::fs;
use std::path::{Path, PathBuf};

use perennial::store::Learner;

use crate::school::{school, taught};

/// The learner must not open, or verify must name the damage; and no answer may be another.
fn found(path: &Path, file: &Path, what: &str) {
    let said = match Learner::verify(path) {
        Ok(found) => found.damage,
        Err(error) => vec![error.to_string()],
    };
    assert!(!said.is_empty(), "{what} of {} went unseen", file.display());
}

fn files(path: &Path, folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(path.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Catches: a file without a checksum, a checksum over less than everything.
#[test]
fn every_bit_and_every_truncation_of_the_small_files_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut learner = school(path, "ewc", &[0]);
    taught(&mut learner, 1);
    learner.tag("kept", None).unwrap();
    let mut small = vec![path.join("HEAD"), path.join("FORMAT"), path.join("tags/kept")];
    small.push(path.join("versions/000002.json"));
    for file in small {
        let whole = fs::read(&file).unwrap();
        // Bits of the first and last bytes one by one, and a stride between: the long run of all
        // bits is one of the crash proofs.
        for bit in (0..8 * whole.len()).filter(|bit| bit % 37 == 0 || *bit < 64) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &bytes).unwrap();
            found(path, &file, &format!("bit {bit}"));
        }
        for end in (0..whole.len()).step_by(1 + whole.len() / 40) {
            fs::write(&file, &whole[..end]).unwrap();
            found(path, &file, &format!("the cut at {end}"));
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(Learner::verify(path).unwrap().damage.is_empty());
}

/// Catches: an object that is read without its name being checked.
#[test]
fn no_learner_is_read_from_a_damaged_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let learner = school(path, "er", &[0, 1]);
    let row = learner.evaluate().unwrap();
    for file in files(path, "objects") {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 3, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 16;
            fs::write(&file, &bytes).unwrap();
            found(path, &file, &format!("a flip in byte {at}"));
            if let Ok(found) = learner.evaluate() {
                assert_eq!(found, row, "what is answered is right");
            }
        }
        fs::remove_file(&file).unwrap();
        found(path, &file, "the loss");
        fs::write(&file, &whole).unwrap();
    }
}
