//! The looks of figures, said once: as rules of the page's style sheet, where a screen may be
//! dark, and as attributes of a figure that stands alone.

use std::fmt::Write as _;

use crate::colour::{self, Rgb};

/// Where the colour of a part of a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    /// A colour of the page, by its name in [`colour::THEME`].
    Theme(&'static str),
    /// The colour of the task or strategy that the part belongs to.
    Line,
    /// The colour of a heat map's cell.
    Heat,
    /// What is readable on it.
    OnHeat,
    None,
}

/// How the parts of a class look.
struct Look {
    class: &'static str,
    fill: Option<Ink>,
    stroke: Option<(Ink, f64)>,
    /// Further properties, the same in CSS and as attributes.
    more: &'static [(&'static str, &'static str)],
}

const fn filled(class: &'static str, fill: Ink) -> Look {
    Look { class, fill: Some(fill), stroke: None, more: &[] }
}

const fn stroked(class: &'static str, ink: Ink, width: f64) -> Look {
    Look { class, fill: None, stroke: Some((ink, width)), more: &[] }
}

/// Every class that shapes take; lines of a style are never dashed unless they say so here.
const LOOKS: &[Look] = &[
    filled("tick", Ink::Theme("soft")),
    Look {
        class: "name",
        fill: Some(Ink::Theme("ink")),
        // A rim of the page's colour keeps it readable across lines.
        stroke: Some((Ink::Theme("page"), 3.0)),
        more: &[("paint-order", "stroke"), ("stroke-linejoin", "round")],
    },
    stroked("grid", Ink::Theme("rule"), 0.6),
    Look {
        class: "line",
        fill: Some(Ink::None),
        stroke: Some((Ink::Line, 1.8)),
        more: &[("stroke-linejoin", "round")],
    },
    Look { class: "band", fill: Some(Ink::Line), stroke: None, more: &[("fill-opacity", ".16")] },
    filled("dot", Ink::Line),
    filled("bar", Ink::Line),
    stroked("tie", Ink::Line, 0.8),
    Look {
        class: "front",
        fill: Some(Ink::None),
        stroke: Some((Ink::Theme("soft"), 1.0)),
        more: &[("stroke-dasharray", "3 3")],
    },
    Look {
        class: "free",
        fill: Some(Ink::Theme("tint")),
        stroke: Some((Ink::Theme("rule"), 0.6)),
        more: &[],
    },
    stroked("track", Ink::Theme("rule"), 1.0),
    Look {
        class: "interval",
        fill: None,
        stroke: Some((Ink::Theme("link"), 6.0)),
        more: &[("stroke-opacity", ".4")],
    },
    stroked("mean", Ink::Theme("link"), 2.0),
    filled("cell", Ink::Heat),
    filled("none", Ink::Theme("tint")),
    filled("on", Ink::OnHeat),
    Look { class: "frame", fill: Some(Ink::None), stroke: Some((Ink::OnHeat, 1.5)), more: &[] },
    Look { class: "thin", fill: Some(Ink::None), stroke: Some((Ink::OnHeat, 0.8)), more: &[] },
];

/// Classes whose lines take the dashes of their strategy.
const DASHED: &str = "line";

/// Dashes by class.
const DASHES: [(&str, &str); 3] = [("d1", "6 3"), ("d2", "2 2.5"), ("baseline", "8 3 2 3")];

/// Classes that are a colour of the page.
const NAMED: [(&str, &str); 3] =
    [("baseline", "baseline"), ("reference", "reference"), ("laterals", "soft")];

/// Style rules for all parts of figures, for pages of up to `tasks` tasks.
pub(crate) fn style_sheet(tasks: usize) -> String {
    let mut css = String::new();
    theme(&mut css, ":root", 0);
    lines(&mut css, tasks, 0);
    for step in 0..=100 {
        let [cell, ink] = heat(step);
        let _ = writeln!(css, ".h{step}{{background:{cell};--heat:{cell};color:{ink}}}");
    }
    // Paper is light, whatever the screen is.
    css += "@media screen and (prefers-color-scheme:dark){\n";
    theme(&mut css, ":root", 1);
    lines(&mut css, tasks, 1);
    css += "}\n";
    for (class, of) in NAMED {
        let _ = writeln!(css, ".{class}{{--line:var(--{of})}}");
    }
    css += "svg text{font:11px system-ui,sans-serif;fill:var(--ink)}\n";
    for look in LOOKS {
        let var = |ink| match ink {
            Ink::Theme(name) => format!("var(--{name})"),
            Ink::Line => "var(--line)".to_owned(),
            Ink::Heat => "var(--heat)".to_owned(),
            Ink::OnHeat => "currentColor".to_owned(),
            Ink::None => "none".to_owned(),
        };
        let rules: Vec<String> = properties(look, var)
            .into_iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        let _ = writeln!(css, "svg .{}{{{}}}", look.class, rules.join(";"));
    }
    for (class, dash) in DASHES {
        let _ = writeln!(css, "svg .{DASHED}.{class}{{stroke-dasharray:{dash}}}");
    }
    css
}

fn theme(css: &mut String, selector: &str, page: usize) {
    let colours = colour::THEME.map(|(name, of)| format!("--{name}:{}", of[page]));
    let _ = writeln!(css, "{selector}{{{}}}", colours.join(";"));
}

fn lines(css: &mut String, tasks: usize, page: usize) {
    for task in 0..tasks {
        let _ = writeln!(css, ".t{task}{{--line:{}}}", colour::ordered(task, tasks)[page]);
    }
    for index in 0..colour::DISTINCT {
        let _ = writeln!(css, ".s{index}{{--line:{}}}", colour::distinct(index)[page]);
    }
}

/// A heat map's cell at this percentage and what is readable on it.
fn heat(percent: u32) -> [Rgb; 2] {
    let cell = colour::ramp(f64::from(percent) / 100.0);
    [cell, if cell.wants_black_text() { Rgb::BLACK } else { Rgb::WHITE }]
}

fn properties(look: &Look, show: impl Fn(Ink) -> String) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some(fill) = look.fill {
        all.push(("fill", show(fill)));
    }
    if let Some((stroke, width)) = look.stroke {
        all.push(("stroke", show(stroke)));
        all.push(("stroke-width", width.to_string()));
    }
    all.extend(look.more.iter().map(|(key, value)| (*key, (*value).to_owned())));
    all
}

/// What these classes come to on a light page, as attributes; of a figure with `tasks` tasks.
pub(crate) fn attributes(classes: &str, tasks: usize) -> String {
    let own = own_colours(classes, tasks);
    let show = |ink| match ink {
        Ink::Theme(name) => colour::theme(name)[0].to_string(),
        Ink::Line => own.line.to_string(),
        Ink::Heat => own.heat[0].to_string(),
        Ink::OnHeat => own.heat[1].to_string(),
        Ink::None => "none".to_owned(),
    };
    let mut out = String::new();
    for class in classes.split(' ') {
        if let Some(look) = LOOKS.iter().find(|look| look.class == class) {
            for (key, value) in properties(look, show) {
                let _ = write!(out, r#" {key}="{value}""#); // a String takes everything
            }
        }
        let dash = DASHES.iter().find(|(of, _)| *of == class);
        if let (Some((_, dash)), true) = (dash, classes.split(' ').any(|class| class == DASHED)) {
            let _ = write!(out, r#" stroke-dasharray="{dash}""#);
        }
    }
    out
}

struct Own {
    line: Rgb,
    heat: [Rgb; 2],
}

/// The colours that classes such as `t3`, `s1` and `h57` stand for.
fn own_colours(classes: &str, tasks: usize) -> Own {
    let ink = colour::theme("ink")[0];
    let mut own = Own { line: ink, heat: [colour::theme("page")[0], ink] };
    for class in classes.split(' ') {
        if let Some((_, name)) = NAMED.iter().find(|(of, _)| *of == class) {
            own.line = colour::theme(name)[0];
        }
        let number = |letter: char| class.strip_prefix(letter)?.parse::<usize>().ok();
        if let Some(task) = number('t') {
            own.line = colour::ordered(task, tasks)[0];
        }
        if let Some(index) = number('s') {
            own.line = colour::distinct(index)[0];
        }
        if let Some(percent) = number('h') {
            own.heat = heat(u32::try_from(percent.min(100)).unwrap_or(100));
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: a figure that stands alone and looks other than on the page: a colour of another
    /// task, dashes lost, a name drawn dashed.
    #[test]
    fn attributes_are_what_the_rules_come_to() {
        let line = attributes("line t1 d1", 3);
        let colour = colour::ordered(1, 3)[0];
        assert_eq!(
            line,
            format!(
                r#" fill="none" stroke="{colour}" stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="6 3""#
            )
        );
        assert!(!attributes("name s0 d1", 3).contains("dasharray"));
        assert_eq!(attributes("cell h100", 3), format!(r#" fill="{}""#, colour::ramp(1.0)));
        assert_eq!(attributes("on h100", 3), r##" fill="#000000""##);
        let css = style_sheet(3);
        for rule in [
            format!(".t1{{--line:{colour}}}"),
            "svg .line{fill:none;stroke:var(--line);stroke-width:1.8;stroke-linejoin:round}".into(),
            "svg .line.d1{stroke-dasharray:6 3}".into(),
        ] {
            assert!(css.contains(&rule), "{rule} in {css}");
        }
    }
}
