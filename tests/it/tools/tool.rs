//! A tool that a provider calls, in one of its versions.

use chima::provider::manifest::catalogue::Catalogue;
use chima::provider::probe::{Probe, probe};

use crate::docs::root;

/// What every command finds beside the tool.
const SYSTEM: &str = "/usr/bin:/bin";

/// One tool from one place. Which one a run gets is what its `PATH` says.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The provider that calls it.
    pub provider: &'static str,
    /// The program whose version counts; one of the manifest's.
    pub program: &'static str,
    /// Where it is from, in one word.
    pub origin: &'static str,
    /// The `PATH` that finds it first.
    pub path: String,
}

impl Tool {
    /// As the distribution's package has it.
    pub fn debian(provider: &'static str, program: &'static str) -> Self {
        Self {
            provider,
            program,
            origin: "Debian",
            path: SYSTEM.to_owned(),
        }
    }

    /// As `script/tools` installs it below `target/tools/NAME`.
    pub fn pypi(provider: &'static str, program: &'static str) -> Self {
        let folder = root().join("target/tools").join(provider).join("bin");
        assert!(
            folder.join(program).exists(),
            "`{}` has no `{program}`; run script/test",
            folder.display()
        );
        Self {
            provider,
            program,
            origin: "PyPI",
            path: format!("{}:{SYSTEM}", folder.display()),
        }
    }

    /// The version, asked for as the manifest says.
    pub async fn version(&self) -> String {
        let catalogue = Catalogue::load(&[]).expect("the shipped manifests");
        let manifest = catalogue.find(self.provider).expect("a shipped provider");
        let mut programs = manifest.programs.iter();
        let program = programs
            .find(|program| program.name == self.program)
            .expect("a program of the manifest");
        match probe(program, &self.path, &[]).await {
            Probe::Found { version, .. } => version,
            Probe::Absent => panic!("`{}` is not in `{}`; run script/test", self.program, self.path),
            Probe::Unknown { detail, .. } => panic!("`{}` tells no version: {detail}", self.program),
        }
    }
}
