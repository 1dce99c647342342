//! All manifests an installation knows: the shipped ones, then those of its own folders.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::provider::manifest::{Manifest, ManifestError};

/// One shipped manifest and what lies beside it.
struct Shipped {
    path: &'static str,
    text: &'static str,
    beside: &'static [(&'static str, &'static str)],
}

macro_rules! shipped {
    ($name:literal $(, $beside:literal)*) => {
        Shipped {
            path: concat!("providers/", $name, "/provider.yaml"),
            text: include_str!(concat!("../../../providers/", $name, "/provider.yaml")),
            beside: &[$(($beside, include_str!(concat!("../../../providers/", $name, "/", $beside)))),*],
        }
    };
}

/// Compiled in, so that one binary is enough.
const SHIPPED: [Shipped; 2] = [shipped!("manual"), shipped!("shell")];

/// The known providers by name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    manifests: BTreeMap<String, Manifest>,
}

impl Catalogue {
    /// What is shipped, then `<dir>/<name>/provider.yaml` of every folder in order; a later one of the same name wins.
    ///
    /// # Errors
    /// Every manifest that cannot be used.
    pub fn load(dirs: &[PathBuf]) -> Result<Self, Vec<ManifestError>> {
        let mut catalogue = Self::default();
        let mut problems = Vec::new();
        for Shipped { path, text, beside } in SHIPPED {
            let find = |name: &str| {
                let found = beside.iter().find(|(own, _)| *own == name);
                found
                    .map(|(_, text)| (*text).to_owned())
                    .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            };
            catalogue.add(Manifest::parse(path, text, &find), &mut problems);
        }
        for dir in dirs {
            match folders(dir) {
                Ok(folders) => {
                    for folder in folders {
                        catalogue.add(read(&folder), &mut problems);
                    }
                }
                Err(error) => problems.push(error),
            }
        }
        if problems.is_empty() {
            Ok(catalogue)
        } else {
            Err(problems)
        }
    }

    /// The manifest of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Manifest> {
        self.manifests.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.values()
    }

    fn add(&mut self, manifest: Result<Manifest, ManifestError>, problems: &mut Vec<ManifestError>) {
        match manifest {
            Ok(manifest) => {
                self.manifests.insert(manifest.name.clone(), manifest);
            }
            Err(error) => problems.push(error),
        }
    }
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable {
        path: dir.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("provider.yaml").exists() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn read(folder: &Path) -> Result<Manifest, ManifestError> {
    let path = folder.join("provider.yaml");
    let text = std::fs::read_to_string(&path).map_err(|source| ManifestError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let beside = |name: &str| std::fs::read_to_string(folder.join(name));
    Manifest::parse(&path.display().to_string(), &text, &beside)
}
