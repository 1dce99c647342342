//! Hubot 14, with `examples/hubot`.

use std::fs;
use std::path::{Path, PathBuf};

use super::bot::{Bot, SECRET, bot, forged, free_port, setup};
use crate::tools::folder::copy_folder;
use crate::world::stage::World;
use crate::world::steps::PATIENCE;

fn hubot(world: &World, port: u16, token: Option<&str>) -> Bot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = world.path("hubot");
    fs::create_dir(&folder).unwrap();
    copy_folder(&root.join("examples/hubot"), &folder);
    let program: PathBuf = root.join("target/tools/hubot/node_modules/.bin/hubot");
    let arguments = ["--disable-httpd", "--name", "chima", "--adapter", "Shell"];
    let mut command = bot(world, &program, &folder, &arguments);
    command
        .env("CHIMA_HUBOT_SECRET", SECRET)
        .env("CHIMA_CALLBACK_PORT", port.to_string())
        .env("HUBOT_SHELL_USER_NAME", "mona");
    if let Some(token) = token {
        command.env("CHIMA_CHAT_TOKEN", token);
    }
    Bot::start(command)
}

#[tokio::test]
async fn a_deployment_is_asked_for_in_chat_and_its_end_is_said_there() {
    let port = free_port();
    let world = setup("hubot", port).start().await;
    let mut bot = hubot(&world, port, None);
    bot.listens(port).await;
    bot.type_in("deploy site to staging");
    bot.says("to `staging` of `site`").await;
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    world.settle_all().await;
    bot.says("succeeded: deploy `site` to `staging`").await;
    let run = world.runs().await.pop().unwrap();
    assert_eq!(
        (run.requester.as_deref(), run.room.as_deref()),
        (Some("mona"), Some("Shell"))
    );
    assert_eq!(world.journal().len(), 2, "it was carried out");
    bot.type_in("make coffee");
    bot.says("`make` is no command").await;
    assert_eq!(forged(port).await, 401);
    assert!(!bot.said().contains("forged words"), "{}", bot.said());
    drop(bot);
    world.end().await;
}

#[tokio::test]
async fn a_wrong_token_is_said_and_nothing_is_done() {
    let port = free_port();
    let world = setup("hubot", port).start().await;
    let mut bot = hubot(&world, port, Some("not the token of this chima"));
    bot.listens(port).await;
    bot.type_in("deploy site to staging");
    bot.says("the token is missing or wrong").await;
    drop(bot);
    assert!(world.runs().await.is_empty());
    world.end().await;
}
