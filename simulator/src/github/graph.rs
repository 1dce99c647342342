//! The commit graph of a repository: what a ref means, what is behind what, and merges.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::github::world::{Commit, Repository};

/// How a head stands to a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Commits only the head has, oldest first.
    pub(crate) ahead: Vec<String>,
    /// How many only the base has.
    pub(crate) behind: usize,
    /// The newest commit both have.
    pub(crate) merge_base: String,
}

impl Comparison {
    /// GitHub's word for it.
    pub(crate) fn status(&self) -> &'static str {
        match (self.ahead.is_empty(), self.behind) {
            (true, 0) => "identical",
            (false, 0) => "ahead",
            (true, _) => "behind",
            (false, _) => "diverged",
        }
    }
}

/// How a merge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merge {
    /// With a commit of this SHA.
    Merged(String),
    /// There was nothing to merge.
    UpToDate,
    /// The two do not fit.
    Conflict,
}

impl Repository {
    /// The SHA that a branch, a tag, `heads/…`, `tags/…`, `refs/…` or a full SHA stands for.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Option<&str> {
        let bare = reference.strip_prefix("refs/").unwrap_or(reference);
        if let Some(name) = bare.strip_prefix("heads/")
            && let Some(sha) = self.branches.get(name)
        {
            return Some(sha);
        }
        if let Some(name) = bare.strip_prefix("tags/")
            && let Some(sha) = self.tags.get(name)
        {
            return Some(sha);
        }
        self.branches
            .get(reference)
            .or_else(|| self.tags.get(reference))
            .or_else(|| self.commits.get(reference).map(|commit| &commit.sha))
            .map(String::as_str)
    }

    /// As [`Repository::resolve`], or the one commit whose SHA begins like this: GitHub takes seven digits of it.
    #[must_use]
    pub fn resolve_short(&self, reference: &str) -> Option<&str> {
        let short = || {
            let hex = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
            let mut found = self.commits.keys().filter(|sha| hex && sha.starts_with(reference));
            let first = found.next()?;
            found.next().is_none().then_some(first.as_str())
        };
        self.resolve(reference).or_else(short)
    }

    /// Every commit reachable from `sha`, itself included.
    fn reachable(&self, sha: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![sha.to_owned()];
        while let Some(sha) = open.pop() {
            if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha)
            {
                open.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    /// Every commit reachable from `sha`, oldest first.
    pub(crate) fn history(&self, sha: &str) -> Vec<String> {
        let mut history: Vec<String> = self.reachable(sha).into_iter().collect();
        history.sort_by_key(|sha| self.depth(sha));
        history
    }

    /// How `head` stands to `base`; absent where they share no history.
    pub(crate) fn compare(&self, base: &str, head: &str) -> Option<Comparison> {
        let from_base = self.reachable(base);
        let from_head = self.reachable(head);
        let merge_base = from_base
            .intersection(&from_head)
            .max_by_key(|sha| self.depth(sha))?
            .clone();
        let mut ahead: Vec<String> = from_head.difference(&from_base).cloned().collect();
        ahead.sort_by_key(|sha| self.depth(sha));
        Some(Comparison {
            ahead,
            behind: from_base.difference(&from_head).count(),
            merge_base,
        })
    }

    /// Orders commits so that parents come before children.
    fn depth(&self, sha: &str) -> usize {
        self.reachable(sha).len()
    }

    /// Merges `head` (any ref) into the branch `base`.
    pub(crate) fn merge(
        &mut self,
        base: &str,
        head: &str,
        author: &str,
        message: String,
        at: DateTime<Utc>,
    ) -> Option<Merge> {
        let base_sha = self.branches.get(base)?.clone();
        let head_sha = self.resolve(head)?.to_owned();
        let comparison = self.compare(&base_sha, &head_sha)?;
        if comparison.ahead.is_empty() {
            return Some(Merge::UpToDate);
        }
        if self.conflicts.contains(&(base.to_owned(), head.to_owned())) {
            return Some(Merge::Conflict);
        }
        let sha = self.add_commit(message, author, vec![base_sha, head_sha], at);
        self.branches.insert(base.to_owned(), sha.clone());
        Some(Merge::Merged(sha))
    }

    /// Adds a commit with a SHA made from its content, and returns the SHA.
    pub(crate) fn add_commit(
        &mut self,
        message: String,
        author: &str,
        parents: Vec<String>,
        at: DateTime<Utc>,
    ) -> String {
        let sha = sha_of(&format!(
            "{}\n{}\n{author}\n{}\n{message}",
            self.name,
            self.commits.len(),
            parents.join(" ")
        ));
        self.commits.insert(
            sha.clone(),
            Commit {
                sha: sha.clone(),
                message,
                author: author.to_owned(),
                parents,
                files: Vec::new(),
                at,
            },
        );
        sha
    }
}

/// 40 hexadecimal digits that depend on nothing but `seed`.
#[must_use]
pub fn sha_of(seed: &str) -> String {
    hex::encode(Sha256::digest(seed.as_bytes()))[..40].to_owned()
}

/// A number below `below` that depends on nothing but `seed`.
pub(crate) fn number_of(seed: &str, below: u64) -> u64 {
    let digest = Sha256::digest(seed.as_bytes());
    let number = digest
        .iter()
        .take(6)
        .fold(0_u64, |number, byte| number * 256 + u64::from(*byte));
    number % below.max(1)
}
