//! Deliveries as people look for them: the newest first, without their bodies, a page at a time.

use sqlx::{QueryBuilder, Sqlite};

use crate::domain::clock::Timestamp;
use crate::domain::delivery::{Disposition, Source};
use crate::domain::ids::{DeliveryId, RunId};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Reader;

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedDelivery {
    /// Ours.
    pub id: DeliveryId,
    /// How it came.
    pub source: Source,
    /// GitHub's.
    pub guid: Option<String>,
    /// Name of the event.
    pub event: String,
    /// Which repository it is about.
    pub repository: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// What became of it.
    pub disposition: Disposition,
    /// Why.
    pub detail: Option<String>,
    /// What was decided last: `run`, `hold`, `reject` or `ignore`.
    pub verdict: Option<String>,
    /// The run that it made.
    pub run: Option<RunId>,
}

/// What is looked for. Everything that is named must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// About this repository.
    pub repository: Option<String>,
    /// Of this event.
    pub event: Option<String>,
    /// Of which that became.
    pub disposition: Option<Disposition>,
    /// That made this run, or moved it.
    pub run: Option<RunId>,
    /// Older than this one.
    pub before: Option<DeliveryId>,
}

impl Store {
    /// The newest deliveries that are looked for, at most `limit`. Where only some repositories may be seen, of those.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn delivery_list(
        &self,
        filter: &DeliveryFilter,
        seen: Option<&[String]>,
        limit: u32,
    ) -> Result<Vec<ListedDelivery>, StoreError> {
        let Some(seen) = seen else {
            return self.delivery_page(filter, limit).await;
        };
        let mut all = Vec::new();
        for repository in seen {
            let wanted = filter.repository.as_ref();
            if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(repository)) {
                continue;
            }
            let own = DeliveryFilter {
                repository: Some(repository.clone()),
                ..filter.clone()
            };
            all.extend(self.delivery_page(&own, limit).await?);
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.id));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    async fn delivery_page(&self, filter: &DeliveryFilter, limit: u32) -> Result<Vec<ListedDelivery>, StoreError> {
        let doing = "look for deliveries";
        let rows = query(filter, limit)
            .build()
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, doing);
                Ok(ListedDelivery {
                    id: row.parsed("id")?,
                    source: row.word("source", Source::from_name)?,
                    guid: row.maybe_text("guid")?,
                    event: row.text("event")?,
                    repository: row.maybe_text("repository")?,
                    received_at: row.time("received_at")?,
                    disposition: row.word("disposition", Disposition::from_name)?,
                    detail: row.maybe_text("detail")?,
                    verdict: row.maybe_text("verdict")?,
                    run: row.maybe_text("run_id")?.and_then(|id| id.parse().ok()),
                })
            })
            .collect()
    }
}

fn query(filter: &DeliveryFilter, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT d.id, d.source, d.guid, d.event, d.repository, d.received_at, d.disposition, d.detail, \
         (SELECT verdict FROM decisions WHERE delivery_id = d.id ORDER BY id DESC LIMIT 1) AS verdict, \
         (SELECT run_id FROM decisions WHERE delivery_id = d.id AND run_id IS NOT NULL ORDER BY id LIMIT 1) AS run_id \
         FROM deliveries d WHERE d.id < ",
    );
    // no id of ours is greater
    query.push_bind(
        filter
            .before
            .map_or_else(|| "~".to_owned(), |before| before.to_string()),
    );
    if let Some(repository) = &filter.repository {
        query
            .push(" AND d.repository = ")
            .push_bind(repository.clone())
            .push(" COLLATE NOCASE");
    }
    if let Some(event) = &filter.event {
        query.push(" AND d.event = ").push_bind(event.clone());
    }
    if let Some(disposition) = filter.disposition {
        query.push(" AND d.disposition = ").push_bind(disposition.as_str());
    }
    if let Some(run) = filter.run {
        query
            .push(" AND d.id IN (SELECT delivery_id FROM decisions WHERE run_id = ")
            .push_bind(run.to_string())
            .push(")");
    }
    query.push(" ORDER BY d.id DESC LIMIT ").push_bind(limit);
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[tokio::test]
    async fn every_filter_has_its_index() {
        let none = DeliveryFilter::default;
        let event = Some("deployment".to_owned());
        let disposition = Some(Disposition::Ignored);
        let run = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().ok();
        for (filter, index) in [
            (none(), "sqlite_autoindex_deliveries_1 (id<?)"),
            (
                DeliveryFilter { event, ..none() },
                "deliveries_by_event (event=? AND id<?)",
            ),
            (
                DeliveryFilter { disposition, ..none() },
                "deliveries_by_disposition (disposition=? AND id<?)",
            ),
            (DeliveryFilter { run, ..none() }, "decisions_run (run_id=?)"),
        ] {
            let found = plan_of(query(&filter, 50).sql().as_str()).await;
            assert!(found.contains(index), "{filter:?}: {found}");
            // those of the few decisions of one delivery
            let sorts = 2 + usize::from(filter.run.is_some());
            assert!(found.matches("TEMP B-TREE").count() <= sorts, "{filter:?}: {found}");
        }
    }
}
