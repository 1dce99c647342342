//! How git gets the token: it starts this program again and asks it, which asks us over a socket that lives as long as the call.
//!
//! So the token is in no address, no argument list, no file and no variable, of git or of anything else; and whoever git was
//! talked into asking for, only its own host's question is answered.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::config::environment;
use crate::provider::git::remote::Remote;

/// Names the socket, to this program when git has started it.
pub(super) const VARIABLE: &str = "CHIMA_ASKPASS";

/// GitHub takes any name beside a token; this is the one it documents.
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation>
const USER: &str = "x-access-token";

/// Somebody on this machine may have taken the name already.
const TRIES: usize = 100;
/// Whoever asks more often was told a token that is not good, and git-lfs would ask for ever.
const ANSWERS: u32 = 16;
const QUESTION_BYTES: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a call's questions are answered.
#[derive(Debug)]
pub(super) struct Desk {
    listener: UnixListener,
    pub(super) name: String,
}

impl Desk {
    pub(super) fn open() -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("chima-askpass-{}-{number}", std::process::id());
            match StdListener::bind_addr(&SocketAddr::from_abstract_name(&name)?) {
                Ok(listener) => {
                    listener.set_nonblocking(true)?;
                    let listener = UnixListener::from_std(listener)?;
                    return Ok(Self { listener, name });
                }
                Err(error) => taken = error,
            }
        }
        Err(taken)
    }

    /// Answers until the call is over.
    pub(super) async fn serve(&self, remote: &Remote) -> std::convert::Infallible {
        let mut left = 2 * ANSWERS;
        loop {
            let answered = match self.listener.accept().await {
                Ok((stream, _)) => {
                    left = left.saturating_sub(1);
                    let remote = (left > 0).then_some(remote);
                    tokio::time::timeout(PATIENCE, one(stream, remote)).await
                }
                Err(error) => Ok(Err(error)),
            };
            if let Ok(Err(error)) = answered {
                tracing::debug!(error = %error, "a question of git was not answered");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn one(mut stream: UnixStream, remote: Option<&Remote>) -> io::Result<()> {
    // the name of an abstract socket is no secret
    if stream.peer_cred()?.uid() != rustix::process::getuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut question = String::new();
    (&mut stream).take(QUESTION_BYTES).read_to_string(&mut question).await?;
    if let Some(answer) = remote.and_then(|remote| answer(&question, remote)) {
        stream.write_all(answer.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// What git, or git-lfs, may know: `Username for 'https://host': `, `Password for "https://user@host"`.
fn answer(question: &str, remote: &Remote) -> Option<String> {
    let token = remote.token.as_ref()?;
    let (what, whose) = question.trim_end_matches([':', ' ', '\n']).split_once(" for ")?;
    let address = whose.trim_matches(['\'', '"']).strip_prefix("https://")?;
    let authority = address.split(['/', '?', '#']).next()?;
    let (user, host) = authority.rsplit_once('@').unwrap_or((USER, authority));
    if user != USER || remote.https_host() != Some(host) {
        return None;
    }
    match what {
        "Username" => Some(USER.to_owned()),
        "Password" => Some(token.expose_secret().to_owned()),
        _ => None,
    }
}

/// The program as git starts it: passes the question on and prints the answer. `None` where it was started for anything else.
#[must_use]
pub fn main() -> Option<ExitCode> {
    let name = environment::variable(VARIABLE)?;
    let mut arguments = std::env::args().skip(1);
    let (question, None) = (arguments.next()?, arguments.next()) else {
        return None;
    };
    let answered = ask(&name, &question).ok().filter(|answer| !answer.is_empty());
    Some(match answered {
        Some(answer) if io::stdout().write_all(answer.as_bytes()).is_ok() => ExitCode::SUCCESS,
        // git says itself whose password it did not get
        Some(_) | None => ExitCode::FAILURE,
    })
}

fn ask(name: &str, question: &str) -> io::Result<String> {
    let mut stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(question.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_remotes_own_host_is_answered() {
        let remote = Remote {
            url: "https://ghe.example.com:8443/o/r.git".to_owned(),
            token: Some("ghs_0123456789".into()),
            ssh: None,
        };
        for (question, expected) in [
            ("Username for 'https://ghe.example.com:8443': ", Some(USER)),
            (
                "Password for 'https://x-access-token@ghe.example.com:8443': ",
                Some("ghs_0123456789"),
            ),
            (
                "Username for \"https://ghe.example.com:8443/o/r.git/info/lfs\"",
                Some(USER),
            ),
            (
                "Password for \"https://x-access-token@ghe.example.com:8443/o\"",
                Some("ghs_0123456789"),
            ),
            ("Password for 'https://mona@ghe.example.com:8443': ", None),
            ("Password for 'https://x-access-token@ghe.example.com': ", None),
            ("Password for 'http://x-access-token@ghe.example.com:8443': ", None),
            ("Password for 'https://x-access-token@example.org': ", None),
            (
                "Password for 'https://x-access-token@example.org/@ghe.example.com:8443': ",
                None,
            ),
            (
                "Password for 'https://example.org?x-access-token@ghe.example.com:8443': ",
                None,
            ),
            ("Enter passphrase for key '/k': ", None),
            ("", None),
        ] {
            assert_eq!(answer(question, &remote).as_deref(), expected, "{question}");
        }
    }
}
