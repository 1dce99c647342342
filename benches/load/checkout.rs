//! A checkout of a repository of 5,000 files, next to `git clone --depth 1` of the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use chima::config::CheckoutOptions;
use chima::domain::ids::RepositoryId;
use chima::domain::names::Sha;
use chima::provider::checkout::{Checkouts, Wanted, remove_folder};
use chima::provider::git::{Git, Remote};
use chima_simulator::git::GitRepository;
use tempfile::TempDir;

use crate::Options;
use crate::figures::{Figures, heading, row};
use crate::servers;

const FILES: usize = 5_000;
const REPOSITORY: RepositoryId = RepositoryId(1);
/// Turns that only warm the page cache.
const WARM_UP: usize = 1;

/// A remote, and Chima's mirrors of it.
#[derive(Debug)]
struct Stage {
    folder: TempDir,
    remote: Remote,
    git: GitRepository,
    checkouts: Checkouts,
}

impl Stage {
    fn set() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let at = folder.path();
        let git = GitRepository::create(&at.join("remote"))?;
        for number in 0..FILES {
            // no two alike, 0.4 to 8 KB, in 350 folders
            let line = format!("{number} lies in the folder {} of {}\n", number % 50, number % 7);
            let path = format!("src/{}/{}/file-{number}.txt", number % 50, number % 7);
            git.write(&path, &line.repeat(10 + number * 7919 % 220))?;
        }
        git.commit("Have many files")?;
        // as a server keeps it
        git.git(&["gc", "--quiet"])?;
        let remote = Remote {
            url: at.join("remote").display().to_string(),
            token: None,
            ssh: None,
        };
        let checkouts = Checkouts {
            mirrors: at.join("mirrors"),
            git: Git {
                program: PathBuf::from("git"),
                environment: BTreeMap::from([(
                    "PATH".to_owned(),
                    chima::config::environment::variable("PATH").unwrap_or_default(),
                )]),
                time_limit: Duration::from_secs(60),
                memory_limit: 4 << 30,
            },
        };
        Ok(Self {
            folder,
            remote,
            git,
            checkouts,
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A commit that the mirror does not have: one file of the many is another.
    fn commit(&self, turn: usize) -> anyhow::Result<Sha> {
        self.git.write("src/0/0/file-0.txt", &format!("turn {turn}\n"))?;
        let sha = self.git.commit("Change a file")?;
        sha.parse().context("git names no commit")
    }

    async fn checkout(&self, checkouts: &Checkouts, sha: &Sha) -> anyhow::Result<Duration> {
        let directory = self.at("run/checkout");
        let wanted = Wanted {
            repository: REPOSITORY,
            remote: &self.remote,
            sha,
            directory: &directory,
            options: CheckoutOptions::default(),
        };
        rustix::fs::sync();
        let began = Instant::now();
        checkouts.prepare(&wanted).await?;
        let took = began.elapsed();
        anyhow::ensure!(count(&directory)? == FILES, "the checkout lacks files");
        checkouts.remove(REPOSITORY, &directory).await?;
        Ok(took)
    }

    async fn cold(&self, sha: &Sha) -> anyhow::Result<Duration> {
        let checkouts = Checkouts {
            mirrors: self.at("cold-mirrors"),
            ..self.checkouts.clone()
        };
        let took = self.checkout(&checkouts, sha).await?;
        remove_folder(&checkouts.mirrors)?;
        Ok(took)
    }

    fn clone(&self) -> anyhow::Result<Duration> {
        let directory = self.at("clone");
        let mut command = servers::command("git");
        command
            .args(["clone", "--quiet", "--depth", "1"])
            .arg(format!("file://{}", self.at("remote").display()))
            .arg(&directory);
        rustix::fs::sync();
        let began = Instant::now();
        let made = command.status()?;
        let took = began.elapsed();
        anyhow::ensure!(made.success(), "git clone went wrong");
        anyhow::ensure!(count(&directory)? == FILES, "the clone lacks files");
        remove_folder(&directory)?;
        Ok(took)
    }
}

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let stage = Stage::set()?;
    let [mut warm, mut new, mut cold, mut clone, mut ratio] = std::array::from_fn(|_| Figures::default());
    for turn in 0..options.checkouts + WARM_UP {
        let sha = stage.commit(turn)?;
        let fetched = stage.checkout(&stage.checkouts, &sha).await?;
        let here = stage.checkout(&stage.checkouts, &sha).await?;
        let cloned = stage.clone()?;
        let first = stage.cold(&sha).await?;
        if turn >= WARM_UP {
            new.push_time(fetched);
            warm.push_time(here);
            clone.push_time(cloned);
            cold.push_time(first);
            ratio.push(here.as_secs_f64() / cloned.as_secs_f64());
        }
    }
    heading(&format!(
        "checkout of {FILES} files, {} turns of each: median (lowest to highest)",
        warm.len()
    ));
    row("the mirror has the commit, ms", &warm.shown(0));
    row("the mirror lacks one commit, ms", &new.shown(0));
    row("there is no mirror yet, ms", &cold.shown(0));
    row("`git clone --depth 1`, ms", &clone.shown(0));
    row("warm mirror / clone, turn by turn", &ratio.shown(2));
    Ok(())
}

/// Files in the folders below `src`.
fn count(directory: &Path) -> anyhow::Result<usize> {
    let mut folders = vec![directory.join("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found += 1;
            }
        }
    }
    Ok(found)
}
