//! Heroku by git push; the pushes go to a repository on this machine.
#![expect(
    clippy::disallowed_methods,
    reason = "repositories are made and read with git itself"
)]

use std::fs;
use std::process::Command;

use chima::domain::run::RunState;
use chima_simulator::git::GitRepository;
use serde_json::json;

use super::desk::{Desk, SHA, causes};

const KEY: (&str, &str) = ("HEROKU_API_KEY", "an api key of the tests");

#[tokio::test]
async fn the_commit_is_pushed_and_the_key_is_in_no_argument() {
    let desk = Desk::new("heroku").secret(KEY.0, KEY.1);
    let refs = format!("{SHA}:refs/heads/main");
    assert_eq!(
        desk.lines(&json!({ "app": "octo-shop" })),
        [format!(
            "git push --force -- https://git.heroku.com/octo-shop.git {refs}"
        )]
    );
    assert_eq!(
        desk.lines(&json!({ "app": "octo-shop", "force": false, "branch": "master" })),
        [format!(
            "git push -- https://git.heroku.com/octo-shop.git {SHA}:refs/heads/master"
        )]
    );
    assert_eq!(
        desk.noop().lines(&json!({ "app": "octo-shop" })),
        [format!(
            "git push --force --dry-run -- https://git.heroku.com/octo-shop.git {refs}"
        )]
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let desk = Desk::new("heroku");
    let text = desk.refusal(&json!({ "app": "octo-shop" }));
    assert_eq!(
        text,
        "provider `heroku` needs the secret `HEROKU_API_KEY`; say in `secrets` where it is found"
    );
    for name in ["-x", "a/b", "Shop", "x", "a.git"] {
        let text = desk.refusal(&json!({ "app": name }));
        assert!(text.starts_with("input `app` is"), "{text}");
    }
}

/// What git's own question for credentials is answered with, in the variables of the step.
#[tokio::test]
async fn git_gets_the_key_for_heroku_and_for_nobody_else() {
    let ask = "for host in git.heroku.com evil.example.com; do \
               printf 'protocol=https\\nhost=%s\\n\\n' $host | env -u GIT_ASKPASS \"$REAL_GIT\" credential fill || echo nothing for $host; \
               done > \"$desk/seen\" 2>&1";
    let mut desk = Desk::new("heroku")
        .program(&["git"])
        .secret(KEY.0, KEY.1)
        .env("REAL_GIT", &real_git())
        .see(ask);
    let ran = desk.run(json!({ "app": "octo-shop" })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
    let seen = fs::read_to_string(desk.path("desk/seen")).unwrap();
    assert!(
        seen.contains("host=git.heroku.com\nusername=chima\npassword=an api key of the tests\n"),
        "{seen}"
    );
    assert_eq!(seen.matches("an api key").count(), 1, "{seen}");
    assert!(seen.contains("nothing for evil.example.com"), "{seen}");
    assert!(!ran.log.contains(KEY.1), "{}", ran.log);
}

#[tokio::test]
async fn a_worktree_of_a_mirror_can_be_pushed_again_and_again() {
    let mut desk = Desk::new("heroku").secret(KEY.0, KEY.1);
    let source = GitRepository::create(&desk.path("source")).unwrap();
    source.write("Procfile", "web: true\n").unwrap();
    let old = source.commit("one").unwrap();
    source.write("Procfile", "web: false\n").unwrap();
    let new = source.commit("two").unwrap();
    for name in ["mirror.git", "heroku/octo-shop.git"] {
        git(&desk, &["init", "--quiet", "--bare", name]);
    }
    // what a push to Heroku would reach
    let elsewhere = format!(
        "[url \"file://{}/\"]\n\tinsteadOf = https://git.heroku.com/\n",
        desk.path("heroku").display()
    );
    fs::write(desk.path("gitconfig"), elsewhere).unwrap();
    let config = desk.path("gitconfig").display().to_string();
    desk = desk.env("GIT_CONFIG_GLOBAL", &config);
    // forth, and back: a rollback is no fast-forward
    for (name, sha) in [("first", &new), ("second", &old)] {
        git(
            &desk,
            &[
                "-C",
                "mirror.git",
                "fetch",
                "--quiet",
                "../source",
                &format!("+{sha}:refs/chima/{sha}"),
            ],
        );
        let _ = fs::remove_dir_all(desk.path("checkout"));
        git(
            &desk,
            &[
                "-C",
                "mirror.git",
                "worktree",
                "add",
                "--quiet",
                "--force",
                "--detach",
                "../checkout",
                sha,
            ],
        );
        let mut again = Desk::new("heroku")
            .secret(KEY.0, KEY.1)
            .env("GIT_CONFIG_GLOBAL", &config);
        fs::remove_dir_all(again.path("checkout")).unwrap();
        std::os::unix::fs::symlink(desk.path("checkout"), again.path("checkout")).unwrap();
        again = again.order(|order| order.sha = sha.parse().unwrap());
        let ran = again.run(json!({ "app": "octo-shop" })).await;
        assert_eq!(ran.told(), (RunState::Succeeded, None), "{name}: {}", ran.log);
        let there = git(&desk, &["-C", "heroku/octo-shop.git", "rev-parse", "refs/heads/main"]);
        assert_eq!(there.trim(), sha, "{name}");
    }
    let nowhere = Desk::new("heroku")
        .secret(KEY.0, KEY.1)
        .env("GIT_CONFIG_GLOBAL", &config);
    fs::remove_dir_all(nowhere.path("checkout")).unwrap();
    std::os::unix::fs::symlink(desk.path("checkout"), nowhere.path("checkout")).unwrap();
    let mut nowhere = nowhere.order(|order| order.sha = old.parse().unwrap());
    let ran = nowhere.run(json!({ "app": "nope" })).await;
    let (state, cause) = ran.told();
    assert_eq!(state, RunState::Failed);
    assert!(
        cause.is_some_and(|cause| cause.starts_with("there is no `/")),
        "{cause:?}"
    );
}

fn real_git() -> String {
    let found = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}

fn git(desk: &Desk, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(desk.path(""))
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_release_command_that_fails_is_a_failure_though_git_says_0() {
    let said = "remote: Verifying deploy... done.\nremote: Running release command...\nremote: \nremote: Waiting for release.... \
                failed.\nTo https://git.heroku.com/octo-shop.git\n   6a83c41..5478677  x -> main\n";
    let mut desk = Desk::new("heroku")
        .program(&["git"])
        .secret(KEY.0, KEY.1)
        .answers(1, 0, said);
    let ran = desk.run(json!({ "app": "octo-shop" })).await;
    assert_eq!(ran.told(), (RunState::Failed, Some("the release command failed")));
    let mut desk =
        Desk::new("heroku")
            .program(&["git"])
            .secret(KEY.0, KEY.1)
            .answers(1, 0, &said.replace("failed.", "done."));
    let ran = desk.run(json!({ "app": "octo-shop" })).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "heroku",
        &["git"],
        json!({ "app": "octo-shop" }),
        &[KEY],
        &[
            (
                "remote:  !     Push rejected, failed to compile Ruby app.\nremote: \nremote:  !     Push failed\n ! [remote \
                 rejected] x -> main (pre-receive hook declined)\n",
                "the Ruby build failed",
            ),
            (
                "remote: -----> Building on the Heroku-24 stack\nremote: -----> Determining which buildpack to use for this \
                 app\nremote:  !     No default language could be detected for this app.\n",
                "Heroku does not see what kind of app it is",
            ),
            (
                "remote: !\tWARNING:\nremote: !\tInvalid credentials provided.\nfatal: Authentication failed for \
                 'https://git.heroku.com/octo-shop.git/'\n",
                "Heroku does not accept the key",
            ),
            (
                "fatal: repository 'https://git.heroku.com/octo-shop.git/' not found\n",
                "there is no app `octo-shop`, or the key has no access to it",
            ),
            (
                " ! [rejected]        x -> main (non-fast-forward)\nerror: failed to push some refs to 'x'\n",
                "what runs there is newer or of another history",
            ),
            (
                " ! [remote rejected] x -> main (shallow update not allowed)\n",
                "Heroku takes no shallow clone",
            ),
            (
                "fatal: unable to access 'https://git.heroku.com/octo-shop.git/': Could not resolve host: git.heroku.com\n",
                "unable to access 'https://git.heroku.com/octo-shop.git/': Could not resolve host: git.heroku.com",
            ),
        ],
    )
    .await;
}
