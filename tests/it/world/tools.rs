//! Two providers from the delivery to the status on GitHub: a secret as a file, and a server's failure as a description.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use serde_json::json;

use crate::providers::server::{Reply, Server};
use crate::world::stage::World;

#[tokio::test]
async fn a_kubeconfig_is_a_file_of_the_run() {
    let app = "
provider: kubectl
with: { manifests: [k8s/], namespace: '{{environment}}', rollouts: [deployment/web] }
required_contexts: []
env: { PATH: '{folder}/bin:/usr/bin:/bin' }
secrets: { KUBECONFIG: { file: '{folder}/kubeconfig' } }
environments: { staging: {} }
";
    let world = {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, "a kubeconfig of the tests\n").unwrap();
        fs::set_permissions(&kubeconfig, fs::Permissions::from_mode(0o600)).unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let probe = "#!/bin/sh\nstat -c '%a' \"$KUBECONFIG\"\ncat \"$KUBECONFIG\"\n";
        fs::write(bin.join("kubectl"), probe).unwrap();
        fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o700)).unwrap();
        let app = app.replace("{folder}", &folder.path().display().to_string());
        let world = World::setup().app(&app).start().await;
        let id = world.deploy("staging").await;
        world.settle().await;
        assert_snapshot!(world.log(id).await, @r"
        $ kubectl --namespace=staging apply --filename=k8s/
        600
        ***
        $ kubectl --namespace=staging rollout status --timeout=600s deployment/web
        600
        ***
        ");
        assert_eq!(world.latest(id).state, "success");
        world
    };
    world.end().await;
}

#[tokio::test]
async fn a_failure_on_a_server_is_told_on_github() {
    let server = Server::start(vec![
        Reply::Json(201, json!({ "id": 7 })),
        Reply::Json(200, json!({ "status": "failed", "message": "3 tests are red" })),
    ])
    .await;
    let app = format!(
        "
provider: http
with:
  url: {0}/deploys
  body: {{ environment: '{{{{environment}}}}', sha: '{{{{sha}}}}' }}
  status_url: '{0}/deploys/${{/id}}'
required_contexts: []
environments: {{ staging: {{}} }}
",
        server.url
    );
    let world = World::setup().app(&app).start().await;
    let id = world.deploy("staging").await;
    world.settle().await;
    assert_snapshot!(world.told(id).await, @"failure: failure: 3 tests are red (failed) (step `http`, code 1) after 0 s");
    assert!(!world.path("data/mirrors").exists(), "nothing was checked out");
    world.end().await;
}
