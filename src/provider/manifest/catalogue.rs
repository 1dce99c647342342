//! All manifests an installation knows: the shipped ones, then those of its own folders.
//!
//! One that cannot be used takes nothing away from the others. It is never replaced by another of its name, though: who
//! overrides `shell` means that one and no other.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::provider::manifest::{Manifest, ManifestError};

/// One shipped manifest and what lies beside it.
struct Shipped {
    name: &'static str,
    path: &'static str,
    text: &'static str,
    readme: &'static str,
    beside: &'static [(&'static str, &'static str)],
}

macro_rules! shipped {
    ($name:literal $(, $beside:literal)*) => {
        Shipped {
            name: $name,
            path: concat!("providers/", $name, "/provider.yaml"),
            text: include_str!(concat!("../../../providers/", $name, "/provider.yaml")),
            readme: include_str!(concat!("../../../providers/", $name, "/README.md")),
            beside: &[$(($beside, include_str!(concat!("../../../providers/", $name, "/", $beside)))),*],
        }
    };
}

/// Compiled in, so that one binary is enough.
const SHIPPED: [Shipped; 13] = [
    shipped!("ansible", "chima_results.py"),
    shipped!(
        "capistrano",
        "bundle.sh",
        "chima_dry_run.rb",
        "chima_ssh.rb",
        "chima_stage.rb"
    ),
    shipped!("docker-compose"),
    shipped!(
        "fabric",
        "sitecustomize.py",
        "chima_dry_run.py",
        "chima_fabfile.py",
        "chima_failures.py",
        "chima_hosts.py",
        "chima_ssh.py",
        "chima_terminal.py"
    ),
    shipped!("helm"),
    shipped!("heroku"),
    shipped!("http"),
    shipped!("kamal"),
    shipped!("kubectl"),
    shipped!("make"),
    shipped!("manual"),
    shipped!("shell"),
    shipped!("terraform"),
];

/// The names of the compiled-in providers.
#[must_use]
pub fn shipped_names() -> Vec<&'static str> {
    SHIPPED.iter().map(|shipped| shipped.name).collect()
}

/// The known providers by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    entries: BTreeMap<String, Entry>,
    broken: Vec<Broken>,
}

/// One provider and where it comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub manifest: Manifest,
    /// Where it comes from.
    pub origin: Origin,
    /// Where the one of this name comes from that it stands in for.
    pub replaces: Option<Origin>,
}

/// Where a manifest comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Shipped,
    /// A folder that `providers:` names.
    Folder(PathBuf),
}

/// A manifest that cannot be used, or a folder that cannot be read.
#[derive(Debug)]
pub struct Broken {
    /// The provider's name; none where the whole folder cannot be read.
    pub name: Option<String>,
    /// What is wrong.
    pub error: ManifestError,
}

impl Catalogue {
    /// What is shipped, then `<dir>/<name>/provider.yaml` of every folder in order; a later one of the same name wins.
    #[must_use]
    pub fn read(dirs: &[PathBuf]) -> Self {
        let mut catalogue = Self::default();
        for shipped in &SHIPPED {
            catalogue.add(shipped.name, Origin::Shipped, shipped.manifest());
        }
        for dir in dirs {
            match folders(dir) {
                Ok(folders) => {
                    for folder in folders {
                        let name = folder.file_name().unwrap_or_default().to_string_lossy();
                        catalogue.add(&name, Origin::Folder(dir.clone()), read(&folder));
                    }
                }
                Err(error) => catalogue.broken.push(Broken { name: None, error }),
            }
        }
        catalogue
    }

    /// As [`Catalogue::read`], where all of them must be good.
    ///
    /// # Errors
    /// Every manifest that cannot be used.
    pub fn load(dirs: &[PathBuf]) -> Result<Self, Vec<ManifestError>> {
        let catalogue = Self::read(dirs);
        if catalogue.broken.is_empty() {
            Ok(catalogue)
        } else {
            Err(catalogue.broken.into_iter().map(|broken| broken.error).collect())
        }
    }

    /// The manifest of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Manifest> {
        self.entry(name).map(|entry| &entry.manifest)
    }

    /// The provider of this name, with its origin.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All manifests, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.entries().map(|entry| &entry.manifest)
    }

    /// All providers, by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// What cannot be used.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// Why there is no provider of this name, and what to do.
    #[must_use]
    pub fn absence(&self, name: &str) -> String {
        if self.broken.iter().any(|broken| broken.name.as_deref() == Some(name)) {
            format!("the manifest of provider `{name}` cannot be used; `chima providers {name}` says why")
        } else {
            format!("there is no provider `{name}`; `chima providers` lists them")
        }
    }

    fn add(&mut self, name: &str, origin: Origin, manifest: Result<Manifest, ManifestError>) {
        let replaced = self.entries.remove(name);
        match manifest {
            Ok(manifest) => {
                let entry = Entry {
                    manifest,
                    origin,
                    replaces: replaced.map(|replaced| replaced.origin),
                };
                self.entries.insert(name.to_owned(), entry);
            }
            Err(error) => self.broken.push(Broken {
                name: Some(name.to_owned()),
                error,
            }),
        }
    }
}

impl Shipped {
    fn manifest(&self) -> Result<Manifest, ManifestError> {
        let beside = |name: &str| {
            let found = self.beside.iter().find(|(own, _)| *own == name);
            found
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Manifest::parse(self.path, self.text, &beside)
    }
}

impl Entry {
    /// The page that explains it, where there is one.
    #[must_use]
    pub fn readme(&self) -> Option<String> {
        match self.readme_file() {
            Some(file) => std::fs::read_to_string(file).ok(),
            None => SHIPPED
                .iter()
                .find(|shipped| shipped.name == self.manifest.name)
                .map(|shipped| shipped.readme.to_owned()),
        }
    }

    /// Where that page is; none where it is compiled in.
    #[must_use]
    pub fn readme_file(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Shipped => None,
            Origin::Folder(dir) => Some(dir.join(&self.manifest.name).join("README.md")),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => f.write_str("shipped"),
            Self::Folder(dir) => write!(f, "{}", dir.display()),
        }
    }
}

impl Broken {
    /// One line for each thing that is wrong, with its place.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match &self.error {
            ManifestError::Unreadable { .. } => vec![self.error.to_string()],
            ManifestError::Refused(error) => error.lines(),
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
