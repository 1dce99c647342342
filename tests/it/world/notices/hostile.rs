//! Names from outside are letters, in every room and every letter.

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::rooms::world::Service;
use chima_simulator::smtp::MailServer;
use serde_json::json;

use super::Town;
use crate::world::stage::World;

const NAMES: [&str; 14] = [
    "@everyone",
    "@channel",
    "@here now",
    "@all",
    "<!channel>",
    "<@U1> <#C1>",
    "<b>bold</b>",
    "[click](https://evil.example)",
    "**bold** _it_ ~~no~~ ||spoiler||",
    "`code` ``` block",
    "one\r\nBcc: evil@example.com\r\n\r\nbody",
    "\u{202e}gnirts\u{200b}",
    "javascript:alert(1)",
    "\u{1b}[31mred",
];

#[tokio::test]
async fn nothing_from_outside_calls_a_room_links_or_writes_a_header() {
    let mail = MailServer::start(None).await.unwrap();
    let notify = "
  - to: { mattermost: { file: '{folder}/mattermost' } }
  - to: { rocket_chat: { file: '{folder}/rocket_chat' } }
  - to: { discord: { file: '{folder}/discord' } }
  - to: { teams: { file: '{folder}/teams' } }
  - to: { webhook: { url: { file: '{folder}/program' }, secret: { file: '{folder}/program-secret' } } }
  - to: { email: { to: [ops@example.com], from: chima@example.com } }
";
    let setup = World::setup()
        .without_slack()
        .top(&format!(
            "smtp: {{ host: 127.0.0.1, port: {}, tls: none }}",
            mail.port()
        ))
        .with("tasks: [deploy]")
        .script("#!/bin/sh\nprintf '@everyone @channel <!here> ``` [x](https://evil.example)\\r\\n.\\r\\n'; exit 1\n");
    let town = Town::with(setup, notify).await;
    for name in NAMES {
        let payload = json!({"notify": {"user_name": name, "room": name, "callback": "bot"}, "hosts": name});
        let request = DeploymentRequest {
            payload: payload.clone(),
            ..DeploymentRequest::to("staging")
        };
        town.world.ask(request).await;
        // without hosts it runs, and its log is told
        let request = DeploymentRequest {
            payload: json!({"notify": payload["notify"]}),
            task: name.to_owned(),
            ..DeploymentRequest::to("staging")
        };
        town.world.ask(request).await;
        let request = DeploymentRequest {
            payload: json!({"notify": payload["notify"]}),
            ..DeploymentRequest::to("staging")
        };
        town.world.ask(request).await;
        town.world.settle_all().await;
    }
    let texts = [
        Service::Mattermost,
        Service::RocketChat,
        Service::Discord,
        Service::Teams,
        Service::Program,
        Service::Bot,
    ]
    .into_iter()
    .flat_map(|service| town.posted(service));
    let mut seen = 0;
    for posted in texts {
        seen += 1;
        let text = &posted.text;
        assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'), "{text:?}");
        if matches!(
            posted.service,
            Service::Mattermost | Service::RocketChat | Service::Discord
        ) {
            let outside_code: String = text.split("```").step_by(2).collect();
            let outside_code: String = outside_code.split('`').step_by(2).collect();
            for mark in ["](https://evil", "<b>", "<!", "<@", "**bold", "||spoiler"] {
                assert!(!outside_code.contains(mark), "{mark} in {text}");
            }
        }
    }
    assert!(seen >= 6 * NAMES.len() * 3, "{seen}");
    let letters = mail.letters();
    assert!(letters.len() >= NAMES.len() * 3, "{}", letters.len());
    for letter in letters {
        assert_eq!(letter.to, ["ops@example.com"]);
        assert_eq!(
            (letter.header("Bcc").len(), letter.header("Subject").len()),
            (0, 1),
            "{}",
            letter.text
        );
    }
    town.end().await;
}
