//! How tests furnish the world: repositories, commits, contexts and hooks, without telling anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::github::GitHub;
use crate::github::hook::{ContentType, Hook, HookTarget};
use crate::github::world::{CheckRun, Commit, CommitStatus, Repository};

/// A handle to a repository.
#[derive(Debug, Clone)]
pub struct RepositoryHandle {
    github: GitHub,
    id: u64,
}

/// A handle to a hook.
#[derive(Debug, Clone)]
pub struct HookHandle {
    github: GitHub,
    id: u64,
}

impl GitHub {
    /// A handle to the repository `owner/name`. Made where it is missing: public, with the default branch `main`, one
    /// commit on it by `mona`, and the App installed.
    pub fn repository(&self, name: &str) -> RepositoryHandle {
        let id = self.change(|world| {
            if let Some(known) = world.repository(name) {
                return known.id;
            }
            let id = world.fresh_id();
            let now = world.now();
            let mut repository = Repository {
                id,
                name: name.to_owned(),
                default_branch: "main".to_owned(),
                private: false,
                archived: false,
                commits: BTreeMap::new(),
                branches: BTreeMap::new(),
                tags: BTreeMap::new(),
                statuses: Vec::new(),
                check_runs: Vec::new(),
                deployments: Vec::new(),
                pulls: Vec::new(),
                comments: Vec::new(),
                activity: Vec::new(),
                permissions: BTreeMap::new(),
                conflicts: BTreeSet::new(),
                renamed_branches: BTreeMap::new(),
            };
            let sha = repository.add_commit("Initial commit".to_owned(), "mona", Vec::new(), now);
            repository.branches.insert("main".to_owned(), sha);
            world.app.install(repository.owner());
            world.repositories.push(repository);
            id
        });
        RepositoryHandle {
            github: self.clone(),
            id,
        }
    }

    /// A hook of the App, for all events, with JSON bodies. The handle changes any of that.
    pub fn hook(&self, url: &str, secret: &str) -> HookHandle {
        let id = self.change(|world| {
            let id = world.fresh_id();
            world.hooks.push(Hook {
                id,
                url: url.to_owned(),
                secret: (!secret.is_empty()).then(|| secret.to_owned()),
                content_type: ContentType::Json,
                events: vec!["*".to_owned()],
                target: HookTarget::App,
                insecure_ssl: false,
                active: true,
            });
            id
        });
        HookHandle {
            github: self.clone(),
            id,
        }
    }
}

impl RepositoryHandle {
    /// GitHub's number of it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The commit at the head of a branch.
    #[must_use]
    pub fn head(&self, branch: &str) -> Option<String> {
        self.github
            .read(|world| world.repository_by_id(self.id)?.branches.get(branch).cloned())
    }

    /// Adds a commit. Full SHAs only; the commit is on no branch yet.
    pub fn commit(&self, sha: &str, message: &str, author: &str, parents: &[&str]) -> &Self {
        self.change(|repository, now| {
            let commit = Commit {
                sha: sha.to_owned(),
                message: message.to_owned(),
                author: author.to_owned(),
                parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
                files: Vec::new(),
                at: now,
            };
            repository.commits.insert(commit.sha.clone(), commit);
        })
    }

    /// A commit changes these files.
    pub fn files(&self, sha: &str, paths: &[&str]) -> &Self {
        self.change(|repository, _| {
            if let Some(commit) = repository.commits.get_mut(sha) {
                commit.files = paths.iter().map(|path| (*path).to_owned()).collect();
            }
        })
    }

    /// Adds a commit by `mona` on top of a branch, which is made from the default branch where it is missing. Answers
    /// the SHA.
    #[must_use]
    pub fn commit_on(&self, branch: &str, message: &str) -> String {
        let mut sha = String::new();
        self.change(|repository, now| {
            let parent = repository
                .branches
                .get(branch)
                .or_else(|| repository.branches.get(&repository.default_branch))
                .cloned();
            sha = repository.add_commit(message.to_owned(), "mona", parent.into_iter().collect(), now);
            repository.branches.insert(branch.to_owned(), sha.clone());
        });
        sha
    }

    /// Puts a branch at a commit.
    pub fn branch(&self, name: &str, sha: &str) -> &Self {
        self.change(|repository, _| {
            repository.branches.insert(name.to_owned(), sha.to_owned());
        })
    }

    /// Puts a tag at a commit.
    pub fn tag(&self, name: &str, sha: &str) -> &Self {
        self.change(|repository, _| {
            repository.tags.insert(name.to_owned(), sha.to_owned());
        })
    }

    /// Gives a branch another name. The old one redirects.
    pub fn rename_branch(&self, old: &str, new: &str) -> &Self {
        self.change(|repository, _| {
            if let Some(sha) = repository.branches.remove(old) {
                repository.branches.insert(new.to_owned(), sha);
                repository.renamed_branches.insert(old.to_owned(), new.to_owned());
            }
            if repository.default_branch == old {
                new.clone_into(&mut repository.default_branch);
            }
        })
    }

    /// Names the default branch.
    pub fn default_branch(&self, name: &str) -> &Self {
        self.change(|repository, _| name.clone_into(&mut repository.default_branch))
    }

    /// Makes it private.
    pub fn private(&self) -> &Self {
        self.change(|repository, _| repository.private = true)
    }

    /// Merging `head` into the branch `base` will conflict.
    pub fn conflict(&self, base: &str, head: &str) -> &Self {
        self.change(|repository, _| {
            repository.conflicts.insert((base.to_owned(), head.to_owned()));
        })
    }

    /// A commit has this status by `ci-bot`.
    pub fn status(&self, sha: &str, context: &str, state: &str) -> &Self {
        let id = self.github.change(|world| world.fresh_id());
        self.change(|repository, now| {
            repository.statuses.push(CommitStatus {
                id,
                sha: sha.to_owned(),
                state: state.to_owned(),
                context: context.to_owned(),
                description: None,
                target_url: None,
                creator: "ci-bot".to_owned(),
                at: now,
            });
        })
    }

    /// A commit has this check run by the App `ci`.
    pub fn check_run(&self, sha: &str, name: &str, status: &str, conclusion: Option<&str>) -> &Self {
        let id = self.github.change(|world| world.fresh_id());
        self.change(|repository, now| {
            repository.check_runs.push(CheckRun {
                id,
                sha: sha.to_owned(),
                name: name.to_owned(),
                status: status.to_owned(),
                conclusion: conclusion.map(str::to_owned),
                app: "ci".to_owned(),
                at: now,
            });
        })
    }

    /// What a person may do: `admin`, `write`, `read` or `none`.
    pub fn permission(&self, login: &str, permission: &str) -> &Self {
        self.change(|repository, _| {
            repository.permissions.insert(login.to_owned(), permission.to_owned());
        })
    }

    /// Nothing can be changed in it any more.
    pub fn archive(&self) -> &Self {
        self.change(|repository, _| repository.archived = true)
    }

    /// Takes the App out of this repository.
    pub fn without_app(&self) -> &Self {
        self.github.change(|world| world.app.excluded.insert(self.id));
        self
    }

    /// Gives it another name. The old one redirects.
    pub fn rename(&self, name: &str) -> &Self {
        self.github.change(|world| {
            let old = world
                .repository_by_id(self.id)
                .map(|found| found.name.to_ascii_lowercase());
            if let Some(old) = old {
                world.renamed.insert(old, self.id);
            }
        });
        self.change(|repository, _| name.clone_into(&mut repository.name))
    }

    fn change(&self, act: impl FnOnce(&mut Repository, chrono::DateTime<chrono::Utc>)) -> &Self {
        self.github.change(|world| {
            let now = world.now();
            if let Some(found) = world.repositories.iter_mut().find(|found| found.id == self.id) {
                act(found, now);
            }
        });
        self
    }
}

impl HookHandle {
    /// GitHub's number of it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Packs bodies in a form field.
    pub fn form(&self) -> &Self {
        self.change(|hook| hook.content_type = ContentType::Form)
    }

    /// Hears of these events only.
    pub fn events(&self, names: &[&str]) -> &Self {
        self.change(|hook| hook.events = names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Belongs to one repository instead of the App.
    pub fn on_repository(&self, repository: &RepositoryHandle) -> &Self {
        self.change(|hook| hook.target = HookTarget::Repository(repository.id))
    }

    /// Signs with another secret from now on.
    pub fn secret(&self, secret: &str) -> &Self {
        self.change(|hook| hook.secret = (!secret.is_empty()).then(|| secret.to_owned()))
    }

    /// Posts to another address from now on.
    pub fn url(&self, url: &str) -> &Self {
        self.change(|hook| url.clone_into(&mut hook.url))
    }

    /// Whether it posts to servers with a bad certificate too.
    pub fn insecure(&self, insecure: bool) -> &Self {
        self.change(|hook| hook.insecure_ssl = insecure)
    }

    /// Hears of nothing, or of everything it did again.
    pub fn active(&self, active: bool) -> &Self {
        self.change(|hook| hook.active = active)
    }

    fn change(&self, act: impl FnOnce(&mut Hook)) -> &Self {
        self.github.change(|world| {
            if let Some(found) = world.hooks.iter_mut().find(|found| found.id == self.id) {
                act(found);
            }
        });
        self
    }
}
