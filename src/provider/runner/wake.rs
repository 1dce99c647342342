//! What wakes the runner: a child that ended, a signal to itself, a request to stop.
//!
//! Signals arrive as bytes in pipes, so that one `poll` waits for everything and nothing happens inside a handler.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe::register;

use crate::provider::attempt;

/// How often a request to stop is looked for where the kernel gives no notice of files.
const WITHOUT_NOTICE: Duration = Duration::from_millis(200);

/// The sources of wake-ups.
#[derive(Debug)]
pub(super) struct Wake {
    child: OwnedFd,
    stop: OwnedFd,
    notice: Option<OwnedFd>,
    attempt_dir: PathBuf,
    asked: Option<String>,
    look: bool,
}

impl Wake {
    /// From here on SIGTERM, SIGINT and SIGHUP no longer end this process.
    pub(super) fn start(attempt_dir: &Path) -> io::Result<Self> {
        let child = signal_pipe(&[SIGCHLD])?;
        let stop = signal_pipe(&[SIGTERM, SIGINT, SIGHUP])?;
        Ok(Self {
            child,
            stop,
            notice: watch_folder(attempt_dir),
            attempt_dir: attempt_dir.to_owned(),
            asked: None,
            look: true,
        })
    }

    /// Sleeps until something happened, or output is there, or the time is over.
    pub(super) fn wait(&mut self, output: Option<BorrowedFd<'_>>, limit: Option<Duration>) {
        let limit = match (&self.notice, limit) {
            (Some(_), limit) => limit,
            (None, limit) => Some(limit.unwrap_or(WITHOUT_NOTICE).min(WITHOUT_NOTICE)),
        };
        let timeout = limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        let mut polled: Vec<PollFd<'_>> = [Some(self.child.as_fd()), Some(self.stop.as_fd()), output]
            .into_iter()
            .chain([self.notice.as_ref().map(|notice| notice.as_fd())])
            .flatten()
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        // An interrupted wait is a wake-up like any other.
        let _ = rustix::event::poll(&mut polled, timeout.as_ref());
        drain(&self.child);
        if drain(&self.stop) {
            self.asked.get_or_insert_with(|| "stopped by a signal".to_owned());
        }
        self.look |= match &self.notice {
            Some(notice) => drain(notice),
            None => true,
        };
    }

    /// Who asked to stop, where somebody has.
    pub(super) fn asked_to_stop(&mut self) -> Option<&str> {
        if std::mem::take(&mut self.look)
            && let Some(cancel) = attempt::cancel(&self.attempt_dir)
        {
            self.asked.get_or_insert(cancel.by);
        }
        self.asked.as_deref()
    }
}

fn signal_pipe(signals: &[i32]) -> io::Result<OwnedFd> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    for signal in signals {
        register(*signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// The kernel's notices are few per user: without one, [`Wake::wait`] looks from time to time.
fn watch_folder(attempt_dir: &Path) -> Option<OwnedFd> {
    let notice = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok()?;
    let events = inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&notice, attempt_dir, events).ok()?;
    Some(notice)
}

/// Empties a pipe; whether anything was in it.
fn drain(fd: &OwnedFd) -> bool {
    let mut any = false;
    let mut buffer = [0; 4096];
    loop {
        match rustix::io::read(fd, &mut buffer) {
            Ok(0) | Err(Errno::AGAIN) => return any,
            Ok(_) => any = true,
            Err(Errno::INTR) => {}
            Err(_) => return any,
        }
    }
}
