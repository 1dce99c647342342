//! Signing in to the pages, and who may look.

use std::time::Duration;

use super::{accepted, refused};
use crate::domain::actor::Named;

const APPS: &str = "apps: { site: { repository: o/site, provider: shell, with: { command: [make] }, viewers: [mona, octo/web], \
                    environments: { live: {} } }, shop: { repository: o/shop, provider: shell, with: { command: [make] }, \
                    environments: { live: {} } } }";

fn viewers(config: &crate::config::Config, app: &str) -> Option<Vec<String>> {
    let viewers = config.app(app).and_then(|app| app.viewers.as_ref())?;
    Some(viewers.iter().map(Named::to_string).collect())
}

#[test]
fn who_may_look_is_said_for_all_apps_and_for_each() {
    let config = accepted(&format!(
        "sign_in: {{ client_id: Iv23x, client_secret: {{ file: s }}, viewers: [\"@lisa\"] }}\n{APPS}"
    ));
    let sign_in = config.sign_in.as_ref().unwrap();
    assert_eq!(
        (sign_in.client_id.as_str(), sign_in.session),
        ("Iv23x", Duration::from_secs(12 * 3600))
    );
    assert_eq!(viewers(&config, "site").unwrap(), ["mona", "octo/web"]);
    assert_eq!(viewers(&config, "shop").unwrap(), ["lisa"]);
    let closed = accepted(APPS);
    assert!(closed.sign_in.is_none());
    assert_eq!(viewers(&closed, "shop"), None);
    let short = accepted("sign_in: { client_id: a.b, client_secret: { env: NOT_THERE }, session_hours: 1 }");
    assert_eq!(short.sign_in.unwrap().session, Duration::from_secs(3600));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (yaml, expected) in [
        ("{ client_secret: { file: s } }", "client_id"),
        ("{ client_id: Iv23x }", "client_secret"),
        (
            "{ client_id: \"\", client_secret: { file: s } }",
            "expected a client id",
        ),
        (
            "{ client_id: \"a b\", client_secret: { file: s } }",
            "expected a client id",
        ),
        (
            "{ client_id: \"a&b=c\", client_secret: { file: s } }",
            "expected a client id",
        ),
        (
            "{ client_id: a, client_secret: { file: s }, session_hours: 0 }",
            "session_hours",
        ),
        (
            "{ client_id: a, client_secret: { file: s }, session_hours: 721 }",
            "session_hours",
        ),
        (
            "{ client_id: a, client_secret: { file: s }, viewers: [] }",
            "would let nobody look",
        ),
        (
            "{ client_id: a, client_secret: { file: s }, viewers: [\"slack:U1\"] }",
            "is somebody in a chat",
        ),
        (
            "{ client_id: a, client_secret: { file: s }, viewers: [mona.l] }",
            "is not how people are named",
        ),
    ] {
        let text = refused(&format!("sign_in: {yaml}"));
        assert!(text.contains(expected), "{yaml}: {text}");
    }
    let chat = APPS.replace("viewers: [mona, octo/web]", "viewers: [\"chat:mona\"]");
    assert!(
        refused(&chat).contains("`chat:mona` is somebody in a chat"),
        "{}",
        refused(&chat)
    );
}
