//! Fabric 1's form, end to end, with a program that reads its command line as Fabric 1 does; and no generation is given the
//! command line of another.

use insta::assert_snapshot;

use crate::docs::root;
use crate::tools::matrix::record;
use crate::tools::stage::{Act, Case, Row, Stage};
use crate::tools::target::Target;
use crate::tools::tool::Tool;
use crate::world::stage::World;

/// The stand-in, first in the `PATH`.
fn fabric_1() -> Tool {
    let folder = root().join("tests/it/tools/fab1");
    Tool {
        origin: "probe",
        path: format!("{}:/usr/bin:/bin", folder.display()),
        ..Tool::debian("fabric", "fab")
    }
}

#[tokio::test]
async fn a_task_of_fabric_1_gets_its_role_and_its_commit() {
    let legacy = |name, keys: &str| Case::new(name, &format!("{{ with: {{ legacy: true{keys} }} }}"));
    let cases = [
        legacy("ok", ", roles: [web], args: { restart: 'yes' }")
            .logs(r#""-R", "ok,web", "--fabfile=./fabfile.py", "--abort-on-prompts", "deploy:branch_name="#)
            .logs(r#""restart": "yes""#)
            .logs("CHIMA_REMOTE_TERMINAL=true"),
        Case::new("narrowed", "{ hosts: [web1, web2], with: { legacy: true } }")
            .hosts("web2")
            .logs(r#""hosts": "web2""#)
            .logs("CHIMA_HOSTS=web2"),
        legacy("fails", ", args: { exit: '3' }"),
        legacy("asks", ", args: { ask: web1 }"),
        legacy("planned", "").act(Act::Plan),
        Case::new("newer", "{ with: { legacy: false } }"),
        Case::new("older", "{ with: { legacy: true }, env: { PATH: /usr/bin:/bin } }"),
    ];
    let (tool, target) = (fabric_1(), Target::start());
    let setup = World::setup()
        .app(&Stage::app(&tool, &target, "", &cases))
        .files(&[("fabfile.py", "")]);
    let stage = Stage::start(setup, target).await;
    let rows = stage.play(&cases).await;
    // The last two are about which program there is, not about how this one ends.
    record(&tool, &rows[..5]).await;
    stage.end().await;
    assert_snapshot!(rows.iter().map(Row::shown).collect::<String>(), @r"
    ok: 0 success: deployed <one> (main) to ok in 0 s
    narrowed: 0 success: deployed <one> (main) to narrowed in 0 s
    fails: 3 failure: failure: step `fab` exited with code 3 after 0 s
    asks: 1 failure: failure: Fabric asked for a password, which nobody can give (step `fab`, code 1) after 0 s
    planned: 2 failure: plan failed: Fabric 1 has no dry run (step `fab`, code 2) after 0 s
    newer: - error: error: the configuration cannot be used: `fab` is version 1.14.0; expected 2 or later; set `legacy: true` for a fabfile of Fabric 1
    older: - error: error: the configuration cannot be used: `fab` is version 2.6.0; expected a version before 2; remove `legacy`, or install Fabric 1 where th…
    ");
}
