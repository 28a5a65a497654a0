//! Disks that are too small.

use std::path::Path;
use std::process::Command;

use crate::finding::{Extent, Finding};
use crate::place::{Base, STRATEGIES, TEACH, copy_into, done, errors, look, perennial};

/// A page of memory, which is what such a disk is made of.
const PAGE: u64 = 4096;
/// More than any learner of this test needs.
const AMPLE: u64 = 64 << 20;

/// A disk in memory; gone with this value.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, said aloud, where the system does not let one be made.
    fn new(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(folder.path(), &format!("size={bytes}")).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn used(&self) -> u64 {
        let output = Command::new("df").args(["-B1", "--output=used"]).arg(self.path()).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }
}

fn mount(folder: &Path, options: &str) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

pub(crate) fn disks_of_32_sizes(extent: Extent) -> Finding {
    let done_text = "The second task is taught on a disk in memory of 32 sizes, from what the learner takes \
                     already to what it takes afterwards. Where it does not fit, the command is refused with \
                     exit code 73 or 74, the old version is whole, and once there is room the same command \
                     ends with the digest of an undisturbed run.";
    let finding = |found| Finding { heading: "Full disks", done: done_text, found };
    let base = Base::new(STRATEGIES[0]);
    let Some(ample) = Disk::new(AMPLE) else {
        eprintln!("skipped: no tmpfs can be mounted here (it needs root)");
        return finding("Skipped: no tmpfs could be mounted.".into());
    };
    copy_into(base.path(), ample.path());
    let before = ample.used();
    done(ample.path(), TEACH);
    // The position file and what is being written lie beside what is kept.
    let after = 2 * ample.used() - before;
    let sizes: Vec<u64> = (0..32).map(|i| (before + PAGE) + (after - before) * i / 31).collect();
    let (mut refused, mut fitted) = (0, 0);
    for size in extent.pick(sizes, 8) {
        let disk = Disk::new(size / PAGE * PAGE).unwrap();
        copy_into(base.path(), disk.path());
        let output = perennial(disk.path(), TEACH).output().unwrap();
        if output.status.success() {
            fitted += 1;
        } else {
            let said = errors(&output);
            assert!([Some(73), Some(74)].contains(&output.status.code()), "{size}: {said}");
            let seen = look(disk.path());
            assert_eq!((seen.head, seen.digest.as_ref()), (1, Some(&base.old)), "{size}: {said}");
            assert!(mount(disk.path(), &format!("remount,size={AMPLE}")));
            done(disk.path(), TEACH);
            refused += 1;
        }
        let seen = look(disk.path());
        assert_eq!((seen.head, seen.digest.as_ref()), (2, Some(&base.new)), "{size}");
    }
    assert!(refused > 0 && fitted > 0, "{refused} refused, {fitted} fitted");
    finding(format!("{refused} sizes were too small, {fitted} were enough. All held."))
}
