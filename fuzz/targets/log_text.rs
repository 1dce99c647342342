//! Nothing that a command prints can move a cursor, rename a terminal or turn a line around.
#![no_main]

use chima::report::log_text::{plain, whole_lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for c in plain(bytes).chars() {
        assert!(!c.is_control() || matches!(c, '\n' | '\t'), "{c:?}");
        assert!(
            !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}'),
            "{c:?}"
        );
    }
    assert!(whole_lines(bytes, 64) <= bytes.len());
});
