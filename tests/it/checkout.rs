//! Checkouts with the real git: exactly the commit that was asked for, and nothing of the repository runs.
#![expect(clippy::unwrap_used, reason = "a test says no more than where it stopped")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chima::config::CheckoutOptions;
use chima::domain::ids::RepositoryId;
use chima::domain::names::Sha;
use chima::provider::checkout::{CheckoutError, Checkouts, Wanted, remove_folder};
use chima::provider::git::{Git, Remote};
use tempfile::TempDir;

mod damage;
mod hostile;
pub(crate) mod https;
mod kept;
mod lfs;
mod submodules;

const ABSENT: &str = "0123456789012345678901234567890123456789";

/// A remote repository and our mirrors beside it.
pub struct Rig {
    dir: TempDir,
    pub checkouts: Checkouts,
    pub remote: Remote,
    pub options: CheckoutOptions,
}

impl Rig {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let git = Git {
            program: PathBuf::from("git"),
            askpass: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
            time_limit: Duration::from_secs(60),
            memory_limit: 4 << 30,
        };
        let checkouts = Checkouts {
            mirrors: dir.path().join("mirrors"),
            git,
        };
        let remote = Remote {
            url: dir.path().join("remote").display().to_string(),
            token: None,
            ssh: None,
        };
        let rig = Self {
            dir,
            checkouts,
            remote,
            options: CheckoutOptions::default(),
        };
        rig.repository("remote");
        rig
    }

    /// With everything that can be opted in to.
    pub fn with_everything() -> Self {
        let mut rig = Self::new();
        rig.options = CheckoutOptions {
            submodules: true,
            lfs: true,
        };
        rig
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes another repository beside the remote.
    pub fn repository(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
        self.git_in(name, &["init", "--quiet", "--initial-branch=main"], b"");
    }

    /// Runs git in the remote, as its owner.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in("remote", args, b"")
    }

    /// Runs git in one of the repositories. Their own settings must not sing for the owner.
    pub fn git_in(&self, name: &str, args: &[&str], input: &[u8]) -> String {
        #[expect(clippy::disallowed_methods, reason = "the remote's owner is not Chima")]
        let mut command = Command::new("git");
        let settings = [
            "user.name=Mona",
            "user.email=mona@example.com",
            "protocol.file.allow=always",
            "core.fsmonitor=false",
            "core.hooksPath=/dev/null",
            "commit.gpgSign=false",
        ];
        let mut child = command
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .args(args)
            .current_dir(self.path(name))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {words}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a file in the remote.
    pub fn commit(&self, name: &str, text: &str) -> Sha {
        self.commit_in("remote", name, text)
    }

    pub fn commit_in(&self, repository: &str, name: &str, text: &str) -> Sha {
        let path = self.path(repository).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.commit_all_in(repository)
    }

    pub fn commit_all(&self) -> Sha {
        self.commit_all_in("remote")
    }

    pub fn commit_all_in(&self, repository: &str) -> Sha {
        self.git_in(repository, &["add", "--all"], b"");
        self.commit_index_in(repository)
    }

    pub fn commit_index_in(&self, repository: &str) -> Sha {
        let args = ["commit", "--quiet", "--allow-empty", "--message", "change"];
        self.git_in(repository, &args, b"");
        self.git_in(repository, &["rev-parse", "HEAD"], b"").parse().unwrap()
    }

    /// Records a commit as a submodule of a repository, without its entry in `.gitmodules`.
    pub fn record(&self, repository: &str, path: &str, sha: &Sha) {
        let entry = format!("160000,{sha},{path}");
        self.git_in(repository, &["update-index", "--add", "--cacheinfo", &entry], b"");
    }

    pub async fn checkout(&self, sha: &Sha, name: &str) -> Result<PathBuf, CheckoutError> {
        let directory = self.path(name);
        let wanted = Wanted {
            repository: RepositoryId(7),
            remote: &self.remote,
            sha,
            directory: &directory,
            options: self.options,
        };
        self.checkouts.prepare(&wanted).await.map(|_| directory)
    }

    pub async fn remove(&self, name: &str) {
        self.checkouts.remove(RepositoryId(7), &self.path(name)).await.unwrap();
    }

    pub fn mirror(&self) -> PathBuf {
        self.path("mirrors/7.git")
    }

    /// The whole error, as the deployment's status shows it.
    pub async fn refusal(&self, sha: &Sha) -> String {
        let error = self.checkout(sha, "refused").await.unwrap_err();
        assert!(!self.path("refused").exists(), "{error}");
        assert!(!error.is_transient(), "{error}");
        format!("{:#}", anyhow::Error::from(error))
    }
}

pub fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

pub fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Whether the mirrors remember no worktree.
pub fn is_tidy(rig: &Rig) -> bool {
    let modules = fs::read_dir(rig.path("mirrors/7.modules"))
        .into_iter()
        .flatten()
        .flatten();
    let mut mirrors = modules.map(|entry| entry.path()).chain([rig.mirror()]);
    mirrors.all(|mirror| fs::read_dir(mirror.join("worktrees")).map_or(true, |mut notes| notes.next().is_none()))
}

#[tokio::test]
async fn old_and_new_commits_are_checked_out_side_by_side() {
    let rig = Rig::new();
    let first = rig.commit("file", "one");
    let second = rig.commit("file", "two");
    let new = rig.checkout(&second, "runs/b/checkout").await.unwrap();
    let old = rig.checkout(&first, "runs/a/checkout").await.unwrap();
    assert_eq!(
        (read(&old, "file"), read(&new, "file")),
        ("one".to_owned(), "two".to_owned())
    );
    assert!(
        !rig.mirror()
            .join("refs/heads")
            .read_dir()
            .is_ok_and(|mut heads| heads.next().is_some())
    );
}

#[tokio::test]
async fn what_is_there_is_checked_out_without_the_remote() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    rig.checkout(&sha, "a").await.unwrap();
    fs::rename(rig.path("remote"), rig.path("away")).unwrap();
    assert_eq!(read(&rig.checkout(&sha, "b").await.unwrap(), "file"), "one");
}

#[tokio::test]
async fn a_branch_named_like_the_commit_does_not_win() {
    let rig = Rig::new();
    let wanted = rig.commit("file", "wanted");
    let other = rig.commit("file", "other");
    rig.git(&["update-ref", &format!("refs/heads/{wanted}"), other.as_str()]);
    rig.git(&["update-ref", &format!("refs/tags/{wanted}"), other.as_str()]);
    assert_eq!(read(&rig.checkout(&wanted, "a").await.unwrap(), "file"), "wanted");
    // Nor one that a deployed command made in the mirror, which worktrees share and which has the other commit as well.
    rig.checkout(&other, "c").await.unwrap();
    for name in ["refs/heads/", "refs/tags/", ""] {
        fs::create_dir_all(rig.mirror().join(name)).unwrap();
        for called in [wanted.as_str(), &wanted.as_str()[..8]] {
            fs::write(rig.mirror().join(format!("{name}{called}")), format!("{other}\n")).unwrap();
        }
    }
    assert_eq!(read(&rig.checkout(&wanted, "b").await.unwrap(), "file"), "wanted");
}

#[tokio::test]
async fn a_missing_commit_says_what_to_do() {
    let rig = Rig::new();
    let present = rig.commit("file", "one");
    let absent: Sha = ABSENT.parse().unwrap();
    // Cold, then with a mirror.
    for _ in 0..2 {
        let error = rig.checkout(&absent, "a").await.unwrap_err();
        let expected = format!(
            "`{}` has no commit `{ABSENT}`; push it again or deploy another ref",
            rig.remote.url
        );
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_transient() && !rig.path("a").exists());
        rig.checkout(&present, "b").await.unwrap();
        rig.remove("b").await;
    }
}

#[tokio::test]
async fn the_id_of_something_else_than_a_commit_is_refused() {
    let rig = Rig::new();
    rig.commit("file", "one");
    rig.git(&["tag", "--annotate", "v1", "--message", "v1"]);
    for what in ["v1", "HEAD^{tree}", "HEAD:file"] {
        let id: Sha = rig.git(&["rev-parse", what]).parse().unwrap();
        let error = rig.checkout(&id, "a").await.unwrap_err();
        assert!(!error.is_transient(), "{what}: {error}");
        assert!(!rig.path("a").exists(), "{what}");
    }
}

#[tokio::test]
async fn a_remote_that_is_not_there_is_named() {
    let mut rig = Rig::new();
    let sha = rig.commit("file", "one");
    for bad in ["/no/such/path", "relative/path", "file:///no/such/path"] {
        rig.remote.url = bad.to_owned();
        let error = rig.checkout(&sha, "a").await.unwrap_err();
        assert!(matches!(error, CheckoutError::NoSuchPath { .. }), "{bad}: {error}");
    }
    fs::create_dir(rig.path("empty")).unwrap();
    rig.remote.url = rig.path("empty").display().to_string();
    let error = rig.checkout(&sha, "a").await.unwrap_err().to_string();
    assert!(error.contains("does not appear to be a git repository"), "{error}");
    rig.remote.url = "https://127.0.0.1:1/o/r.git".to_owned();
    let error = rig.checkout(&sha, "a").await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn many_at_once_share_one_mirror() {
    let rig = Rig::new();
    let shas: Vec<Sha> = (0..4).map(|n| rig.commit("file", &n.to_string())).collect();
    // Every commit three times, all into a mirror that is not there yet, and two of each under the same folder name.
    let all = (0..12).map(|n| {
        let (rig, sha) = (&rig, &shas[n % 4]);
        async move { (n, rig.checkout(sha, &format!("runs/{n}/checkout")).await.unwrap()) }
    });
    for (n, directory) in futures_util::future::join_all(all).await {
        assert_eq!(read(&directory, "file"), (n % 4).to_string());
    }
    for n in 0..12 {
        rig.remove(&format!("runs/{n}/checkout")).await;
    }
    assert!(rig.mirror().join("worktrees").read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn a_worktree_that_is_half_made_by_another_process_is_waited_for() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    rig.checkout(&sha, "a").await.unwrap();
    let half = rig.mirror().join("worktrees/half");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("gitdir"), "/nowhere/.git\n").unwrap();
    fs::write(half.join("commondir"), "").unwrap();
    let (directory, ()) = tokio::join!(rig.checkout(&sha, "b"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fs::write(half.join("commondir"), "../..\n").unwrap();
    });
    assert_eq!(read(&directory.unwrap(), "file"), "one");
}

#[tokio::test]
async fn fetched_commits_stay_when_the_mirror_is_packed() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    rig.checkout(&sha, "a").await.unwrap();
    rig.remove("a").await;
    rig.checkouts.pack(RepositoryId(7)).await.unwrap();
    fs::remove_dir_all(rig.path("remote")).unwrap();
    rig.checkout(&sha, "b").await.unwrap();
}

#[tokio::test]
async fn a_data_folder_behind_a_link_works_and_is_tidied() {
    let mut rig = Rig::new();
    let sha = rig.commit("file", "one");
    fs::create_dir(rig.path("real")).unwrap();
    std::os::unix::fs::symlink(rig.path("real"), rig.path("data")).unwrap();
    rig.checkouts.mirrors = rig.path("data/mirrors");
    rig.checkout(&sha, "data/a").await.unwrap();
    rig.remove("data/a").await;
    rig.remove("data/a").await;
    assert!(
        rig.path("real/mirrors/7.git/worktrees")
            .read_dir()
            .map_or(true, |mut notes| notes.next().is_none())
    );
}

#[tokio::test]
async fn a_lock_left_by_a_killed_git_does_not_stop_the_next() {
    let rig = Rig::new();
    let first = rig.commit("file", "one");
    rig.checkout(&first, "a").await.unwrap();
    let second = rig.commit("file", "two");
    fs::write(rig.mirror().join(format!("refs/chima/{second}.lock")), "").unwrap();
    rig.checkout(&second, "b").await.unwrap();
}

#[tokio::test]
async fn a_server_that_gives_away_only_its_branches_is_asked_for_those() {
    let mut rig = Rig::new();
    let wanted = rig.commit("file", "wanted");
    rig.commit("file", "newer");
    // Git's first protocol, which knows of no other commits.
    let script = "#!/bin/sh\ncase \"$*\" in *upload-pack*) unset GIT_PROTOCOL ;; esac\nexec git \"$@\"\n";
    executable(&rig.path("old-git"), script);
    rig.checkouts.git.program = rig.path("old-git");
    assert_eq!(read(&rig.checkout(&wanted, "a").await.unwrap(), "file"), "wanted");
    let absent: Sha = ABSENT.parse().unwrap();
    let error = rig.refusal(&absent).await;
    assert!(error.contains("has no commit"), "{error}");
}

#[tokio::test]
async fn a_git_that_hangs_is_stopped_with_everything_it_started() {
    let mut rig = Rig::new();
    let sha = rig.commit("file", "one");
    let script = format!("#!/bin/sh\nsleep 300 & echo $! > {}\nwait\n", rig.path("pid").display());
    executable(&rig.path("slow-git"), &script);
    rig.checkouts.git.program = rig.path("slow-git");
    rig.checkouts.git.time_limit = Duration::from_millis(300);
    let error = rig.checkout(&sha, "a").await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("took longer than"),
        "{error}"
    );
    let pid = crate::runner::pid(&read(rig.dir.path(), "pid"));
    crate::runner::eventually("its child is gone", || (!crate::runner::is_alive(pid)).then_some(())).await;
}

#[tokio::test]
async fn a_remote_of_another_account_may_be_read() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    // Only root can give files away; elsewhere this is an ordinary checkout.
    let _ = std::os::unix::fs::chown(rig.path("remote"), Some(12345), None);
    let _ = std::os::unix::fs::chown(rig.path("remote/.git"), Some(12345), None);
    rig.checkout(&sha, "a").await.unwrap();
}

#[test]
fn a_folder_with_unwritable_parts_is_removed_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("outside"), dir.path().join("a/link")).unwrap();
    fs::set_permissions(dir.path().join("a/b"), fs::Permissions::from_mode(0o500)).unwrap();
    remove_folder(&dir.path().join("a")).unwrap();
    remove_folder(&dir.path().join("a")).unwrap();
    assert!(dir.path().join("outside").exists());
}
