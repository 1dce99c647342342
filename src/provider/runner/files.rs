//! The attempt's own folders and files: made before the first step, removed after the last.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::provider::spec::{FileSpec, RunnerSpec};

/// Makes all of them. The mask of this process keeps other accounts out.
pub(super) fn make(spec: &RunnerSpec) -> Result<(), String> {
    for folder in &spec.scratch {
        fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make the folder `{}`: {error}", folder.display()))?;
    }
    spec.files
        .iter()
        .try_for_each(|file| write(file).map_err(|error| format!("cannot write `{}`: {error}", file.path.display())))
}

fn write(file: &FileSpec) -> io::Result<()> {
    if let Some(parent) = file.path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if file.executable { 0o700 } else { 0o600 })
        .open(&file.path)?
        .write_all(file.content.as_bytes())
}
