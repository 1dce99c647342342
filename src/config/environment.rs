//! The process environment: the only place that reads it.
//!
//! Everything else is handed the value it needs, so that what a machine exports cannot change behaviour unseen.

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::SecretString;

/// Where the configuration is looked for when neither `--config` nor `CHIMA_CONFIG` names a file.
pub const DEFAULT_PATH: &str = "config/app.yaml";

/// The variable that names the configuration file.
pub const PATH_VARIABLE: &str = "CHIMA_CONFIG";

/// The variable that names the server for the command line.
pub const SERVER_VARIABLE: &str = "CHIMA_SERVER";

/// The variable with the token of the API.
pub const TOKEN_VARIABLE: &str = "CHIMA_TOKEN";

/// A variable's value; `None` when it is not set. Text that is not Unicode counts as not set.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    variable_os(name)?.into_string().ok()
}

/// A variable's value as the system has it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable_os(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The name of the account a person works with: the one before `sudo`, where that was used.
#[must_use]
pub fn account() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(variable)
        .find(|name| !name.trim().is_empty())
}

/// The server that the command line talks to, and the token that it shows there, where they are set.
#[must_use]
pub fn server() -> (Option<String>, Option<SecretString>) {
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let token = set(TOKEN_VARIABLE).map(|token| SecretString::from(token.trim()));
    (set(SERVER_VARIABLE), token)
}

/// The configuration file to read: the one asked for, else `CHIMA_CONFIG`, else [`DEFAULT_PATH`].
#[must_use]
pub fn config_path(asked_for: Option<PathBuf>) -> PathBuf {
    asked_for
        .or_else(|| {
            variable_os(PATH_VARIABLE)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        })
        .unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
}
