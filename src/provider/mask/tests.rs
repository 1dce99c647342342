//! The masker: every form, every split, and what it must leave alone.

use proptest::prelude::*;

use super::*;

fn patterns(values: &[&str]) -> Patterns {
    let secrets: Vec<Secret> = values
        .iter()
        .map(|value| Secret {
            name: "S".to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    Patterns::new(&secrets).unwrap()
}

fn in_pieces(patterns: &Patterns, pieces: &[&[u8]]) -> Vec<u8> {
    let mut masker = Masker::new(patterns.clone());
    let mut out = Vec::new();
    for piece in pieces {
        masker.push(piece, &mut out);
    }
    masker.finish(&mut out);
    out
}

#[test]
fn every_form_is_masked() {
    let secret = "p\"4's s\\w/ö&rd$1?";
    let all = patterns(&[secret]);
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (form, name) in [
        (secret.to_owned(), "plain"),
        (hex.clone(), "hex"),
        (hex.to_uppercase(), "upper-case hex"),
        ("p%224%27s%20s%5Cw%2F%C3%B6%26rd%241%3F".to_owned(), "url"),
        ("p%224%27s+s%5Cw%2F%C3%B6%26rd%241%3F".to_owned(), "form"),
        (
            serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
            "json",
        ),
        ("p\\\\\\\"4's s\\\\\\\\w/ö&rd$1?".to_owned(), "json in json"),
        ("p\\\\\"4\\'s s\\\\\\\\w/ö&rd$1?".to_owned(), "json as Python shows it"),
        ("p\\\"4's s\\\\w/\\u00f6&rd$1?".to_owned(), "ascii json"),
        (secret.replace('\'', "'\\''"), "shell"),
        (secret.replace('\'', "'\"'\"'"), "shlex"),
        ("p\\\"4's s\\\\w/ö&rd\\$1?".to_owned(), "double quotes"),
        ("p\\\"4\\'s\\ s\\\\w/ö\\&rd\\$1\\?".to_owned(), "printf %q"),
        ("p&quot;4&#39;s s\\w/ö&amp;rd$1?".to_owned(), "html"),
    ] {
        let line = format!("<{form}>");
        assert_eq!(String::from_utf8_lossy(&all.mask(line.as_bytes())), "<***>", "{name}");
    }
}

#[test]
fn base64_is_masked_at_every_offset() {
    // Written out by the standard tool: printf 'x%s' … | base64
    let all = patterns(&["correct horse battery"]);
    for text in [
        "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5",
        "eGNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==",
        "eHljb3JyZWN0IGhvcnNlIGJhdHRlcnk=",
    ] {
        let masked = String::from_utf8(all.mask(text.as_bytes())).unwrap();
        assert!(masked.contains("***") && masked.len() < 12, "{text} -> {masked}");
    }
}

/// As a tool writes it: with a line break after so many characters.
fn broken(text: &str, width: usize) -> String {
    let lines = text.as_bytes().chunks(width);
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
        .collect()
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}

#[test]
fn an_encoded_secret_is_masked_wherever_its_lines_are_broken() {
    use base64::Engine as _;
    let secret = "correct horse battery staple, and a second sentence of the same length as this one";
    let all = patterns(&[secret]);
    let (base64, hex) = (base64::engine::general_purpose::STANDARD, hex::encode(secret));
    for before in 0..60 {
        let text = format!("{}{secret}{}", "?".repeat(before), "!".repeat(40));
        for width in [60, 64, 76] {
            let encoded = base64.encode(&text);
            let masked = String::from_utf8(all.mask(broken(&encoded, width).as_bytes())).unwrap();
            // the characters of the secret alone: those at its edges are of its neighbours too
            let own = base64.encode(format!("{}{secret}", "?".repeat(before % 3)));
            let own = &own.as_bytes()[4..own.len() - 4];
            for line in masked.lines() {
                let leak = line.as_bytes().windows(MIN_SECRET).find(|piece| contains(own, piece));
                assert!(leak.is_none(), "{before} {width}: {line}");
            }
        }
        let dump = broken(&format!("{}{hex}", "3f".repeat(before)), 60);
        let masked = String::from_utf8(all.mask(dump.as_bytes())).unwrap();
        for line in masked.lines() {
            let mut pieces = line.as_bytes().windows(2 * MIN_SECRET);
            assert!(!pieces.any(|piece| contains(hex.as_bytes(), piece)), "{before}: {line}");
        }
    }
}

#[test]
fn the_longest_of_secrets_that_begin_alike_is_masked_whole() {
    let all = patterns(&["abcdefgh", "abcdefghijkl", "abcdefghijklmnop", "abcdefgz"]);
    for (text, masked) in [
        ("abcdefghijklmnop.", "***."),
        ("abcdefghijklmno.", "***mno."),
        ("abcdefghij.", "***ij."),
        ("abcdefgz.", "***."),
        ("abcdefgy.", "abcdefgy."),
    ] {
        assert_eq!(String::from_utf8(all.mask(text.as_bytes())).unwrap(), masked);
    }
}

#[test]
fn a_secret_is_masked_through_what_nobody_sees() {
    let all = patterns(&["hunter2hunter2", "abcdefgh"]);
    for (text, masked) in [
        ("<hun\x1b[31mter2hunter2>", "<***\x1b[31m>"),
        (
            "\x1b[1mhunter2\x1b[0mhunter\x1b[4m2\x1b[0m.",
            "\x1b[1m***\x1b[0m\x1b[4m\x1b[0m.",
        ),
        // whatever is not a colour goes with the secret
        ("hunter2hu\x1b[2K\x1b[1Anter2", "***"),
        ("hunter2\x1b]8;;https://example.com/\x07hunter2", "***"),
        ("hunter2\x1b]0;a\x1b[1mb\x1b\\hunter2", "***"),
        ("hunter2\x1b(B\x1b[mhunter2", "***\x1b[m"),
        ("h\x1b\x1b[munter2hunter2", "***\x1b[m"),
        // a string without an end is text
        ("hunter2\x1b]hunter2\n", "***\n"),
        ("hunter2\x1b]hunter2", "***"),
        // two that overlap, one of them in a sequence of the other
        ("hunter2\x1b]0;abcdefgh\x07hunter2", "***"),
        ("abcd\x1b[31mefghunter2hun\x1b[0mter2", "***\x1b[31m\x1b[0m"),
        // and what only looks alike
        ("hun\x1b[31mter3", "hun\x1b[31mter3"),
        ("hunter2\x1b[3", "hunter2\x1b[3"),
        ("hunter2\nhunter2", "hunter2\nhunter2"),
    ] {
        let shown = |bytes: Vec<u8>| bytes.escape_ascii().to_string();
        let expected = shown(masked.as_bytes().to_vec());
        assert_eq!(shown(all.mask(text.as_bytes())), expected, "{text:?}");
        let letters: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(shown(in_pieces(&all, &letters)), expected, "{text:?}");
    }
}

#[test]
fn a_secret_is_masked_whatever_reads_its_surroundings() {
    let all = patterns(&["hunter2hunter2"]);
    for before in ["\x1b", "\x1b[", "\x1b[31", "\x1b]", "\x1b]0;", "\x1b(", "\x1bP"] {
        for inside in ["", "\x1b[31m", "\x1b[m\x1b[1m"] {
            for after in ["", "\n", "\x07", "\x1b\\", "m"] {
                let text = format!("{before}hunter2{inside}hunter2{after}");
                let masked = String::from_utf8(all.mask(text.as_bytes())).unwrap();
                assert_eq!(masked, format!("{before}***{inside}{after}"));
            }
        }
    }
}

#[test]
fn no_colour_that_is_kept_is_a_secret() {
    let all = patterns(&["hunter2hunter2", "1234567890"]);
    assert_eq!(
        all.mask(b"hunter2\x1b[1234567890m\x1b[1mhunter2"),
        b"***\x1b[1m",
        "{}",
        all.mask(b"hunter2\x1b[1234567890m\x1b[1mhunter2").escape_ascii()
    );
}

#[test]
fn a_secret_with_sequences_of_its_own_is_masked_with_and_without_them() {
    let all = patterns(&["abc\x1b[31mdefghijk"]);
    for text in ["abc\x1b[31mdefghijk", "abcdefghijk", "abcdef\x1b[1mghijk"] {
        let masked = all.mask(text.as_bytes());
        assert!(masked.starts_with(b"***"), "{}", masked.escape_ascii());
        assert!(!contains(&masked, b"abc") && !contains(&masked, b"ghijk"));
    }
}

#[test]
fn the_lines_of_a_secret_may_end_as_a_terminal_ends_them() {
    let all = patterns(&["short\nlines"]);
    assert_eq!(all.mask(b"<short\r\nlines>"), b"<***>");
}

#[test]
fn what_is_held_back_for_a_sequence_has_an_end() {
    let mut masker = Masker::new(patterns(&["hunter2hunter2"]));
    let mut out = Vec::new();
    let colours = std::iter::repeat_n(&b"\x1b[1m"[..], 10_000);
    let title = [b"hunter2\x1b]0;".as_slice(), &[b'x'; 1 << 20]].concat();
    let mut taken = 0;
    for piece in std::iter::once(&b"hunter2"[..])
        .chain(colours)
        .chain([title.as_slice()])
    {
        masker.push(piece, &mut out);
        taken += piece.len();
        assert!(masker.held.len() < 8 << 10, "{taken}");
    }
    assert_eq!(out.len() + masker.held.len(), taken);
}

#[test]
fn long_secrets_are_found_whole_or_not_at_all() {
    let values: Vec<String> = (0..20).map(|n| format!("{n:04} ").repeat(400)).collect();
    let all = patterns(&values.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(all.mask(format!("<{}>", values[12]).as_bytes()), b"<***>");
    let half = &values[12].as_bytes()[..1000];
    assert!(all.mask(half) == half, "half of a secret is none");
}

#[test]
fn each_line_of_a_long_secret_is_masked_alone() {
    let all = patterns(&["-----BEGIN KEY-----\nAAAABBBBCCCC\nshort\nDDDDEEEEFFFF\n-----END KEY-----\n"]);
    assert_eq!(all.mask(b"got AAAABBBBCCCC and short"), b"got *** and short");
    assert_eq!(all.mask(b"DDDDEEEEFFFF\r\n"), b"***\r\n");
}

#[test]
fn a_short_secret_is_refused_by_name() {
    let short = Secret {
        name: "PIN".to_owned(),
        value: "1234567\n".to_owned(),
    };
    assert_eq!(
        Patterns::new(&[short]).unwrap_err(),
        MaskError::TooShort("PIN".to_owned())
    );
}

#[test]
fn overlapping_secrets_leave_nothing_between_them() {
    let all = patterns(&["abcdefgh", "efghijkl"]);
    assert_eq!(all.mask(b"-abcdefghijkl-"), b"-***-");
    assert_eq!(all.mask(b"abcdefghabcdefgh"), b"******");
    assert_eq!(patterns(&["aaaaaaaa"]).mask(b"-aaaaaaaaaaaa-"), b"-***-");
}

#[test]
fn only_what_may_become_a_secret_is_held_back() {
    let all = patterns(&["hunter2hunter2"]);
    let mut masker = Masker::new(all);
    let mut out = Vec::new();
    masker.push(b"password: hunt", &mut out);
    assert_eq!(out, b"password: ");
    masker.push(b"ing\n", &mut out);
    assert_eq!(out, b"password: hunting\n");
}

#[test]
fn a_secret_is_found_at_every_split_among_few_and_many() {
    let text = b"a hunter2hunter2 b hunter2hunter2hunter2hunter2 c aHVudGVyMmh1bnRlcjI= d";
    let filler: Vec<String> = (0..400)
        .map(|n| format!("{n:03}filler-value-that-never-occurs-{n}"))
        .collect();
    let small = patterns(&["hunter2hunter2"]);
    let mut many: Vec<&str> = filler.iter().map(String::as_str).collect();
    many.push("hunter2hunter2");
    let large = patterns(&many);
    for all in [small, large] {
        let whole = all.mask(text);
        assert_eq!(String::from_utf8_lossy(&whole), "a *** b *** c ***I= d");
        for first in 0..text.len() {
            for second in first..text.len() {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(in_pieces(&all, &pieces), whole, "{first} {second}");
            }
        }
    }
}

/// A text in pieces, cut at these places.
fn cut<'t>(text: &'t [u8], cuts: &[prop::sample::Index]) -> Vec<&'t [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts {
        pieces.push(&text[from..cut]);
        from = cut;
    }
    pieces.push(&text[from..]);
    pieces
}

/// What a tool may print between two letters of a word.
const UNSEEN: [&str; 10] = [
    "\x1b[0m",
    "\x1b[m",
    "\x1b[1;38;5;196m",
    "\x1b[38:2::1:2:3m",
    "\x1b[K",
    "\x1b[?25l",
    "\x1b(B",
    "\x1b=",
    "\x1b]8;;https://example.com/\x1b\\",
    "\x1b]0;title\x07",
];

fn unseen() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&UNSEEN[..]), 0..3).prop_map(|all| all.concat())
}

/// The letters of a word with something unseen before each.
fn dressed(word: &str, unseen: &[String]) -> String {
    let letters = word.chars().zip(unseen.iter().cycle());
    letters.map(|(letter, before)| format!("{before}{letter}")).collect()
}

proptest! {
    #[test]
    fn splits_never_change_the_result_and_nothing_leaks(
        secrets in prop::collection::vec("[ab]{8,12}", 1..4),
        parts in prop::collection::vec((any::<prop::sample::Index>(), "[ab\n]{0,9}"), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let values: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let all = patterns(&values);
        let text: String = parts.iter().map(|(which, noise)| format!("{noise}{}", which.get(&secrets))).collect();
        let whole = all.mask(text.as_bytes());
        prop_assert_eq!(in_pieces(&all, &cut(text.as_bytes(), &cuts)), whole.clone());
        let shown = String::from_utf8(whole).unwrap();
        for secret in &secrets {
            prop_assert!(!shown.contains(secret.as_str()), "{} in {}", secret, shown);
        }
    }

    #[test]
    fn sequences_hide_no_secret_wherever_they_stand_and_wherever_pieces_end(
        secrets in prop::collection::vec("[ab]{8,12}", 1..4),
        parts in prop::collection::vec((any::<prop::sample::Index>(), "[ab\n]{0,9}"), 1..6),
        unseen in prop::collection::vec(unseen(), 1..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let values: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let all = patterns(&values);
        let words = parts.iter().map(|(which, noise)| format!("{noise}{}", which.get(&secrets)));
        let text = dressed(&words.collect::<String>(), &unseen);
        let whole = all.mask(text.as_bytes());
        prop_assert_eq!(in_pieces(&all, &cut(text.as_bytes(), &cuts)), whole.clone());
        // what is seen of it is what is left of the text without sequences
        let seen = crate::report::log_text::plain(&whole);
        let bare = all.mask(crate::report::log_text::plain(text.as_bytes()).as_bytes());
        prop_assert_eq!(seen.as_bytes(), bare);
        for secret in &secrets {
            prop_assert!(!seen.contains(secret.as_str()), "{} in {}", secret, seen);
        }
    }

    #[test]
    fn output_without_secrets_stays_as_it_is(
        noise in prop::collection::vec(prop_oneof![
            prop::sample::select(&UNSEEN[..]).prop_map(str::to_owned),
            prop::sample::select(&["\x1b", "\x1b[", "\x1b]", "\x07", "\n", "\r"][..]).prop_map(str::to_owned),
            "[abc]{0,4}",
        ], 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = noise.concat();
        let all = patterns(&["abcabcabcd", "d-never-there"]);
        prop_assert_eq!(in_pieces(&all, &cut(text.as_bytes(), &cuts)), text.as_bytes());
    }
}
