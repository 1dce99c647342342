//! Branches that environments follow, where no webhook says that one has moved.
//!
//! The first look only learns where a branch is: what was there before is nobody's wish. Contexts are not followed; whoever waits
//! for them looks every minute.

use crate::domain::event::{Change, What};
use crate::flow::auto_deploy;
use crate::flow::catch_up::Look;
use crate::flow::catch_up::listing::{Place, note};
use crate::flow::obstacle::Obstacle;
use crate::github::page::News;

/// Asks where each followed branch is, and makes the environments due that follow one that has moved.
pub(super) async fn follow(look: &mut Look<'_>, place: &Place) -> Result<(), Obstacle> {
    let engine = look.engine;
    let rows = engine.store.auto_deploys(look.host).await?;
    let mut branches: Vec<String> = rows
        .into_iter()
        .filter(|row| row.followed.repository.eq_ignore_ascii_case(look.source))
        .map(|row| row.followed.branch.unwrap_or_else(|| place.default_branch.clone()))
        .collect();
    branches.sort();
    branches.dedup();
    look.progress.heads.retain(|known, _| branches.contains(known));
    for branch in branches {
        let key = format!("branch {branch}");
        let etag = look.progress.etags.get(&key).map(String::as_str);
        let news = engine
            .github
            .branch_news(place.installation, &place.name, &branch, etag)
            .await?;
        let News::Changed { value: head, etag, .. } = news else {
            continue;
        };
        let before = look.progress.heads.get(&branch);
        if let (Some(before), Some(sha)) = (before, &head)
            && before.as_ref() != Some(sha)
        {
            let change = Change {
                repository_id: place.id,
                repository: Some(look.source.to_owned()),
                default_branch: Some(place.default_branch.clone()),
                installation: place.installation,
                branches: Some(vec![branch.clone()]),
                what: What::Moved {
                    sha: Some(sha.clone()),
                    by: None,
                },
            };
            if auto_deploy::mark(engine, &change).await? > 0 {
                engine.auto_deploys.notify_one();
            }
        }
        look.progress.heads.insert(branch, head);
        // only now: a mark that could not be written is made by the next look
        note(&mut look.progress, &key, etag);
    }
    Ok(())
}
