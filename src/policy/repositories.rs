//! Which repository the configuration means. A name is what people write, a number is what stays: once a repository was seen
//! under a configured name, its number decides.

use crate::domain::access::{KnownRepository, NamedRepository, Standing};

/// What a repository is to the configuration, whose names are `configured`.
#[must_use]
pub fn standing(seen: &NamedRepository, known: &[KnownRepository], configured: &[&str]) -> Standing {
    let named = |name: &str| configured.iter().find(|own| own.eq_ignore_ascii_case(name));
    if let Some(name) = named(&seen.name) {
        let other = known
            .iter()
            .find(|one| one.configured.eq_ignore_ascii_case(name) && one.id != seen.id && !one.gone);
        return match other {
            Some(other) => Standing::Replaced {
                meant: other.id,
                now: other.name.clone(),
            },
            None => Standing::Configured((*name).to_owned()),
        };
    }
    let before = known.iter().find(|one| one.id == seen.id);
    match before.and_then(|one| named(&one.configured)) {
        Some(name) => Standing::Configured((*name).to_owned()),
        None => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepositoryId;

    fn seen(id: u64, name: &str) -> NamedRepository {
        NamedRepository {
            id: RepositoryId(id),
            name: name.to_owned(),
            installation: None,
        }
    }

    fn known(id: u64, configured: &str, name: &str, gone: bool) -> KnownRepository {
        KnownRepository {
            id: RepositoryId(id),
            configured: configured.to_owned(),
            name: name.to_owned(),
            installation: None,
            gone,
        }
    }

    #[test]
    fn the_number_decides_once_it_is_known() {
        let site = Standing::Configured("Octo/Site".to_owned());
        let replaced = Standing::Replaced {
            meant: RepositoryId(1),
            now: "octo/new".to_owned(),
        };
        let before = [known(1, "octo/site", "octo/new", false)];
        let gone = [known(1, "octo/site", "octo/site", true)];
        let removed = [known(1, "octo/old", "octo/old", false)];
        let cases = [
            (seen(1, "octo/site"), &[][..], site.clone()),
            (seen(1, "octo/other"), &[], Standing::Unknown),
            (seen(1, "OCTO/SITE"), &before, site.clone()),
            (seen(1, "octo/new"), &before, site.clone()),
            (seen(1, "elsewhere/site"), &before, site.clone()),
            (seen(2, "octo/site"), &before, replaced),
            (seen(2, "octo/new"), &before, Standing::Unknown),
            (seen(2, "octo/site"), &gone, site.clone()),
            (seen(1, "octo/old"), &removed, Standing::Unknown),
            (seen(1, "octo/site"), &removed, site),
        ];
        for (seen, known, expected) in cases {
            assert_eq!(standing(&seen, known, &["Octo/Site"]), expected, "{seen:?} {known:?}");
        }
    }
}
