//! Teaching: train, measure, judge, commit; from where it was if it was cut short.

use std::collections::BTreeMap;

use super::diff::ClassChange;
use super::fitting::{CheckedLesson, LearnerContext, no_better};
use super::folder::Folder;
use super::gate::{Judgement, Pair};
use super::kept::Said;
use super::lesson::{Lesson, Plan, Teaching, rows_apart};
use super::manifest::{Made, Manifest};
use super::position::{Saved, Saver, abandon};
use super::tasks::{Measured, Row, Tasks, Taught as Known};
use super::{Learner, StoreError};
use crate::learner::{Ended, Learner as Driver, Stop, Training, Watch};
use crate::scenario::{Part, Reader, Samples, Stream};
use crate::strategy::Keeps;
use crate::vector::Mask;

/// How teaching ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Taught {
    /// The new version is the learner now.
    Committed {
        /// The new version.
        version: Manifest,
        /// What became of every task.
        judgement: Judgement,
    },
    /// The gate refused the new version. The version may be promoted; HEAD did not move.
    Refused {
        /// The version that was refused.
        version: Manifest,
        /// What fell, and by how much.
        judgement: Judgement,
    },
    /// The learner was taught this task with the same data and settings before; nothing was done.
    Already {
        /// The version that was taught the task.
        version: u64,
    },
    /// A stop was requested. The same call continues from where the task stopped.
    Stopped,
}

impl Learner {
    /// Teaches a task and, if the gate passes the result, makes the result the learner. A call that
    /// was cut short at any instant can be repeated, and ends with the same bits.
    ///
    /// # Errors
    ///
    /// Data that do not fit, settings that cannot be, another half-done task, training that
    /// fails, a folder that another process works in or that cannot be written.
    pub fn teach(
        &mut self,
        lesson: &Lesson,
        how: &Teaching,
        watch: &mut dyn Watch,
        stop: &Stop,
    ) -> Result<Taught, StoreError> {
        how.check(&lesson.task)?;
        let training = self.settings()?.training(&how.training);
        training.check()?;
        let _lock = self.lock()?;
        let folder = &self.folder;
        let head = folder.head_manifest()?;
        let known = folder.tasks(&head)?;
        let CheckedLesson { mut lesson, .. } = learnt(&head, &known)?.fit(lesson, how.rescale)?;
        let mut saved = Saved::read(folder)?;
        // A half-done task that became a version, in a call that was cut before it cleared away.
        let mut finished = None;
        if let Some(half_done) = &saved
            && is_finished(folder, &head, &half_done.plan)?
        {
            abandon(folder)?;
            finished = saved.take().map(|saved| saved.plan);
        }
        let mut plan = plan(&head, &lesson, how, &training)?;
        if !how.again
            && let Some(version) = already(folder, &head, &plan)?
        {
            return Ok(Taught::Already { version });
        }
        // The cut call was to teach a known task once more, and did: nothing is left to do.
        if let (Some(finished), Made::Taught { plan, .. }) = (&finished, &head.made)
            && finished == plan
            && plan.repeats(&lesson.task)
        {
            return Ok(Taught::Already { version: head.id });
        }
        lesson.task = name_of(folder, &head, &known, &plan, how.again)?;
        plan.task.clone_from(&lesson.task);
        if let Some(saved) = &saved {
            saved.check(&plan, &head)?;
        }
        let tasks = known.with(&lesson, how.rescale);
        let number = known.tasks.len();
        let classes = tasks.tasks[number].classes.clone();
        let task = lesson.task(classes, plan.validation, head.settings.seed, number)?;
        training.check_rows(&task.name, task.rows(Part::Train))?;
        let stream = tasks.stream(folder, Some(task))?;
        let mut driver = match saved {
            Some(saved) => saved.driver(&head, lesson.spec.shape)?,
            None => match folder.get_driver(&head, lesson.spec.shape)? {
                Some(driver) => driver,
                None => head.settings.driver(lesson.spec.shape, &training)?,
            },
        };
        driver.core.training = training;
        let mut saver = Saver::new(folder, &plan, how.save_every, stop, watch);
        match driver.run(&stream, &mut saver, stop)? {
            Ended::Stopped => Ok(Taught::Stopped),
            Ended::Finished => self.commit(&head, &driver, (&stream, tasks), &lesson, plan, how),
        }
    }

    /// What is worth saying of a lesson before it is taught, a sentence each: which of its classes
    /// are taken for known ones and which are new, columns that moved, values that are clipped,
    /// whether the same data were taught as another task, and how many training rows are set apart.
    ///
    /// # Errors
    ///
    /// As [`teach`](Self::teach) for data that do not fit.
    pub fn remarks(&self, lesson: &Lesson, how: &Teaching) -> Result<Vec<String>, StoreError> {
        how.check(&lesson.task)?;
        self.steady(|head| {
            let known = self.folder.tasks(head)?;
            let learnt = learnt(head, &known)?;
            let CheckedLesson { lesson, notes: of_classes } = learnt.fit(lesson, how.rescale)?;
            let mut notes = learnt.input_notes(&lesson);
            notes.extend(of_classes);
            let data = lesson.fingerprint();
            let same = |plan: &Plan| plan.data == data && plan.task != lesson.task;
            if let Some(version) = in_line(&self.folder, head, same)? {
                notes.push(format!(
                    "version {} was taught the same data as `{}`",
                    version.id,
                    version.task().unwrap_or_default()
                ));
            }
            let share = how.validation_share(&lesson, &head.settings.card()?);
            let (rows, apart) = (lesson.train.len(), rows_apart(share, lesson.train.len()));
            if apart > 0 {
                notes.push(format!(
                    "{apart} of the {rows} training rows are set apart to choose by, {} are learnt \
                     from",
                    rows - apart
                ));
            }
            Ok(notes)
        })
    }

    /// The plan of the half-done task of this name. Where no such task is half done, the plan of the
    /// last version in the learner's line that was taught the task. Teaching with the same plan
    /// continues the task, or finds that nothing is left to do.
    ///
    /// With `again`, as in [`Teaching::again`], the half-done task may be called `NAME~2`, and the
    /// plans of versions do not count, because the task is taught anew.
    ///
    /// # Errors
    ///
    /// When the file of the half-done task, or a version, is damaged.
    pub fn plan_of(&self, task: &str, again: bool) -> Result<Option<Plan>, StoreError> {
        self.steady(|head| {
            let half_done = self.half_done()?;
            let half_done =
                half_done.filter(|plan| plan.task == task || (again && plan.repeats(task)));
            if half_done.is_some() || again {
                return Ok(half_done);
            }
            let version = in_line(&self.folder, head, |plan| plan.task == task)?;
            Ok(version.and_then(|version| match version.made {
                Made::Taught { plan, .. } => Some(plan),
                _ => None,
            }))
        })
    }

    /// Drops the half-done task; says which it was.
    ///
    /// # Errors
    ///
    /// A folder that another process works in, or that cannot be written.
    pub fn abort(&mut self) -> Result<Option<String>, StoreError> {
        let _lock = self.lock()?;
        let task = match Saved::read(&self.folder) {
            Ok(None) => return Ok(None),
            Ok(Some(saved)) => saved.plan.task,
            // Unreadable, it can still be dropped.
            Err(StoreError::Damaged { .. }) => "unknown".into(),
            Err(error) => return Err(error),
        };
        abandon(&self.folder)?;
        Ok(Some(task))
    }

    /// Measures, judges and writes what was taught.
    fn commit(
        &self,
        head: &Manifest,
        driver: &Driver,
        (stream, mut tasks): (&Stream, Tasks),
        lesson: &Lesson,
        plan: Plan,
        how: &Teaching,
    ) -> Result<Taught, StoreError> {
        let folder = &self.folder;
        let number = tasks.tasks.len() - 1;
        tasks.tasks[number].test = Some(folder.put_samples(&lesson.test)?);
        if driver.card().keeps == Keeps::AllData {
            let rows = stream.tasks[number].load(Part::Train);
            tasks.tasks[number].train = Some(folder.put_samples(&rows)?);
        }
        let before = folder.row(head)?;
        let Found { row, pairs, classes, notes } = measure(folder, driver, &tasks, &before)?;
        let (verdict, mut judgement) = how.gate.judge(&pairs, classes, head.settings.seed);
        judgement.hints = judgement.advice(how.gate.floor, &head.settings, &plan)?;
        judgement.notes = notes;
        let mut objects = BTreeMap::new();
        objects.insert("learner".to_owned(), folder.put_driver(driver)?);
        objects.insert("tasks".to_owned(), folder.put_json(&tasks)?);
        objects.insert("row".to_owned(), folder.put_json(&row)?);
        objects.insert("gate".to_owned(), folder.put_json(&judgement)?);
        let passed = verdict.passed;
        let manifest = Manifest {
            made: Made::Taught { plan, source: lesson.source() },
            objects,
            state_digest: Some(driver.core.model.digest().to_hex().to_string()),
            accuracy: row.mean(),
            gate: Some(verdict),
            ..head.child()
        };
        let version = folder.add_version(manifest)?;
        if passed {
            folder.set_head(&version)?;
        }
        abandon(folder)?;
        Ok(match passed {
            true => Taught::Committed { version, judgement },
            false => Taught::Refused { version, judgement },
        })
    }
}

/// How well a learner answers every task.
struct Found<'t> {
    row: Row,
    /// Each test row before and after.
    pairs: Vec<Pair<'t>>,
    /// The classes of the older tasks, over all their test rows.
    classes: Vec<ClassChange>,
    /// Tasks whose answers are worth nothing, a sentence each.
    notes: Vec<String>,
}

fn measure<'t>(
    folder: &Folder,
    driver: &Driver,
    tasks: &'t Tasks,
    before: &Row,
) -> Result<Found<'t>, StoreError> {
    let (mut row, mut pairs, mut notes) = (Row::default(), Vec::new(), Vec::new());
    let mut classes: Vec<ClassChange> =
        tasks.classes.iter().cloned().map(ClassChange::of).collect();
    for (number, task) in tasks.tasks.iter().enumerate() {
        let (Some(test), Some(samples)) = (&task.test, tasks.judging_rows(number, folder)?) else {
            continue;
        };
        let Some(said) = said(driver, number, &samples)? else { continue };
        let after = bools(&said.right);
        let before = match before.of(&task.name) {
            Some(measured) => Some(bools(&folder.get_said(&measured.said)?.right)),
            None => None,
        };
        // The rows of a task that was taught once more are no new evidence.
        let counted = tasks.tasks[..number]
            .iter()
            .any(|older| older.test == task.test && older.classes == task.classes);
        if let (Some(before), false) = (&before, counted) {
            for ((&label, &before), &after) in samples.labels().iter().zip(before).zip(&after) {
                classes[task.classes[label as usize] as usize].count(before, after);
            }
        }
        notes.extend(no_better(&task.name, &said.units, said.right.count(), &samples));
        row.tasks.push(Measured {
            task: task.name.clone(),
            rows: samples.len() as u64,
            right: said.right.count() as u64,
            said: folder.put_said(&said)?,
        });
        pairs.push(Pair { task: &task.name, rows: &test.hash, before, after });
    }
    classes.retain(|class| class.rows > 0);
    Ok(Found { row, pairs, classes, notes })
}

fn bools(right: &Mask) -> Vec<bool> {
    right.bytes().iter().map(|&right| right != 0).collect()
}

/// What a lesson is to become part of.
fn learnt<'a>(head: &Manifest, tasks: &'a Tasks) -> Result<LearnerContext<'a>, StoreError> {
    let (setting, keeps) = (head.settings.setting(), head.settings.card()?.keeps);
    Ok(LearnerContext { tasks, setting, keeps })
}

/// What a learner answers to each row of a task; `None` where it cannot.
pub(super) fn said(
    driver: &Driver,
    task: usize,
    samples: &Samples,
) -> Result<Option<Said>, StoreError> {
    let answers = driver.answers(task, &Reader::of(samples), false)?;
    let Some(answers) = answers else { return Ok(None) };
    let outputs = &driver.core.model.outputs[task];
    let right = answers
        .units
        .iter()
        .zip(samples.labels())
        .map(|(&unit, &label)| u8::from(unit == outputs.units[label as usize]))
        .collect();
    Ok(Some(Said { units: answers.units, right: Mask::from_bytes(right) }))
}

/// The version of the learner's line that was taught just this.
fn already(folder: &Folder, head: &Manifest, wanted: &Plan) -> Result<Option<u64>, StoreError> {
    let same = |plan: &Plan| {
        let (parent, parent_seal) = (wanted.parent, wanted.parent_seal.clone());
        Plan { parent, parent_seal, ..plan.clone() } == *wanted
    };
    Ok(in_line(folder, head, same)?.map(|version| version.id))
}

/// The last version of the learner's line that was taught by such a plan.
fn in_line(
    folder: &Folder,
    head: &Manifest,
    such: impl Fn(&Plan) -> bool,
) -> Result<Option<Manifest>, StoreError> {
    let mut at = head.clone();
    loop {
        if let Made::Taught { plan, .. } = &at.made
            && such(plan)
        {
            return Ok(Some(at));
        }
        // A parent that was collected as garbage ends the line.
        at = match at.made_of().map(|version| folder.manifest(version)) {
            Some(Ok(parent)) => parent,
            Some(Err(StoreError::Unknown { .. })) | None => return Ok(None),
            Some(Err(error)) => return Err(error),
        };
    }
}

/// The name under which a plan's task is taught: `NAME~2` where `NAME` is taught once more.
fn name_of(
    folder: &Folder,
    head: &Manifest,
    known: &Tasks,
    plan: &Plan,
    again: bool,
) -> Result<String, StoreError> {
    let name = &plan.task;
    if known.find(name).is_none() {
        return Ok(name.clone());
    }
    if !again {
        let before = in_line(folder, head, |before| before.task == *name)?;
        let differences = match before.map(|version| version.made) {
            Some(Made::Taught { plan: before, .. }) => before.differences(plan),
            _ => Vec::new(), // imported with the learner
        };
        let differences = match differences.as_slice() {
            [] => String::new(),
            some => format!(" ({})", some.join(", ")),
        };
        return Err(StoreError::Cannot(format!(
            "the learner knows a task `{name}`, taught with other data or settings{differences}: \
             choose another --task, or teach it once more as a task of its own with --again"
        )));
    }
    let mut names = (2..).map(|n: usize| format!("{name}~{n}"));
    Ok(names.find(|name| known.find(name).is_none()).unwrap_or_default())
}

fn plan(
    head: &Manifest,
    lesson: &Lesson,
    how: &Teaching,
    training: &Training,
) -> Result<Plan, StoreError> {
    let validation = how.validation_share(lesson, &head.settings.card()?);
    Ok(Plan {
        task: lesson.task.clone(),
        data: lesson.fingerprint(),
        parent: head.id,
        parent_seal: head.seal(),
        epochs: training.epochs,
        batch: training.batch,
        remainder: training.remainder,
        lr: training.lr,
        validation,
        rescale: how.rescale,
    })
}

/// Whether a half-done task became a version, and was cut before it was cleared away.
fn is_finished(folder: &Folder, head: &Manifest, half_done: &Plan) -> Result<bool, StoreError> {
    for version in folder.versions()?.into_iter().rev() {
        let Ok(manifest) = folder.manifest(version) else { continue };
        if let Made::Taught { plan, .. } = &manifest.made
            && plan == half_done
        {
            return Ok(manifest.refused() || head.id >= manifest.id);
        }
    }
    Ok(false)
}

impl Tasks {
    /// These tasks and the one of a lesson, its classes known by name. What the inputs are, the
    /// first task decides, and one that measures their scaling anew.
    fn with(&self, lesson: &Lesson, rescale: bool) -> Self {
        let mut tasks = self.clone();
        if tasks.shape.is_none() || rescale {
            tasks.input = Some(lesson.spec.clone());
        }
        tasks.shape = Some(lesson.spec.shape);
        let mut classes: Vec<u32> = Vec::with_capacity(lesson.classes.len());
        for name in &lesson.classes {
            let known = tasks.classes.iter().position(|class| class == name);
            let class = known.unwrap_or_else(|| {
                tasks.classes.push(name.clone());
                tasks.classes.len() - 1
            });
            classes.push(class as u32);
        }
        tasks.tasks.push(Known { name: lesson.task.clone(), classes, test: None, train: None });
        tasks
    }
}
