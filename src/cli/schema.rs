//! `chima schema`: the JSON schema of the configuration file, for editors.

use crate::config;

/// What the command prints.
#[must_use]
pub fn schema() -> String {
    config::schema::json()
}
