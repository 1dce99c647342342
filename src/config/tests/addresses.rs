//! Addresses: of the server, of GitHub and Slack, of store and queue, of remotes.

use std::path::{Path, PathBuf};

use super::super::{Config, GitHubAuth, QueueAddress};
use super::{accepted, app_with, refused, refused_app};

#[test]
fn an_empty_file_is_the_defaults() {
    for text in [
        "",
        "# nothing yet\n",
        "---\n",
        "github:\nslack:\napps:\n",
        "\u{feff}workers: 4",
    ] {
        let config = accepted(text);
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url, "http://127.0.0.1:8080");
        assert_eq!(config.data_dir, Path::new("data"));
        assert_eq!(config.store, Path::new("data/chima.db"));
        assert_eq!(config.queue, QueueAddress::Sqlite);
        assert_eq!(config.workers, 4);
        assert_eq!(config.github.url, "https://github.com");
        assert_eq!(config.github.api_url, "https://api.github.com");
        assert_eq!(config.github.host, "github.com");
        assert_eq!(config.github.auth, GitHubAuth::None);
        assert_eq!(config.github.writes_per_minute, 60);
        assert_eq!(config.github.writes_per_hour, 480);
        assert_eq!(config.slack.api_url, "https://slack.com/api");
        assert_eq!(config.apps, []);
    }
}

#[test]
fn github_is_asked_for_deployments_only_where_somebody_says_so() {
    let seconds = |text: &str| accepted(text).github.polling.map(|interval| interval.as_secs());
    for (text, expected) in [
        ("", None),
        ("github: { polling: false }", None),
        ("github: { polling: true }", Some(15)),
        ("github: { polling: {} }", Some(15)),
        ("github: { polling: { interval_seconds: 60 } }", Some(60)),
    ] {
        assert_eq!(seconds(text), expected, "{text}");
    }
    insta::assert_snapshot!(refused("github: { polling: { interval_seconds: 0 } }"), @"
    app.yaml:1:40: `github.polling.interval_seconds` is 0; expected a whole number from 1 to 3600
      1 | github: { polling: { interval_seconds: 0 } }
        |                                        ^
    ");
    insta::assert_snapshot!(refused("github: { polling: often }"), @"
    app.yaml:1:20: `github.polling` is text `often`; expected `true` or `false` or a map
      1 | github: { polling: often }
        |                    ^
    ");
}

#[test]
fn the_digest_is_of_the_bytes() {
    let config = accepted("");
    assert_eq!(
        config.digest,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_ne!(accepted("# x").digest, config.digest);
}

#[test]
fn addresses_lose_the_slash_at_their_end() {
    let config = accepted(
        "
server: { listen: \"[::1]:80\", public_url: \"https://deploy.example.com:8443/\" }
github: { url: \"http://127.0.0.1:4000/\", api_url: \"http://127.0.0.1:4000/api/\" }
slack: { api_url: \"http://127.0.0.1:4001/slack/\" }
data_dir: /var/lib/chima
",
    );
    assert_eq!(config.public_url, "https://deploy.example.com:8443");
    assert_eq!(config.github.url, "http://127.0.0.1:4000");
    assert_eq!(config.github.api_url, "http://127.0.0.1:4000/api");
    assert_eq!(config.github.host, "127.0.0.1:4000");
    assert_eq!(config.slack.api_url, "http://127.0.0.1:4001/slack");
    assert_eq!(config.store, Path::new("/var/lib/chima/chima.db"));
}

#[test]
fn another_github_has_its_api_where_that_product_has_it() {
    let api = |url: &str| accepted(&format!("github: {{ url: {url} }}")).github.api_url;
    assert_eq!(api("https://github.com/"), "https://api.github.com");
    assert_eq!(api("https://git.example.com"), "https://git.example.com/api/v3");
    assert_eq!(api("https://tenant.ghe.com"), "https://api.tenant.ghe.com");
}

#[test]
fn the_host_is_called_as_deliveries_call_it() {
    let host = |url: &str| accepted(&format!("github: {{ url: {url} }}")).github.host;
    assert_eq!(host("HTTPS://Git.Example.COM:8443/"), "git.example.com:8443");
    assert_eq!(host("https://Git.Example.COM:443"), "git.example.com");
}

#[test]
fn store_and_queue_take_their_forms() {
    let store = |text: &str| accepted(&format!("store: {text}")).store;
    assert_eq!(store("sqlite:x/y.db"), PathBuf::from("x/y.db"));
    assert_eq!(store("sqlite:///srv/y.db"), PathBuf::from("/srv/y.db"));
    let queue = |text: &str| accepted(&format!("queue: {text}")).queue;
    assert_eq!(queue("sqlite"), QueueAddress::Sqlite);
    assert_eq!(
        queue("redis://127.0.0.1:6379/2"),
        QueueAddress::Redis("redis://127.0.0.1:6379/2".to_owned())
    );
    let secret = queue("{ env: REDIS }");
    assert_eq!(
        secret,
        QueueAddress::Redis("redis://:hunter2hunter2@127.0.0.1:6379".to_owned())
    );
    assert_eq!(format!("{secret:?}"), "Redis(..)");
}

#[test]
fn a_bad_server_address_is_refused() {
    insta::assert_snapshot!(refused("server: { listen: localhost:8080 }"), @"
    app.yaml:1:19: `localhost:8080` is not an address to listen on; expected an IP address and a port
      1 | server: { listen: localhost:8080 }
        |                   ^
    hint: for this machine alone `127.0.0.1:8080`, for all networks `0.0.0.0:8080`
    ");
    insta::assert_snapshot!(refused("server: { listen: 8080 }"), @"
    app.yaml:1:19: `8080` is not an address to listen on; expected an IP address and a port
      1 | server: { listen: 8080 }
        |                   ^
    hint: for this machine alone `127.0.0.1:8080`, for all networks `0.0.0.0:8080`
    ");
    insta::assert_snapshot!(refused("server: { public_url: \"ftp://deploy.example.com\" }"), @r#"
    app.yaml:1:23: `server.public_url` is `ftp://deploy.example.com`; expected an address that begins with `https://` or `http://`
      1 | server: { public_url: "ftp://deploy.example.com" }
        |                       ^
    "#);
    insta::assert_snapshot!(refused("server: { public_url: \"https://deploy.example.com/chima\" }"), @r#"
    app.yaml:1:23: `server.public_url` is `https://deploy.example.com/chima`; expected an address without a path
      1 | server: { public_url: "https://deploy.example.com/chima" }
        |                       ^
    hint: give Chima a host name or a port of its own
    "#);
    insta::assert_snapshot!(refused("server: { public_url: \"https://deploy.example.com/?a=b\" }"), @r#"
    app.yaml:1:23: `server.public_url` is `https://deploy.example.com/?a=b`; expected an address without `?` and `#`
      1 | server: { public_url: "https://deploy.example.com/?a=b" }
        |                       ^
    "#);
    insta::assert_snapshot!(refused("github: { url: github.com }"), @"
    app.yaml:1:16: `github.url` is `github.com`; expected an address that begins with `https://` or `http://`
      1 | github: { url: github.com }
        |                ^
    ");
    insta::assert_snapshot!(refused("github: { api_url: \"https://mona:hunter2@api.github.com\" }"), @"app.yaml:1:20: `github.api_url` holds a user name or password; expected an address without");
    insta::assert_snapshot!(refused("slack: { api_url: \"javascript:alert(1)\" }"), @r#"
    app.yaml:1:19: `slack.api_url` is `javascript:alert(1)`; expected an address that begins with `https://` or `http://`
      1 | slack: { api_url: "javascript:alert(1)" }
        |                   ^
    "#);
}

#[test]
fn a_bad_store_or_queue_is_refused() {
    insta::assert_snapshot!(refused("store: data/chima.db"), @"
    app.yaml:1:8: `data/chima.db` is not a store; expected `sqlite:PATH`
      1 | store: data/chima.db
        |        ^
    hint: for example `sqlite:data/chima.db`
    ");
    insta::assert_snapshot!(refused("store: \"sqlite::memory:\""), @r#"
    app.yaml:1:8: `sqlite::memory:` names no file; expected `sqlite:PATH`
      1 | store: "sqlite::memory:"
        |        ^
    hint: the ledger must outlive the process: `sqlite:data/chima.db`
    "#);
    insta::assert_snapshot!(refused("store: postgres://localhost/chima"), @"
    app.yaml:1:8: PostgreSQL is not supported yet; expected `sqlite:PATH`
      1 | store: postgres://localhost/chima
        |        ^
    hint: PostgreSQL comes later; several processes of one machine can share SQLite
    ");
    insta::assert_snapshot!(refused("queue: kafka"), @"
    app.yaml:1:8: `kafka` is not a queue; expected `sqlite` or `redis://HOST:PORT`
      1 | queue: kafka
        |        ^
    hint: for example `redis://127.0.0.1:6379`
    ");
    insta::assert_snapshot!(refused("queue: rediss://cache.example.com"), @"
    app.yaml:1:8: `rediss://` (Redis over TLS) is not supported; expected `redis://HOST:PORT`
      1 | queue: rediss://cache.example.com
        |        ^
    hint: reach Redis over a private network or a tunnel
    ");
    insta::assert_snapshot!(refused("queue: \"redis://:hunter2@127.0.0.1\""), @"
    app.yaml:1:8: the address of the queue holds a password; expected where the address is found
    hint: write `queue: { env: CHIMA_QUEUE }` or `queue: { file: PATH }`
    ");
    insta::assert_snapshot!(refused("queue: { env: NOT_REDIS }"), @"
    app.yaml:1:1: the address is not a queue; expected `sqlite` or `redis://HOST:PORT`
      1 | queue: { env: NOT_REDIS }
        | ^
    hint: for example `redis://127.0.0.1:6379`
    ");
    insta::assert_snapshot!(refused("queue: { env: UNSET }"), @"
    app.yaml:1:1: environment variable `UNSET` is not set, required by `queue`
      1 | queue: { env: UNSET }
        | ^
    hint: set it to `redis://…`, or write `queue: sqlite`
    ");
    insta::assert_snapshot!(refused("data_dir: \"\""), @r#"
    app.yaml:1:11: `data_dir` is ``; expected a path
      1 | data_dir: ""
        |           ^
    "#);
    insta::assert_snapshot!(refused("providers: [/does/not/exist]"), @"
    app.yaml:1:13: cannot read directory `/does/not/exist`: No such file or directory (os error 2)
      1 | providers: [/does/not/exist]
        |             ^
    hint: relative paths start at the working directory
    ");
}

#[test]
fn a_remote_is_an_address_or_a_path() {
    let remote = |text: &str| {
        let config: Config = accepted(&app_with(&format!(
            "remote: \"{text}\", environments: {{ production: {{ provider: shell }} }}"
        )));
        config.apps[0].remote.clone()
    };
    for same in [
        "https://git.example.com/o/r.git",
        "git@github.com:o/r.git",
        "ssh://git@github.com/o/r.git",
        "file:///srv/git/r.git",
        "/srv/git/r.git",
    ] {
        assert_eq!(remote(same), same);
    }
    assert!(Path::new(&remote("../r.git")).is_absolute());
    let without = accepted(&format!(
        "github: {{ url: https://git.example.com }}\n{}",
        app_with("environments: { production: { provider: shell } }")
    ));
    assert_eq!(without.apps[0].remote, "https://git.example.com/o/r.git");
}

#[test]
fn a_remote_that_could_run_something_or_holds_a_password_is_refused() {
    let refused = |text: &str| {
        refused_app(&format!(
            "remote: \"{text}\", environments: {{ production: {{ provider: shell }} }}"
        ))
    };
    insta::assert_snapshot!(refused("--upload-pack=touch /tmp/x"), @r#"
    app.yaml:1:42: `--upload-pack=touch /tmp/x` is not a remote
      1 | apps: { site: { repository: o/r, remote: "--upload-pack=touch /tmp/x", environments: { production: {
        |                                          ^
    hint: write an address or a path, as `git clone` takes it
    "#);
    insta::assert_snapshot!(refused("ext::sh -c id"), @r#"
    app.yaml:1:42: `ext::sh -c id` is not a remote; remote helpers (`NAME::…`) are never used
      1 | apps: { site: { repository: o/r, remote: "ext::sh -c id", environments: { production: { provider: sh
        |                                          ^
    hint: use https or ssh
    "#);
    insta::assert_snapshot!(refused("git://github.com/o/r.git"), @r#"
    app.yaml:1:42: `git://github.com/o/r.git` is not a remote; expected https, ssh, file or a path
      1 | apps: { site: { repository: o/r, remote: "git://github.com/o/r.git", environments: { production: { p
        |                                          ^
    hint: use https or ssh
    "#);
    insta::assert_snapshot!(refused("https://x-access-token:ghs_0123@github.com/o/r.git"), @"
    app.yaml:1:42: the remote holds a user name or password; expected an address without
    hint: Chima hands git the token of `github` by itself
    ");
}
