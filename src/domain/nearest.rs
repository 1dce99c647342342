//! The known name that was meant by one that is not known.

/// The known name nearest to what was typed, if any is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = typed.to_lowercase().replace('-', "_");
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| match wanted.len() {
            3.. if name.starts_with(&wanted) => (1, name),
            _ => (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name),
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let known = ["provider", "production", "url", "env"];
        assert_eq!(nearest("provder", known), Some("provider"));
        assert_eq!(nearest("Provider", known), Some("provider"));
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("prov", known), Some("provider"));
        assert_eq!(nearest("colour", known), None);
    }
}
