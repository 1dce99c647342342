//! Repositories that try to run something while they are checked out. Each names a canary; none may sing.

use super::*;

/// A command that leaves a trace.
fn canary(rig: &Rig) -> String {
    format!("touch {}", rig.path("canary").display())
}

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn silent(rig: &Rig, sha: &Sha) -> PathBuf {
    // Cold and warm.
    rig.checkout(sha, "cold").await.unwrap();
    let warm = rig.checkout(sha, "warm").await.unwrap();
    assert!(!rig.path("canary").exists());
    warm
}

#[tokio::test]
async fn hooks_of_the_remote_and_of_the_mirror_stay_silent() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    let hook = format!("#!/bin/sh\n{}\n", canary(&rig));
    for name in [
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
        "post-update",
    ] {
        executable(&rig.path("remote/.git/hooks").join(name), &hook);
    }
    rig.checkout(&sha, "first").await.unwrap();
    // Worktrees share the mirror: a deployed command can write there.
    for name in ["post-checkout", "reference-transaction", "post-index-change"] {
        executable(&rig.mirror().join("hooks").join(name), &hook);
    }
    silent(&rig, &sha).await;
}

#[tokio::test]
async fn settings_of_the_remote_and_of_the_mirror_start_nothing() {
    let rig = Rig::new();
    let sha = rig.commit("file", "one");
    let settings = [
        ("core.fsmonitor", canary(&rig)),
        ("core.hooksPath", rig.path("remote").display().to_string()),
        ("core.sshCommand", canary(&rig)),
        ("core.askPass", canary(&rig)),
        ("core.pager", canary(&rig)),
        ("uploadpack.packObjectsHook", canary(&rig)),
        ("credential.helper", format!("!{}", canary(&rig))),
    ];
    for (name, value) in &settings {
        rig.git(&["config", name, value]);
    }
    executable(
        &rig.path("remote/post-checkout"),
        &format!("#!/bin/sh\n{}\n", canary(&rig)),
    );
    rig.checkout(&sha, "first").await.unwrap();
    let mirror = rig.mirror().join("config").display().to_string();
    for (name, value) in &settings {
        rig.git(&["config", "--file", &mirror, name, value]);
    }
    silent(&rig, &sha).await;
    silent_again_with_a_new_commit(&rig).await;
}

async fn silent_again_with_a_new_commit(rig: &Rig) {
    fs::write(rig.path("remote/more"), "more").unwrap();
    // The remote's own settings must not sing for its owner either.
    rig.git(&[
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "add",
        "--all",
    ]);
    rig.git(&[
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "commit",
        "--quiet",
        "--message",
        "more",
    ]);
    let sha: Sha = rig.git(&["rev-parse", "HEAD"]).parse().unwrap();
    rig.checkout(&sha, "fetched").await.unwrap();
    assert!(!rig.path("canary").exists());
}

#[tokio::test]
async fn settings_of_the_system_and_the_account_are_not_read() {
    let mut rig = Rig::new();
    let sha = rig.commit("file", "one");
    fs::write(
        rig.path(".gitconfig"),
        format!(
            "[core]\n\tfsmonitor = {}\n[url \"/nowhere/\"]\n\tinsteadOf = /\n",
            canary(&rig)
        ),
    )
    .unwrap();
    rig.checkouts
        .git
        .environment
        .insert("HOME".to_owned(), rig.path("").display().to_string());
    silent(&rig, &sha).await;
}

#[tokio::test]
async fn filters_named_by_attributes_do_not_run() {
    let rig = Rig::new();
    fs::write(
        rig.path("remote/.gitattributes"),
        "* filter=evil diff=evil merge=evil text=auto\n*.bin filter=lfs\n",
    )
    .unwrap();
    fs::write(
        rig.path("remote/.gitconfig"),
        format!("[filter \"evil\"]\n\tsmudge = {}\n\trequired\n", canary(&rig)),
    )
    .unwrap();
    fs::write(
        rig.path("remote/big.bin"),
        "version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    let sha = rig.commit("file", "one");
    let checkout = silent(&rig, &sha).await;
    assert_eq!(
        read(&checkout, "big.bin"),
        "version https://git-lfs.github.com/spec/v1\n"
    );
}

#[tokio::test]
async fn submodules_are_not_fetched() {
    let rig = Rig::new();
    let other = Rig::new();
    other.commit("inner", "inner");
    rig.git(&[
        "submodule",
        "--quiet",
        "add",
        &other.path("remote").display().to_string(),
        "sub",
    ]);
    let sha = rig.commit_all();
    let checkout = silent(&rig, &sha).await;
    assert!(checkout.join("sub").read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn submodules_that_carry_a_command_are_refused_with_the_reason() {
    for (name, value) in [
        ("update", "!touch canary"),
        ("url", "-touch canary"),
        ("path", "../../x"),
    ] {
        let rig = Rig::new();
        let settings =
            format!("[submodule \"sub\"]\n\tpath = sub\n\turl = https://example.com/x\n\t{name} = {value}\n");
        let settings = if name == "path" {
            settings.replace("\"sub\"", "\"../../x\"")
        } else {
            settings
        };
        let sha = rig.commit(".gitmodules", &settings);
        let error = rig.checkout(&sha, "a").await.unwrap_err();
        assert!(error.to_string().contains("gitmodules"), "{name}: {error}");
        assert!(!error.is_transient() && !rig.path("a").exists());
    }
}

#[tokio::test]
async fn links_are_links_and_nothing_is_written_through_them() {
    let rig = Rig::new();
    fs::create_dir(rig.path("outside")).unwrap();
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, rig.path("remote").join(name)).unwrap();
    link(&rig.path("outside"), "dir");
    link(Path::new("/etc/passwd"), "file");
    let sha = rig.commit_all();
    let checkout = silent(&rig, &sha).await;
    assert!(checkout.join("dir").is_symlink() && checkout.join("file").is_symlink());
    rig.remove("warm").await;
    rig.remove("cold").await;
    assert!(rig.path("outside").exists() && Path::new("/etc/passwd").exists());
}

#[tokio::test]
async fn a_tree_that_writes_into_the_git_folder_is_refused() {
    let rig = Rig::new();
    // Made by hand: git itself does not add such a path.
    fs::write(rig.path("remote/hook"), format!("#!/bin/sh\n{}\n", canary(&rig))).unwrap();
    let blob = rig.git(&["hash-object", "-w", "hook"]);
    for folder in [".git", ".GIT", ".git "] {
        let tree = make_tree(&rig, &format!("100755 blob {blob}\tpost-checkout\n"));
        let outer = make_tree(&rig, &format!("040000 tree {tree}\t{folder}\n"));
        let sha: Sha = rig.git(&["commit-tree", &outer, "-m", "x"]).parse().unwrap();
        let error = rig.checkout(&sha, "a").await.map(|_| ());
        assert!(!rig.path("canary").exists());
        if folder == ".git" {
            let error = error.unwrap_err();
            assert!(!error.is_transient() && !rig.path("a").exists(), "{error}");
        }
    }
}

fn make_tree(rig: &Rig, listing: &str) -> String {
    fs::write(rig.path("listing"), listing).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the remote's owner is not Chima")]
    let mut command = Command::new("git");
    let output = command
        .args(["mktree"])
        .stdin(fs::File::open(rig.path("listing")).unwrap())
        .current_dir(rig.path("remote"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_remote_is_never_an_option_or_another_transport() {
    let mut rig = Rig::new();
    let sha = rig.commit("file", "one");
    let run = canary(&rig);
    for url in [
        format!("ext::sh -c '{run}'"),
        format!("--upload-pack={run}"),
        format!("-u{run}"),
        format!("ssh://-oProxyCommand={run}/x"),
        "http://127.0.0.1:1/x".to_owned(),
        "git://127.0.0.1:1/x".to_owned(),
        "fd::17/x".to_owned(),
    ] {
        rig.remote.url = url.clone();
        let error = rig.checkout(&sha, "a").await.unwrap_err();
        assert!(!rig.path("canary").exists(), "{url}: {error}");
        assert!(!error.is_transient(), "{url}: {error}");
    }
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
    assert!(rig.mirror().join("worktrees").read_dir().unwrap().next().is_none());
}
