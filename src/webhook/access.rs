//! What the App reaches, and what repositories are called.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>

use serde::Deserialize;
use serde_json::Value;

use crate::domain::access::{Access, NamedRepository};
use crate::domain::event::Event;
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::webhook::lenient;
use crate::webhook::parse::ParseError;
use crate::webhook::shape::Root;

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    repositories: Value,
    #[serde(default)]
    repositories_added: Value,
    #[serde(default)]
    repositories_removed: Value,
}

/// Reads the body of one of the three events.
pub(crate) fn read(event: &str, json: &[u8], root: &Root) -> Result<Event, ParseError> {
    let missing = |field| ParseError::Missing {
        event: event.to_owned(),
        field,
    };
    let installation = root.installation.as_ref().and_then(|one| one.id).map(InstallationId);
    let action = root.action.as_deref().unwrap_or_default();
    if event == "repository" {
        let keys = root.repository.as_ref().ok_or_else(|| missing("repository"))?;
        let repository = NamedRepository {
            id: RepositoryId(keys.id.ok_or_else(|| missing("repository.id"))?),
            name: keys.full_name.clone().ok_or_else(|| missing("repository.full_name"))?,
            installation,
        };
        return Ok(Event::Access(match action {
            "deleted" => Access::Deleted(repository),
            "archived" | "unarchived" => Access::Archived {
                repository,
                archived: action == "archived",
            },
            _ => Access::Renamed(repository),
        }));
    }
    let installation = installation.ok_or_else(|| missing("installation.id"))?;
    let body: Body = lenient::document(json).map_err(ParseError::Json)?;
    let named = |list: &Value| named(list, installation);
    Ok(Event::Access(match action {
        "created" | "unsuspend" => Access::Given {
            installation,
            repositories: named(&body.repositories),
        },
        "added" => Access::Given {
            installation,
            repositories: named(&body.repositories_added),
        },
        "removed" => Access::Taken {
            installation,
            repositories: named(&body.repositories_removed),
        },
        // of an installation that is gone or suspended nothing is left, whatever it lists
        _ => Access::Taken {
            installation,
            repositories: Vec::new(),
        },
    }))
}

fn named(list: &Value, installation: InstallationId) -> Vec<NamedRepository> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| {
            Some(NamedRepository {
                id: RepositoryId(item.get("id")?.as_u64()?),
                name: item.get("full_name")?.as_str()?.to_owned(),
                installation: Some(installation),
            })
        })
        .collect()
}
