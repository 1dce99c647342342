//! The secrets of one run: read when it starts, from where the configuration says, and handed on in the form that is wanted.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Environment;
use crate::config::secret::{self, SecretSource};
use crate::domain::reason::Reason;
use crate::flow::prepare::unusable;
use crate::provider::manifest::support::SecretForm;
use crate::provider::secret_command;
use crate::provider::spec::FileSpec;

/// The values, by variable. `None`: the manifest says in which form; else the configuration has said so.
pub(super) struct GivenSecrets(BTreeMap<String, (SecretString, Option<SecretForm>)>);

impl GivenSecrets {
    /// Reads all of them.
    pub(super) async fn read(environment: &Environment) -> Result<Self, Reason> {
        let mut values = BTreeMap::new();
        let as_files = environment.secret_files.iter();
        let forms = environment.secrets.iter().map(|(name, source)| (name, source, None));
        for (name, source, form) in forms.chain(as_files.map(|(name, source)| (name, source, Some(SecretForm::File)))) {
            values.insert(name.clone(), (value(name, source).await?, form));
        }
        Ok(Self(values))
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The variables that carry them. Those that are wanted as files are put into `folder`, and their variable holds the path.
    pub(super) fn variables(
        &self,
        wanted: &BTreeMap<String, SecretForm>,
        folder: &Path,
        files: &mut Vec<FileSpec>,
    ) -> BTreeMap<String, SecretString> {
        let mut variables = BTreeMap::new();
        for (name, (value, form)) in &self.0 {
            let form = form.or(wanted.get(name).copied()).unwrap_or_default();
            let text = match form {
                SecretForm::Variable => value.clone(),
                SecretForm::File => {
                    let path = folder.join(name);
                    let text = SecretString::from(path.display().to_string());
                    files.push(FileSpec {
                        path,
                        content: format!("{}\n", value.expose_secret()),
                        executable: false,
                    });
                    text
                }
            };
            variables.insert(name.clone(), text);
        }
        variables
    }

    /// What no log may show.
    pub(super) fn into_masks(self) -> Vec<(String, SecretString)> {
        self.0.into_iter().map(|(name, (value, _))| (name, value)).collect()
    }
}

/// One secret, which must be there.
pub(super) async fn value(name: &str, source: &SecretSource) -> Result<SecretString, Reason> {
    let unreadable = |error: &dyn std::fmt::Display| unusable(format!("the secret `{name}` cannot be read: {error}"));
    if let SecretSource::Command(argv) = source {
        let output = secret_command::output(argv).await.map_err(|error| unreadable(&error))?;
        return secret::of_output(source, output).map_err(|error| unreadable(&error));
    }
    match secret::read(source) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(unusable(format!(
            "the secret `{name}` is not there: {source} is not set"
        ))),
        Err(error) => Err(unreadable(&error)),
    }
}
