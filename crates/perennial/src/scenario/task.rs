//! One task, as data.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::fingerprint::hash_list;
use super::options::{Cut, rows_apart};
use super::origin::Origin;
use super::reader::{Reader, Seen};
use super::transform::Transform;
use super::{Part, Samples, ScenarioError};

/// One task, as data: which rows, which classes, which transform. Cheap to clone; no image is
/// gathered before [`Task::load`].
#[derive(Clone)]
pub struct Task {
    /// For people; also in errors and reports.
    pub name: String,
    /// The task's classes as indices into [`Stream::class_names`](super::Stream::class_names):
    /// label j of a row means `classes[j]`. `[classes]`
    pub classes: Vec<u32>,
    source: Source,
    /// Rows of its kind without labels: all of theirs are 0.
    unlabelled: Option<Arc<Samples>>,
}

#[derive(Clone)]
enum Source {
    Rows(Rows),
    /// Rows a user brought: train, validation, test.
    Own(Arc<[Samples; 3]>),
}

/// Rows of a data set, seen through a transform.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) origin: Arc<Origin>,
    /// The class in the data that each label stands for. `[classes]`
    pub(super) classes: Arc<[u32]>,
    pub(super) transform: Transform,
    pub(super) train: Arc<[u32]>,
    pub(super) validation: Arc<[u32]>,
    pub(super) test: Arc<[u32]>,
    /// The part of the data in which the test rows lie.
    pub(super) test_of: Part,
    /// Whether the validation rows lie in a part of the data's own, not in the training part.
    pub(super) own_validation: bool,
}

impl Task {
    /// A task of your own rows. `classes` are indices into the
    /// [class names](super::Stream::class_names) of the stream that it will be part of; labels
    /// are indices into `classes`. `validation` may be empty.
    ///
    /// # Errors
    ///
    /// If there are no training or no test rows, their numbers of inputs differ, or a label has
    /// no class.
    pub fn from_samples(
        name: impl Into<String>,
        classes: Vec<u32>,
        train: Samples,
        validation: Samples,
        test: Samples,
    ) -> Result<Self, ScenarioError> {
        let name = name.into();
        for (part, samples) in [(Part::Train, &train), (Part::Test, &test)] {
            if samples.is_empty() {
                return Err(ScenarioError::NoRows { task: name, part });
            }
        }
        Self::own(name, classes, [train, validation, test])
    }

    /// Rows that fit each other and the classes: train, validation, test.
    fn own(name: String, classes: Vec<u32>, samples: [Samples; 3]) -> Result<Self, ScenarioError> {
        let inputs = samples[0].inputs();
        for (part, samples) in [Part::Train, Part::Validation, Part::Test].into_iter().zip(&samples)
        {
            if samples.inputs() != inputs {
                let found = samples.inputs();
                return Err(ScenarioError::Inputs { task: name, part, found, expected: inputs });
            }
            match samples.highest_label() {
                Some((row, label)) if label as usize >= classes.len() => {
                    let classes = classes.len();
                    return Err(ScenarioError::Label { task: name, part, row, label, classes });
                }
                _ => {}
            }
        }
        Ok(Self { name, classes, source: Source::Own(Arc::new(samples)), unlabelled: None })
    }

    /// A task that was learnt before, as far as its rows are still there: `train` for a strategy
    /// that keeps all data, `test` to be judged by. Either may be empty.
    ///
    /// # Errors
    ///
    /// If their numbers of inputs differ, or a label has no class.
    pub fn learnt(
        name: impl Into<String>,
        classes: Vec<u32>,
        train: Samples,
        test: Samples,
    ) -> Result<Self, ScenarioError> {
        let validation = Samples::none(test.inputs());
        Self::own(name.into(), classes, [train, validation, test])
    }

    /// A task of rows of a data set. That there are training rows, the cut made sure.
    pub(super) fn from_rows(
        name: String,
        classes: Vec<u32>,
        rows: Rows,
    ) -> Result<Self, ScenarioError> {
        if rows.test.is_empty() {
            return Err(ScenarioError::NoRows { task: name, part: Part::Test });
        }
        Ok(Self { name, classes, source: Source::Rows(rows), unlabelled: None })
    }

    /// The same task with rows of its kind that have no labels, for a method that measures on such
    /// ([`Context::unlabelled_moments`](crate::learner::Context::unlabelled_moments)).
    ///
    /// # Errors
    ///
    /// If their number of inputs is another.
    pub fn with_unlabelled(self, samples: &Samples) -> Result<Self, ScenarioError> {
        let (found, expected) = (samples.inputs(), self.inputs());
        if found != expected {
            return Err(ScenarioError::UnlabelledInputs { task: self.name, found, expected });
        }
        let unlabelled = (!samples.is_empty()).then(|| Arc::new(samples.without_labels()));
        Ok(Self { unlabelled, ..self })
    }

    /// Rows of its kind without labels, where there are any.
    #[must_use]
    pub fn unlabelled(&self) -> Option<&Samples> {
        self.unlabelled.as_deref()
    }

    /// Gives its labels the order of these classes, which are its own.
    pub(super) fn reorder(&mut self, order: &[u32]) {
        let Source::Rows(rows) = &mut self.source else { return };
        let place = |class: &u32| self.classes.iter().position(|own| own == class);
        let places: Vec<usize> = order.iter().filter_map(place).collect();
        rows.classes = places.iter().map(|&place| rows.classes[place]).collect();
        self.classes = order.to_vec();
    }

    /// The same task for choosing settings: it is judged by its validation part, and no test row
    /// is part of it.
    ///
    /// # Errors
    ///
    /// If it has no validation rows.
    pub fn for_choosing(self) -> Result<Self, ScenarioError> {
        if self.rows(Part::Validation) == 0 {
            return Err(ScenarioError::NoRows { task: self.name, part: Part::Validation });
        }
        let source = match self.source {
            Source::Rows(rows) => {
                let test = Arc::clone(&rows.validation);
                Source::Rows(Rows { test, test_of: Part::Validation, ..rows })
            }
            Source::Own(samples) => {
                let [train, validation, _] = &*samples;
                let (train, validation) = (train.clone(), validation.clone());
                Source::Own(Arc::new([train, validation.clone(), validation]))
            }
        };
        Ok(Self { source, ..self })
    }

    /// How many rows a part has. Nothing is gathered.
    #[must_use]
    pub fn rows(&self, part: Part) -> usize {
        match &self.source {
            Source::Rows(rows) => rows.of(part).len(),
            Source::Own(samples) => own(samples, part).len(),
        }
    }

    /// How many training rows are left where a share of them, above 0, is set apart to choose by, as
    /// [`Options::validation`](super::Options::validation) does it. Nothing is drawn.
    ///
    /// # Errors
    ///
    /// If none are left.
    pub fn rows_left(&self, share: f64) -> Result<usize, ScenarioError> {
        let rows = self.rows(Part::Train);
        Ok(rows - rows_apart(&self.name, rows, share)?)
    }

    /// The share of the test rows that are of the most frequent class: what always saying that class
    /// gets right. 0 without test rows.
    #[must_use]
    pub fn largest_class(&self) -> f64 {
        let reader = self.reader(Part::Test);
        largest_share((0..reader.len()).map(|row| reader.label(row)))
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match &self.source {
            Source::Rows(rows) => rows.origin.dataset().row_len(),
            Source::Own(samples) => samples[0].inputs(),
        }
    }

    /// Gathers the rows of a part, in the order of the data, and transforms each once. Bytes stay
    /// bytes: a bilinear rotation is rounded to them.
    #[must_use]
    pub fn load(&self, part: Part) -> Samples {
        match &self.source {
            Source::Rows(rows) => rows.seen(part).gather(),
            Source::Own(samples) => own(samples, part).clone(),
        }
    }

    /// The rows of a part, to be read one by one: the same numbers, and no memory for them.
    pub(crate) fn reader(&self, part: Part) -> Reader<'_> {
        match &self.source {
            Source::Rows(rows) => Reader::seen(rows.seen(part)),
            Source::Own(samples) => Reader::of(own(samples, part)),
        }
    }

    /// BLAKE3, in hexadecimal, of what the task is: every byte of its data, its rows, its classes
    /// and its transform. Not of its name.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hash_list(&mut hasher, &self.classes);
        match &self.source {
            Source::Rows(rows) => {
                hasher.update(b"rows").update(rows.origin.digest().as_bytes());
                for list in [&rows.classes, &rows.train, &rows.validation, &rows.test] {
                    hash_list(&mut hasher, list);
                }
                if rows.test_of != Part::Test {
                    hasher.update(b"for choosing");
                }
                if rows.own_validation {
                    hasher.update(b"own validation");
                }
                rows.transform.hash(&mut hasher);
            }
            Source::Own(samples) => {
                hasher.update(b"own");
                samples.iter().for_each(|samples| samples.hash(&mut hasher));
            }
        }
        if let Some(samples) = &self.unlabelled {
            hasher.update(b"unlabelled");
            samples.hash(&mut hasher);
        }
        hasher.finalize().to_string()
    }
}

impl Rows {
    /// The rows of `origin` that a cut of its training part leaves, and `test` of its test part.
    pub(super) fn new(
        origin: &Arc<Origin>,
        classes: Arc<[u32]>,
        transform: Transform,
        cut: Cut,
        test: Arc<[u32]>,
    ) -> Self {
        let Cut { train, validation, own_validation } = cut;
        let (origin, test_of) = (Arc::clone(origin), Part::Test);
        Self { origin, classes, transform, train, validation, test, test_of, own_validation }
    }

    fn of(&self, part: Part) -> &[u32] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// The rows of a part, through the transform.
    fn seen(&self, part: Part) -> Seen<'_> {
        let lies_in = if part == Part::Test { self.test_of } else { part };
        let (dataset, data) =
            (self.origin.dataset(), self.origin.part(lies_in, self.own_validation));
        // Classes that the task does not have are never read.
        let mut label_of = vec![0; dataset.classes.len()];
        for (&class, label) in self.classes.iter().zip(0..) {
            label_of[class as usize] = label;
        }
        Seen {
            values: &data.values,
            labels: &data.labels,
            inputs: dataset.row_len(),
            rows: self.of(part),
            label_of,
            plan: self.transform.for_shape(dataset.shape),
        }
    }
}

/// The share of the most frequent label; 0 without labels.
pub(crate) fn largest_share(labels: impl Iterator<Item = u32>) -> f64 {
    let (mut counts, mut all) = (BTreeMap::<u32, usize>::new(), 0);
    for label in labels {
        *counts.entry(label).or_default() += 1;
        all += 1;
    }
    counts.values().max().copied().unwrap_or_default() as f64 / f64::from(all.max(1))
}

fn own(samples: &[Samples; 3], part: Part) -> &Samples {
    match part {
        Part::Train => &samples[0],
        Part::Validation => &samples[1],
        Part::Test => &samples[2],
    }
}

/// Without the rows: a task may hold millions.
impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [Part::Train, Part::Validation, Part::Test].map(|part| self.rows(part));
        f.debug_struct("Task")
            .field("name", &self.name)
            .field("classes", &self.classes)
            .field("rows", &rows)
            .finish_non_exhaustive()
    }
}
