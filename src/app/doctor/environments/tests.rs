//! What the doctor says of machines on which something is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::examine;
use crate::cli::providers::Machine;
use crate::config::{Config, Known};
use crate::provider::manifest::catalogue::Catalogue;

const TOOL: &str = r#"
name: tool
description: A tool.
inputs:
  old: { type: bool, description: The old form. }
programs:
  - { name: tool, version_command: [tool, --version], version_pattern: "tool ([0-9.]+)", install: { apt: tool-bin } }
  - { name: bundle, optional: true, install: { gem: bundler } }
forms:
  - { when: [old], command: [tool, -s], needs: [{ program: tool, below: "2", hint: leave `old` out }] }
  - commands: [{ file: Gemfile, command: [bundle, exec, tool] }, [bundle, install]]
"#;

struct Patient {
    folder: TempDir,
}

impl Patient {
    fn with(programs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let patient = Self { folder };
        fs::create_dir_all(patient.path("own/tool")).unwrap();
        fs::create_dir(patient.path("bin")).unwrap();
        fs::write(patient.path("own/tool/provider.yaml"), TOOL).unwrap();
        for (name, says) in programs {
            let file = patient.path("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        patient
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What is said of an app with these settings, of which `DIR` is the folder.
    async fn said(&self, settings: &str) -> String {
        let dir = self.folder.path().display().to_string();
        let text =
            format!("providers: [DIR/own]\napps:\n  site:\n    repository: o/site\n{settings}").replace("DIR", &dir);
        let config = Config::parse(Path::new("app.yaml"), &text, &Known::default()).unwrap();
        let machine = Machine {
            path: self.path("bin").display().to_string(),
            home: self.path("home"),
        };
        let findings = examine(
            &config,
            &Catalogue::read(&config.providers),
            &machine,
            &self.path("account"),
        )
        .await;
        let said: String = findings.iter().map(super::Finding::shown).collect();
        said.replace(&dir, "DIR")
    }
}

const GIT: (&str, &str) = ("git", "git version 2.47.3");

#[tokio::test]
async fn all_is_well_where_everything_is_there() {
    let patient = Patient::with(&[GIT, ("tool", "tool 1.9"), ("bundle", "")]);
    let said = patient
        .said("    provider: tool\n    environments: { a: {}, b: { with: { old: true } }, c: { provider: shell, with: { script: x } } }\n")
        .await;
    insta::assert_snapshot!(said, @"
    ok    git 2.47.3
    ok    site/a, site/b: provider `tool` finds what it needs
    ok    site/c: provider `shell` finds what it needs
    ");
}

#[tokio::test]
async fn what_is_missing_or_of_another_version_is_told_with_its_fix() {
    let patient = Patient::with(&[("tool", "tool 3.1")]);
    let said = patient
        .said(
            "    provider: tool
    environments:
      a: {}
      b: {}
      old: { with: { old: true } }
      script: { provider: shell, with: { command: [rsync, x], folder: /srv } }
      other: { provider: shell, with: { comand: [x] } }
",
        )
        .await;
    insta::assert_snapshot!(said, @"
    FAIL  git is not in the `PATH`: nothing can be checked out
          fix: install it: `apt install git`
    FAIL  site/a, site/b: provider `tool` needs `bundle`, which is not in the `PATH`
          fix: install it: `gem install bundler`, or name its folder in `env: { PATH: … }`
    FAIL  site/old: `tool` is version 3.1; expected a version before 2; leave `old` out
          fix: install that version, or choose the inputs that fit this one
    FAIL  site/script: provider `shell` needs `rsync`, which is not in the `PATH`
          fix: install it, or name its folder in `env: { PATH: … }`
    FAIL  site/other: provider `shell` has no input `comand`; inputs: `command`, `commands`, `dry_run`, `folder`, `script`
          fix: did you mean `command`? `chima check` shows the line
    ");
}

#[tokio::test]
async fn a_path_of_the_apps_own_is_where_programs_are_looked_for() {
    let patient = Patient::with(&[GIT]);
    fs::create_dir(patient.path("more")).unwrap();
    patient.write("more/rsync", "#!/bin/sh\n", 0o755);
    let said = patient
        .said("    provider: shell\n    with: { command: [rsync, x] }\n    env: { PATH: DIR/more }\n    environments: { a: {} }\n")
        .await;
    insta::assert_snapshot!(said, @"
    ok    git 2.47.3
    ok    site/a: provider `shell` finds what it needs
    ");
}

#[tokio::test]
async fn an_old_git_is_warned_about() {
    let patient = Patient::with(&[("git", "git version 2.39.5")]);
    let said = patient
        .said("    provider: shell\n    with: { script: x }\n    environments: { a: {} }\n")
        .await;
    insta::assert_snapshot!(said, @"
    warn  git 2.39.5 is older than the fixes for hostile repositories of July 2025 (CVE-2025-48384 and others)
          fix: upgrade to 2.50.1 or later, or see that your distribution has put the fixes into its 2.39.5
    ok    site/a: provider `shell` finds what it needs
    ");
}

#[tokio::test]
async fn ssh_without_program_key_or_hosts_is_told() {
    let patient = Patient::with(&[GIT]);
    patient.write("open-key", "-----BEGIN A KEY-----\n", 0o640);
    patient.write("key", "-----BEGIN A KEY-----\n", 0o600);
    patient.write("nobody", "# none\n", 0o600);
    patient.write("everybody", "host ssh-ed25519 AAAA\n", 0o666);
    let said = patient
        .said(
            "    provider: shell
    with: { script: x }
    environments:
      missing: { ssh: { key: DIR/none, known_hosts: DIR/none } }
      open: { ssh: { key: DIR/open-key, known_hosts: DIR/nobody } }
      fair: { ssh: { key: DIR/key, known_hosts: DIR/everybody } }
      own: { ssh: { key: DIR/key } }
",
        )
        .await;
    insta::assert_snapshot!(said, @"
    ok    git 2.47.3
    FAIL  site/missing, site/open, site/fair, site/own: `ssh` is set, but there is no program `ssh` in the `PATH`
          fix: install it: `apt install openssh-client`
    FAIL  site/missing: `ssh.key`: file `DIR/none` is not there
          fix: make one with `ssh-keygen -t ed25519 -f FILE`, and add FILE.pub to the hosts and to the repository
    FAIL  site/missing: `ssh.known_hosts`: cannot read `DIR/none`: No such file or directory (os error 2)
          fix: `ssh-keyscan HOST >> DIR/none`, then compare the keys with the host's own
    FAIL  site/open: `ssh.key`: file `DIR/open-key` has mode 0640, and ssh does not use it
          fix: `chmod 600 DIR/open-key`
    FAIL  site/open: `ssh.known_hosts`: `DIR/nobody` names no host, and no other is believed
          fix: `ssh-keyscan HOST >> DIR/nobody`, then compare the keys with the host's own
    warn  site/fair: `ssh.known_hosts`: everybody on this machine can write `DIR/everybody`, and so choose whom ssh believes
          fix: `chmod o-w DIR/everybody`
    FAIL  site/own: `ssh.known_hosts`: cannot read `DIR/account/.ssh/known_hosts`: No such file or directory (os error 2)
          fix: `ssh-keyscan HOST >> DIR/account/.ssh/known_hosts`, then compare the keys with the host's own
    ");
}

#[tokio::test]
async fn a_broken_manifest_and_who_uses_it_are_told() {
    let patient = Patient::with(&[]);
    patient.write(
        "own/tool/provider.yaml",
        "name: tool\ndescription: d\nform: []\n",
        0o600,
    );
    let said = patient.said("    provider: tool\n    environments: { a: {} }\n").await;
    insta::assert_snapshot!(said, @"
    FAIL  manifest DIR/own/tool/provider.yaml:3:1: unknown key `form` at the top level; did you mean `forms`?
          fix: correct it; until then nothing is deployed with it
    FAIL  site/a: the manifest of provider `tool` cannot be used; `chima providers tool` says why
          fix: `chima check` shows the line
    ");
}
