//! A small writer of SVG: the only place where markup of a figure is made, and the one that
//! escapes what goes into it. Looks belong to [`look`](crate::look), through classes.

use std::fmt::{self, Write};

use crate::look;

/// Where a text is held by its position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// A figure: shown by `Display` it can be set into the page; [`alone`](Self::alone) it is a
/// whole file. Complete and escaped either way.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    shapes: Vec<Shape>,
}

/// One element without its class's looks.
#[derive(Debug, Clone)]
struct Shape {
    /// Escaped.
    class: String,
    name: &'static str,
    /// `x="1" y="2"`.
    place: String,
    /// Escaped; of a text alone.
    text: Option<String>,
}

/// Space around a figure that stands alone.
const MARGIN: f64 = 8.0;

impl Svg {
    /// An empty figure with the text that stands for it where it cannot be seen.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: escape(title), shapes: Vec::new() }
    }

    /// A straight line.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(class, "line", format!(r#"x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}""#));
    }

    /// A line through points; nothing for less than two.
    pub(crate) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 1 {
            self.push(class, "polyline", list(points));
        }
    }

    /// The area within points; nothing for less than three.
    pub(crate) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() > 2 {
            self.push(class, "polygon", list(points));
        }
    }

    /// A filled rectangle from its upper left corner.
    pub(crate) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let place = format!(r#"x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        self.push(class, "rect", place);
    }

    /// A dot.
    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.push(class, "circle", format!(r#"cx="{x:.1}" cy="{y:.1}" r="{radius}""#));
    }

    /// One line of text.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(class, "text", format!(r#"x="{x:.1}" y="{y:.1}" text-anchor="{anchor}""#));
        if let Some(shape) = self.shapes.last_mut() {
            shape.text = Some(escape(text));
        }
    }

    fn push(&mut self, class: &str, name: &'static str, place: String) {
        self.shapes.push(Shape { class: escape(class), name, place, text: None });
    }

    /// The figure as a file of its own, on a light ground and with its looks in it: an XML
    /// document for browsers, papers and slides. Of a stream of `tasks` tasks.
    pub(crate) fn alone(&self, tasks: usize) -> String {
        let Self { width, height, title, shapes } = self;
        let (left, top) = (-MARGIN, -MARGIN);
        let (width, height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
        let mut out = String::new();
        // A String takes everything.
        let _ = writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0} {top:.0} {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="sans-serif" font-size="11">"#
        );
        let _ = writeln!(out, "<title>{title}</title>");
        let _ = writeln!(
            out,
            r##"<rect fill="#ffffff" x="{left:.0}" y="{top:.0}" width="{width:.0}" height="{height:.0}"/>"##
        );
        for shape in shapes {
            let looks = look::attributes(&shape.class, tasks);
            let Shape { name, place, .. } = shape;
            let _ = match &shape.text {
                Some(text) => writeln!(out, "<{name} {place}{looks}>{text}</{name}>"),
                None => writeln!(out, "<{name} {place}{looks}/>"),
            };
        }
        out + "</svg>\n"
    }
}

fn list(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    format!(r#"points="{}""#, points.join(" "))
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, title, shapes } = self;
        write!(f, r#"<svg viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{title}">"#)?;
        for Shape { class, name, place, text } in shapes {
            match text {
                Some(text) => write!(f, r#"<{name} class="{class}" {place}>{text}</{name}>"#)?,
                None => write!(f, r#"<{name} class="{class}" {place}/>"#)?,
            }
        }
        f.write_str("</svg>")
    }
}

/// The templates may set a figure without escaping it again.
impl askama::filters::HtmlSafe for Svg {}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no such characters, not even escaped.
            control if control.is_control() && !matches!(control, '\t' | '\n') => {
                out.push('\u{fffd}');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_titles_and_classes_cannot_leave_their_place() {
        let hostile = r#""><img onerror='x'>&"#;
        let mut svg = Svg::new(10.0, 10.0, hostile);
        svg.text(hostile, (1.0, 2.0), Anchor::End, hostile);
        svg.line(hostile, (0.0, 0.0), (1.0, 1.0));
        svg.polyline(hostile, &[(0.0, 0.0), (1.0, 1.0)]);
        svg.polygon(hostile, &[(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)]);
        svg.dot(hostile, (0.0, 0.0), 1.0);
        svg.rect(hostile, (0.0, 0.0), (1.0, 1.0));
        let shown = svg.to_string();
        assert!(!shown.contains("<img"), "{shown}");
        let escaped = "&quot;&gt;&lt;img onerror=&#39;x&#39;&gt;&amp;";
        assert_eq!(shown.matches(escaped).count(), 8);
        let alone = svg.alone(1);
        assert!(!alone.contains("<img"), "{alone}");
        assert_eq!(alone.matches(escaped).count(), 2, "the title and the text; looks, no classes");
    }
}
