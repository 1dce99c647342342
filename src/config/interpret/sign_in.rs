//! Signing in to the pages: as whom, for how long, and who may look.

use std::time::Duration;

use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::problem::KeyPath;
use crate::config::{SignIn, defaults};
use crate::domain::actor::Named;
use crate::domain::names::shown;

/// GitHub's own are shorter.
const ID_LIMIT: usize = 100;

impl Reading<'_> {
    /// How people sign in, and who may look where an app does not say.
    pub(super) fn sign_in(&mut self, typed: Option<file::SignIn>) -> (Option<Option<SignIn>>, Option<Vec<Named>>) {
        let Some(typed) = typed else {
            return (Some(None), None);
        };
        let path = KeyPath::of(&["sign_in"]);
        let viewers = self.viewers(typed.viewers, &path.key("viewers"));
        let secret = self.strong_secret(Some(typed.client_secret), &path.key("client_secret"));
        let good = |id: &str| {
            (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let client_id = if good(&typed.client_id) {
            Some(typed.client_id)
        } else {
            let at = path.key("client_id");
            let text = format!("`{at}` is `{}`; expected a client id", shown(&typed.client_id));
            let hint = "the App's page shows it, as in `Iv23liAbCdEfGhIjKlMn`; it is not the App's number";
            self.refuse(&at, text, Some(hint.to_owned()))
        };
        let hours = typed.session_hours.unwrap_or(defaults::SESSION_HOURS);
        let found = (client_id, secret.flatten(), viewers);
        match found {
            (Some(client_id), Some(client_secret), Some(viewers)) => {
                let session = Duration::from_secs(hours * 3600);
                let sign_in = SignIn {
                    client_id,
                    client_secret,
                    session,
                };
                (Some(Some(sign_in)), viewers)
            }
            _ => (None, None),
        }
    }

    /// People who may look. GitHub alone says who somebody is who signs in, so it is logins and teams that are named.
    pub(super) fn viewers(&mut self, typed: Option<Vec<String>>, path: &KeyPath) -> Option<Option<Vec<Named>>> {
        let meaning = "an empty list would let nobody look: name somebody, or remove the key";
        let named = self.named(typed, meaning, path)?;
        for (index, one) in named.iter().flatten().enumerate() {
            if let Named::InChat { .. } = one {
                let text = format!("`{one}` is somebody in a chat; expected a login on GitHub or a team");
                let hint = "people sign in with GitHub: write `mona` or `octo/web`";
                return self.refuse(&path.index(index), text, Some(hint.to_owned()));
            }
        }
        Some(named)
    }
}
