//! `chima schema`: the JSON schema of the configuration file and of manifests, for editors.

use crate::config;
use crate::provider::manifest;

/// What the command prints.
#[must_use]
pub fn schema(of_providers: bool) -> String {
    if of_providers {
        manifest::schema::json()
    } else {
        config::schema::json()
    }
}
