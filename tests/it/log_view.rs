//! What a page makes of a log, read by a real parser of HTML: text, and spans of a closed list of classes.

pub mod payloads;

use std::collections::BTreeMap;

use chima::http::pages::STYLE;
use chima::http::pages::log::html;
use chima::report::painted::Painted;
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::log_view::payloads::payloads;

/// Whether this is a word that [`Painted`] may give a stretch of text.
pub fn is_look(word: &str) -> bool {
    let numbered = |name: &str| {
        let number = word.strip_prefix(name).and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| number < 16)
    };
    numbered("ink")
        || numbered("ground")
        || ["bold", "dim", "italic", "underlined", "struck", "inverse", "odd"].contains(&word)
}

/// Every element below the log that is not on the list, and the text.
fn walk(node: &Handle, wrong: &mut Vec<String>, text: &mut String) {
    for child in node.children.borrow().iter() {
        match &child.data {
            NodeData::Text { contents } => text.push_str(&contents.borrow()),
            NodeData::Element { name, attrs, .. } => {
                let attributes = attrs.borrow();
                let listed = &*name.local == "span"
                    && matches!(attributes.as_slice(), [only] if &*only.name.local == "class" && only.value.split(' ').all(is_look));
                if !listed {
                    wrong.push(format!("{name:?} {attributes:?}"));
                }
                walk(child, wrong, text);
            }
            other @ (NodeData::Document
            | NodeData::Doctype { .. }
            | NodeData::Comment { .. }
            | NodeData::ProcessingInstruction { .. }) => wrong.push(format!("{other:?}")),
        }
    }
}

fn find(node: &Handle, tag: &str) -> Option<Handle> {
    let is = matches!(&node.data, NodeData::Element { name, .. } if &*name.local == tag);
    if is {
        return Some(node.clone());
    }
    node.children.borrow().iter().find_map(|child| find(child, tag))
}

fn parsed(raw: &[u8]) -> (Vec<String>, String) {
    // a parser drops one line end at the beginning of a `pre`
    let page = format!(
        "<!doctype html><body><pre>\n{}</pre><i>after</i></body>",
        html(raw).unwrap()
    );
    let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page);
    let (mut wrong, mut text) = (Vec::new(), String::new());
    walk(&find(&dom.document, "pre").unwrap(), &mut wrong, &mut text);
    if find(&dom.document, "i").is_none() {
        wrong.push("what follows the log is not there".to_owned());
    }
    (wrong, text)
}

#[test]
fn no_payload_becomes_anything_but_text_and_listed_spans() {
    let all = payloads();
    assert!(all.len() >= 500, "{}", all.len());
    let mut wrong = BTreeMap::new();
    for payload in &all {
        let (elements, text) = parsed(payload);
        if !elements.is_empty() || text != Painted::of(payload).text() {
            wrong.insert(String::from_utf8_lossy(payload).escape_debug().to_string(), elements);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_payloads_in_one_log_do_not_help_one_another() {
    let (elements, _) = parsed(&payloads().concat());
    assert_eq!(elements, Vec::<String>::new());
}

#[test]
fn nothing_that_turns_or_hides_text_is_left_in_a_payload() {
    for payload in payloads() {
        let (_, text) = parsed(&payload);
        let odd = text.chars().find(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        });
        assert_eq!(odd, None, "{}", String::from_utf8_lossy(&payload).escape_debug());
    }
}

/// The colour that the style sheet has for a selector's property, as WCAG's relative luminance.
fn luminance(selector: &str, property: &str) -> f64 {
    let rule = STYLE.split('}').find_map(|rule| {
        let (selectors, body) = rule.split_once('{')?;
        (selectors.trim().rsplit(['\n', '/']).next()?.trim() == selector).then_some(body)
    });
    assert!(rule.is_some(), "no rule for `{selector}`");
    let declared = rule.unwrap_or_default();
    let value = declared
        .split(';')
        .find_map(|line| line.trim().strip_prefix(property)?.strip_prefix(": #"));
    let number = u32::from_str_radix(value.unwrap().trim(), 16).unwrap();
    let part = |shift: u32| {
        let part = f64::from(number >> shift & 0xff) / 255.0;
        if part <= 0.03928 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

#[test]
fn every_ink_can_be_read_on_every_ground() {
    // <https://www.w3.org/TR/WCAG21/#contrast-minimum>
    let of = |name: &str, property: &str| {
        (0..16)
            .map(|n| luminance(&format!(".{name}{n}"), property))
            .collect::<Vec<_>>()
    };
    for (ink, light) in of("ink", "color").iter().enumerate() {
        for (ground, dark) in of("ground", "background").iter().enumerate() {
            let contrast = (light + 0.05) / (dark + 0.05);
            assert!(contrast >= 4.5, "ink {ink} on ground {ground} has {contrast:.2}");
        }
    }
}
