//! A message cut into its words.

/// The words of a message. What stands in quotation marks or backticks is one word: names may hold spaces.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut end = None;
    for letter in text.chars() {
        match end {
            Some(mark) if letter == mark => end = None,
            Some(_) => word.push(letter),
            None if letter.is_whitespace() => {
                push(&mut words, &mut word, quoted);
                quoted = false;
            }
            None => match closing(letter) {
                Some(mark) => {
                    end = Some(mark);
                    quoted = true;
                }
                None => word.push(letter),
            },
        }
    }
    push(&mut words, &mut word, quoted);
    words
}

fn push(words: &mut Vec<String>, word: &mut String, quoted: bool) {
    if quoted || !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Phones and chat programs turn quotation marks into curly ones.
fn closing(opening: char) -> Option<char> {
    match opening {
        '"' => Some('"'),
        '`' => Some('`'),
        '\u{201c}' | '\u{201e}' => Some('\u{201d}'),
        _ => None,
    }
}

/// The message without the name of whom it speaks to: `chima deploy …`, `@chima: deploy …`.
#[must_use]
pub fn without_address<'t>(text: &'t str, names: &[&str]) -> &'t str {
    let text = text.trim();
    let Some(first) = text.split_whitespace().next() else {
        return text;
    };
    let name = first.trim_start_matches('@').trim_end_matches([':', ',']);
    if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        text[first.len()..].trim_start()
    } else {
        text
    }
}

/// What was typed to the machine, and what is meant for people: `lock site production: the database moves`. The colon of
/// the first word (`deploy:lock`) is its own.
#[must_use]
pub fn without_reason(text: &str) -> (&str, Option<&str>) {
    let verb = text.find(char::is_whitespace).unwrap_or(text.len());
    match text[verb..].find(':') {
        Some(at) => {
            let (command, reason) = text.split_at(verb + at);
            let reason = reason[1..].trim();
            (command, (!reason.is_empty()).then_some(reason))
        }
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_are_one() {
        for (typed, expected) in [
            ("  deploy\tsite  ", vec!["deploy", "site"]),
            ("deploy site to \"my env\"", vec!["deploy", "site", "to", "my env"]),
            ("deploy `site` to `eu/west`", vec!["deploy", "site", "to", "eu/west"]),
            ("lock “site” on „eu west”", vec!["lock", "site", "on", "eu west"]),
            ("deploy \"half open", vec!["deploy", "half open"]),
            ("it's fine", vec!["it's", "fine"]),
            ("", vec![]),
        ] {
            assert_eq!(words(typed), expected, "{typed}");
        }
    }

    #[test]
    fn the_name_of_the_bot_is_no_word_of_the_command() {
        for typed in [
            "chima deploy site",
            "@Chima deploy site",
            "chima: deploy site",
            "CHIMA, deploy site",
            " deploy site",
        ] {
            assert_eq!(without_address(typed, &["chima"]), "deploy site", "{typed}");
        }
        assert_eq!(without_address("chimay deploy", &["chima"]), "chimay deploy");
        assert_eq!(without_address("", &["chima"]), "");
    }

    #[test]
    fn a_reason_follows_a_colon() {
        for (typed, expected) in [
            ("lock a b: why not: because", ("lock a b", Some("why not: because"))),
            ("deploy:lock a in b", ("deploy:lock a in b", None)),
            ("deploy:lock a in b: db", ("deploy:lock a in b", Some("db"))),
            ("lock a b:", ("lock a b", None)),
            ("lock", ("lock", None)),
        ] {
            assert_eq!(without_reason(typed), expected, "{typed}");
        }
    }
}
