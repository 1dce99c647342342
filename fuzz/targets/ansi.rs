//! Whatever a command prints, a page has nothing of it but text and spans of a closed list of classes.
#![no_main]

use chima::http::pages::log::html;
use chima::report::log_text::plain;
use chima::report::painted::Painted;
use libfuzzer_sys::fuzz_target;

fn is_look(word: &str) -> bool {
    let numbered = |name: &str| {
        let number = word.strip_prefix(name).and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| number < 16)
    };
    numbered("ink")
        || numbered("ground")
        || ["bold", "dim", "italic", "underlined", "struck", "inverse", "odd"].contains(&word)
}

fuzz_target!(|bytes: &[u8]| {
    let page = html(bytes).unwrap();
    let mut rest = page.as_str();
    let mut open = false;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(!text.contains(['>', '"']), "{text:?}");
        let (tag, after) = tag.split_once('>').unwrap();
        match tag.strip_prefix("span class=\"").and_then(|tag| tag.strip_suffix('"')) {
            Some(class) => assert!(!open && class.split(' ').all(is_look), "{tag:?}"),
            None => assert!(open && tag == "/span", "{tag:?}"),
        }
        open = !open;
        rest = after;
    }
    assert!(!open && !rest.contains(['>', '"']), "{rest:?}");
    let painted = Painted::of(bytes);
    for c in painted.text().chars() {
        assert!(!c.is_control() || matches!(c, '\n' | '\t'), "{c:?}");
        assert!(
            !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}'),
            "{c:?}"
        );
    }
    // both ways of showing a log have the same lines
    assert_eq!(painted.text().matches('\n').count(), plain(bytes).matches('\n').count());
    let pieces: String = painted.pieces().map(|(text, _)| text).collect();
    assert_eq!(pieces, painted.text());
});
