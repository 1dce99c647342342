//! Keys that this version reads and does not act on. Whoever sets one must hear of it, most of all where it would restrict.

use crate::config::Config;

/// One sentence for each such key that is set.
#[must_use]
pub fn not_yet(config: &Config) -> Vec<String> {
    let mut sentences = Vec::new();
    for app in &config.apps {
        for environment in &app.environments {
            let at = format!("apps.{}.environments.{}", app.name, environment.name);
            if !environment.deployers.is_empty() || !environment.admins.is_empty() {
                sentences.push(format!(
                    "`deployers` and `admins` of `{at}` are not enforced in this version: whoever may create deployments on \
                     GitHub may deploy"
                ));
            }
        }
    }
    sentences
}
