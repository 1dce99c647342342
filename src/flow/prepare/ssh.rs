//! What an app says about ssh, in the forms that tools read it in.
//!
//! OpenSSH looks for its configuration at the account's home, whatever `HOME` says; `Net::SSH` and Paramiko look at `HOME`. So
//! there is one file, at the run's own `HOME`, and programs of the names that OpenSSH's have, first in the `PATH`, that pass it
//! on. No key is ever an argument, and host keys are always checked.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::secret::SecretSource;
use crate::config::{Environment, Ssh, environment};
use crate::domain::reason::Reason;
use crate::flow::prepare::{Places, secrets, unusable};
use crate::provider::git::SshAccess;
use crate::provider::plan::values::SshPlaces;
use crate::provider::probe;
use crate::provider::spec::FileSpec;

/// OpenSSH's programs that take `-F`.
const PROGRAMS: [&str; 3] = ["ssh", "scp", "sftp"];

/// Everything about ssh that one run has of its own.
pub(super) struct SshFiles {
    pub(super) places: SshPlaces,
    pub(super) files: Vec<FileSpec>,
    /// To be masked.
    pub(super) key: Option<SecretString>,
    programs: PathBuf,
}

impl SshFiles {
    /// Nothing where the app leaves ssh to the tools' own settings. `programs_path` is where programs are looked for.
    pub(super) async fn prepare(
        settings: &Environment,
        places: &Places,
        programs_path: &str,
    ) -> Result<Option<Self>, Reason> {
        let Some(ssh) = &settings.ssh else {
            return Ok(None);
        };
        let folder = places.own.join("ssh");
        let (key_file, key) = key(ssh, &folder).await?;
        let known_hosts = match &ssh.known_hosts {
            Some(named) => absolute(named)?,
            // Said out loud, because not every tool would look there by itself.
            None => PathBuf::from(environment::variable("HOME").unwrap_or_default()).join(".ssh/known_hosts"),
        };
        if !known_hosts.is_file() {
            return Err(unusable(format!(
                "the known hosts of `ssh` are looked for in `{}`, which is not a file; make it with `ssh-keyscan -H HOST`, \
                 compare the keys, and name it as `ssh.known_hosts`",
                known_hosts.display()
            )));
        }
        let config = places.home.join(".ssh/config");
        let programs = folder.join("bin");
        let mut files = vec![FileSpec {
            content: config_text(key_file.as_deref(), &known_hosts),
            path: config.clone(),
            executable: false,
        }];
        for name in PROGRAMS {
            if let Some(program) = probe::find(name, programs_path) {
                files.push(FileSpec {
                    path: programs.join(name),
                    content: format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", word(&program), word(&config)),
                    executable: true,
                });
            }
        }
        Ok(Some(Self {
            places: SshPlaces {
                config,
                key: key_file,
                known_hosts: Some(known_hosts),
            },
            files,
            key,
            programs,
        }))
    }

    /// The `PATH` of the commands.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}:{path}", self.programs.display())
    }

    /// For git.
    pub(super) fn access(&self) -> Option<SshAccess> {
        Some(SshAccess {
            key: self.places.key.clone()?,
            known_hosts: self.places.known_hosts.clone()?,
        })
    }
}

/// The file of the key, and its text. A key that is in no file is put into one that is gone with the run.
async fn key(ssh: &Ssh, folder: &Path) -> Result<(Option<PathBuf>, Option<SecretString>), Reason> {
    let Some(source) = &ssh.key else {
        return Ok((None, None));
    };
    let value = secrets::value("ssh.key", source).await?;
    if let SecretSource::File(path) = source {
        return Ok((Some(absolute(path)?), Some(value)));
    }
    let path = folder.join("key");
    // Now, not with the other files: git needs it before the runner is there.
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(value.expose_secret().as_bytes())?;
        file.write_all(b"\n")
    });
    written.map_err(|error| unusable(format!("the key for ssh cannot be put into a file: {error}")))?;
    Ok((Some(path), Some(value)))
}

fn config_text(key: Option<&Path>, known_hosts: &Path) -> String {
    let mut text = "# made by Chima for one run\nHost *\n  BatchMode yes\n  StrictHostKeyChecking yes\n".to_owned();
    if let Some(key) = key {
        text.push_str(&format!("  IdentitiesOnly yes\n  IdentityFile \"{}\"\n", key.display()));
    }
    text.push_str(&format!(
        "  UserKnownHostsFile \"{}\"\n  GlobalKnownHostsFile /dev/null\n",
        known_hosts.display()
    ));
    text
}

fn absolute(path: &Path) -> Result<PathBuf, Reason> {
    std::path::absolute(path).map_err(|error| unusable(format!("cannot resolve `{}`: {error}", path.display())))
}

/// One word for a shell.
fn word(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_key_and_hosts_and_checks_them_always() {
        let text = config_text(Some(Path::new("/k y/id")), Path::new("/h"));
        assert_eq!(
            text,
            r#"# made by Chima for one run
Host *
  BatchMode yes
  StrictHostKeyChecking yes
  IdentitiesOnly yes
  IdentityFile "/k y/id"
  UserKnownHostsFile "/h"
  GlobalKnownHostsFile /dev/null
"#
        );
        assert!(config_text(None, Path::new("/h")).contains("StrictHostKeyChecking yes"));
    }

    #[test]
    fn a_word_is_one_word() {
        assert_eq!(word(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
