//! Secrets: named, long enough, never shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::super::GitHubAuth;
use super::super::secret::{self, MASKABLE_BYTES, SecretSource};
use super::{accepted, refused, refused_app, variable};

fn secret_file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

/// What is said of a webhook secret in a file, with the file's own name left out.
fn refused_file(path: &std::path::Path) -> String {
    refused(&format!(
        "github: {{ webhook_secrets: [{{ file: {} }}] }}",
        path.display()
    ))
    .lines()
    .filter(|line| !line.contains(" | "))
    .collect::<Vec<_>>()
    .join("\n")
    .replace(&path.display().to_string(), "FILE")
}

#[test]
fn secrets_are_named_by_place() {
    let config = accepted(
        "
github:
  app_id: 12345
  private_key: { file: /does/not/exist.pem }
  webhook_secrets: [{ env: LONG }, { env: UNSET }]
slack: { bot_token: { env: LONG }, signing_secret: { env: UNSET }, incoming_webhook: { file: missing } }
chat: { token: { env: LONG } }
",
    );
    let private_key = SecretSource::File(PathBuf::from("/does/not/exist.pem"));
    assert_eq!(
        config.github.auth,
        GitHubAuth::App {
            app_id: 12345,
            private_key
        }
    );
    let named = |name: &str| SecretSource::Env(name.to_owned());
    assert_eq!(config.github.webhook_secrets, [named("LONG"), named("UNSET")]);
    assert_eq!(config.slack.bot_token, Some(named("LONG")));
    assert_eq!(config.chat_token, Some(named("LONG")));
    assert_eq!(
        accepted("github: { token: { env: T } }").github.auth,
        GitHubAuth::Token(named("T"))
    );
}

#[test]
fn a_secret_in_the_file_itself_is_refused_and_not_shown() {
    insta::assert_snapshot!(refused("github: { token: ghp_0123456789abcdef }"), @"
    app.yaml:1:18: `github.token` holds a value; expected where the secret is found: one of `env`, `file`
    hint: a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared
    ");
    insta::assert_snapshot!(refused("github:\n  webhook_secrets:\n    - hunter2hunter2hunter2\n"), @"
    app.yaml:3:7: `github.webhook_secrets[0]` holds a value; expected where the secret is found: one of `env`, `file`
    hint: a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared
    ");
    insta::assert_snapshot!(refused("chat:\n  token: 12345678901234567890\n"), @"
    app.yaml:2:10: `chat.token` holds a value; expected where the secret is found: one of `env`, `file`
    hint: a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared
    ");
    insta::assert_snapshot!(refused_app("secrets: { PASSWORD: hunter2hunter2 }, environments: { production: { provider: shell } }"), @"
    app.yaml:1:55: `apps.site.secrets.PASSWORD` holds a value; expected where the secret is found: one of `env`, `file`, `command`
    hint: a secret is named here, never written: `{ env: NAME }`; replace it if this file was shared
    ");
    insta::assert_snapshot!(refused_app("ssh: { key: \"-----BEGIN OPENSSH PRIVATE KEY-----\" }, environments: { production: { provider: shell } }"), @"
    app.yaml:1:46: `apps.site.ssh.key` holds a key; expected the path of its file
    hint: replace the key if this file was shared
    ");
    for text in [
        "github: { token: hunter2hunter2, tokn: 1 }",
        "github: { webhook_secrets: hunter2 }",
        "github: { webhook_secrets: [hunter2] }",
        "github: { token: [hunter2] }",
        "slack: { signing_secret: hunter2 }",
        "chat: { tokn: hunter2 }",
        "slack: { bot_token: { evn: hunter2 } }",
        "github: { api_url: \"https://mona:hunter2@example.com\", url: x }",
        "queue: redis://:hunter2@127.0.0.1",
    ] {
        assert!(!refused(text).contains("hunter2"), "{}", refused(text));
    }
}

#[test]
fn a_short_secret_is_refused_where_it_proves_who_speaks() {
    insta::assert_snapshot!(refused("github: { webhook_secrets: [{ env: LONG }, { env: FIFTEEN }] }"), @"
    app.yaml:1:44: environment variable `FIFTEEN` holds 15 bytes; expected at least 16, required by `github.webhook_secrets[1]`
      1 | github: { webhook_secrets: [{ env: LONG }, { env: FIFTEEN }] }
        |                                            ^
    hint: `openssl rand -hex 32` makes a good one
    ");
    insta::assert_snapshot!(refused("slack: { signing_secret: { env: FIFTEEN } }"), @"
    app.yaml:1:10: environment variable `FIFTEEN` holds 15 bytes; expected at least 16, required by `slack.signing_secret`
      1 | slack: { signing_secret: { env: FIFTEEN } }
        |          ^
    hint: `openssl rand -hex 32` makes a good one
    ");
    insta::assert_snapshot!(refused("chat: { token: { env: EMPTY } }"), @"
    app.yaml:1:9: environment variable `EMPTY` holds 0 bytes; expected at least 16, required by `chat.token`
      1 | chat: { token: { env: EMPTY } }
        |         ^
    hint: `openssl rand -hex 32` makes a good one
    ");
    insta::assert_snapshot!(refused("github: { token: { env: SEVEN } }"), @"
    app.yaml:1:11: environment variable `SEVEN` holds 7 bytes; expected at least 8, required by `github.token`
      1 | github: { token: { env: SEVEN } }
        |           ^
    hint: a shorter one cannot be masked in logs; unset it if it is not a secret
    ");
    insta::assert_snapshot!(refused_app("secrets: { S: { env: SEVEN } }, environments: { production: { provider: shell } }"), @"
    app.yaml:1:45: environment variable `SEVEN` holds 7 bytes; expected at least 8, required by `apps.site.secrets.S`
      1 | apps: { site: { repository: o/r, secrets: { S: { env: SEVEN } }, environments: { production: { provi
        |                                             ^
    hint: a shorter one cannot be masked in logs; unset it if it is not a secret
    ");
}

#[test]
fn a_secret_has_one_place() {
    insta::assert_snapshot!(refused("github: { token: { env: LONG, file: x } }"), @"
    app.yaml:1:11: `github.token` has 2 keys; expected exactly one of `env`, `file`
      1 | github: { token: { env: LONG, file: x } }
        |           ^
    ");
    insta::assert_snapshot!(refused("github: { token: {} }"), @"
    app.yaml:1:11: `github.token` is empty; expected exactly one of `env`, `file`
      1 | github: { token: {} }
        |           ^
    ");
    insta::assert_snapshot!(refused("github: { token: { command: [pass, x] } }"), @"
    app.yaml:1:20: unknown key `command` in `github.token`
    hint: known here: `env`, `file`
    ");
    insta::assert_snapshot!(refused("github: { token: { env: $LONG } }"), @"
    app.yaml:1:25: `$LONG` is not a variable's name; expected letters, digits and `_`, no digit first
      1 | github: { token: { env: $LONG } }
        |                         ^
    hint: write the name without `$`
    ");
    insta::assert_snapshot!(refused_app("secrets: { S: { command: [] } }, environments: { production: { provider: shell } }"), @"
    app.yaml:1:59: `apps.site.secrets.S.command` names no program
      1 | apps: { site: { repository: o/r, secrets: { S: { command: [] } }, environments: { production: { prov
        |                                                           ^
    hint: for example `[pass, show, deploy/token]`
    ");
}

#[test]
fn an_identity_is_whole_and_one() {
    insta::assert_snapshot!(refused("github: { app_id: 1 }"), @"
    app.yaml:1:11: `app_id` without `private_key`
      1 | github: { app_id: 1 }
        |           ^
    hint: make a key on the App's page and write `private_key: { file: PATH }`
    ");
    insta::assert_snapshot!(refused("github: { private_key: { env: LONG } }"), @"
    app.yaml:1:11: `private_key` without `app_id`
      1 | github: { private_key: { env: LONG } }
        |           ^
    hint: write the number that the App's page shows as `app_id`
    ");
    insta::assert_snapshot!(refused("github: { app_id: 1, private_key: { env: LONG }, token: { env: LONG } }"), @"
    app.yaml:1:50: `token` beside the keys of a GitHub App; expected one of both
      1 | github: { app_id: 1, private_key: { env: LONG }, token: { env: LONG } }
        |                                                  ^
    hint: an App can do less, which is better: remove `token`
    ");
}

#[test]
fn a_secret_file_that_cannot_serve_is_refused() {
    let (_dir, path) = secret_file(b"0123456789abcdef0123456789abcdef\n", 0o644);
    insta::assert_snapshot!(refused_file(&path), @"
    app.yaml:1:29: file `FILE` has mode 0644; expected one that only its owner or group can read, required by `github.webhook_secrets[0]`
    hint: `chmod 600 FILE`; a container's secret takes `mode: 0400` (Compose) or `defaultMode: 0400` (Kubernetes)
    ");
    let (_dir, path) = secret_file(b"short\n", 0o600);
    insta::assert_snapshot!(refused_file(&path), @"
    app.yaml:1:29: file `FILE` holds 5 bytes; expected at least 16, required by `github.webhook_secrets[0]`
    hint: `openssl rand -hex 32` makes a good one
    ");
    let (_dir, path) = secret_file(b"\xff\xfe0123456789abcdef0123456789", 0o600);
    insta::assert_snapshot!(refused_file(&path), @"app.yaml:1:29: file `FILE` does not hold UTF-8 text, required by `github.webhook_secrets[0]`");
    let (dir, _) = secret_file(b"", 0o600);
    insta::assert_snapshot!(refused_file(dir.path()), @"app.yaml:1:29: cannot read file `FILE`: is a directory, required by `github.webhook_secrets[0]`");
}

#[test]
fn one_newline_at_the_end_of_a_file_is_not_part_of_the_secret() {
    for (content, expected) in [
        ("abcdefgh\n", "abcdefgh"),
        ("abcdefgh\r\n", "abcdefgh"),
        ("abcdefgh\n\n", "abcdefgh\n"),
    ] {
        let (_dir, path) = secret_file(content.as_bytes(), 0o640);
        let secret = secret::read_with(&SecretSource::File(path), MASKABLE_BYTES, &variable)
            .unwrap()
            .unwrap();
        assert_eq!(secret.expose_secret(), expected);
        assert!(!format!("{secret:?}").contains("abc"));
    }
}

#[test]
fn a_secret_that_is_not_there_is_none_and_a_command_is_not_run_here() {
    let read = |source| secret::read_with(&source, MASKABLE_BYTES, &variable);
    assert!(read(SecretSource::Env("UNSET".to_owned())).unwrap().is_none());
    assert!(
        read(SecretSource::File(PathBuf::from("/does/not/exist")))
            .unwrap()
            .is_none()
    );
    let error = read(SecretSource::Command(vec!["pass".to_owned()])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "command `pass` is run by the step that needs it, not here"
    );
}
