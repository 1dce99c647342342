//! What stands below `examples/TOOL`: its project as a repository, and the app of its `app.yaml`, as it stands but for the key
//! and the host, which are the test's.

use std::fs;

use serde_json::{Value, json};

use crate::docs::root;
use crate::tools::stage::Stage;
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::stage::World;

/// An example whose environment `staging` deploys to a target of its own. `aim` changes the environment's keys to that end.
pub async fn example(tool: &Tool, aim: impl FnOnce(&Target, &mut Value)) -> Stage {
    let target = Target::start();
    let folder = root().join("examples").join(tool.provider);
    let text = fs::read_to_string(folder.join("app.yaml")).expect("a file of the repository");
    let mut file: Value = serde_yaml::from_str(&text).expect("an example is YAML");
    let mut app = file["apps"]["website"].take();
    let server = &target.server;
    app["ssh"] = json!({ "key": server.key(), "known_hosts": server.known_hosts() });
    let mut staging = app["environments"]["staging"].take();
    aim(&target, &mut staging);
    let path = &tool.path;
    let known = staging["env"].as_object().cloned().unwrap_or_default();
    staging["env"] = json!({ "PATH": path });
    for (name, value) in known {
        staging["env"][name] = value;
    }
    app["environments"] = json!({ "staging": staging });
    let keys = app.as_object().expect("an app is a map").iter();
    let lines = keys.filter(|(key, _)| *key != "repository");
    let lines: Vec<String> = lines.map(|(key, value)| format!("{key}: {value}")).collect();
    let setup = World::setup().app(&lines.join("\n")).project(&folder.join("project"));
    Stage::start(setup, target).await
}
