//! What `checkout:` asks for is there when the command runs, and what cannot be brought is said on GitHub.

use std::fs;

use chima_simulator::git::GitRepository;
use insta::assert_snapshot;

use crate::world::stage::World;

/// A world whose `main` has the submodule `lib`; only `production` asks for it.
async fn with_a_submodule() -> (World, GitRepository) {
    let keys = "provider: shell\nrequired_contexts: []\nwith: { command: [cat, lib/file] }\nenvironments:\n  staging: {}\n  \
                production: { checkout: { submodules: true } }";
    let mut world = World::setup().app(keys).start().await;
    let lib = GitRepository::create(&world.path("lib")).unwrap();
    lib.write("file", "of the submodule\n").unwrap();
    let sha = lib.commit("lib").unwrap();
    fs::create_dir(world.git.path().join("lib")).unwrap();
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib\n";
    world.git.write(".gitmodules", modules).unwrap();
    let entry = format!("160000,{sha},lib");
    world
        .git
        .git(&["update-index", "--add", "--cacheinfo", &entry])
        .unwrap();
    world.commit_all("submodule");
    (world, lib)
}

#[tokio::test]
async fn a_command_finds_the_submodules_that_its_environment_asks_for() {
    let (world, _lib) = with_a_submodule().await;
    let production = world.deploy("production").await;
    let staging = world.deploy("staging").await;
    world.settle().await;
    assert_snapshot!(world.log(production).await, @"
    $ cat lib/file
    of the submodule
    ");
    assert_eq!(world.states(staging).last().map(String::as_str), Some("failure"));
    world.end().await;
}

#[tokio::test]
async fn a_submodule_that_is_not_there_ends_the_deployment_with_its_name() {
    let (world, lib) = with_a_submodule().await;
    fs::remove_dir_all(lib.path()).unwrap();
    let id = world.deploy("production").await;
    world.settle().await;
    let told = world.redacted(&world.told(id).await).await;
    let expected =
        "error: error: the commit could not be checked out: submodule `lib`: there is no folder `<folder>/lib`";
    assert!(told.starts_with(expected), "{told}");
    world.end().await;
}
