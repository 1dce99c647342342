//! What `.gitmodules` says, and which commits the tree records. Both are read from the commit; nothing of it becomes a setting.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::names::Sha;
use crate::provider::checkout::words;
use crate::provider::git::{Call, Git, GitError};

/// What a tree has of submodules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Path and commit of each.
    pub(super) commits: Vec<(Vec<u8>, Sha)>,
    /// The id of `.gitmodules`.
    pub(super) file: Option<String>,
    /// Whether `.gitmodules` is something else than a file.
    pub(super) is_link: bool,
}

/// One submodule, as `.gitmodules` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    path: Vec<u8>,
    /// Where it comes from.
    pub(super) url: Option<Vec<u8>>,
    /// How it is updated; a word of git's.
    pub(super) update: Option<Vec<u8>>,
}

/// Reads what a fresh worktree's index records.
pub(super) async fn recorded(git: &Git, directory: &Path) -> Result<Recorded, GitError> {
    let call = Call {
        git_dir: directory.join(".git"),
        work_tree: Some(directory),
        args: words(["ls-files", "-z", "--stage"]),
        ..Call::default()
    };
    let mut recorded = Recorded::default();
    git.records(&call, |record| entry(record, &mut recorded)).await?;
    Ok(recorded)
}

/// One line of the index: mode, id and stage, then a tab and the path.
fn entry(record: &[u8], recorded: &mut Recorded) {
    let Some(tab) = record.iter().position(|byte| *byte == b'\t') else {
        return;
    };
    let (head, path) = (String::from_utf8_lossy(&record[..tab]), &record[tab + 1..]);
    let mut head = head.split(' ');
    let (mode, id) = (head.next().unwrap_or_default(), head.next().unwrap_or_default());
    if mode == "160000" {
        recorded
            .commits
            .extend(id.parse().ok().map(|sha: Sha| (path.to_owned(), sha)));
    } else if path == b".gitmodules" {
        if mode.starts_with("100") {
            recorded.file = Some(id.to_owned());
        } else {
            recorded.is_link = true;
        }
    }
}

/// Reads `.gitmodules`, and returns the submodules by their path. Includes are not followed.
pub(super) async fn described(
    git: &Git,
    directory: &Path,
    file: &str,
) -> Result<BTreeMap<Vec<u8>, Described>, GitError> {
    let mut args = words(["config", "--no-includes", "-z", "--list"]);
    args.push(format!("--blob={file}").into());
    let call = Call {
        git_dir: directory.join(".git"),
        work_tree: Some(directory),
        args,
        ..Call::default()
    };
    let mut by_name = BTreeMap::new();
    git.records(&call, |record| setting(record, &mut by_name)).await?;
    Ok(by_name.into_values().map(|one| (one.path.clone(), one)).collect())
}

/// One setting: `submodule.NAME.KEY`, a line break, the value. The last of several wins, as it does for git.
fn setting(record: &[u8], by_name: &mut BTreeMap<Vec<u8>, Described>) {
    let Some(end) = record.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (key, value) = (&record[..end], record[end + 1..].to_owned());
    let Some(rest) = key.strip_prefix(b"submodule.") else {
        return;
    };
    // A name may have dots of its own.
    let Some(dot) = rest.iter().rposition(|byte| *byte == b'.') else {
        return;
    };
    let one = by_name.entry(rest[..dot].to_owned()).or_default();
    match &rest[dot + 1..] {
        b"path" => one.path = value,
        b"url" => one.url = Some(value),
        b"update" => one.update = Some(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_names_commits_and_the_file() {
        let mut recorded = Recorded::default();
        let id = "0123456789012345678901234567890123456789";
        for record in [
            format!("100644 {id} 0\t.gitmodules"),
            format!("100644 {id} 0\tdir/.gitmodules"),
            format!("160000 {id} 0\tlib/a\tb"),
            "nonsense".to_owned(),
        ] {
            entry(record.as_bytes(), &mut recorded);
        }
        let expected = Recorded {
            commits: vec![(b"lib/a\tb".to_vec(), id.parse().unwrap())],
            file: Some(id.to_owned()),
            is_link: false,
        };
        assert_eq!(recorded, expected);
        entry(format!("120000 {id} 0\t.gitmodules").as_bytes(), &mut recorded);
        assert!(recorded.is_link);
    }

    #[test]
    fn names_may_have_dots_and_the_last_value_wins() {
        let mut found = BTreeMap::new();
        for record in [
            "submodule.a.b.path\nlib/a",
            "submodule.a.b.url\n../one",
            "submodule.a.b.url\n../two",
            "submodule.a.b.active",
            "core.hookspath\nx",
        ] {
            setting(record.as_bytes(), &mut found);
        }
        let expected = Described {
            path: b"lib/a".to_vec(),
            url: Some(b"../two".to_vec()),
            update: None,
        };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(b"a.b".to_vec(), expected)]);
    }
}
