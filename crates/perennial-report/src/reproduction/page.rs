//! Published and ours as a Markdown page, to be kept beside the code.

use super::table::TOO_GOOD;
use super::{Cell, Choice, Measured, Reproduction, Table, machines};
use crate::format::{self, NONE};

/// The page. The same document gives the same bytes.
#[must_use]
pub fn page(reproduction: &Reproduction) -> String {
    let mut out = String::from("# Reproduction\n\n");
    paragraph(
        &mut out,
        "Published tables and ours, written by `perennial reproduce --markdown REPRODUCTION.md` and \
         never by hand. A number is *reproduced* when the difference of the means and the half-width \
         of our 95 % interval over seeds are both within the tolerance, which the protocol's file set \
         before the run. It is *too noisy* when the interval is too wide to tell, and *better* or \
         *not reproduced* when it is outside with the interval wholly on one side. A cell has the \
         worst verdict of its numbers. Where a paper does not record a setting and ours was chosen by a \
         result of the cell itself, the cell is counted apart: *setting chosen on this cell*. Every table is compared within its own protocol only.",
    );
    paragraph(&mut out, &format!("**{}**", reproduction.summary()));
    out += "| protocol | cells | run | reproduced | better | too noisy | not reproduced | not run | at \
            chance (met) | chosen on it (met) |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    for table in &reproduction.protocols {
        let c = &table.counts;
        out += &format!(
            "| [{0}](#{0}) | {1} | {2} | {3} | {4} | {5} | {6} | {7} | {8} ({9}) | {10} ({11}) |\n",
            table.protocol,
            c.cells,
            c.run,
            c.reproduced,
            c.better,
            c.too_noisy,
            c.not_reproduced,
            c.not_run,
            c.at_chance,
            c.at_chance_met,
            c.chosen_here,
            c.chosen_here_met,
        );
    }
    out.push('\n');
    for (machine, cells) in machines(&reproduction.protocols) {
        paragraph(&mut out, &format!("Machine of {cells} cells: {machine}."));
    }
    for table in &reproduction.protocols {
        of_protocol(&mut out, table);
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

fn paragraph(out: &mut String, text: &str) {
    *out += text;
    *out += "\n\n";
}

fn of_protocol(out: &mut String, table: &Table) {
    paragraph(out, &format!("## {}", table.protocol));
    paragraph(
        out,
        &format!(
            "{}: {}, <{}>. Version {} of the protocol.",
            table.paper, table.table, table.link, table.protocol_version
        ),
    );
    paragraph(out, &format!("All methods: {}.", code(&table.settings)));
    *out += "| method | measure | published (s.e.) | ours ± 95 % | difference | tolerance | verdict | \
             seeds | time | program |\n|---|---|--:|--:|--:|--:|---|--:|--:|---|\n";
    for cell in &table.cells {
        for (i, measured) in cell.measures.iter().enumerate() {
            *out += &row(cell, measured, i == 0);
        }
    }
    out.push('\n');
    if !table.choices.is_empty() {
        paragraph(out, "What a choice is worth:");
        *out += "| method | done otherwise | measure | ours ± 95 % | against the method's own |\n\
                 |---|---|---|--:|--:|\n";
        table.choices.iter().for_each(|choice| choices(out, choice));
        out.push('\n');
    }
    let mut notes: Vec<String> = Vec::new();
    for cell in &table.cells {
        let own = (!cell.settings.is_empty()).then(|| format!(" {}.", code(&cell.settings)));
        let because = cell.measures.iter().filter_map(|measured| {
            let published = measured.published.as_ref()?;
            Some(format!(" Tolerance of {}: {}.", measured.measure.name(), published.because))
        });
        let chance = "The published value is at chance level; the cell is counted apart.";
        let chance = cell.at_chance.then(|| format!(" {chance}"));
        let reason = cell.reason.iter().map(|reason| format!(" **Reason:** {reason}"));
        let failed = cell.failures.iter().map(|why| format!(" **Failed:** {why}"));
        let far = cell.too_good().then(|| format!(" **Open:** {TOO_GOOD}"));
        let chosen = cell
            .chosen_here
            .iter()
            .map(|how| format!(" Setting chosen on this cell, which is counted apart: {how}."));
        let parts = own.into_iter().chain(because).chain(chance).chain(chosen);
        let said: String = parts.chain(reason).chain(failed).chain(far).collect();
        if !said.is_empty() {
            notes.push(format!("*{}*:{said}", escaped(&cell.method)));
        }
    }
    notes.extend(table.differs.iter().map(|what| format!("Differs from the paper: {what}")));
    for note in notes {
        *out += &format!("- {note}\n");
    }
    out.push('\n');
}

fn row(cell: &Cell, measured: &Measured, first: bool) -> String {
    let only = |text: String| if first { text } else { String::new() };
    let published = measured.published.as_ref();
    let se = published.and_then(|p| p.se).map_or_else(String::new, |se| format!(" ({se:.4})"));
    let ours = measured.ours.map_or_else(
        || NONE.to_owned(),
        |ours| {
            let half = ours.half_width.map_or_else(String::new, |half| format!(" ± {half:.4}"));
            format!("{:.4}{half}", ours.mean)
        },
    );
    let chosen = if cell.chosen_here.is_some() { ", setting chosen on it" } else { "" };
    let verdict = measured.verdict;
    let verdict = verdict.map_or_else(String::new, |it| format!("{}{chosen}", it.words()));
    let time = if cell.seeds_run.is_empty() { NONE.into() } else { format::seconds(cell.seconds) };
    let columns = [
        only(escaped(&cell.method)),
        measured.measure.name().to_owned(),
        published.map_or_else(|| NONE.into(), |p| format!("{:.4}{se}", p.value)),
        ours,
        measured.difference.map_or_else(String::new, |by| format!("{by:+.4}")),
        published.map_or_else(String::new, |p| format::fraction(p.tolerance)),
        verdict,
        only(format!("{} of {}", cell.seeds_run.len(), cell.seeds)),
        only(time),
        only(cell.program.clone().unwrap_or_default()),
    ];
    format!("| {} |\n", columns.join(" | "))
}

fn choices(out: &mut String, choice: &Choice) {
    for (i, measured) in choice.measures.iter().enumerate() {
        let only = |text: String| if i == 0 { text } else { String::new() };
        let what = format!("{} ({})", choice.what, code(&choice.settings));
        let four = |s: perennial_metrics::statistics::Summary, sign: bool| {
            let half = s.half_width.map_or_else(String::new, |half| format!(" ± {half:.4}"));
            if sign { format!("{:+.4}{half}", s.mean) } else { format!("{:.4}{half}", s.mean) }
        };
        let columns = [
            only(escaped(&choice.of)),
            only(escaped(&what)),
            measured.measure.name().to_owned(),
            measured.ours.map_or_else(|| NONE.into(), |ours| four(ours, false)),
            measured.difference.map_or_else(String::new, |by| four(by, true)),
        ];
        *out += &format!("| {} |\n", columns.join(" | "));
    }
}

/// Settings as code, with commas between.
fn code(settings: &[String]) -> String {
    settings.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// A text of a user's file inside a table's cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
