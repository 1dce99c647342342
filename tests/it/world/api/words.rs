//! What cannot be meant is said before GitHub is asked.

use chima::domain::viewer::Scope;
use serde_json::json;

use crate::world::api::Ask;
use crate::world::stage::World;

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_code() {
    let world = World::setup().with("tasks: [deploy]").start().await;
    let token = world.token("mona", &[Scope::Deploy]).await;
    let asked = world.github.requests().len();
    for (number, (more, status, code)) in [
        (json!({"environment": "moon"}), 404, "environment_unknown"),
        (json!({"app": "hubot"}), 404, "app_unknown"),
        (json!({"ref": "--upload-pack=x"}), 422, "ref_malformed"),
        (json!({"ref": "a b"}), 422, "ref_malformed"),
        (json!({"task": "-eputs 1"}), 422, "task_malformed"),
        (json!({"task": "deploy:drop"}), 422, "task_not_allowed"),
        (json!({"hosts": ["$(id)"]}), 422, "hosts_malformed"),
        (json!({"hosts": ["web1"]}), 422, "hosts_not_allowed"),
        (json!({"ref": 1}), 422, "bad_request"),
        (json!({"environment": null}), 422, "bad_request"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = json!({"app": "site", "environment": "staging"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = world
            .api(Ask::post("/deployments", &token, body.clone()).keyed(&number.to_string()))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{body}: {}",
            answer.text
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(world.github.requests().len(), asked);
    world.end().await;
}
