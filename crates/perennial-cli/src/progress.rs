//! How a run looks while it runs: bars on a terminal, lines elsewhere, nothing if asked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use perennial_report::document::Run;

use crate::message::At;

/// Parts of a bar: finer than a terminal's columns.
const PARTS: u64 = 1000;
/// Seconds between two lines where there is no terminal.
const PERIOD: Duration = Duration::from_secs(10);

/// Shows the cells of a run.
pub(crate) struct Show {
    how: Display,
    cells: Vec<Named>,
    running: BTreeMap<usize, Running>,
    /// Cells that ended, those from before included.
    ended: usize,
    /// Weight of those that ended here: how long the others took is not known.
    done: f64,
    begun: Instant,
    /// Cells in all.
    all: usize,
}

/// A cell that is to be run.
pub(crate) struct Named {
    pub(crate) name: String,
    /// How long it takes, in any unit.
    pub(crate) weight: f64,
}

enum Display {
    Bars { bars: MultiProgress, total: ProgressBar },
    Lines { last: Instant },
    Quiet,
}

struct Running {
    bar: Option<ProgressBar>,
    begun: Instant,
    /// The share done when it began here.
    first: Option<f64>,
    share: f64,
    steps: Option<(u64, Instant)>,
    at: At,
}

impl Show {
    /// For these cells, beside which `before` have ended already.
    pub(crate) fn new(cells: Vec<Named>, before: usize, quiet: bool) -> Self {
        let all = cells.len() + before;
        let how = if quiet {
            Display::Quiet
        } else if console::user_attended_stderr() {
            let bars = MultiProgress::new();
            let total = bars.add(ProgressBar::new(PARTS));
            total.set_style(style("{prefix:>22} {wide_bar:.cyan/dim} {msg}"));
            total.set_prefix("all");
            Display::Bars { bars, total }
        } else {
            Display::Lines { last: Instant::now() }
        };
        let begun = Instant::now();
        let mut show =
            Self { how, cells, running: BTreeMap::new(), ended: before, done: 0.0, begun, all };
        if before > 0 {
            show.say(&format!("{before} of {} cells are there already", show.all));
        }
        show.refresh();
        show
    }

    /// A cell began.
    pub(crate) fn started(&mut self, index: usize) {
        let bar = match &self.how {
            Display::Bars { bars, total } => {
                let bar = bars.insert_before(total, ProgressBar::new(PARTS));
                bar.set_style(style("{prefix:>22} {bar:24.green/dim} {wide_msg}"));
                bar.set_prefix(self.cells[index].name.clone());
                bar.set_message("begins");
                Some(bar)
            }
            Display::Lines { .. } | Display::Quiet => None,
        };
        let now = Instant::now();
        let (first, share, steps, at) = (None, 0.0, None, At::default());
        self.running.insert(index, Running { bar, begun: now, first, share, steps, at });
    }

    /// A cell is there now.
    pub(crate) fn at(&mut self, index: usize, at: At) {
        if let Some(cell) = self.running.get_mut(&index) {
            cell.hear(at);
        }
        self.refresh();
    }

    /// A cell is finished.
    pub(crate) fn done(&mut self, index: usize, run: &Run) {
        let seconds = run.train_seconds + run.eval_seconds;
        let accuracy = run.acc.map_or_else(|| "none".into(), |acc| format!("{acc:.3}"));
        self.end(index, &format!("accuracy {accuracy} in {seconds:.1} s"));
    }

    /// A cell failed.
    pub(crate) fn failed(&mut self, index: usize, why: &str) {
        self.end(index, &format!("failed: {why}"));
    }

    fn end(&mut self, index: usize, what: &str) {
        if let Some(Running { bar: Some(bar), .. }) = self.running.remove(&index) {
            bar.finish_and_clear();
        }
        self.ended += 1;
        self.done += self.cells[index].weight;
        let line = format!("[{}/{}] {}: {what}", self.ended, self.all, self.cells[index].name);
        self.say(&line);
        self.refresh();
    }

    /// A line that stays, above whatever moves.
    pub(crate) fn say(&self, line: &str) {
        match &self.how {
            // A terminal that is gone has nobody to tell.
            Display::Bars { bars, .. } => drop(bars.println(line)),
            Display::Lines { .. } => crate::output::note(line),
            Display::Quiet => {}
        }
    }

    fn refresh(&mut self) {
        let weight = |index: usize| self.cells[index].weight;
        let under_way = self.running.iter().map(|(&index, cell)| cell.share * weight(index));
        let all: f64 = self.cells.iter().map(|cell| cell.weight).sum();
        let share = (self.done + under_way.sum::<f64>()) / all.max(f64::MIN_POSITIVE);
        let left = left(self.begun.elapsed().as_secs_f64(), share, 1.0 - share);
        let message = format!("{}/{} cells{left}", self.ended, self.all);
        match &mut self.how {
            Display::Bars { total, .. } => {
                total.set_position((share * PARTS as f64) as u64);
                total.set_message(message);
            }
            Display::Lines { last } if last.elapsed() >= PERIOD => {
                *last = Instant::now();
                let cell = |(index, cell): (&usize, &Running)| {
                    format!("{}: {}", self.cells[*index].name, cell.text())
                };
                let cells: Vec<String> = self.running.iter().map(cell).collect();
                self.say(&format!("{message}; {}", cells.join("; ")));
            }
            Display::Lines { .. } | Display::Quiet => {}
        }
    }

    /// Nothing moves any more.
    pub(crate) fn end_all(&mut self) {
        for cell in self.running.values() {
            if let Some(bar) = &cell.bar {
                bar.finish_and_clear();
            }
        }
        if let Display::Bars { total, .. } = &self.how {
            total.finish_and_clear();
        }
    }
}

impl Running {
    fn hear(&mut self, at: At) {
        if let Some(share) = at.share() {
            self.first.get_or_insert(share);
            self.share = share;
            self.steps.get_or_insert((at.total_steps, Instant::now()));
            self.at = at;
        } else {
            // While measuring, the task is the measured one: the task that is learnt stays.
            let accuracy = at.accuracy.or(self.at.accuracy);
            self.at = At { task: self.at.task, total_steps: self.at.total_steps, accuracy, ..at };
        }
        if let Some(bar) = &self.bar {
            bar.set_position((self.share * PARTS as f64) as u64);
            bar.set_message(self.text());
        }
    }

    /// `task 2/5 epoch 1/1, 8.2 k steps/s, accuracy .612, 3 s left`
    fn text(&self) -> String {
        let At { task, tasks, trains, phase, epoch, epochs, total_steps, accuracy, .. } = &self.at;
        if *tasks == 0 {
            return "begins".into();
        }
        let mut text = format!("task {}/{tasks}", task + 1);
        text += &match phase.as_str() {
            "train" => format!(" epoch {}/{epochs}", epoch + 1),
            other if *trains => format!(" {other} epoch {}/{epochs}", epoch + 1),
            "evaluate" => " measured".into(),
            other => format!(" {other} {}/{}", self.at.step, self.at.steps),
        };
        if let Some((first, since)) = self.steps {
            let seconds = since.elapsed().as_secs_f64();
            if seconds > 0.0 && *total_steps > first {
                text += &format!(", {:.0} steps/s", (total_steps - first) as f64 / seconds);
            }
        }
        if let Some(accuracy) = accuracy {
            text += &format!(", accuracy {accuracy:.3}");
        }
        let done = self.share - self.first.unwrap_or(0.0);
        text + &left(self.begun.elapsed().as_secs_f64(), done, 1.0 - self.share)
    }
}

/// `, 12 s left`, if what was done so far says it.
fn left(seconds: f64, done: f64, rest: f64) -> String {
    /// Less says nothing of the rest.
    const ENOUGH: f64 = 0.02;
    if done < ENOUGH || rest <= 0.0 {
        return String::new();
    }
    let left = (seconds * rest / done).ceil();
    match left {
        ..120.0 => format!(", {left:.0} s left"),
        ..7200.0 => format!(", {:.0} min left", left / 60.0),
        _ => format!(", {:.0} h left", left / 3600.0),
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that indicatif cannot read would only look plainer.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
