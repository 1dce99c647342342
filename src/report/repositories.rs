//! Repositories that are called something else than the configuration says, in words.

use crate::domain::access::KnownRepository;
use crate::domain::ids::RepositoryId;
use crate::report::words::quoted;

/// The repository was renamed, or given to another owner.
#[must_use]
pub fn renamed(one: &KnownRepository) -> String {
    format!(
        "repository {} is called {} now",
        quoted(&one.configured),
        quoted(&one.name)
    )
}

/// What to do about it.
#[must_use]
pub fn renamed_fix(one: &KnownRepository) -> String {
    format!(
        "change `repository` in the configuration to {}; until then Chima goes by its number {}",
        quoted(&one.name),
        one.id
    )
}

/// Another repository has a name by which the configuration means one that was seen before.
#[must_use]
pub fn replaced(name: &str, found: RepositoryId, meant: RepositoryId, now: &str) -> String {
    let moved = if now.eq_ignore_ascii_case(name) {
        String::new()
    } else {
        format!(", which is called {} now", quoted(now))
    };
    format!(
        "{} is another repository (number {found}) than the one that the configuration means by this name (number {meant}{moved}); \
         nothing of it is deployed. If the old one is meant, change `repository` in the configuration to its present name; if the new \
         one is, run `chima forget {name}`",
        quoted(name)
    )
}

/// What was known of the repository of a configured name is forgotten, if anything was.
#[must_use]
pub fn forgotten(name: &str, known: bool) -> String {
    let name = quoted(name);
    if known {
        format!("{name} means from now on whichever repository is next seen by that name\n")
    } else {
        format!("nothing is known of {name}; the configuration's spelling is meant\n")
    }
}
