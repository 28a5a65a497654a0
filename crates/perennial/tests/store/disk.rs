//! Files that are recorded, or that end at a call as if the process had been killed in it; and
//! the states of a disk that a power cut may leave.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use perennial::state::{Files, System};

/// A call that changed something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    MakeFolder(PathBuf),
    /// A new file, its bytes flushed.
    Write(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncFolder(PathBuf),
}

/// The system's files, and what was done to them.
#[derive(Debug, Default)]
pub(crate) struct Recorded(Mutex<Vec<Call>>);

impl Recorded {
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, done: io::Result<()>, call: Call) -> io::Result<()> {
        if done.is_ok() {
            self.0.lock().unwrap().push(call);
        }
        done
    }
}

impl Files for Recorded {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.note(System.make_folder(path), Call::MakeFolder(path.into()))
    }

    fn write_new(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        self.note(System.write_new(path, parts), Call::Write(path.into(), parts.concat()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(System.rename(from, to), Call::Rename(from.into(), to.into()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(System.remove(path), Call::Remove(path.into()))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.note(System.sync_folder(path), Call::SyncFolder(path.into()))
    }
}

/// The system's files until a call; that one and all after it fail, and do nothing or, a write,
/// half of it: as after a kill, nothing is cleaned up.
#[derive(Debug)]
pub(crate) struct Cut {
    left: AtomicUsize,
}

impl Cut {
    pub(crate) fn after(calls: usize) -> Self {
        Self { left: AtomicUsize::new(calls) }
    }

    fn allow(&self) -> io::Result<()> {
        let less = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other("cut")),
        }
    }
}

impl Files for Cut {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.allow()?;
        System.make_folder(path)
    }

    fn write_new(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let was_last = self.left.load(Ordering::SeqCst) == 0;
        let allowed = self.allow();
        if allowed.is_err() && was_last {
            let bytes = parts.concat();
            fs::write(path, &bytes[..bytes.len() / 2])?;
        }
        allowed?;
        System.write_new(path, parts)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.allow()?;
        System.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.allow()?;
        System.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.allow()?;
        System.sync_folder(path)
    }
}

/// Names and the bytes they lead to.
pub(crate) type Disk = BTreeMap<PathBuf, Vec<u8>>;

/// All files below a folder.
pub(crate) fn snapshot(folder: &Path) -> Disk {
    let mut disk = Disk::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                disk.insert(path, bytes);
            }
        }
    }
    disk
}

/// A change of one name, that a disk may keep or lose until its folder is flushed.
#[derive(Clone, Debug)]
enum Change {
    Leads(PathBuf, Vec<u8>),
    Gone(PathBuf),
}

impl Change {
    fn folder(&self) -> &Path {
        let (Self::Leads(path, _) | Self::Gone(path)) = self;
        path.parent().unwrap()
    }

    fn apply(&self, disk: &mut Disk) {
        match self {
            Self::Leads(path, bytes) => drop(disk.insert(path.clone(), bytes.clone())),
            Self::Gone(path) => drop(disk.remove(path)),
        }
    }
}

/// A disk that keeps what was flushed and, of what was not, what it likes.
pub(crate) struct Weak {
    /// For good.
    kept: Disk,
    /// In order; any of them may be lost.
    pending: Vec<Change>,
    /// As the running system sees it.
    seen: Disk,
}

impl Weak {
    pub(crate) fn new(before: Disk) -> Self {
        Self { seen: before.clone(), kept: before, pending: Vec::new() }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    /// A call that returned.
    pub(crate) fn done(&mut self, call: &Call) {
        match call {
            Call::MakeFolder(_) => {} // folders are there before what is tested
            Call::Write(path, bytes) => self.change(Change::Leads(path.clone(), bytes.clone())),
            Call::Rename(from, to) => {
                let bytes = self.seen[from].clone();
                self.change(Change::Leads(to.clone(), bytes));
                self.change(Change::Gone(from.clone()));
            }
            Call::Remove(path) => self.change(Change::Gone(path.clone())),
            Call::SyncFolder(folder) => {
                let (flushed, pending) =
                    self.pending.drain(..).partition(|change| change.folder() == folder);
                self.pending = pending;
                let flushed: Vec<Change> = flushed;
                flushed.iter().for_each(|change| change.apply(&mut self.kept));
            }
        }
    }

    /// The states that a cut within `next` may leave, each once.
    pub(crate) fn states(&self, next: Option<&Call>) -> Vec<Disk> {
        /// Up to so many pending changes every subset is tried.
        const ALL: usize = 7;
        let mut pending = self.pending.clone();
        let torn: Vec<Change> = match next {
            // Its name may be there, with any part of its bytes.
            Some(Call::Write(path, bytes)) => {
                let ends = [0, 1, 512, 4096, bytes.len() / 2, bytes.len().saturating_sub(1)];
                let mut ends: BTreeSet<usize> = ends.into_iter().collect();
                ends.extend((0..bytes.len()).step_by(512).take(4));
                ends.extend((0..bytes.len()).step_by(4096).take(4));
                let end = |end: usize| bytes[..end.min(bytes.len())].to_vec();
                let mut torn: Vec<Vec<u8>> = ends.into_iter().map(end).collect();
                // The length came to the disk, the bytes did not, or only from a block on.
                torn.push(vec![0; bytes.len()]);
                for block in [512, 4096] {
                    if bytes.len() > block {
                        torn.push([&vec![0; block], &bytes[block..]].concat());
                    }
                }
                torn.into_iter().map(|bytes| Change::Leads(path.clone(), bytes)).collect()
            }
            Some(Call::Rename(from, to)) => {
                pending.push(Change::Leads(to.clone(), self.seen[from].clone()));
                pending.push(Change::Gone(from.clone()));
                Vec::new()
            }
            Some(Call::Remove(path)) => {
                pending.push(Change::Gone(path.clone()));
                Vec::new()
            }
            _ => Vec::new(),
        };
        let count = pending.len();
        let mut choices: Vec<Vec<bool>> = Vec::new();
        if count <= ALL {
            choices.extend((0..1usize << count).map(|bits| bits_of(bits, count)));
        } else {
            choices.extend([vec![false; count], vec![true; count]]);
            for one in 0..count {
                let alone = |kept: bool| (0..count).map(|at| (at == one) == kept).collect();
                choices.extend([alone(true), alone(false)]);
            }
            // And some of the many subsets, by a fixed rule.
            let mix = |seed: usize| (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 3;
            choices.extend((0..64).map(|seed| bits_of(mix(seed), count)));
        }
        let mut states: Vec<Disk> = Vec::new();
        let mut seen = BTreeSet::new();
        for choice in choices {
            let mut disk = self.kept.clone();
            let kept = pending.iter().zip(choice).filter(|(_, kept)| *kept);
            kept.for_each(|(change, _)| change.apply(&mut disk));
            for torn in torn.iter().map(Some).chain([None]) {
                let mut disk = disk.clone();
                if let Some(torn) = torn {
                    torn.apply(&mut disk);
                }
                let mut hasher = DefaultHasher::new();
                disk.hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    states.push(disk);
                }
            }
        }
        states
    }
}

fn bits_of(bits: usize, count: usize) -> Vec<bool> {
    (0..count).map(|at| bits >> (at % usize::BITS as usize) & 1 == 1).collect()
}

/// Makes a folder what a disk says, in place of what it held.
pub(crate) fn write(disk: &Disk, from: &Path, to: &Path) {
    for (path, bytes) in disk {
        let path = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
