//! Deliveries, and what became of each: the answer to "why did nothing happen?".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::Disposition;
use crate::flow::view::{Look, Page, Why};
use crate::policy::decision::Decision;
use crate::store::delivery_list::{DeliveryFilter, ListedDelivery};
use crate::store::error::StoreError;

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryView {
    /// Ours.
    pub id: String,
    /// How it came: `webhook` or `listing`.
    pub source: String,
    /// GitHub's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Name of the event.
    pub event: String,
    /// Which repository it is about, as GitHub called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// What became of it.
    #[schemars(extend("enum" = disposition_names()))]
    pub disposition: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was decided last: `run`, `hold`, `reject` or `ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// The run that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// One delivery, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryDetail {
    /// As in lists.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// Why it was decided so, the deciding reason first.
    pub reasons: Vec<Why>,
    /// Whether it can be worked on again: it has had no effect.
    pub can_replay: bool,
    /// Its body as it came, with secrets masked. Absent where it is too large to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What can become of a delivery.
#[must_use]
pub fn disposition_names() -> Vec<&'static str> {
    Disposition::ALL.into_iter().map(Disposition::as_str).collect()
}

impl From<&ListedDelivery> for DeliveryView {
    fn from(one: &ListedDelivery) -> Self {
        Self {
            id: one.id.to_string(),
            source: one.source.as_str().to_owned(),
            guid: one.guid.clone(),
            event: one.event.clone(),
            repository: one.repository.clone(),
            received_at: one.received_at,
            disposition: one.disposition.as_str().to_owned(),
            detail: one.detail.clone(),
            verdict: one.verdict.clone(),
            run: one.run.map(|run| run.to_string()),
        }
    }
}

/// Deliveries that are looked for, a page of them.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn deliveries(look: &Look<'_>, filter: &DeliveryFilter, size: u32) -> Result<Page<DeliveryView>, StoreError> {
    let seen = look.seen_repositories();
    let found = look.store.delivery_list(filter, seen.as_deref(), size + 1).await?;
    let items = found.iter().map(DeliveryView::from).collect();
    Ok(Page::cut(items, size, |one: &DeliveryView| one.id.clone()))
}

/// Why a delivery was decided as it was.
///
/// # Errors
///
/// When the ledger cannot be read.
pub async fn reasons(look: &Look<'_>, id: &str) -> Result<Vec<Why>, StoreError> {
    let decisions = look.store.decisions(id).await?;
    let last = decisions
        .last()
        .and_then(|stored| serde_json::from_str::<Decision>(&stored.evidence.decision).ok());
    Ok(last
        .iter()
        .flat_map(|decision| &decision.reasons)
        .map(Why::of)
        .collect())
}
