//! Files of Git LFS from a remote that is a path: in the place of their pointers, as files of their own.

use sha2::{Digest as _, Sha256};

use super::*;

/// A pointer to this content.
pub(super) fn pointer(content: &[u8]) -> String {
    let oid = hex::encode(Sha256::digest(content));
    format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n",
        content.len()
    )
}

/// Stores content in a repository's LFS store, and returns where.
pub(super) fn store(git_dir: &Path, content: &[u8]) -> PathBuf {
    let oid = hex::encode(Sha256::digest(content));
    let folder = git_dir.join("lfs/objects").join(&oid[..2]).join(&oid[2..4]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(&oid), content).unwrap();
    folder.join(oid)
}

/// A commit with one large file, `dir/big.bin`.
fn with_a_large_file(rig: &Rig, content: &[u8]) -> Sha {
    fs::write(
        rig.path("remote/.gitattributes"),
        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    )
    .unwrap();
    rig.commit("dir/big.bin", &pointer(content))
}

const CONTENT: &[u8] = b"large \0 content";

#[tokio::test]
async fn pointers_stay_where_nobody_asked() {
    let rig = Rig::new();
    let sha = with_a_large_file(&rig, CONTENT);
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert_eq!(read(&checkout, "dir/big.bin"), pointer(CONTENT));
}

#[tokio::test]
async fn large_files_stand_in_the_place_of_their_pointers() {
    let rig = Rig::with_everything();
    let stored = store(&rig.path("remote/.git"), CONTENT);
    fs::write(rig.path("remote/plain.txt"), pointer(b"nobody has this")).unwrap();
    executable(&rig.path("remote/run.bin"), &pointer(CONTENT));
    fs::write(rig.path("remote/small.bin"), "no pointer").unwrap();
    std::os::unix::fs::symlink("dir/big.bin", rig.path("remote/link.bin")).unwrap();
    let sha = with_a_large_file(&rig, CONTENT);
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert_eq!(fs::read(checkout.join("dir/big.bin")).unwrap(), CONTENT);
    assert_eq!(fs::read(checkout.join("run.bin")).unwrap(), CONTENT);
    let mode = |name: &str| fs::metadata(checkout.join(name)).unwrap().permissions().mode() & 0o100;
    assert_eq!((mode("run.bin"), mode("dir/big.bin")), (0o100, 0));
    // What no attribute names, and what is no pointer, is an ordinary file.
    assert_eq!(read(&checkout, "plain.txt"), pointer(b"nobody has this"));
    assert_eq!(read(&checkout, "small.bin"), "no pointer");
    assert!(checkout.join("link.bin").is_symlink());
    // Git sees no change, although it runs no filter.
    assert_eq!(rig.git_in("a", &["status", "--porcelain"], b""), "");
    // A command may change its file; the next checkout has the right one, and needs no remote.
    fs::write(checkout.join("dir/big.bin"), "changed").unwrap();
    fs::remove_file(stored).unwrap();
    let again = rig.checkout(&sha, "b").await.unwrap();
    assert_eq!(fs::read(again.join("dir/big.bin")).unwrap(), CONTENT);
}

#[tokio::test]
async fn large_files_of_a_submodule_come_too() {
    let rig = Rig::with_everything();
    rig.repository("lib");
    store(&rig.path("lib/.git"), CONTENT);
    fs::write(rig.path("lib/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let lib = rig.commit_in("lib", "big.bin", &pointer(CONTENT));
    submodules::describe(&rig, "remote", "lib", "url = ../lib");
    rig.record("remote", "lib", &lib);
    let sha = rig.commit_index_in("remote");
    let checkout = rig.checkout(&sha, "a").await.unwrap();
    assert_eq!(fs::read(checkout.join("lib/big.bin")).unwrap(), CONTENT);
}

#[tokio::test]
async fn a_large_file_that_is_not_there_is_named() {
    let rig = Rig::with_everything();
    let sha = with_a_large_file(&rig, CONTENT);
    let said = rig.refusal(&sha).await.replace(rig.path("").to_str().unwrap(), "/srv/");
    insta::assert_snapshot!(said, @"the LFS store of `/srv/remote` has no `dir/big.bin`; push it with `git lfs push --all`");
}

#[tokio::test]
async fn a_damaged_object_is_not_deployed_and_fetched_again() {
    let rig = Rig::with_everything();
    store(&rig.path("remote/.git"), CONTENT);
    let sha = with_a_large_file(&rig, CONTENT);
    rig.checkout(&sha, "a").await.unwrap();
    let ours = store(&rig.path("elsewhere"), CONTENT);
    let ours = rig
        .path("mirrors/7")
        .with_extension("lfs")
        .join(ours.strip_prefix(rig.path("elsewhere/lfs")).unwrap());
    fs::write(&ours, CONTENT.to_ascii_uppercase()).unwrap();
    let error = rig.checkout(&sha, "b").await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("another digest"),
        "{error}"
    );
    let again = rig.checkout(&sha, "b").await.unwrap();
    assert_eq!(fs::read(again.join("dir/big.bin")).unwrap(), CONTENT);
}

#[tokio::test]
async fn a_file_that_only_a_program_could_make_is_refused() {
    let rig = Rig::with_everything();
    let extended = pointer(CONTENT).replace("\noid", "\next-0-x sha256:00\noid");
    fs::write(rig.path("remote/.gitattributes"), "*.bin filter=lfs\n").unwrap();
    let sha = rig.commit("big.bin", &extended);
    insta::assert_snapshot!(rig.refusal(&sha).await, @"`big.bin` needs an LFS extension, which is not run; commit it without `lfs.extension`");
}
