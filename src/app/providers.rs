//! `chima providers`: brings the machine and the configuration, if there is one, to the list.

use std::path::Path;

use anyhow::Context;

use crate::app::{Exit, load, say};
use crate::cli::providers::{Machine, survey};
use crate::config::environment;
use crate::provider::environment::DEFAULT_PATH;
use crate::provider::manifest::catalogue::Catalogue;

/// Lists all providers, or shows one. Ends with 1 where one that is used cannot be.
///
/// # Errors
///
/// When there is no provider of this name.
pub fn providers(path: &Path, name: Option<&str>, readme: bool, json: bool) -> anyhow::Result<Exit> {
    let config = load(path).map_err(|_| {
        let shown = path.display();
        if path.exists() {
            format!(
                "`{shown}` cannot be used, so only the shipped providers are listed; `chima check {shown}` says why"
            )
        } else {
            format!("there is no configuration at `{shown}`, so only the shipped providers are listed")
        }
    });
    let config = config.as_ref().map_err(String::as_str);
    let dirs = config.map_or(&[][..], |config| &config.providers);
    let catalogue = Catalogue::read(dirs);
    let home = tempfile::tempdir().context("cannot make a temporary folder")?;
    let machine = machine(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let survey = runtime.block_on(survey(&catalogue, name, config, &machine))?;
    if readme {
        return say(&survey.readme());
    }
    say(&if json { survey.json() } else { survey.text() })?;
    Ok(if survey.is_complete() { Exit::Done } else { Exit::Failed })
}

/// This machine. `home` is an empty folder.
pub(super) fn machine(home: &Path) -> Machine {
    Machine {
        path: environment::variable("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned()),
        home: home.to_owned(),
    }
}
