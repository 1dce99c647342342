//! Which versions of git have the fixes that checkouts of strangers' commits rely on.
//!
//! An older one is warned about, not refused: a distribution may have put the fixes into it without changing its number.

use std::collections::BTreeMap;

use crate::provider::manifest::support::Program;
use crate::provider::probe::at_least;

/// The first release of each series that has the fixes of July 2025 (CVE-2025-48384, CVE-2025-48385) and so all before them, such
/// as those of 2024 (CVE-2024-32002, CVE-2024-50349, CVE-2024-52005). Later series have them from the start.
/// <https://github.com/git/git/security/advisories/GHSA-vwqx-4fm8-6qc9>
const FIXED: [&str; 8] = [
    "2.43.7", "2.44.4", "2.45.4", "2.46.4", "2.47.3", "2.48.2", "2.49.1", "2.50.1",
];

/// Git, as a manifest would name it.
#[must_use]
pub fn git() -> Program {
    Program {
        name: "git".to_owned(),
        version_command: vec!["git".to_owned(), "--version".to_owned()],
        version_pattern: Some(r"git version ([0-9]+(?:\.[0-9]+)*)".to_owned()),
        optional: false,
        install: BTreeMap::from([("apt".to_owned(), "git".to_owned())]),
    }
}

/// The release with the fixes that a version should give way to; `None` where it has them.
#[must_use]
pub fn replacement(version: &str) -> Option<&'static str> {
    let series = |version: &str| version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let newest = FIXED.last().copied().unwrap_or_default();
    let wanted = FIXED.iter().copied().find(|fixed| series(fixed) == series(version));
    let wanted = wanted.unwrap_or(newest);
    (!at_least(version, wanted)).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_the_fixes_is_told_with_one_that_has_them() {
        for (version, expected) in [
            ("2.39.5", Some("2.50.1")),
            ("2.43.6", Some("2.43.7")),
            ("2.43.7", None),
            ("2.47.2", Some("2.47.3")),
            ("2.47.3", None),
            ("2.50.0", Some("2.50.1")),
            ("2.50.1", None),
            ("2.51.0", None),
            ("3.0", None),
        ] {
            assert_eq!(replacement(version), expected, "{version}");
        }
    }
}
