//! Copies of folders.

use std::fs;
use std::path::Path;

/// Copies what is in a folder, with the modes, into one that may be there already.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is ours");
    for entry in fs::read_dir(from).expect("a folder that is there") {
        let entry = entry.expect("a folder that is there");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("the folder is ours");
        }
    }
}
