//! Trees that would be written into a folder of git's, outside the checkout, or through a link. Most are made by hand: git
//! itself does not add such names.

use super::Outcome::{CheckedOut, Either, Refused};
use super::*;

/// A tree with a hook below this name.
fn hook_below(cage: &Cage, name: &str) -> Sha {
    let script = cage.object("blob", cage.script().as_bytes());
    let hooks = cage.tree(&[("100755", "post-checkout", &script)]);
    let git = cage.tree(&[("40000", "hooks", &hooks)]);
    cage.commit_tree(&cage.tree(&[("40000", name, &git)]))
}

/// A tree with one file of this name.
fn file_named(cage: &Cage, name: &str) -> Sha {
    let blob = cage.object("blob", b"x");
    cage.commit_tree(&cage.tree(&[("100644", name, &blob)]))
}

/// A link to this place, and a folder of the same name with a file in it.
fn link_and_folder(cage: &Cage, link: &str, folder: &str, to: &str) -> Sha {
    let target = cage.object("blob", to.as_bytes());
    let script = cage.object("blob", cage.script().as_bytes());
    let inner = cage.tree(&[("100755", "post-checkout", &script)]);
    cage.commit_tree(&cage.tree(&[("120000", link, &target), ("40000", folder, &inner)]))
}

/// A tree with files of these names, which need not be text.
fn files_named(cage: &Cage, names: &[&[u8]]) -> Sha {
    let blob = hex::decode(cage.object("blob", b"x")).unwrap();
    let mut content = Vec::new();
    for name in names {
        content.extend([b"100644 ", *name, b"\0", blob.as_slice()].concat());
    }
    cage.commit_tree(&cage.object("tree", &content))
}

hostile! {
    a_folder_named_git: Refused(""), |cage| hook_below(cage, ".git");
    a_folder_named_git_in_capitals: Refused(""), |cage| hook_below(cage, ".GIT");
    a_folder_named_git_with_a_blank: Either, |cage| hook_below(cage, ".git ");
    a_folder_with_gits_short_name: Refused(""), |cage| hook_below(cage, "git~1");
    a_folder_named_git_with_a_letter_of_no_width: Refused(""), |cage| hook_below(cage, ".g\u{200c}it");
    a_folder_named_git_as_a_stream: Refused(""), |cage| hook_below(cage, ".git::$INDEX_ALLOCATION");
    a_file_named_git: Refused(""), |cage| file_named(cage, ".git");
    a_name_that_climbs: Refused(""), |cage| file_named(cage, "..");
    a_name_that_stays: Refused(""), |cage| file_named(cage, ".");
    a_name_that_climbs_and_enters: Refused(""), |cage| file_named(cage, "../outside/file");
    a_name_from_the_root: Refused(""), |cage| file_named(cage, &format!("{}/new", cage.outside()));
    a_name_of_nothing: Refused(""), |cage| file_named(cage, "");
    a_name_that_is_too_long: Refused(""), |cage| file_named(cage, &"x".repeat(5000));
    a_link_and_a_folder_of_one_name: Refused(""), |cage| link_and_folder(cage, "a", "a", &cage.outside());
    a_link_into_gits_folder_and_a_folder_of_one_name: Refused(""), |cage| link_and_folder(cage, "a", "a", ".git/hooks");
    a_link_and_a_folder_that_differ_in_case: CheckedOut, |cage| link_and_folder(cage, "A", "a", &cage.outside());
    links_to_everywhere: CheckedOut, |cage| {
        let outside = cage.outside();
        let file = format!("{outside}/file");
        for (name, to) in [("dir", outside.as_str()), ("file", &file), ("git", ".git"), ("up", "../.."), ("self", "self")] {
            std::os::unix::fs::symlink(to, cage.path("remote").join(name)).unwrap();
        }
        cage.commit_all()
    };
    a_link_with_a_large_file_behind_it: CheckedOut, |cage| {
        fs::write(cage.path("outside/file"), "untouched").unwrap();
        fs::write(cage.path("remote/.gitattributes"), "* filter=lfs\n").unwrap();
        lfs::store(&cage.path("remote/.git"), b"large");
        std::os::unix::fs::symlink(cage.path("outside/file"), cage.path("remote/link")).unwrap();
        cage.commit("file", &lfs::pointer(b"large"))
    };
    names_like_options_and_with_odd_letters: CheckedOut, |cage| {
        for name in ["-rf", "--upload-pack=x", "a\nb", "a\tb", "\u{202e}txt.exe", "$(touch canary)", "`touch canary`", "a;b"] {
            fs::write(cage.path("remote").join(name), lfs::pointer(b"large")).unwrap();
        }
        lfs::store(&cage.path("remote/.git"), b"large");
        fs::write(cage.path("remote/.gitattributes"), "* filter=lfs\n.gitattributes -filter\n").unwrap();
        cage.commit_all()
    };
    names_that_are_no_text: CheckedOut, |cage| {
        let names: [&[u8]; 7] = [b"\x01\x1b[2J", b"\n", b"\r\n", b"a\xc0\xafb", b"\x7f", b"\xed\xa0\x80", b"\xff\xfe"];
        files_named(cage, &names)
    };
    two_files_of_one_name: Refused(""), |cage| files_named(cage, &[b"a", b"a"]);
    a_file_and_a_folder_of_one_name: Refused(""), |cage| {
        let blob = cage.object("blob", b"x");
        let inner = cage.tree(&[("100644", "b", &blob)]);
        cage.commit_tree(&cage.tree(&[("100644", "a", &blob), ("40000", "a", &inner)]))
    };
    a_name_with_a_driver_and_a_backslash: Either, |cage| files_named(cage, &[b"C:\\..\\..\\x", b"\\\\host\\share"]);
    folders_without_end: Either, |cage| {
        let path = "d/".repeat(5000);
        let script = format!("commit refs/heads/deep\ncommitter M <m@example.com> 0 +0000\ndata 1\nx\nM 644 inline {path}f\ndata 1\nx\n");
        cage.git_in("remote", &["fast-import", "--quiet"], script.as_bytes());
        cage.git(&["rev-parse", "deep"]).parse().unwrap()
    };
    a_repository_inside_the_repository: CheckedOut, |cage| {
        for (name, text) in [("HEAD", "ref: refs/heads/main\n"), ("refs/x", ""), ("objects/x", "")] {
            executable(&cage.path("remote/inner").join(name), text);
        }
        executable(&cage.path("remote/inner/hooks/post-checkout"), &cage.script());
        fs::write(cage.path("remote/inner/config"), cage.settings()).unwrap();
        cage.commit_all()
    };
}
