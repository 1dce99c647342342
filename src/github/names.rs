//! What repositories are called now. The rest of Chima calls them as the configuration does.
//!
//! GitHub redirects from an old name only until somebody else takes it: from then on a call to it would reach another repository.

use std::collections::HashMap;
use std::sync::PoisonError;

use crate::domain::ids::InstallationId;
use crate::github::GitHub;

impl GitHub {
    /// Calls repositories by these names from now on, by their configured names in lower case.
    pub fn set_names(&self, names: HashMap<String, String>) {
        let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != names {
            // a token that was given for a name may be one for another repository now
            self.tokens.forget_names();
            *known = names;
        }
    }

    /// What a configured repository is called now, where that is something else.
    #[must_use]
    pub fn present_name(&self, configured: &str) -> Option<String> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&configured.to_ascii_lowercase()).cloned()
    }

    /// Forgets the token of an installation that is gone, suspended or reaches less than before.
    pub fn forget_installation(&self, installation: InstallationId) {
        self.tokens.forget_installation(installation);
    }

    /// A path below `/repos/owner/name`, with the present name.
    pub(crate) fn at_present_name(&self, path: &str) -> String {
        let rewritten = || {
            let rest = path.strip_prefix("/repos/")?;
            let owner_end = rest.find('/')?;
            let name = &rest[owner_end + 1..];
            let name_end = owner_end + 1 + name.find(['/', '?']).unwrap_or(name.len());
            let present = self.present_name(&rest[..name_end])?;
            Some(format!("/repos/{present}{}", &rest[name_end..]))
        };
        rewritten().unwrap_or_else(|| path.to_owned())
    }
}
