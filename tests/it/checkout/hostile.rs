//! Repositories that try to run something, to write elsewhere or to reach somebody while they are checked out. Each is tried
//! with and without submodules and LFS, cold and warm; each has a canary, and none may sing.

use std::net::TcpListener;

use super::*;

mod content;
mod folders;
mod left_behind;
mod modules;
mod servers;

/// What becomes of a hostile repository. That nothing sings holds for all.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// It is checked out like any other.
    CheckedOut,
    /// It is refused, with these words in the error.
    Refused(&'static str),
    /// It is refused where everything was asked for, else checked out.
    RefusedIfAsked(&'static str),
    /// It depends on the age of git.
    Either,
}

/// The rig of one case, with its canaries.
struct Cage {
    rig: Rig,
    trap: TcpListener,
}

impl std::ops::Deref for Cage {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        &self.rig
    }
}

impl Cage {
    fn new(options: CheckoutOptions) -> Self {
        let trap = TcpListener::bind("127.0.0.1:0").unwrap();
        trap.set_nonblocking(true).unwrap();
        let mut rig = Rig::new();
        rig.options = options;
        fs::create_dir(rig.path("outside")).unwrap();
        fs::write(rig.path("outside/file"), "untouched").unwrap();
        Self { rig, trap }
    }

    /// A command that leaves a trace.
    fn canary(&self) -> String {
        format!("touch {}", self.path("canary").display())
    }

    /// A script that leaves a trace.
    fn script(&self) -> String {
        format!("#!/bin/sh\n{}\n", self.canary())
    }

    /// An address of this machine that nobody may call.
    fn trap(&self) -> String {
        self.trap.local_addr().unwrap().to_string()
    }

    /// A folder that nobody may write to.
    fn outside(&self) -> String {
        self.path("outside").display().to_string()
    }

    /// Settings of a repository, each of which would run the canary.
    fn settings(&self) -> String {
        let (run, outside) = (self.canary(), self.outside());
        format!(
            "[core]\n\tfsmonitor = {run}\n\thooksPath = {outside}\n\tsshCommand = {run}\n\taskPass = {run}\n\tpager = {run}\n\
             \teditor = {run}\n\tgitProxy = {run}\n\talternateRefsCommand = {run}\n[credential]\n\thelper = \"!{run}\"\n\
             [uploadpack]\n\tpackObjectsHook = {run}\n[diff]\n\texternal = {run}\n[gpg]\n\tprogram = {run}\n\
             [filter \"evil\"]\n\tsmudge = {run}\n\tprocess = {run}\n\trequired\n[init]\n\ttemplateDir = {outside}\n[filter \"lfs\"]\n\tsmudge = {run}\n\
             \tprocess = {run}\n\trequired\n[alias]\n\tworktree = \"!{run}\"\n\tlfs = \"!{run}\"\n"
        )
    }

    /// Writes an object of this kind, whatever git thinks of it.
    fn object(&self, kind: &str, content: &[u8]) -> String {
        let args = ["hash-object", "-t", kind, "-w", "--literally", "--stdin"];
        self.git_in("remote", &args, content)
    }

    /// Writes a tree by hand: mode, name and id of each entry, in this order.
    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut content = Vec::new();
        for (mode, name, id) in entries {
            content.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            content.extend_from_slice(&hex::decode(id).unwrap());
        }
        self.object("tree", &content)
    }

    fn commit_tree(&self, tree: &str) -> Sha {
        self.git(&["commit-tree", tree, "-m", "x"]).parse().unwrap()
    }

    fn assert_silent(&self, when: &str) {
        assert!(!self.path("canary").exists(), "the canary sings {when}");
        assert!(self.trap.accept().is_err(), "somebody was called {when}");
        let outside: Vec<_> = fs::read_dir(self.path("outside")).unwrap().flatten().collect();
        assert_eq!(outside.len(), 1, "written outside {when}: {outside:?}");
        assert_eq!(
            fs::read_to_string(self.path("outside/file")).unwrap(),
            "untouched",
            "{when}"
        );
    }

    async fn attempt(&self, sha: &Sha, name: &str, outcome: Outcome) {
        let made = self.checkout(sha, name).await;
        let when = format!("in `{name}` with {:?}", self.options);
        self.assert_silent(&when);
        let asked = self.options != CheckoutOptions::default();
        let words = match outcome {
            Outcome::Either => None,
            Outcome::Refused(words) => Some(words),
            Outcome::RefusedIfAsked(words) if asked => Some(words),
            Outcome::RefusedIfAsked(_) | Outcome::CheckedOut => {
                assert!(made.is_ok(), "{when}: {made:?}");
                None
            }
        };
        match made {
            Ok(_) => assert_eq!(words, None, "checked out {when}"),
            Err(error) => {
                assert!(!self.path(name).exists() && !error.is_transient(), "{when}: {error}");
                let said = format!("{:#}", anyhow::Error::from(error));
                assert!(said.contains(words.unwrap_or_default()), "{when}: {said}");
            }
        }
    }
}

const ALL: CheckoutOptions = CheckoutOptions {
    submodules: true,
    lfs: true,
};

/// One case, with nothing asked for and with everything.
async fn tried(outcome: Outcome, make: impl Fn(&Cage) -> Sha) {
    for options in [CheckoutOptions::default(), ALL] {
        let cage = Cage::new(options);
        let sha = make(&cage);
        cage.attempt(&sha, "cold", outcome).await;
        cage.attempt(&sha, "warm", outcome).await;
        cage.remove("cold").await;
        cage.remove("warm").await;
        cage.assert_silent("after the removal");
        assert!(is_tidy(&cage));
    }
}

/// A table of hostile repositories, each a test of its own name.
macro_rules! hostile {
    ($($name:ident: $outcome:expr, $make:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                tried($outcome, $make).await;
            }
        )+
        pub(super) const CASES: usize = [$(stringify!($name)),+].len();
    };
}
use hostile;

#[test]
fn there_are_enough_of_them() {
    let all = [
        content::CASES,
        folders::CASES,
        left_behind::CASES,
        modules::CASES,
        servers::CASES,
    ];
    assert!(all.iter().sum::<usize>() >= 40, "{all:?}");
}

#[tokio::test]
async fn a_remote_is_never_an_option_or_another_transport() {
    let mut cage = Cage::new(CheckoutOptions::default());
    let sha = cage.commit("file", "one");
    let run = cage.canary();
    for url in [
        format!("ext::sh -c '{run}'"),
        format!("--upload-pack={run}"),
        format!("-u{run}"),
        format!("ssh://-oProxyCommand={run}/x"),
        format!("http://{}/x", cage.trap()),
        format!("git://{}/x", cage.trap()),
        "fd::17/x".to_owned(),
    ] {
        cage.rig.remote.url = url.clone();
        let error = cage.checkout(&sha, "a").await.unwrap_err();
        cage.assert_silent(&url);
        assert!(!error.is_transient(), "{url}: {error}");
    }
}

#[tokio::test]
async fn settings_of_the_system_and_the_account_are_not_read() {
    let mut cage = Cage::new(ALL);
    fs::write(cage.path("remote/.gitattributes"), "* filter=evil\n").unwrap();
    let sha = cage.commit("file", "one");
    let elsewhere = "[url \"/nowhere/\"]\n\tinsteadOf = /\n";
    fs::write(cage.path(".gitconfig"), cage.settings() + elsewhere).unwrap();
    let home = cage.path("").display().to_string();
    cage.rig.checkouts.git.environment.insert("HOME".to_owned(), home);
    cage.attempt(&sha, "cold", Outcome::CheckedOut).await;
    cage.attempt(&sha, "warm", Outcome::CheckedOut).await;
}

#[tokio::test]
async fn a_tree_that_no_machine_can_hold_is_given_up() {
    let mut cage = Cage::new(CheckoutOptions::default());
    // Ten times ten times ten …: 10^9 files in a dozen objects.
    let mut id = cage.object("blob", b"x");
    for level in 0..9 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let names: Vec<String> = (0..10).map(|n| format!("f{n}")).collect();
        let entries: Vec<(&str, &str, &str)> = names.iter().map(|name| (mode, name.as_str(), id.as_str())).collect();
        id = cage.tree(&entries);
    }
    let sha = cage.commit_tree(&id);
    cage.rig.checkouts.git.memory_limit = 64 << 20;
    cage.attempt(&sha, "cold", Outcome::Refused("emory")).await;
}

#[tokio::test]
async fn what_a_command_wrote_into_its_checkout_does_not_aim_the_removal() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    fs::create_dir_all(rig.path("precious/worktrees/x")).unwrap();
    fs::write(
        checkout.join(".git"),
        format!("gitdir: {}\n", rig.path("precious/worktrees/x").display()),
    )
    .unwrap();
    rig.remove("a").await;
    assert!(rig.path("precious/worktrees/x").exists() && !checkout.exists());
    assert!(is_tidy(&rig));
}
