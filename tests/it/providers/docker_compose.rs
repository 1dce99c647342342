//! Docker Compose.

use chima::domain::run::RunState;
use serde_json::json;

use super::desk::{Desk, causes};

#[tokio::test]
async fn services_are_brought_up_and_waited_for() {
    let desk = Desk::new("docker-compose").file("live.env", "");
    for (with, line) in [
        (
            json!({}),
            "docker compose --project-name=shop-staging up --detach --wait --wait-timeout=300 --remove-orphans --pull=always",
        ),
        (
            json!({
                "project": "shop", "services": ["web", "worker"], "build": true, "wait": false, "remove_orphans": false,
                "force_recreate": true, "env_file": "live.env", "context": "edge", "profiles": ["a"]
            }),
            "docker --context=edge compose --project-name=shop --env-file=live.env up --detach --force-recreate --build web worker",
        ),
    ] {
        assert_eq!(desk.lines(&with), [line]);
    }
    let desk = desk.noop();
    assert_eq!(
        desk.lines(&json!({ "wait_seconds": 60, "pull": "missing" })),
        [
            "docker compose --project-name=shop-staging --dry-run up --detach --wait --wait-timeout=60 --remove-orphans \
             --pull=missing"
        ]
    );
}

#[tokio::test]
async fn files_profiles_and_the_engine_are_variables() {
    let mut desk = Desk::new("docker-compose")
        .program(&["docker"])
        .secret("DOCKER_AUTH_CONFIG", "{\"auths\":{}}-long");
    let with = json!({
        "compose_files": ["compose.yaml", "ops/live.yaml"], "profiles": ["web", "jobs"], "host": "ssh://deploy@www.example.com"
    });
    let ran = desk.run(with).await;
    assert_eq!(ran.told(), (RunState::Succeeded, None));
    assert_eq!(ran.calls.len(), 1);
    let names = [
        "COMPOSE_FILE",
        "COMPOSE_PATH_SEPARATOR",
        "COMPOSE_PROFILES",
        "COMPOSE_ANSI",
        "COMPOSE_PROGRESS",
        "BUILDKIT_PROGRESS",
        "DOCKER_CLI_HINTS",
        "DOCKER_HOST",
        "DOCKER_AUTH_CONFIG",
    ];
    assert_eq!(
        desk.variables(1, &names),
        [
            "BUILDKIT_PROGRESS=plain",
            "COMPOSE_ANSI=never",
            "COMPOSE_FILE=compose.yaml,ops/live.yaml",
            "COMPOSE_PATH_SEPARATOR=,",
            "COMPOSE_PROFILES=web,jobs",
            "COMPOSE_PROGRESS=plain",
            "DOCKER_AUTH_CONFIG={\"auths\":{}}-long",
            "DOCKER_CLI_HINTS=false",
            "DOCKER_HOST=ssh://deploy@www.example.com",
        ]
    );
    let mut desk = Desk::new("docker-compose").program(&["docker"]);
    desk.run(json!({})).await;
    assert_eq!(
        desk.variables(1, &["COMPOSE_FILE", "DOCKER_HOST", "COMPOSE_PROFILES"]),
        [""; 0]
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let desk = Desk::new("docker-compose");
    for (with, input) in [
        (json!({ "project": "Shop" }), "project"),
        (json!({ "host": "https://x" }), "host"),
        (json!({ "compose_files": ["../x"] }), "compose_files"),
        (json!({ "services": ["--help"] }), "services"),
        (json!({ "pull": "now" }), "pull"),
    ] {
        let text = desk.refusal(&with);
        assert!(text.starts_with(&format!("input `{input}` is ")), "{text}");
    }
}

#[tokio::test]
async fn causes_are_read() {
    causes(
        "docker-compose",
        &["docker"],
        json!({}),
        &[],
        &[
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
                "no Docker engine answers at `unix:///var/run/docker.sock`",
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: …\n",
                "this account may not use the Docker engine",
            ),
            ("docker: unknown command: docker compose\n", "Docker's Compose plugin is not installed"),
            ("no configuration file provided: not found\n", "there is no Compose file"),
            ("open /x/nope.yaml: no such file or directory\n", "there is no file `/x/nope.yaml`"),
            ("no such service: webb\n", "there is no service `webb`"),
            (
                "Error response from daemon: … Bind for 0.0.0.0:80 failed: port is already allocated\n",
                "port `0.0.0.0:80` is taken",
            ),
            (
                "dependency failed to start: container shop-db-1 exited (1)\n",
                "container shop-db-1 exited (1)",
            ),
            (
                " Container shop-web-1  Waiting\ncontainer shop-web-1 is unhealthy\n",
                "container shop-web-1 is unhealthy",
            ),
            ("application not healthy after 5m0s\n", "not healthy after 5m0s"),
            (
                "Error response from daemon: pull access denied for octo/shop, repository does not exist or may …\n",
                "no access to image `octo/shop`",
            ),
            (
                "Error response from daemon: manifest for octo/shop:nope not found: manifest unknown: manifest unknown\n",
                "there is no image `octo/shop:nope`",
            ),
        ],
    )
    .await;
}
