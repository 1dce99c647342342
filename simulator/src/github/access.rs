//! What becomes of repositories and of the App's installations, with the webhooks that tell of it.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#repository>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::github::GitHub;
use crate::github::event;
use crate::github::refused::Refused;
use crate::github::sending::Delivered;
use crate::github::shape;
use crate::github::world::World;

impl GitHub {
    /// Every token of an installation that was handed out, with what it may do.
    #[must_use]
    pub fn installation_tokens(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.read(|world| {
            let of_installations = world.tokens.iter().filter(|token| token.expires_at.is_some());
            of_installations
                .map(|token| (token.value.clone(), token.permissions.clone()))
                .collect()
        })
    }

    /// Gives a repository another name, or with it another owner; sends `repository`. The old name redirects.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn rename_repository(&self, name: &str, new: &str) -> Result<Vec<Delivered>, Refused> {
        let (renamed, deliveries) = self
            .tell(|world| {
                let found = world.repository_mut(name).ok_or_else(Refused::not_found)?;
                let (id, old) = (found.id, found.name.clone());
                new.clone_into(&mut found.name);
                for pull in found.pulls.iter_mut().filter(|pull| pull.head_repository == old) {
                    new.clone_into(&mut pull.head_repository);
                }
                world.renamed.insert(old.to_ascii_lowercase(), id);
                let (owner, short) = old.split_once('/').unwrap_or_default();
                let kept_owner = new.split('/').next() == Some(owner);
                world.app.install(new.split('/').next().unwrap_or_default());
                let (action, changes) = if kept_owner {
                    ("renamed", json!({"repository": {"name": {"from": short}}}))
                } else {
                    ("transferred", json!({"owner": {"from": {"user": {"login": owner}}}}))
                };
                event::emit(
                    world,
                    "repository",
                    id,
                    "mona",
                    json!({"action": action, "changes": changes}),
                );
                Ok(())
            })
            .await;
        renamed.map(|()| deliveries)
    }

    /// Deletes a repository; sends `repository`. Its name is free.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn delete_repository(&self, name: &str) -> Result<Vec<Delivered>, Refused> {
        let (deleted, deliveries) = self
            .tell(|world| {
                let id = world.repository(name).ok_or_else(Refused::not_found)?.id;
                event::emit(world, "repository", id, "mona", json!({"action": "deleted"}));
                world.repositories.retain(|found| found.id != id);
                world.renamed.retain(|_, renamed| *renamed != id);
                Ok(())
            })
            .await;
        deleted.map(|()| deliveries)
    }

    /// Something happens to the App's installation in an account (`suspend`, `unsuspend`, `deleted`, `created`); sends
    /// `installation`.
    pub async fn installation(&self, account: &str, action: &str) -> Vec<Delivered> {
        let ((), deliveries) = self
            .tell(|world| {
                let body = json!({"action": action, "installation": shown(world, account)});
                event::emit_for_app(world, "installation", "mona", body);
            })
            .await;
        deliveries
    }

    /// The App is taken off a repository, or put on it; sends `installation_repositories`.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn install_on(&self, name: &str, installed: bool) -> Result<Vec<Delivered>, Refused> {
        let (changed, deliveries) = self
            .tell(|world| {
                let found = world.repository(name).ok_or_else(Refused::not_found)?;
                let (id, owner) = (found.id, found.owner().to_owned());
                let named =
                    json!([{"id": id, "full_name": found.name, "name": found.short_name(), "private": found.private}]);
                let (added, removed) = if installed {
                    world.app.excluded.remove(&id);
                    (named, json!([]))
                } else {
                    world.app.excluded.insert(id);
                    (json!([]), named)
                };
                let body = json!({
                    "action": if installed { "added" } else { "removed" },
                    "installation": shown(world, &owner),
                    "repository_selection": "selected",
                    "repositories_added": added,
                    "repositories_removed": removed,
                    "requester": null,
                });
                event::emit_for_app(world, "installation_repositories", "mona", body);
                Ok(())
            })
            .await;
        changed.map(|()| deliveries)
    }
}

fn shown(world: &mut World, account: &str) -> Value {
    let id = world.app.install(account);
    json!({
        "id": id,
        "account": shape::user(world, account),
        "app_id": world.app.id,
        "app_slug": world.app.slug,
        "repository_selection": "all",
        "permissions": world.app.permissions,
    })
}
