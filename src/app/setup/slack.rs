//! `chima setup slack`: prints the manifest of the Slack app, and what is left to do with it.

use std::io::Write;
use std::path::Path;

use crate::app::{Exit, load, say, unwritten};
use crate::cli::args::SlackSetupArgs;
use crate::report::slack::manifest::{left_to_do, manifest};

/// Prints the manifest to standard output, so that it can be kept in a file; the rest goes to standard error.
///
/// # Errors
///
/// When there is a configuration that cannot be read.
pub(crate) fn setup(path: &Path, args: &SlackSetupArgs) -> anyhow::Result<Exit> {
    let config = if path.exists() { load(path)? } else { unwritten(path)? };
    let address = config.public_url.as_str();
    // Slack calls no address without TLS
    let reachable = address.starts_with("https://") && !args.socket && config.slack.app_token.is_none();
    let manifest = manifest(&args.name, reachable.then_some(address));
    let exit = say(&format!("{manifest:#}\n"))?;
    let mut text = left_to_do(!reachable);
    if !reachable && !args.socket && config.slack.app_token.is_none() {
        text.push_str(
            "It is for Socket Mode, because `server.public_url` is no address that begins with `https://`: Slack calls no other.\n",
        );
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    Ok(exit)
}
