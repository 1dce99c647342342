//! However a text is cut into pieces, the same comes out, and no secret is in it, also for whoever sees no colours.
#![no_main]

use std::sync::LazyLock;

use chima::provider::mask::{Masker, Patterns};
use chima::provider::spec::Secret;
use libfuzzer_sys::fuzz_target;

const VALUES: [&str; 3] = [
    "hunter2hunter2",
    "a\"b&c d/e+f=g\u{e9}\u{e9}",
    "first line\nsecond line",
];

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let secrets: Vec<Secret> = VALUES
        .iter()
        .map(|value| Secret {
            name: "SECRET".to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    Patterns::new(&secrets).expect("the secrets are long enough")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((size, text)) = bytes.split_first() else {
        return;
    };
    // a secret somewhere, and what the fuzzer makes of its surroundings
    let middle = text.len() / 2;
    let value = VALUES[usize::from(*size) % VALUES.len()];
    // in colours
    let coloured: String = value.chars().map(|c| format!("\x1b[3{}m{c}", size % 8)).collect();
    let text = [&text[..middle], value.as_bytes(), coloured.as_bytes(), &text[middle..]].concat();
    let whole = PATTERNS.mask(&text);
    for secret in VALUES.iter().take(2) {
        let found = whole.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in what came out");
        let colour = format!("\x1b[3{}m", size % 8);
        let seen = String::from_utf8_lossy(&whole).replace(&colour, "");
        assert!(!seen.contains(secret), "{secret} can be seen in what came out");
    }
    let mut masker = Masker::new(PATTERNS.clone());
    let mut pieces = Vec::new();
    for piece in text.chunks(usize::from(*size) % 23 + 1) {
        masker.push(piece, &mut pieces);
    }
    masker.finish(&mut pieces);
    assert_eq!(pieces, whole);
});
