//! What a deployed command may leave in the mirror, which its worktree shares with those of other environments.

use super::Outcome::CheckedOut;
use super::*;

/// A commit whose every file passes through attributes.
fn ordinary(cage: &Cage) -> Sha {
    cage.repository("lib");
    let lib = cage.commit_in("lib", "file", "lib");
    submodules::describe(cage, "remote", "lib", "url = ../lib");
    cage.record("remote", "lib", &lib);
    lfs::store(&cage.path("remote/.git"), b"large");
    for (name, text) in [
        (".gitattributes", "* filter=evil\n*.bin filter=lfs\n"),
        ("big.bin", &lfs::pointer(b"large")),
    ] {
        fs::write(cage.path("remote").join(name), text).unwrap();
        cage.git(&["add", name]);
    }
    fs::write(cage.path("remote/file"), "one\n").unwrap();
    cage.git(&["add", "file"]);
    cage.commit_index_in("remote")
}

/// The mirrors of the app and of its submodules.
fn mirrors(cage: &Cage) -> Vec<PathBuf> {
    let modules = fs::read_dir(cage.path("mirrors/7.modules"))
        .into_iter()
        .flatten()
        .flatten();
    let modules = modules
        .map(|entry| entry.path())
        .filter(|path| path.join("HEAD").exists());
    modules.chain([cage.mirror()]).collect()
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, before + text).unwrap();
}

/// As the others, but spoilt between the first checkout and the second, which must look like the first.
macro_rules! left_behind {
    ($($name:ident: $spoil:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                looks_the_same($spoil).await;
            }
        )+
        pub(super) const CASES: usize = [$(stringify!($name)),+].len();
    };
}

async fn looks_the_same(spoil: fn(&Cage, &Sha, &Path)) {
    let cage = Cage::new(ALL);
    let sha = ordinary(&cage);
    cage.attempt(&sha, "first", CheckedOut).await;
    let all = |cage: &Cage| mirrors(cage).iter().for_each(|mirror| spoil(cage, &sha, mirror));
    all(&cage);
    cage.attempt(&sha, "second", CheckedOut).await;
    let second = cage.path("second");
    assert_eq!(
        (
            read(&second, "file"),
            read(&second, "big.bin"),
            read(&second, "lib/file")
        ),
        ("one\n".into(), "large".into(), "lib".into())
    );
    // And a commit that has to be fetched into the same mirror.
    let more = cage
        .git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "more"])
        .parse()
        .unwrap();
    all(&cage);
    cage.attempt(&more, "third", CheckedOut).await;
    for name in ["first", "second", "third"] {
        cage.remove(name).await;
    }
    assert!(is_tidy(&cage));
}

left_behind! {
    hooks: |cage, _, mirror| {
        for name in ["post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
            executable(&mirror.join("hooks").join(name), &cage.script());
        }
    };
    settings: |cage, _, mirror| append(&mirror.join("config"), &cage.settings());
    settings_behind_a_link: |cage, _, mirror| {
        fs::write(cage.path("settings"), cage.settings()).unwrap();
        fs::remove_file(mirror.join("config")).unwrap();
        std::os::unix::fs::symlink(cage.path("settings"), mirror.join("config")).unwrap();
    };
    settings_of_every_worktree: |cage, _, mirror| {
        fs::write(mirror.join("config.worktree"), cage.settings()).unwrap();
        append(&mirror.join("config"), "[extensions]\n\tworktreeConfig = true\n");
    };
    settings_that_are_included: |cage, _, mirror| {
        fs::write(cage.path("settings"), cage.settings()).unwrap();
        append(&mirror.join("config"), &format!("[include]\n\tpath = {}\n", cage.path("settings").display()));
    };
    another_address: |cage, _, mirror| {
        let text = format!("[url \"ext::sh -c {}% \"]\n\tinsteadOf = /\n[protocol]\n\tallow = always\n", cage.canary().replace(' ', "% "));
        append(&mirror.join("config"), &text);
    };
    another_work_tree: |cage, _, mirror| {
        append(&mirror.join("config"), &format!("[core]\n\tbare = false\n\tworktree = {}\n", cage.outside()));
    };
    attributes: |cage, _, mirror| {
        append(&mirror.join("config"), &cage.settings());
        fs::create_dir_all(mirror.join("info")).unwrap();
        fs::write(mirror.join("info/attributes"), "* text eol=crlf ident filter=evil\n").unwrap();
    };
    half_a_checkout: |_, _, mirror| {
        append(&mirror.join("config"), "[core]\n\tsparseCheckout = true\n");
        fs::create_dir_all(mirror.join("info")).unwrap();
        fs::write(mirror.join("info/sparse-checkout"), "/nothing\n").unwrap();
    };
    a_commit_in_the_place_of_another: |cage, sha, mirror| {
        executable(&cage.path("remote/file"), &cage.script());
        let tree = cage.git(&["hash-object", "-w", "file"]);
        let evil = cage.tree(&[("100755", "file", &tree)]);
        let evil = cage.commit_tree(&evil);
        cage.git(&["update-ref", "refs/heads/evil", evil.as_str()]);
        let mirror = mirror.display().to_string();
        cage.git(&["push", "--quiet", &mirror, &format!("+{evil}:refs/replace/{sha}")]);
        for kind in ["heads", "tags"] {
            cage.git(&["push", "--quiet", "--force", &mirror, &format!("{evil}:refs/{kind}/{sha}")]);
        }
    };
    borrowed_objects: |cage, _, mirror| {
        append(&mirror.join("config"), &format!("[core]\n\talternateRefsCommand = {}\n", cage.canary()));
        let line = format!("{}\n", cage.path("remote/.git/objects").display());
        fs::create_dir_all(mirror.join("objects/info")).unwrap();
        fs::write(mirror.join("objects/info/alternates"), line).unwrap();
    };
    objects_to_be_fetched_by_a_program: |cage, _, mirror| {
        append(&mirror.join("config"), &format!("[remote \"far\"]\n\turl = /\n\tpromisor\n\tuploadpack = {}\n\
            [extensions]\n\tpartialClone = far\n[core]\n\trepositoryformatversion = 1\n", cage.canary()));
    };
    a_half_made_mirror_and_locks: |_, sha, mirror| {
        fs::create_dir_all(mirror.with_extension("new")).unwrap();
        fs::create_dir_all(mirror.join("refs/chima")).unwrap();
        fs::write(mirror.join(format!("refs/chima/{sha}.lock")), "").unwrap();
    };
}
