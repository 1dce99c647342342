//! What a command gets besides its arguments: variables, secrets, ssh.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::Ssh;
use crate::config::file;
use crate::config::interpret::Reading;
use crate::config::interpret::apps::Places;
use crate::config::problem::KeyPath;
use crate::config::secret::{MASKABLE_BYTES, SecretSource};

impl Reading<'_> {
    pub(super) fn env(
        &mut self,
        variables: BTreeMap<String, String>,
        secrets: &BTreeMap<String, SecretSource>,
        places: &Places<'_>,
    ) -> BTreeMap<String, String> {
        for (name, value) in &variables {
            let path = places.of_entry("env", name, self.root);
            let _: Option<String> = self.command_variable(name, true, &path);
            if secrets.contains_key(name) {
                let text = format!("`{name}` is in `env` and in `secrets`");
                let _: Option<()> = self.refuse_key(&path, text, Some("keep the secret".to_owned()));
            }
            if value.contains('\0') {
                let text = format!("the value of `{name}` holds a NUL character, which no variable can");
                let _: Option<()> = self.refuse_key(&path, text, None);
            }
        }
        variables
    }

    /// `key` is `secrets` or `secret_files`.
    pub(super) fn app_secrets(
        &mut self,
        key: &str,
        secrets: BTreeMap<String, file::apps::AppSecret>,
        places: &Places<'_>,
    ) -> BTreeMap<String, SecretSource> {
        let mut sources = BTreeMap::new();
        for (name, named) in secrets {
            let path = places.of_entry(key, &name, self.root);
            let _: Option<String> = self.command_variable(&name, true, &path);
            if let Some(source) = self.app_secret(named, &path) {
                self.examine(&source, MASKABLE_BYTES, &path);
                sources.insert(name, source);
            }
        }
        sources
    }

    /// One variable cannot hold a secret and the path of a file.
    pub(super) fn refuse_given_twice(
        &mut self,
        secrets: &BTreeMap<String, SecretSource>,
        files: &BTreeMap<String, SecretSource>,
        places: &Places<'_>,
    ) {
        for name in files.keys().filter(|name| secrets.contains_key(*name)) {
            let path = places.of_entry("secret_files", name, self.root);
            let text = format!("`{name}` is in `secrets` and in `secret_files`");
            let _: Option<()> = self.refuse_key(&path, text, Some("keep the one that the command expects".to_owned()));
        }
    }

    fn app_secret(&mut self, named: file::apps::AppSecret, path: &KeyPath) -> Option<SecretSource> {
        let file::apps::AppSecret { env, file, command } = named;
        match command {
            None => self.secret(file::Secret { env, file }, path),
            Some(argv) if argv.first().is_some_and(|program| !program.trim().is_empty()) => {
                Some(SecretSource::Command(argv))
            }
            Some(_) => {
                let text = format!("`{path}.command` names no program");
                self.refuse(
                    &path.key("command"),
                    text,
                    Some("for example `[pass, show, deploy/token]`".to_owned()),
                )
            }
        }
    }

    pub(super) fn inherit_env(&mut self, names: &[String], path: &KeyPath) -> Vec<String> {
        let names = names.iter().enumerate();
        names
            .filter_map(|(index, name)| self.command_variable(name, false, &path.index(index)))
            .collect()
    }

    pub(super) fn ssh(&mut self, ssh: file::apps::Ssh, path: &KeyPath) -> Option<Ssh> {
        let place = path.key("key");
        let key = match ssh.key {
            None => Some(None),
            Some(file::apps::SshKey::Path(text)) if text.contains("PRIVATE KEY") => {
                let text = format!("`{place}` holds a key; expected the path of its file");
                self.refuse(&place, text, Some("replace the key if this file was shared".to_owned()))
            }
            Some(file::apps::SshKey::Path(text)) => self.path(&text, &place).map(|file| Some(SecretSource::File(file))),
            Some(file::apps::SshKey::Secret(named)) => self.app_secret(named, &place).map(Some),
        };
        if let Some(Some(source)) = &key {
            self.examine(source, MASKABLE_BYTES, &place);
        }
        let known_hosts = match ssh.known_hosts {
            None => Some(None),
            Some(file) => self.path(&file, &path.key("known_hosts")).map(Some),
        };
        let (key, known_hosts): (Option<SecretSource>, Option<PathBuf>) = (key?, known_hosts?);
        Some(Ssh { key, known_hosts })
    }
}
