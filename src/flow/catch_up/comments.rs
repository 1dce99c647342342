//! Commands in comments on pull requests, where no webhook brings them: each is stored as a delivery, made from GitHub's answer.
//!
//! What is no command is not stored: nobody asked for it. Nor is what was changed since it was written: only GitHub knows what
//! stood there at first, and those who may change other people's words must not give commands in their names.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::chat::pull_request;
use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::event::Event;
use crate::domain::ids::DeliveryId;
use crate::flow::catch_up::Look;
use crate::flow::catch_up::listing::{Place, note};
use crate::flow::obstacle::Obstacle;
use crate::github::call::CallError;
use crate::github::comments::ListedComment;
use crate::github::listing::PAGE;
use crate::github::page::News;
use crate::store::inbox::NewDelivery;
use crate::webhook::envelope::comment_key;
use crate::webhook::parse;

/// So much is read in one look: what is left is read by the next.
const PAGES: usize = 30;
/// GitHub's lists may show something late.
const OVERLAP: Duration = Duration::from_secs(600);
/// GitHub's times have whole seconds: what was written across the turn of one was not changed.
const WRITTEN: Duration = Duration::from_secs(1);
const COMMENTS: &str = "comments";
const EVENT: &str = "issue_comment";

/// Stores what is new. Where GitHub does not let us read comments, that is said once, and deployments go on.
pub(super) async fn adopt(look: &mut Look<'_>, place: &Place) -> Result<(), Obstacle> {
    match read(look, place).await {
        Err(Obstacle::GitHub(error @ CallError::Refused { .. })) if !error.is_transient() => {
            look.progress.no_comments = Some(error.to_string());
            Ok(())
        }
        Ok(()) => {
            look.progress.no_comments = None;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Reads on from where the last look stood. The oldest change comes first, so wherever it stops, the next look goes on from there;
/// while nothing is written the question stays the same, and GitHub answers that nothing has changed.
async fn read(look: &mut Look<'_>, place: &Place) -> Result<(), Obstacle> {
    let github = &look.engine.github;
    let mut since = from(look);
    let mut page = 1;
    for _ in 0..PAGES {
        if look.progress.commented_at != Some(since) {
            look.progress.etags.remove(COMMENTS);
        }
        let etag = look.progress.etags.get(COMMENTS).filter(|_| page == 1);
        let asked = (since, page);
        let news = github.comments_page(place.installation, &place.name, asked, etag.map(String::as_str));
        let News::Changed { value, etag, .. } = news.await? else {
            return Ok(());
        };
        store(look, place, &value).await?;
        let newest = value.last().map_or(since, |last| last.updated_at);
        if value.len() >= PAGE {
            // not page by page: what is changed meanwhile would move the others
            (since, page) = if newest > since { (newest, 1) } else { (since, page + 1) };
            look.progress.commented_at = Some(since);
            look.progress.etags.remove(COMMENTS);
            continue;
        }
        let next = since.max(newest - OVERLAP);
        look.progress.commented_at = Some(next);
        note(
            &mut look.progress,
            COMMENTS,
            etag.filter(|_| next == since && page == 1),
        );
        return Ok(());
    }
    look.no_later_than(look.now);
    Ok(())
}

/// From when on changes are asked for. Moved on by whole windows only: another question is another answer, and costs one.
fn from(look: &Look<'_>) -> Timestamp {
    let oldest = look.oldest();
    match look.progress.commented_at {
        Some(known) if known + super::WINDOW > oldest => known,
        Some(_) | None => oldest,
    }
}

/// Stores the commands among them of which no delivery has told.
async fn store(look: &Look<'_>, place: &Place, listed: &[ListedComment]) -> Result<(), Obstacle> {
    let engine = look.engine;
    let key = |one: &ListedComment| comment_key(look.host, place.id.0, one.id.0);
    let commands = listed.iter().filter(|one| {
        let unchanged = one.updated_at <= one.created_at + WRITTEN;
        unchanged && one.created_at >= look.oldest() && pull_request::command(&one.text).is_some()
    });
    let commands: Vec<&ListedComment> = commands.collect();
    let keys: Vec<String> = commands.iter().map(|one| key(one)).collect();
    let known = engine.store.known_of(&keys).await?;
    let mut deliveries = Vec::new();
    for one in commands.into_iter().filter(|one| !known.contains(&key(one))) {
        let body = body(look, place, one).await?;
        deliveries.push(NewDelivery {
            id: DeliveryId::new(engine.clock.fresh_ulid()),
            source: Source::Listing,
            guid: None,
            event: EVENT.to_owned(),
            hook_id: None,
            host: engine.config.github.host.clone(),
            repository_id: Some(place.id.0),
            repository: Some(place.name.to_string()),
            effect_key: Some(key(one)),
            content_type: Some("application/json".to_owned()),
            body_sha256: hex::encode(Sha256::digest(&body)),
            body,
            received_at: engine.now(),
            disposition: Disposition::Received,
            detail: None,
        });
    }
    if deliveries.is_empty() {
        return Ok(());
    }
    tracing::info!(
        repository = place.name.as_str(),
        count = deliveries.len(),
        "commands found in comments"
    );
    engine.store.accept_all(deliveries).await?;
    engine.deliveries.notify_one();
    Ok(())
}

/// A comment as its webhook would have told it. Whether it is about a pull request is asked only where a person commands.
async fn body(look: &Look<'_>, place: &Place, one: &ListedComment) -> Result<Bytes, Obstacle> {
    let mut body = json!({
        "action": "created",
        "issue": {"number": one.issue, "pull_request": {}},
        "comment": one.record,
        "repository": {
            "id": place.id,
            "full_name": place.name,
            "default_branch": place.default_branch,
        },
    });
    if let Some(installation) = place.installation {
        body["installation"] = json!({"id": installation});
    }
    let text = body.to_string();
    let by_a_person = match parse::parse(EVENT, text.as_bytes(), look.host) {
        Ok(Event::Comment(comment)) => !comment.by_a_program,
        Ok(_) | Err(_) => false,
    };
    if by_a_person && !is_pull_request(look, place, one.issue).await? {
        body["issue"] = json!({"number": one.issue});
        return Ok(Bytes::from(body.to_string()));
    }
    Ok(Bytes::from(text))
}

async fn is_pull_request(look: &Look<'_>, place: &Place, number: u64) -> Result<bool, Obstacle> {
    let found = look.engine.github.pull_request(place.installation, &place.name, number);
    match found.await {
        Ok(_) => Ok(true),
        Err(CallError::Refused { status: 404, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
