//! A terminal for a command that wants one.
//!
//! The runner reads the one end. At the other, our own program becomes the command: only a process of a session of its own can
//! take a terminal, and that takes a step between fork and exec which is not ours to take safely.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, OptionalActions, OutputModes, Winsize};

/// What most tools take for granted, a little wider: few lines are broken.
const SIZE: Winsize = Winsize {
    ws_row: 50,
    ws_col: 160,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// Exit code where the command cannot be started, as shells have it.
const NOT_STARTED: u8 = 126;

/// The runner's end, and the command's.
pub(super) fn open() -> io::Result<(File, File)> {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let name = rustix::pty::ptsname(&ours, Vec::new())?;
    let theirs: OwnedFd = rustix::fs::open(
        name.as_c_str(),
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let mut modes = rustix::termios::tcgetattr(&theirs)?;
    // A line ends with a line feed in the log, whatever a screen would need.
    modes.output_modes.remove(OutputModes::OPOST);
    modes.local_modes.remove(LocalModes::ECHO);
    rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    rustix::termios::tcsetwinsize(&theirs, SIZE)?;
    Ok((File::from(ours), File::from(theirs)))
}

/// Begins a session, takes the terminal on standard output, and becomes the command: file, first word, other words.
pub(super) fn become_command() -> ExitCode {
    let mut words = std::env::args_os().skip(2);
    let (Some(program), Some(name)) = (words.next(), words.next()) else {
        let _ = writeln!(io::stderr(), "this is for the runner only");
        return ExitCode::from(2);
    };
    let error = take_terminal().err().unwrap_or_else(|| exec(&program, &name, words));
    let _ = writeln!(io::stderr(), "`{}`: {error}", program.display());
    ExitCode::from(NOT_STARTED)
}

fn take_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
    Ok(())
}

fn exec(program: &OsString, name: &OsString, words: impl Iterator<Item = OsString>) -> io::Error {
    #[expect(
        clippy::disallowed_methods,
        reason = "becomes the command that the runner started it for"
    )]
    let mut command = Command::new(program);
    command.arg0(name).args(words).exec()
}

/// The program that [`become_command`] is a part of, also after its file was replaced.
pub(super) const MYSELF: &str = "/proc/self/exe";
