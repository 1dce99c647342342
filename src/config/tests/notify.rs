//! Who is told of what: every fault at its line, and what is meant where nothing is said.

use super::{accepted, refused};
use crate::config::notify::{SmtpTls, Subject, To};
use crate::domain::run::RunState;

const APPS: &str =
    "apps: { site: { repository: o/r, provider: shell, environments: { production: {}, staging: {} } } }";

fn with_apps(text: &str) -> String {
    format!("{APPS}\n{text}")
}

#[test]
fn what_is_not_said_means_everything() {
    let config = accepted(&with_apps("notify: [{ to: { discord: { env: DISCORD } } }]"));
    let one = &config.notify[0];
    assert_eq!((&one.apps, &one.environments, &one.subjects), (&None, &None, &None));
    assert_eq!(one.recipient.name, "discord/DISCORD");
}

#[test]
fn names_are_taken_in_any_case_and_spelled_as_the_apps_are() {
    let config = accepted(&with_apps(
        "notify: [{ to: { teams: { env: TEAMS } }, apps: [Site], environments: [PRODUCTION], states: [failed, lock] }]",
    ));
    let one = &config.notify[0];
    assert_eq!(one.apps.as_deref(), Some(&["site".to_owned()][..]));
    assert_eq!(one.environments.as_deref(), Some(&["production".to_owned()][..]));
    assert_eq!(
        one.subjects.as_deref(),
        Some(&[Subject::Run(RunState::Failed), Subject::Lock][..])
    );
}

#[test]
fn a_mail_server_has_the_usual_port_of_its_kind() {
    let port = |tls: &str| {
        let smtp = accepted(&format!("smtp: {{ host: mail.example.com, tls: {tls} }}"))
            .smtp
            .unwrap();
        (smtp.tls, smtp.port)
    };
    assert_eq!(port("starttls"), (SmtpTls::StartTls, 587));
    assert_eq!(port("implicit"), (SmtpTls::Implicit, 465));
    assert_eq!(port("none"), (SmtpTls::None, 25));
    assert_eq!(accepted("smtp: { host: mail.example.com }").smtp.unwrap().port, 587);
}

#[test]
fn a_callback_is_an_address_and_a_secret_under_a_name() {
    let config =
        accepted("chat: { callbacks: { hubot: { url: 'http://127.0.0.1:8081/chima', secret: { env: LONG } } } }");
    assert_eq!(config.callbacks[0].name, "callback/hubot");
    assert!(matches!(&config.callbacks[0].to, To::Callback { url, .. } if url == "http://127.0.0.1:8081/chima"));
}

#[test]
fn what_is_wrong_with_it_is_said_where_it_stands() {
    let told = [
        "notify: [{ to: { discord: { env: A } }, apps: [sit] }]",
        "notify: [{ to: { discord: { env: A } }, environments: [prodution] }]",
        "notify: [{ to: { discord: { env: A } }, states: [faild] }]",
        "notify: [{ to: { discord: { env: A } }, states: [] }]",
        "notify: [{ to: { discrod: { env: A } } }]",
        "notify: [{ to: { discord: { env: A }, teams: { env: B } } }]",
        "notify: [{ to: { discord: 'https://discord.example/api/webhooks/1/hunter2' } }]",
        "notify: [{ to: { email: { to: [ops@example.com], from: chima@example.com } } }]",
        "notify: [{ to: { email: { to: ['ops@example.com\\nBcc: x@y.z', 'a b@c'], from: chima } } }]",
        "notify: [{ apps: [site] }]",
        "smtp: { host: mail.example.com, username: chima }",
        "smtp: { host: mail.example.com, tls: none, username: chima, password: { env: LONG } }",
        "smtp: { host: 'mail.example.com:25' }",
        "chat: { callbacks: { 'a b': { url: 'ftp://x', secret: { env: FIFTEEN } } } }",
    ];
    let all: Vec<String> = told.iter().map(|text| refused(&with_apps(text))).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    app.yaml:2:48: there is no app `sit`
      2 | notify: [{ to: { discord: { env: A } }, apps: [sit] }]
        |                                                ^
    hint: did you mean `site`?
    app.yaml:2:56: there is no environment `prodution`
      2 | notify: [{ to: { discord: { env: A } }, environments: [prodution] }]
        |                                                        ^
    hint: did you mean `production`?
    app.yaml:2:50: `notify[0].states[0]` is text `faild`; expected one of `held`, `queued`, `running`, `succeeded`, `failed`, `errored`, `rejected`, `cancelled`, `interrupted`, `superseded`, `lock`, `other_deployment`, `watchdog`
      2 | notify: [{ to: { discord: { env: A } }, states: [faild] }]
        |                                                  ^
    hint: did you mean `failed`?
    app.yaml:2:49: `notify[0].states` is an empty list
      2 | notify: [{ to: { discord: { env: A } }, states: [] }]
        |                                                 ^
    hint: leave it out for what is usual, or name at least one, such as `failed`
    app.yaml:2:18: unknown key `discrod` in `notify[0].to`
      2 | notify: [{ to: { discrod: { env: A } } }]
        |                  ^
    hint: did you mean `discord`?
    app.yaml:2:12: `notify[0].to` has 2 keys; expected exactly one of `webhook`, `mattermost`, `rocket_chat`, `discord`, `teams`, `email`
      2 | notify: [{ to: { discord: { env: A }, teams: { env: B } } }]
        |            ^
    app.yaml:2:27: `notify[0].to.discord` holds a value; expected where the secret is found: one of `env`, `file`
    hint: a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared
    app.yaml:2:18: `email` without a mail server in `smtp`
      2 | notify: [{ to: { email: { to: [ops@example.com], from: chima@example.com } } }]
        |                  ^
    hint: name it, as in `smtp: { host: mail.example.com, username: chima, password: { env: SMTP_PASSWORD } }`
    app.yaml:2:18: `email` without a mail server in `smtp`
      2 | notify: [{ to: { email: { to: ['ops@example.com\nBcc: x@y.z', 'a b@c'], from: chima } } }]
        |                  ^
    hint: name it, as in `smtp: { host: mail.example.com, username: chima, password: { env: SMTP_PASSWORD } }`

    app.yaml:2:32: `notify[0].to.email.to[0]` is `ops@example.com\nBcc: x@y.z`; expected an address such as `ops@example.com`
      2 | notify: [{ to: { email: { to: ['ops@example.com\nBcc: x@y.z', 'a b@c'], from: chima } } }]
        |                                ^

    app.yaml:2:63: `notify[0].to.email.to[1]` is `a b@c`; expected an address such as `ops@example.com`
      2 | notify: [{ to: { email: { to: ['ops@example.com\nBcc: x@y.z', 'a b@c'], from: chima } } }]
        |                                                               ^

    app.yaml:2:79: `notify[0].to.email.from` is `chima`; expected an address such as `ops@example.com`
      2 | o: { email: { to: ['ops@example.com\nBcc: x@y.z', 'a b@c'], from: chima } } }]
        |                                                                   ^
    app.yaml:2:10: `notify[0]` has no `to`
      2 | notify: [{ apps: [site] }]
        |          ^
    hint: `to`: who is told
    app.yaml:2:33: `username` without `password`
      2 | smtp: { host: mail.example.com, username: chima }
        |                                 ^
    hint: write `password: { env: SMTP_PASSWORD }` beside it
    app.yaml:2:38: `tls: none` would send the password to `mail.example.com` for everybody to read
      2 | smtp: { host: mail.example.com, tls: none, username: chima, password: { env: LONG } }
        |                                      ^
    hint: write `tls: starttls` or `tls: implicit`
    app.yaml:2:15: `smtp.host` is `mail.example.com:25`; expected a name or an address without port
      2 | smtp: { host: 'mail.example.com:25' }
        |               ^
    hint: for example `mail.example.com`
    app.yaml:2:22: `a b` is no name of a callback; expected letters, digits, `-`, `_` and `.`
      2 | chat: { callbacks: { 'a b': { url: 'ftp://x', secret: { env: FIFTEEN } } } }
        |                      ^

    app.yaml:2:36: `chat.callbacks.a b.url` is `ftp://x`; expected an address that begins with `https://` or `http://`
      2 | chat: { callbacks: { 'a b': { url: 'ftp://x', secret: { env: FIFTEEN } } } }
        |                                    ^

    app.yaml:2:47: environment variable `FIFTEEN` holds 15 bytes; expected at least 16, required by `chat.callbacks.a b.secret`
      2 | chat: { callbacks: { 'a b': { url: 'ftp://x', secret: { env: FIFTEEN } } } }
        |                                               ^
    hint: `openssl rand -hex 32` makes a good one
    "#);
}
