//! Files with a meaning for git, and objects that are not what they should be.

use super::Outcome::{CheckedOut, Either, Refused, RefusedIfAsked};
use super::*;

fn with_attributes(cage: &Cage, text: &str) -> Sha {
    fs::write(cage.path("remote/.gitattributes"), text).unwrap();
    fs::write(cage.path("remote/.gitconfig"), cage.settings()).unwrap();
    fs::write(cage.path("remote/.lfsconfig"), cage.settings()).unwrap();
    let id = cage.object("blob", b"one");
    cage.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},file")]);
    cage.git(&["-c", "filter.evil.clean=", "add", "."]);
    cage.commit_index_in("remote")
}

hostile! {
    filters_named_by_attributes: CheckedOut, |cage| with_attributes(cage, "* filter=evil diff=evil merge=evil text=auto\n");
    a_macro_of_attributes: CheckedOut, |cage| with_attributes(cage, "[attr]x filter=evil\n* x\n");
    an_encoding_that_is_none: Either, |cage| with_attributes(cage, "file working-tree-encoding=no-such-encoding\n");
    attributes_without_end: Either, |cage| {
        let many = (0..10_000).fold("*".to_owned(), |line, n| format!("{line} a{n}"));
        with_attributes(cage, &format!("{many}\n{} filter=evil\n", "*".repeat(3000)))
    };
    attributes_behind_a_link: CheckedOut, |cage| {
        fs::write(cage.path("attributes"), "* filter=evil\n").unwrap();
        std::os::unix::fs::symlink(cage.path("attributes"), cage.path("remote/.gitattributes")).unwrap();
        cage.commit("file", "one")
    };
    a_commit_with_a_broken_head: Refused(""), |cage| {
        let tree = cage.tree(&[]);
        let text = format!("tree {tree}\nauthor M <m@example.com> 0 +0000\ncommitter M\0\n\nx");
        cage.object("commit", text.as_bytes()).parse().unwrap()
    };
    a_commit_without_its_tree: Refused(""), |cage| {
        let text = format!("tree {ABSENT}\nauthor M <m@example.com> 0 +0000\ncommitter M <m@example.com> 0 +0000\n\nx");
        cage.object("commit", text.as_bytes()).parse().unwrap()
    };
    a_file_that_is_a_tree: Refused(""), |cage| {
        let tree = cage.tree(&[]);
        cage.commit_tree(&cage.tree(&[("100644", "file", &tree)]))
    };
    a_file_of_an_odd_kind: Either, |cage| {
        let blob = cage.object("blob", b"x");
        cage.commit_tree(&cage.tree(&[("104755", "file", &blob)]))
    };
    a_pointer_that_leads_out: CheckedOut, |cage| {
        let out = lfs::pointer(b"x").replacen("sha256:", "sha256:../../../../", 1);
        fs::write(cage.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
        cage.commit("big.bin", &out)
    };
    a_pointer_to_a_program: RefusedIfAsked("extension"), |cage| {
        let text = lfs::pointer(b"x").replacen("\noid", "\next-0-evil sha256:00\noid", 1);
        fs::write(cage.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
        fs::write(cage.path("remote/.lfsconfig"), format!("[lfs \"extension.evil\"]\n\tsmudge = {}\n", cage.canary())).unwrap();
        cage.commit("big.bin", &text)
    };
    a_stored_object_that_is_a_link: RefusedIfAsked("has no `big.bin`"), |cage| {
        let stored = lfs::store(&cage.path("remote/.git"), b"large");
        fs::rename(&stored, cage.path("moved")).unwrap();
        std::os::unix::fs::symlink(cage.path("moved"), &stored).unwrap();
        fs::write(cage.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
        cage.commit("big.bin", &lfs::pointer(b"large"))
    };
    a_stored_object_that_is_another: RefusedIfAsked("has no `big.bin`"), |cage| {
        let stored = lfs::store(&cage.path("remote/.git"), b"large");
        fs::write(stored, "LARGE").unwrap();
        fs::write(cage.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
        cage.commit("big.bin", &lfs::pointer(b"large"))
    };
    an_lfs_configuration_of_the_repository: CheckedOut, |cage| {
        let text = format!("[lfs]\n\turl = http://{trap}/x\n\tstandalonetransferagent = evil\n[lfs \"customtransfer.evil\"]\n\
            \tpath = sh\n\targs = -c '{run}'\n", trap = cage.trap(), run = cage.canary());
        fs::write(cage.path("remote/.lfsconfig"), text + &cage.settings()).unwrap();
        fs::write(cage.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
        lfs::store(&cage.path("remote/.git"), b"large");
        cage.commit("big.bin", &lfs::pointer(b"large"))
    };
}
