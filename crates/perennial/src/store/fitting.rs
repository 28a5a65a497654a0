//! Whether a lesson fits what the learner knows, and what is said of it.

use super::StoreError;
use super::lesson::Lesson;
use super::tasks::Tasks;
use crate::data::{InputSpec, few, match_names, near_pairs};
use crate::scenario::{ClassMatch, Samples, Setting, largest_share};
use crate::strategy::Keeps;

/// A lesson as the learner takes it.
#[derive(Clone, Debug)]
pub(super) struct CheckedLesson {
    /// With the learner's names of classes, and what its inputs are from now on.
    pub(super) lesson: Lesson,
    /// What was decided about its classes, a sentence each.
    pub(super) notes: Vec<String>,
}

/// What a lesson is to become part of.
pub(super) struct LearnerContext<'a> {
    pub(super) tasks: &'a Tasks,
    pub(super) setting: Setting,
    pub(super) keeps: Keeps,
}

impl LearnerContext<'_> {
    /// Refuses rows that the learner cannot take beside what it knows; names classes as it does.
    pub(super) fn fit(&self, lesson: &Lesson, rescale: bool) -> Result<CheckedLesson, StoreError> {
        let mut fitted = CheckedLesson { lesson: lesson.clone(), notes: Vec::new() };
        for (what, part) in [("training", &lesson.train), ("test", &lesson.test)] {
            if part.is_empty() {
                let task = &lesson.task;
                return Err(StoreError::Data(format!("the {what} part of `{task}` is empty")));
            }
        }
        if let Some(known) = self.tasks.spec() {
            known.check(&lesson.spec, &lesson.from).map_err(|error| data(&error))?;
            fitted.lesson.spec = self.rescaled(known, lesson, rescale)?;
        }
        self.name_classes(&mut fitted)?;
        Ok(fitted)
    }

    /// What is odd about the inputs of a lesson that [fits](Self::fit), a sentence each.
    pub(super) fn input_notes(&self, lesson: &Lesson) -> Vec<String> {
        let mut notes = Vec::new();
        if self.tasks.shape.is_some() {
            if !lesson.spec.kept {
                notes.push(
                    "this learner was made before inputs were standardised and photographs turned \
                     upright: it goes on as it was, with values as they are"
                        .to_owned(),
                );
            }
            notes.extend(lesson.spec.moved_note(lesson.train.values()));
        }
        if let Some(scaling) = &lesson.spec.scaling {
            let (mut clipped, mut all) = (0, 0);
            for part in [&lesson.train, &lesson.test] {
                clipped += scaling.clipped(part.values(), lesson.spec.row_len());
                all += part.values().len();
            }
            notes.extend(lesson.spec.clip_note(clipped, all));
        }
        notes
    }

    /// What the inputs are from now on: as they were, or with their scaling measured anew.
    fn rescaled(
        &self,
        known: InputSpec,
        lesson: &Lesson,
        rescale: bool,
    ) -> Result<InputSpec, StoreError> {
        if !rescale {
            return Ok(known);
        }
        if known.scaling.is_none() {
            return Err(StoreError::Cannot(
                "--rescale: this learner's inputs are not standardised, so there is nothing to \
                 measure anew; leave it out"
                    .into(),
            ));
        }
        match self.keeps {
            Keeps::Nothing | Keeps::Owners { .. } => Ok(known.measured_on(lesson.train.values())),
            _ => Err(StoreError::Cannot(
                "--rescale: this learner's method keeps rows or statistics of older tasks, which are \
                 of the scaling they were learnt with; leave it out, or begin a new learner"
                    .into(),
            )),
        }
    }

    /// Gives classes the names that the learner knows them by, and puts them in its order where one
    /// head is shared by all tasks.
    fn name_classes(&self, fitted: &mut CheckedLesson) -> Result<(), StoreError> {
        let known = &self.tasks.classes;
        let matched = match_names(&fitted.lesson.classes, known, fitted.lesson.spec.asked.naming());
        fitted.notes.extend(matched.notes);
        let names = distinct(&matched.names);
        if names.len() < matched.names.len() {
            fitted.lesson.relabel(&matched.names, names);
        } else {
            fitted.lesson.classes = matched.names;
        }
        let classes = &fitted.lesson.classes;
        let new: Vec<String> =
            classes.iter().filter(|name| !known.contains(name)).cloned().collect();
        if self.setting == Setting::Domain {
            self.align(fitted)?;
        } else if !known.is_empty() && !new.is_empty() {
            let [new, known] = [&new, known].map(|names| few(names));
            fitted.notes.push(format!("new classes: {new} (known: {known})"));
        }
        if !known.is_empty() {
            let all: Vec<String> = known.iter().chain(&new).cloned().collect();
            fitted.notes.extend(near_pairs(&all, &new));
        }
        Ok(())
    }

    /// In one head for all tasks, label j of every task is the same output: classes that an older
    /// task has are put in its order; classes that none has are matched by their order.
    fn align(&self, fitted: &mut CheckedLesson) -> Result<(), StoreError> {
        let classes = fitted.lesson.classes.clone();
        let mut order = None;
        for task in 0..self.tasks.tasks.len() {
            let known = self.tasks.labels(task);
            match ClassMatch::of(&known, &classes) {
                Some(ClassMatch::ByName) => order = Some(known),
                Some(ClassMatch::ByOrder) => {}
                None => {
                    return Err(StoreError::Data(format!(
                        "the classes of {} are {}, those of the learner's task `{}` {}: in the \
                         domain setting tasks have the same classes, or as many with none in common, \
                         which are then matched by their order; say which are the same with --map \
                         here=there",
                        fitted.lesson.from,
                        few(&classes),
                        self.tasks.tasks[task].name,
                        few(&known)
                    )));
                }
            }
        }
        match order {
            Some(order) => fitted.lesson.relabel(&classes, order),
            None if !self.tasks.tasks.is_empty() => {
                let known = self.tasks.labels(0);
                let pairs: Vec<String> =
                    classes.iter().zip(&known).map(|(a, b)| format!("{a} as {b}")).collect();
                fitted.notes.push(format!(
                    "no class is known by name: classes are matched by their order ({})",
                    few(&pairs)
                ));
            }
            None => {}
        }
        Ok(())
    }
}

impl Lesson {
    /// Gives each label the name that `names` has for it, and the classes this order.
    fn relabel(&mut self, names: &[String], classes: Vec<String>) {
        if names == classes {
            self.classes = classes; // no label changes, so no row is copied
            return;
        }
        let place = |name: &String| classes.iter().position(|it| it == name).map(|at| at as u32);
        let label_of: Vec<Option<u32>> = names.iter().map(place).collect();
        for part in [&mut self.train, &mut self.validation, &mut self.test] {
            *part = part.relabelled(&label_of);
        }
        self.classes = classes;
    }
}

/// The sentence of data that do not fit.
pub(super) fn data(error: &impl ToString) -> StoreError {
    StoreError::Data(error.to_string())
}

/// The names without repetitions, in order.
pub(super) fn distinct<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(name) {
            all.push(name.clone());
        }
    }
    all
}

/// Says that answers are worth nothing, where they are: all the same, or not better than always
/// saying the most frequent class.
pub(super) fn no_better(
    task: &str,
    units: &[u32],
    right: usize,
    samples: &Samples,
) -> Option<String> {
    let rows = samples.len();
    let share = largest_share(samples.labels().iter().copied());
    let accuracy = right as f64 / rows.max(1) as f64;
    // With one class there is nothing to tell apart.
    if rows == 0 || share == 1.0 || accuracy > share + 1e-12 {
        return None;
    }
    let largest = format!(
        "always saying the most frequent class is right on {share:.4} of its {rows} test rows"
    );
    Some(match units.windows(2).all(|pair| pair[0] == pair[1]) {
        true => format!("`{task}`: every test row gets the same answer; {largest}"),
        false => format!("`{task}` at {accuracy:.4} is not better than no learning: {largest}"),
    })
}
