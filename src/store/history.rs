//! Runs as people look for them, the newest first: filtered, and a page at a time however many there are.
//!
//! A page begins behind the last id of the one before it, never at a number of rows to skip: the hundredth page costs what the
//! first does. Ids begin with the time at which the ledger took a run in, so that a time is a bound on ids too.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};
use ulid::Ulid;

use crate::domain::clock::Timestamp;
use crate::domain::ids::{DeploymentId, RunId};
use crate::domain::run::{Run, RunState};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::{Reader, millis, number};

/// A run, and what else is shown of it in lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The run.
    pub run: Run,
    /// The title of its commit, where it is known.
    pub title: Option<String>,
}

/// What is looked for. Everything that is named must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this app.
    pub app: Option<String>,
    /// In this environment.
    pub environment: Option<String>,
    /// Asked for by this person, as they are known.
    pub person: Option<String>,
    /// In this state.
    pub state: Option<RunState>,
    /// Of this deployment.
    pub deployment: Option<DeploymentId>,
    /// Taken in at that time or later.
    pub since: Option<Timestamp>,
    /// Taken in before that time.
    pub until: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<RunId>,
}

impl Store {
    /// The newest runs that are looked for, at most `limit`. Where only some apps may be seen, of those.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn history(
        &self,
        filter: &Filter,
        seen: Option<&[String]>,
        limit: u32,
    ) -> Result<Vec<Listed>, StoreError> {
        let seen = match (seen, &filter.app) {
            (None, _) => return self.page(filter, limit).await,
            (Some(seen), Some(app)) if seen.iter().any(|own| own.eq_ignore_ascii_case(app)) => {
                return self.page(filter, limit).await;
            }
            (Some(_), Some(_)) => return Ok(Vec::new()),
            (Some(seen), None) => seen,
        };
        // one short look for each: an index serves each of them, and none serves all together
        let mut all = Vec::new();
        for app in seen {
            let own = Filter {
                app: Some(app.clone()),
                ..filter.clone()
            };
            all.extend(self.page(&own, limit).await?);
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.run.id));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    async fn page(&self, filter: &Filter, limit: u32) -> Result<Vec<Listed>, StoreError> {
        let doing = "look for runs";
        let rows = query(filter, limit)
            .build()
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        // the newest come first, so that a lower bound only cuts them: in the question it would lead to worse indexes
        let lower = filter.since.map(first_of);
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let one = listed(row, doing)?;
            if lower.as_ref().is_some_and(|lower| one.run.id.to_string() < *lower) {
                break;
            }
            found.push(one);
        }
        Ok(found)
    }

    /// One run with what else is shown of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn listed(&self, id: RunId) -> Result<Option<Listed>, StoreError> {
        let doing = "read a run";
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::while_doing(doing))?;
        row.map(|row| listed(&row, doing)).transpose()
    }

    /// What a run's commit is called, and when it was made.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written.
    pub async fn note_commit(
        &self,
        id: RunId,
        title: Option<&str>,
        committed_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET title = COALESCE(title, ?), committed_at = COALESCE(committed_at, ?) WHERE id = ?",
        )
        .bind(title)
        .bind(committed_at.map(millis))
        .bind(id.to_string())
        .execute(&self.write)
        .await
        .map_err(StoreError::while_doing("note the title of a commit"))?;
        Ok(())
    }
}

pub(crate) fn listed(row: &SqliteRow, doing: &'static str) -> Result<Listed, StoreError> {
    let row = Reader::new(row, doing);
    Ok(Listed {
        run: row.run()?,
        title: row.maybe_text("title")?,
    })
}

fn query(filter: &Filter, limit: u32) -> QueryBuilder<Sqlite> {
    // one upper bound, whichever is less: with two of them indexes are chosen worse. No id of ours is greater than the last
    let bounds = [
        filter.before.map(|before| before.to_string()),
        filter.until.map(first_of),
    ];
    let upper = bounds.into_iter().flatten().min().unwrap_or_else(|| "~".to_owned());
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM runs WHERE id < ");
    query.push_bind(upper);
    // a plus keeps a column out of the choice of an index: each of these looks has one that was made for it
    let open = filter.state.is_some_and(|state| !state.is_terminal());
    let few = open || filter.deployment.is_some();
    let by_person = filter.person.is_some() && !few;
    let column = |query: &mut QueryBuilder<Sqlite>, name: &str, chosen: bool| {
        query.push(if chosen { " AND " } else { " AND +" });
        query.push(name);
    };
    if let Some(app) = &filter.app {
        column(&mut query, "app = ", !(few || by_person && filter.state.is_some()));
        query.push_bind(app.clone());
    }
    if let Some(environment) = &filter.environment {
        column(&mut query, "environment = ", !few && !by_person);
        query.push_bind(environment.clone()).push(" COLLATE NOCASE");
    }
    if let Some(person) = &filter.person {
        column(&mut query, "requester = ", by_person);
        query.push_bind(person.clone()).push(" COLLATE NOCASE");
    }
    if let Some(state) = filter.state {
        column(&mut query, "state = ", !few);
        query.push_bind(state.as_str());
        // both as their indexes have it, letter by letter
        query.push(if open {
            " AND id IN (SELECT id FROM runs WHERE state IN ('held', 'queued', 'running'))"
        } else {
            " AND state NOT IN ('held', 'queued', 'running')"
        });
    }
    if let Some(deployment) = filter.deployment {
        query.push(" AND deployment_id = ").push_bind(number(deployment.0));
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query
}

/// The least id of a moment.
pub(crate) fn first_of(at: Timestamp) -> String {
    let since_1970 = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Ulid::from_parts(since_1970, 0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan_of;

    #[tokio::test]
    async fn no_filter_sorts_or_reads_the_whole_table() {
        let app = Some("site".to_owned());
        let environment = Some("staging".to_owned());
        let person = Some("mona".to_owned());
        let state = Some(RunState::Failed);
        let none = Filter::default;
        let open = Some(RunState::Queued);
        let deployment = Some(DeploymentId(1));
        let filters = [
            (none(), "sqlite_autoindex_runs_1 (id<?)"),
            (
                Filter {
                    app: app.clone(),
                    ..none()
                },
                "runs_by_app (app=? AND id<?)",
            ),
            (
                Filter {
                    app: app.clone(),
                    environment: environment.clone(),
                    ..none()
                },
                "runs_by_place (app=? AND environment=? AND id<?)",
            ),
            (
                Filter {
                    app: app.clone(),
                    environment: environment.clone(),
                    state,
                    ..none()
                },
                "runs_ended_of_place (app=? AND environment=? AND state=? AND id<?)",
            ),
            (
                Filter {
                    app: app.clone(),
                    state,
                    ..none()
                },
                "runs_ended_of_app (app=? AND state=? AND id<?)",
            ),
            (
                Filter {
                    environment: environment.clone(),
                    ..none()
                },
                "runs_by_environment (environment=? AND id<?)",
            ),
            (
                Filter {
                    environment: environment.clone(),
                    state,
                    ..none()
                },
                "runs_ended_of_environment (environment=? AND state=? AND id<?)",
            ),
            (Filter { state, ..none() }, "runs_ended (state=? AND id<?)"),
            (
                Filter {
                    person: person.clone(),
                    ..none()
                },
                "runs_by_person (requester=? AND id<?)",
            ),
            (
                Filter {
                    person: person.clone(),
                    environment: environment.clone(),
                    ..none()
                },
                "runs_by_person (requester=? AND id<?)",
            ),
            (
                Filter {
                    person: person.clone(),
                    app: app.clone(),
                    ..none()
                },
                "runs_by_person_and_app (requester=? AND app=? AND id<?)",
            ),
            (
                Filter {
                    person: person.clone(),
                    state,
                    ..none()
                },
                "runs_ended_of_person (requester=? AND state=? AND id<?)",
            ),
            (
                Filter {
                    person: person.clone(),
                    app: app.clone(),
                    environment: environment.clone(),
                    state,
                    ..none()
                },
                "runs_ended_of_person (requester=? AND state=? AND id<?)",
            ),
            (
                Filter {
                    app: app.clone(),
                    state: open,
                    ..none()
                },
                "runs_open_of_app",
            ),
            (
                Filter {
                    person: person.clone(),
                    state: open,
                    ..none()
                },
                "runs_open_of_app",
            ),
            (Filter { deployment, ..none() }, "runs_by_deployment (deployment_id=?)"),
            (
                Filter {
                    deployment,
                    app: app.clone(),
                    ..none()
                },
                "runs_by_deployment (deployment_id=?)",
            ),
        ];
        // a time is a bound on ids, which changes no index
        let timed: Vec<(Filter, &str)> = filters
            .iter()
            .map(|(filter, index)| {
                let since = Some(Timestamp::UNIX_EPOCH);
                (
                    Filter {
                        since,
                        until: since,
                        ..filter.clone()
                    },
                    index.trim_end_matches(" AND id<?)"),
                )
            })
            .collect();
        for (filter, index) in filters.iter().cloned().chain(timed) {
            let index = index.trim_end_matches(" (id<?)");
            let found = plan_of(query(&filter, 50).sql().as_str()).await;
            assert!(found.contains(index), "{filter:?}: {found}");
            let few = filter.deployment.is_some();
            assert!(few || !found.contains("TEMP B-TREE"), "{filter:?}: {found}");
        }
    }
}
