//! A page as a browser's parser sees it.

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// Every element with its attributes, in order.
pub(crate) struct Parsed {
    pub(crate) elements: Vec<Element>,
    /// What the parser complained of.
    pub(crate) errors: Vec<String>,
}

pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// All text within, in order.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let of = self.attributes.iter().find(|(own, _)| own == name)?;
        Some(&of.1)
    }
}

pub(crate) fn parse(page: &str) -> Parsed {
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page);
    let mut elements = Vec::new();
    walk(&dom.document, &mut elements);
    let errors = dom.errors.borrow().iter().map(ToString::to_string).collect();
    Parsed { elements, errors }
}

/// Gathers the elements below a node; says its text.
fn walk(node: &Handle, elements: &mut Vec<Element>) -> String {
    let place = elements.len();
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes = attrs.borrow();
        let attributes =
            attributes.iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect();
        let name = name.local.to_string();
        elements.push(Element { name, attributes, text: String::new() });
    }
    let mut text = match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => String::new(),
    };
    for child in node.children.borrow().iter() {
        text += &walk(child, elements);
    }
    if matches!(node.data, NodeData::Element { .. }) {
        elements[place].text.clone_from(&text);
    }
    text
}
