//! A checkout of a repository of 5,000 files, next to `git clone --depth 1` of the same.
//!
//! Nothing is removed before the end: ext4 looks at every file that was removed in the last minutes before it makes a new
//! one, which would slow down whatever is measured next.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use chima::config::CheckoutOptions;
use chima::domain::ids::RepositoryId;
use chima::domain::names::Sha;
use chima::provider::checkout::{Checkouts, Wanted};
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

/// Text that packs about as well as source code does: to a third. The same in every run.
struct Words(u64);

impl Words {
    fn next(&mut self, below: u64) -> u64 {
        // Knuth's constants; the low bits are the weak ones
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// Words from few that there are, in lines.
    fn text(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            let word = self.next(150) * 7_919;
            text.push_str(&format!("w{word:x}"));
            text.push(if self.next(8) == 0 { '\n' } else { ' ' });
        }
        text
    }
}

/// Wall and processor time of one thing, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: f64,
    processor: f64,
}

/// Measures from here on.
struct Watch {
    began: Instant,
    processor: u64,
}

impl Watch {
    fn start() -> anyhow::Result<Self> {
        Ok(Self {
            processor: ticks()?,
            began: Instant::now(),
        })
    }

    fn stop(self) -> anyhow::Result<Took> {
        let wall = self.began.elapsed().as_secs_f64() * 1000.0;
        // a tick is a hundredth of a second
        let processor = (ticks()? - self.processor) as f64 * 10.0;
        Ok(Took { wall, processor })
    }
}

/// Processor time of this process and of the programs it has waited for, as the kernel counts it.
fn ticks() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let four = fields.get(11..15).context("`/proc/self/stat` is too short")?;
    four.iter().try_fold(0, |sum, field| Ok(sum + field.parse::<u64>()?))
}

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
        let mut words = Words(1);
        for number in 0..FILES {
            let path = format!("src/{}/{}/file-{number}.txt", number % 50, number % 7);
            git.write(&path, &words.text(500 + number * 7919 % 8000))?;
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
                askpass: PathBuf::from(env!("CARGO_BIN_EXE_chima")),
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

    async fn checkout(&self, checkouts: &Checkouts, sha: &Sha, name: &str) -> anyhow::Result<Took> {
        let directory = self.at(name);
        let wanted = Wanted {
            repository: REPOSITORY,
            remote: &self.remote,
            sha,
            directory: &directory,
            options: CheckoutOptions::default(),
        };
        rustix::fs::sync();
        let watch = Watch::start()?;
        checkouts.prepare(&wanted).await?;
        let took = watch.stop()?;
        anyhow::ensure!(count(&directory)? == FILES, "the checkout lacks files");
        Ok(took)
    }

    async fn cold(&self, sha: &Sha, turn: usize) -> anyhow::Result<Took> {
        let checkouts = Checkouts {
            mirrors: self.at(&format!("cold-mirrors-{turn}")),
            ..self.checkouts.clone()
        };
        self.checkout(&checkouts, sha, &format!("cold-{turn}")).await
    }

    /// How large it is, and how large its pack.
    fn size(&self) -> anyhow::Result<String> {
        let counted = self.git.git(&["count-objects", "-v"])?;
        let packed = counted.lines().find_map(|line| line.strip_prefix("size-pack: "));
        Ok(format!("packed to {} KiB", packed.context("git counts no packs")?))
    }

    fn clone(&self, turn: usize) -> anyhow::Result<Took> {
        let directory = self.at(&format!("clone-{turn}"));
        let mut command = servers::command("git");
        command
            .args(["clone", "--quiet", "--depth", "1"])
            .arg(format!("file://{}", self.at("remote").display()))
            .arg(&directory);
        rustix::fs::sync();
        let watch = Watch::start()?;
        let made = command.status()?;
        let took = watch.stop()?;
        anyhow::ensure!(made.success(), "git clone went wrong");
        anyhow::ensure!(count(&directory)? == FILES, "the clone lacks files");
        Ok(took)
    }
}

pub async fn measure(options: &Options) -> anyhow::Result<()> {
    let stage = Stage::set()?;
    let [mut warm, mut new, mut cold, mut clone] = std::array::from_fn(|_| Pair::default());
    let (mut walls, mut processors) = (Figures::default(), Figures::default());
    for turn in 0..options.checkouts + WARM_UP {
        let sha = stage.commit(turn)?;
        let fetched = stage.checkout(&stage.checkouts, &sha, &format!("new-{turn}")).await?;
        let here = stage.checkout(&stage.checkouts, &sha, &format!("warm-{turn}")).await?;
        let cloned = stage.clone(turn)?;
        let first = stage.cold(&sha, turn).await?;
        if turn >= WARM_UP {
            new.push(fetched);
            warm.push(here);
            clone.push(cloned);
            cold.push(first);
            walls.push(here.wall / cloned.wall);
            processors.push(here.processor / cloned.processor);
        }
    }
    heading(&format!(
        "checkout of {FILES} files, {} turns of each: median (lowest to highest); wall and processor time",
        walls.len()
    ));
    println!("  {}", stage.size()?);
    warm.row("the mirror has the commit");
    new.row("the mirror lacks one commit");
    cold.row("there is no mirror yet");
    clone.row("`git clone --depth 1`");
    row("warm mirror / clone, turn by turn: wall", &walls.shown(2));
    row("warm mirror / clone, turn by turn: processor", &processors.shown(2));
    Ok(())
}

/// What was measured of one thing.
#[derive(Debug, Default)]
struct Pair {
    wall: Figures,
    processor: Figures,
}

impl Pair {
    fn push(&mut self, took: Took) {
        self.wall.push(took.wall);
        self.processor.push(took.processor);
    }

    fn row(&self, what: &str) {
        row(&format!("{what}, wall, ms"), &self.wall.shown(0));
        row(&format!("{what}, processor, ms"), &self.processor.shown(0));
    }
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
