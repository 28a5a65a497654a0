//! A small writer of SVG: the only place where markup of a figure is made, and the one that
//! escapes what goes into it. Looks belong to the page's style sheet, through classes.

use std::fmt::{self, Write};

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

/// A figure that can be set into a page: shown by `Display`, complete and escaped.
#[derive(Debug, Clone)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

impl Svg {
    /// An empty figure with the text that stands for it where it cannot be seen.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: escape(title), body: String::new() }
    }

    /// A straight line.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line class="{}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#,
            escape(class)
        ));
    }

    /// A line through points; nothing for less than two.
    pub(crate) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        let mut list = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            let _ = write!(list, "{gap}{x:.1},{y:.1}"); // a String takes everything
        }
        self.push(format_args!(r#"<polyline class="{}" points="{list}"/>"#, escape(class)));
    }

    /// A filled rectangle from its upper left corner.
    pub(crate) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.push(format_args!(
            r#"<rect class="{}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#,
            escape(class)
        ));
    }

    /// A dot.
    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.push(format_args!(
            r#"<circle class="{}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#,
            escape(class)
        ));
    }

    /// One line of text.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            r#"<text class="{}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
            escape(class),
            escape(text)
        ));
    }

    fn push(&mut self, element: fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(element); // a String takes everything
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, title, body } = self;
        write!(
            f,
            r#"<svg viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{title}">{body}</svg>"#
        )
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
        svg.dot(hostile, (0.0, 0.0), 1.0);
        svg.rect(hostile, (0.0, 0.0), (1.0, 1.0));
        let shown = svg.to_string();
        assert!(!shown.contains("<img"), "{shown}");
        assert_eq!(shown.matches("&quot;&gt;&lt;img onerror=&#39;x&#39;&gt;&amp;").count(), 7);
    }
}
