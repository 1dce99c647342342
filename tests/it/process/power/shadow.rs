//! A disk that remembers what was synced, and what is found on it after a power cut.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

/// What becomes of names that nobody synced. POSIX promises nothing about them, so both must be survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A name is there if its folder was synced since it was made.
    Lost,
    /// Every name is there, with what was synced of its file, which may be nothing.
    Kept,
}

/// The shadow of one folder.
pub struct Shadow {
    library: PathBuf,
    folder: PathBuf,
    real: PathBuf,
}

impl Shadow {
    /// Builds the library that watches `real`. Everything there counts as synced.
    pub fn of(real: PathBuf, beside: &Path) -> Self {
        let shadow = Self {
            library: beside.join("shadow.so"),
            folder: beside.join("shadow"),
            real,
        };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/process/power/shadow.c");
        #[expect(clippy::disallowed_methods, reason = "the library is built where it is used")]
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&shadow.library, &source])
            .arg("-ldl")
            .stdin(Stdio::null())
            .status()
            .expect("`cc` is installed; script/tools does it");
        assert!(built.success());
        shadow.settle();
        shadow
    }

    /// Lets a program write to this disk.
    pub fn under(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("SHADOWED", &self.real)
            .env("SHADOW", &self.folder);
        command
    }

    /// What the machine finds when it is switched on again. Nothing that writes there may live any more.
    pub fn cut(&self, names: Names) {
        let found = self.real.with_extension("found");
        match names {
            Names::Lost => self.restore_listed(&key(&self.real), &found),
            Names::Kept => self.restore_named(&self.real, &found),
        }
        fs::set_permissions(&found, fs::metadata(&self.real).unwrap().permissions()).unwrap();
        fs::remove_dir_all(&self.real).unwrap();
        fs::rename(&found, &self.real).unwrap();
        self.settle();
    }

    fn restore_listed(&self, folder: &str, to: &Path) {
        fs::create_dir(to).unwrap();
        for line in fs::read_to_string(self.folder.join(folder)).unwrap_or_default().lines() {
            let mut words = line.splitn(3, ' ');
            let (key, mode, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let mode = u32::from_str_radix(mode, 8).unwrap();
            let place = to.join(name);
            if mode & 0o170_000 == 0o040_000 {
                self.restore_listed(key, &place);
            } else {
                fs::write(&place, fs::read(self.folder.join(key)).unwrap_or_default()).unwrap();
            }
            fs::set_permissions(&place, Permissions::from_mode(mode & 0o7777)).unwrap();
        }
    }

    fn restore_named(&self, from: &Path, to: &Path) {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, kind) = {
                let entry = entry.unwrap();
                (entry.path(), entry.file_type().unwrap())
            };
            let place = to.join(path.file_name().unwrap());
            if kind.is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), &place).unwrap();
                continue;
            } else if kind.is_dir() {
                self.restore_named(&path, &place);
            } else if kind.is_file() {
                fs::write(&place, fs::read(self.folder.join(key(&path))).unwrap_or_default()).unwrap();
            } else {
                continue;
            }
            fs::set_permissions(&place, fs::metadata(&path).unwrap().permissions()).unwrap();
        }
    }

    /// What is there now is what a disk has.
    fn settle(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir(&self.folder).unwrap();
        let mut folders = vec![self.real.clone()];
        while let Some(folder) = folders.pop() {
            let mut list = BTreeMap::new();
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let found = fs::symlink_metadata(&path).unwrap();
                if found.is_dir() {
                    folders.push(path.clone());
                } else if found.is_file() {
                    fs::copy(&path, self.folder.join(key(&path))).unwrap();
                } else {
                    continue;
                }
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                list.insert(name.clone(), format!("{} {:o} {name}\n", key(&path), found.mode()));
            }
            let list: String = list.into_values().collect();
            fs::write(self.folder.join(key(&folder)), list).unwrap();
        }
    }
}

/// As shadow.c names a file.
fn key(path: &Path) -> String {
    let found = fs::symlink_metadata(path).unwrap();
    let born = found.created().ok();
    let since = born
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    format!("{}-{}.{}", found.ino(), since.as_secs(), since.subsec_nanos())
}
