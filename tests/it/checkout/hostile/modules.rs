//! Submodules that carry a command, another transport, or a path that leads elsewhere.

use super::Outcome::{CheckedOut, Either, Refused, RefusedIfAsked};
use super::*;

/// One submodule `sub` with these settings, recorded at the head of a repository that has hooks to offer.
fn with(cage: &Cage, settings: &str) -> Sha {
    described(
        cage,
        "sub",
        &format!("[submodule \"sub\"]\n\tpath = sub\n\t{settings}\n"),
    )
}

/// A submodule at this path, and `.gitmodules` as it is given.
fn described(cage: &Cage, path: &str, modules: &str) -> Sha {
    let lib = library(cage);
    fs::write(cage.path("remote/.gitmodules"), modules).unwrap();
    cage.git(&["add", "--all"]);
    cage.record("remote", path, &lib);
    cage.commit_index_in("remote")
}

/// A repository whose files are hooks and settings, if somebody takes its folder for git's own.
fn library(cage: &Cage) -> Sha {
    cage.repository("lib");
    for name in ["hooks/post-checkout", "y/hooks/post-checkout", "post-checkout"] {
        executable(&cage.path("lib").join(name), &cage.script());
    }
    fs::write(cage.path("lib/config"), cage.settings()).unwrap();
    cage.commit_in("lib", "HEAD", "ref: refs/heads/main\n")
}

/// A tree made by hand, with a submodule at `sub` below the first entry.
fn by_hand(cage: &Cage, entries: &[(&str, &str, &str)], modules: &str) -> Sha {
    let file = cage.object("blob", modules.as_bytes());
    let mut all = vec![("100644", ".gitmodules", file.as_str())];
    all.extend_from_slice(entries);
    cage.commit_tree(&cage.tree(&all))
}

const AT_SUB: &str = "[submodule \"sub\"]\n\tpath = sub\n\turl = ../lib\n";

hostile! {
    one_that_is_ordinary_and_full_of_hooks: CheckedOut, |cage| with(cage, "url = ../lib");
    one_that_is_updated_by_a_command: Refused("gitmodules"), |cage| with(cage, &format!("url = ../lib\n\tupdate = !{}", cage.canary()));
    one_whose_address_is_an_option: Refused("gitmodules"), |cage| with(cage, "url = -touch canary");
    one_whose_address_is_a_program: RefusedIfAsked("is not fetched"), |cage| {
        with(cage, &format!("url = \"ext::sh -c '{}'\"", cage.canary()))
    };
    one_whose_address_is_a_descriptor: RefusedIfAsked("is not fetched"), |cage| with(cage, "url = fd::17/x");
    one_whose_host_is_an_option: Either, |cage| with(cage, &format!("url = \"ssh://-oProxyCommand={}/x\"", cage.canary()));
    one_whose_short_host_is_an_option: Either, |cage| with(cage, &format!("url = \"git@-oProxyCommand={}:x\"", cage.canary()));
    one_whose_address_has_a_line_break: Either, |cage| with(cage, "url = \"https://127.0.0.1/%0ahost=x\"");
    one_that_is_not_encrypted: RefusedIfAsked("is not fetched"), |cage| with(cage, &format!("url = http://{}/x", cage.trap()));
    one_that_is_gits_own_transport: RefusedIfAsked("is not fetched"), |cage| with(cage, &format!("url = git://{}/x", cage.trap()));
    one_whose_address_climbs_out: Either, |cage| with(cage, "url = ../../../../../../../../../../../../x");
    one_with_every_other_setting: CheckedOut, |cage| {
        with(cage, "url = ../lib\n\tbranch = --upload-pack=x\n\tignore = all\n\tfetchRecurseSubmodules = true\n\tactive = true\n\tshallow = true")
    };
    one_whose_name_climbs: Refused("gitmodules"), |cage| {
        described(cage, "sub", "[submodule \"../../hooks\"]\n\tpath = sub\n\turl = ../lib\n")
    };
    one_whose_path_is_an_option: Refused("gitmodules"), |cage| {
        described(cage, "-sub", "[submodule \"sub\"]\n\tpath = -sub\n\turl = ../lib\n")
    };
    // The shape of CVE-2025-48384: a path that a writer and a reader of settings take for two different ones.
    one_whose_path_ends_in_a_carriage_return: Either, |cage| {
        std::os::unix::fs::symlink(".git/hooks", cage.path("remote/sub")).unwrap();
        described(cage, "sub\r", "[submodule \"sub\"]\n\tpath = \"sub\r\"\n\turl = ../lib\n")
    };
    // The shape of CVE-2024-32002: where case does not count, the link takes the submodule into git's own folder.
    one_beside_a_link_that_differs_in_case: CheckedOut, |cage| {
        std::os::unix::fs::symlink(".git", cage.path("remote/a")).unwrap();
        described(cage, "A/modules/x", "[submodule \"x/y\"]\n\tpath = A/modules/x\n\turl = ../lib\n")
    };
    one_behind_a_link: Refused(""), |cage| {
        let lib = library(cage);
        let (to, sub) = (cage.object("blob", cage.outside().as_bytes()), cage.tree(&[("160000", "sub", lib.as_str())]));
        by_hand(cage, &[("120000", "a", &to), ("40000", "a", &sub)], &AT_SUB.replace("path = sub", "path = a/sub"))
    };
    one_in_the_place_of_a_link: Refused(""), |cage| {
        let (lib, to) = (library(cage), cage.object("blob", cage.outside().as_bytes()));
        by_hand(cage, &[("120000", "sub", &to), ("160000", "sub", lib.as_str())], AT_SUB)
    };
    one_inside_gits_folder: Refused(""), |cage| {
        let lib = library(cage);
        let git = cage.tree(&[("160000", "hooks", lib.as_str())]);
        by_hand(cage, &[("40000", ".git", &git)], &AT_SUB.replace("path = sub", "path = .git/hooks"))
    };
    one_that_is_gits_folder: Refused(""), |cage| {
        let lib = library(cage);
        by_hand(cage, &[("160000", ".git", lib.as_str())], &AT_SUB.replace("path = sub", "path = .git"))
    };
    one_whose_path_is_absolute: Either, |cage| {
        let path = cage.outside();
        described(cage, "sub", &AT_SUB.replace("path = sub", &format!("path = {path}")))
    };
    one_whose_path_climbs: Either, |cage| described(cage, "sub", &AT_SUB.replace("path = sub", "path = ../outside"));
    one_whose_name_is_the_folder_above: Refused("gitmodules"), |cage| {
        described(cage, "sub", &AT_SUB.replace("\"sub\"", "\"..\""))
    };
    two_of_one_name: Either, |cage| {
        let program = format!("[submodule \"sub\"]\n\tpath = sub\n\turl = \"ext::sh -c '{}'\"\n", cage.canary());
        described(cage, "sub", &(AT_SUB.to_owned() + &program))
    };
    one_whose_address_is_a_bundle: Either, |cage| with(cage, &format!("url = {}/file", cage.outside()));
    one_that_nothing_describes: RefusedIfAsked("has no address"), |cage| {
        let lib = library(cage);
        cage.record("remote", "sub", &lib);
        cage.commit_index_in("remote")
    };
    a_description_behind_a_link: Refused("gitmodules"), |cage| {
        let lib = library(cage);
        fs::write(cage.path("modules"), AT_SUB).unwrap();
        let to = cage.object("blob", cage.path("modules").display().to_string().as_bytes());
        let tree = cage.tree(&[("120000", ".gitmodules", &to), ("160000", "sub", lib.as_str())]);
        cage.commit_tree(&tree)
    };
    a_description_that_includes_another: RefusedIfAsked("has no address"), |cage| {
        fs::write(cage.path("included"), AT_SUB).unwrap();
        described(cage, "sub", &format!("[include]\n\tpath = {}\n", cage.path("included").display()))
    };
    a_description_that_cannot_be_read: Either, |cage| described(cage, "sub", "[submodule \"sub\n\tpath = = =\n");
    a_description_with_settings_of_git: CheckedOut, |cage| described(cage, "sub", &(cage.settings() + AT_SUB));
    one_that_has_a_hostile_one_inside: RefusedIfAsked("is not fetched"), |cage| {
        library(cage);
        fs::write(cage.path("lib/.gitmodules"), format!("[submodule \"x\"]\n\tpath = x\n\turl = \"ext::sh -c '{}'\"\n", cage.canary())).unwrap();
        cage.git_in("lib", &["add", "--all"], b"");
        cage.record("lib", "x", &ABSENT.parse().unwrap());
        let lib = cage.commit_index_in("lib");
        fs::write(cage.path("remote/.gitmodules"), AT_SUB).unwrap();
        cage.git(&["add", "--all"]);
        cage.record("remote", "sub", &lib);
        cage.commit_index_in("remote")
    };
    one_that_has_its_own_hostile_settings: CheckedOut, |cage| {
        let sha = with(cage, "url = ../lib");
        fs::write(cage.path("lib/.git/config"), format!("[core]\n\trepositoryformatversion = 0\n{}", cage.settings())).unwrap();
        executable(&cage.path("lib/.git/hooks/post-checkout"), &cage.script());
        sha
    };
}
