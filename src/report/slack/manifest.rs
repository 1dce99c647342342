//! The manifest from which Slack makes the app: what it may do, what it hears, and where that goes.
//! <https://docs.slack.dev/reference/app-manifest>

use serde_json::{Value, json};

/// What the bot may do, and what for.
pub const SCOPES: [(&str, &str); 11] = [
    ("app_mentions:read", "hear who mentions the bot"),
    (
        "channels:history",
        "look for its own message where an answer of Slack was lost",
    ),
    ("channels:read", "know channels by name"),
    ("chat:write", "write and change messages"),
    (
        "chat:write.public",
        "the same in public channels that nobody invited it to",
    ),
    ("commands", "the slash command"),
    ("groups:history", "as `channels:history`, in private channels"),
    ("groups:read", "know private channels by name"),
    ("im:history", "hear what is written to the bot alone"),
    ("im:read", "know such conversations"),
    ("users:read", "know people by name"),
];

/// The app. `address` is where Slack reaches this server; without one, the app speaks through Socket Mode.
#[must_use]
pub fn manifest(name: &str, address: Option<&str>) -> Value {
    let scopes: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    let mut command = json!({
        "command": "/chima",
        "description": "Deploy, look, lock: GitHub Deployments",
        "usage_hint": "deploy APP[/REF] to ENVIRONMENT",
        "should_escape": true,
    });
    let mut events = json!({"bot_events": ["app_mention", "message.im"]});
    let mut interactivity = json!({"is_enabled": true});
    if let Some(address) = address {
        command["url"] = json!(format!("{address}/slack/commands"));
        events["request_url"] = json!(format!("{address}/slack/events"));
        interactivity["request_url"] = json!(format!("{address}/slack/interactivity"));
    }
    json!({
        "display_information": {
            "name": name,
            "description": "Executes GitHub Deployments",
        },
        "features": {
            "app_home": {"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false},
            "bot_user": {"display_name": "chima", "always_online": true},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": address.is_none(),
            "token_rotation_enabled": false,
        },
    })
}

/// What is left to do with it, for whoever set it up.
#[must_use]
pub fn left_to_do(socket: bool) -> String {
    let heard = if socket {
        "3. \"Basic Information\", \"App-Level Tokens\": make one with the scope `connections:write`; it is `slack.app_token`.\n"
    } else {
        "3. \"Basic Information\" shows the signing secret; it is `slack.signing_secret`. Slack looks at the address when the app is\n   \
         made: start Chima with that secret, then press \"Retry\" under \"Event Subscriptions\".\n"
    };
    format!(
        "\nThis is the manifest of the Slack app:\n\
         1. Open https://api.slack.com/apps?new_app=1, choose \"From a manifest\", and paste it.\n\
         2. \"Install App\" shows the bot token; it is `slack.bot_token`.\n\
         {heard}\
         4. Invite the bot to its channels: `/invite @chima`. `chima doctor` tells whether all is well.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_the_servers_own_or_there_is_none() {
        let over_http = manifest("chima", Some("https://deploy.example.com"));
        assert_eq!(
            over_http["features"]["slash_commands"][0]["url"],
            "https://deploy.example.com/slack/commands"
        );
        assert_eq!(over_http["settings"]["socket_mode_enabled"], false);
        let over_socket = manifest("chima", None);
        assert_eq!(over_socket["settings"]["socket_mode_enabled"], true);
        assert!(!over_socket.to_string().contains("url"), "{over_socket}");
    }

    #[test]
    fn everything_fits_what_slack_takes() {
        let manifest = manifest("chima", None);
        let length = |path: &str| manifest.pointer(path).and_then(Value::as_str).map_or(0, str::len);
        assert!(length("/display_information/description") <= 140);
        assert!(length("/features/slash_commands/0/usage_hint") <= 1_000);
        let scopes = manifest
            .pointer("/oauth_config/scopes/bot")
            .and_then(Value::as_array)
            .unwrap();
        assert!(scopes.is_sorted_by_key(|scope| scope.to_string()));
    }
}
