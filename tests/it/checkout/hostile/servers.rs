//! What the remote's own repository has set up for those who fetch from it.

use super::Outcome::{CheckedOut, Either};
use super::*;

/// A commit first, then the remote's settings.
fn configured(cage: &Cage, settings: &str) -> Sha {
    fs::write(cage.path("remote/.gitattributes"), "* filter=evil\n").unwrap();
    let sha = cage.commit("file", "one");
    let config = cage.path("remote/.git/config");
    let before = fs::read_to_string(&config).unwrap();
    fs::write(config, before + settings).unwrap();
    sha
}

hostile! {
    hooks_of_the_remote: CheckedOut, |cage| {
        let sha = cage.commit("file", "one");
        for name in ["post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc", "post-update"] {
            executable(&cage.path("remote/.git/hooks").join(name), &cage.script());
        }
        sha
    };
    programs_named_in_the_settings_of_the_remote: CheckedOut, |cage| configured(cage, &cage.settings());
    a_folder_of_hooks_in_the_settings_of_the_remote: CheckedOut, |cage| {
        executable(&cage.path("remote/post-checkout"), &cage.script());
        let folder = cage.path("remote").display().to_string();
        configured(cage, &format!("[core]\n\thooksPath = {folder}\n"))
    };
    settings_that_the_remote_includes: CheckedOut, |cage| {
        fs::write(cage.path("remote/included"), cage.settings()).unwrap();
        configured(cage, "[include]\n\tpath = ../included\n")
    };
    a_work_tree_elsewhere: CheckedOut, |cage| configured(cage, &format!("[core]\n\tworktree = {}\n", cage.outside()));
    another_place_for_objects: Either, |cage| {
        configured(cage, &format!("[uploadpack]\n\tadvertiseBundleURIs\n[bundle]\n\tversion = 1\n\tmode = all\n\
            [bundle \"x\"]\n\turi = http://{trap}/x\n[transfer]\n\tbundleURI = true\n", trap = cage.trap()))
    };
    borrowed_objects_and_a_program_that_lists_them: CheckedOut, |cage| {
        cage.repository("lender");
        cage.commit_in("lender", "file", "lent");
        let line = format!("{}\n", cage.path("lender/.git/objects").display());
        fs::write(cage.path("remote/.git/objects/info/alternates"), line).unwrap();
        configured(cage, &format!("[core]\n\talternateRefsCommand = {}\n", cage.canary()))
    };
    objects_that_the_server_would_have_to_fetch: Either, |cage| {
        let sha = configured(cage, &format!("[remote \"far\"]\n\turl = {remote}\n\tpromisor\n\tpartialclonefilter = blob:none\n\
            \tuploadpack = {run};git-upload-pack\n[extensions]\n\tpartialClone = far\n[core]\n\trepositoryformatversion = 1\n",
            remote = cage.path("remote").display(), run = cage.canary()));
        let blob = cage.git(&["rev-parse", "HEAD:file"]);
        fs::remove_file(cage.path("remote/.git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
        sha
    };
    branches_with_names_that_are_commands_options_and_paths: CheckedOut, |cage| {
        let sha = cage.commit("file", "one");
        let (run, outside) = (cage.canary().replace(' ', "${IFS}"), cage.outside());
        let names = [format!("$({run})"), format!("`{run}`"), format!("--upload-pack={run}"), "-x".to_owned(),
            format!("../../../..{outside}/ref"), "x\u{202e}y".to_owned(), "x|y;z&".to_owned(), format!("{sha}^{{}}")];
        let lines = names.iter().map(|name| format!("{sha} refs/heads/{name}\n"));
        fs::write(cage.path("remote/.git/packed-refs"), lines.collect::<String>()).unwrap();
        sha
    };
    a_head_that_names_a_file_elsewhere: Either, |cage| {
        let sha = cage.commit("file", "one");
        fs::write(cage.path("remote/.git/HEAD"), format!("ref: refs/heads/../../../../..{}/file\n", cage.outside())).unwrap();
        sha
    };
    shallow_and_grafted: CheckedOut, |cage| {
        let first = cage.commit("file", "one");
        let second = cage.commit("file", "two");
        fs::write(cage.path("remote/.git/shallow"), format!("{second}\n")).unwrap();
        fs::create_dir_all(cage.path("remote/.git/info")).unwrap();
        fs::write(cage.path("remote/.git/info/grafts"), format!("{second} {first} {ABSENT}\n")).unwrap();
        second
    };
    a_branch_and_a_tag_named_like_the_commit: CheckedOut, |cage| {
        let wanted = cage.commit("file", "wanted");
        executable(&cage.path("remote/file"), &cage.script());
        let other = cage.commit_all();
        for kind in ["heads", "tags", "replace"] {
            cage.git(&["update-ref", &format!("refs/{kind}/{wanted}"), other.as_str()]);
        }
        wanted
    };
}
