//! Which file a command's first word means, and why it cannot be started.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::provider::probe;
use crate::provider::spec::StepSpec;

/// The program's file. With a slash it is a path in the step's folder, else it is looked up in the `PATH` of the step (not
/// ours); entries of `PATH` that are not absolute are left out.
pub(super) fn resolve(step: &StepSpec, argv: &[String]) -> Result<PathBuf, String> {
    let word = argv.first().map_or("", String::as_str);
    if !step.cwd.is_dir() {
        return Err(format!("the folder `{}` does not exist", step.cwd.display()));
    }
    if word.contains('/') {
        return Ok(step.cwd.join(word));
    }
    let path = step.environment.find("PATH").unwrap_or_default();
    probe::find(word, path).ok_or_else(|| format!("not found in PATH `{path}`"))
}

/// Says what the kernel's short answer means here.
pub(super) fn explain(program: &Path, argv: &[String], error: &io::Error) -> String {
    let word = argv.first().map_or("", String::as_str);
    // a path of the checkout is shown as it was written: the folder before it means nothing to anybody
    let named = if word.contains('/') {
        word.to_owned()
    } else {
        program.display().to_string()
    };
    match fs::metadata(program) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => format!("`{named}` does not exist"),
        Err(other) => format!("`{named}`: {other}"),
        Ok(file) if file.is_dir() => format!("`{named}` is a folder"),
        Ok(_) if !is_executable(program) => {
            format!("`{named}` is not executable; set its mode with `git update-index --chmod=+x`")
        }
        Ok(_) if error.kind() == io::ErrorKind::NotFound => {
            format!(
                "`{named}` names an interpreter that does not exist: {}",
                first_line(program)
            )
        }
        Ok(_) if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            format!("`{named}` is no program; a script begins with a line such as `#!/bin/sh`")
        }
        Ok(_) => format!("`{named}`: {error}"),
    }
}

pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn first_line(program: &Path) -> String {
    let bytes = fs::read(program).unwrap_or_default();
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    format!("`{}`", crate::domain::names::shown(&String::from_utf8_lossy(line)))
}

/// The command as a person would type it.
pub(super) fn shown(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%_-+=:,./{}^~".contains(c);
    if word.chars().any(char::is_control) {
        format!("{word:?}")
    } else if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let argv = ["./deploy", "eu west", "it's", "", "a\nb", "--at=0a^{commit}"].map(str::to_owned);
        assert_eq!(
            super::shown(&argv),
            r#"./deploy 'eu west' 'it'\''s' '' "a\nb" --at=0a^{commit}"#
        );
    }
}
