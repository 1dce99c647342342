//! Secrets that a command prints: a password store, a vault's client.
//!
//! It runs as this process does, with its variables: the configuration's author wrote it, and such programs need an agent's
//! socket, a home, a token. What it prints is never shown, also where it fails.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::names::shown;

/// Whoever waits for a password to be typed waits for nobody.
const LIMIT: Duration = Duration::from_secs(30);

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretCommandError {
    /// It cannot be run.
    #[error("cannot run `{program}`: {detail}")]
    NotRun {
        /// Its first word.
        program: String,
        /// Why.
        detail: String,
    },
    /// It was stopped.
    #[error("`{program}` printed no secret within {} s", LIMIT.as_secs())]
    TimedOut {
        /// Its first word.
        program: String,
    },
    /// It said no.
    #[error("`{program}` ended with {status}: {said}")]
    Failed {
        /// Its first word.
        program: String,
        /// Its code or signal.
        status: String,
        /// The last line it wrote to standard error.
        said: String,
    },
}

/// What the command prints.
///
/// # Errors
/// When it cannot be run, takes too long, or ends with another code than 0.
pub async fn output(argv: &[String]) -> Result<Vec<u8>, SecretCommandError> {
    let program = argv.first().cloned().unwrap_or_default();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a secret's command is started"
    )]
    let mut command = tokio::process::Command::new(&program);
    command
        .args(argv.iter().skip(1))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(LIMIT, command.output()).await {
        Err(_) => return Err(SecretCommandError::TimedOut { program }),
        Ok(Err(error)) => {
            let detail = error.to_string();
            return Err(SecretCommandError::NotRun { program, detail });
        }
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let said = words
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("no message");
    Err(SecretCommandError::Failed {
        program,
        status: output.status.to_string(),
        said: shown(said),
    })
}
