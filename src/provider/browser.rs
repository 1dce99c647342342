//! Shows a page to whoever sits at this machine.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// What desktops open things with.
const OPENER: &str = "xdg-open";

/// Opens a file with the desktop's browser, and does not wait for it. Whether there was anything to open it with.
///
/// A file and not an address: addresses with a secret word would be in an argument list, which everybody on the machine can read.
#[must_use]
pub fn open(file: &Path) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the person's own browser, not a deployment")]
    let mut command = Command::new(OPENER);
    command
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().is_ok()
}
