//! Whatever is typed is a command, or gets one short answer. What is understood can be said again, and means the same.
#![no_main]

use chima::chat::grammar::parse;
use chima::chat::slack::text::as_typed;
use libfuzzer_sys::fuzz_target;

/// An answer that is longer is no answer.
const ANSWER: usize = 600;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.clone().into_owned(), as_typed(&text)] {
        match parse(&text) {
            Ok(command) => {
                // a name that cannot be said in one word may be said in another way, but is never a panic
                let _ = parse(&command.to_string());
            }
            Err(misunderstood) => {
                let answer = misunderstood.to_string();
                assert!(answer.chars().count() <= ANSWER, "{answer}");
                assert!(!answer.chars().any(|c| c.is_control()), "{answer:?}");
            }
        }
    }
});
