//! Kamal.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, SHA, causes};

#[tokio::test]
async fn the_commit_is_deployed_to_the_hosts_that_are_named() {
    let desk = Desk::new("kamal").file("config/live.yml", "");
    assert_eq!(desk.lines(&json!({})), [format!("kamal deploy --version={SHA}")]);
    let given = json!({
        "destination": "{{environment}}", "config_file": "config/live.yml", "roles": ["web", "job"], "skip_push": true,
        "hosts": ["a.example.com"], "bundler": "true"
    });
    assert_eq!(
        desk.lines(&given),
        [format!(
            "bundle exec kamal deploy --version={SHA} --destination=staging --config-file=config/live.yml --hosts=a.example.com \
             --roles=web,job --skip-push"
        )]
    );
    let desk =
        desk.order(|order| order.hosts = vec!["b.example.com".parse().unwrap(), "c.example.com".parse().unwrap()]);
    assert_eq!(
        desk.lines(&json!({ "hosts": ["a.example.com", "b.example.com"] })),
        [format!(
            "kamal deploy --version={SHA} --hosts=b.example.com,c.example.com"
        )]
    );
}

#[tokio::test]
async fn the_repositorys_own_kamal_is_used_where_it_has_one() {
    let desk = Desk::new("kamal").file("bin/kamal", "");
    assert_eq!(
        desk.lines(&json!({})),
        [format!("bundle exec kamal deploy --version={SHA}")]
    );
    let line = desk.lines(&json!({ "bundler": "false" }));
    assert_eq!(line, [format!("kamal deploy --version={SHA}")]);
}

#[tokio::test]
async fn tasks_are_commands() {
    let line = |task: &str| {
        let desk = Desk::new("kamal").order(|order| order.task = task.parse().unwrap());
        desk.lines(&json!({})).remove(0)
    };
    assert_eq!(line("deploy:redeploy"), format!("kamal redeploy --version={SHA}"));
    assert_eq!(line("deploy:setup"), format!("kamal setup --version={SHA}"));
    assert_eq!(line("deploy:rollback"), format!("kamal rollback {SHA}"));
    let desk = Desk::new("kamal").order(|order| order.task = "remove".parse().unwrap());
    assert!(desk.refusal(&json!({})).starts_with("input `task` is `remove`"));
    let text = Desk::new("kamal").noop().refusal(&json!({}));
    assert_eq!(text, "provider `kamal` has no dry run; deploy without `:plan`");
}

#[tokio::test]
async fn a_rollback_to_what_is_not_there_is_no_success() {
    let said = format!(
        "The app version '{SHA}' is not available as a container (use 'kamal app containers' for available versions)\n"
    );
    let mut desk = Desk::new("kamal")
        .order(|order| order.task = "deploy:rollback".parse().unwrap())
        .program(&["kamal"])
        .secret("KAMAL_REGISTRY_PASSWORD", "a registry password")
        .answers(1, 0, &said);
    let ran = desk.run(json!({})).await;
    let cause = format!("the hosts have no container of `{SHA}`");
    assert_eq!(ran.told(), (RunState::Failed, Some(cause.as_str())));
    assert_eq!(
        desk.variables(1, &["KAMAL_REGISTRY_PASSWORD"]),
        ["KAMAL_REGISTRY_PASSWORD=a registry password"]
    );
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "kamal",
        &["kamal"],
        json!({}),
        &[],
        &[
            (
                "Deploy lock already in place!\nLocked by: mona at 2025-01-01T10:00:00Z\nVersion: 1\nMessage: Automatic deploy \
                 lock\n  ERROR (Kamal::Cli::LockError): Deploy lock found. Run 'kamal lock help' for more information\n",
                "the deploy lock is held by mona",
            ),
            (
                "  ERROR (SSHKit::Command::Failed): Exception while executing on host 10.0.0.1: docker exit status: 1\ndocker \
                 stderr: Error: target failed to become healthy within configured timeout (30s)\n",
                "not healthy after 30s",
            ),
            (
                "  \u{1b}[31mERROR (Net::SSH::AuthenticationFailed): Authentication failed for user deploy@10.0.0.1\u{1b}[0m\n",
                "`deploy@10.0.0.1` refuses the key",
            ),
            (
                "  ERROR (RuntimeError): Configuration file not found in /x/config/deploy.yml\n",
                "there is no `/x/config/deploy.yml`",
            ),
            ("  ERROR (ArgumentError): No --hosts match for b.example.com\n", "no hosts match b.example.com"),
            (
                "  ERROR (Kamal::ConfigurationError): Secret 'RAILS_MASTER_KEY' not found in .kamal/secrets\n",
                "secret `RAILS_MASTER_KEY` is not set",
            ),
            (
                "  \u{1b}[31mERROR (SSHKit::Command::Failed): Exception while executing on host 10.0.0.1: docker exit status: 125\n",
                "10.0.0.1 docker exit status: 125",
            ),
        ],
    )
    .await;
}
