//! Errbot 6, with `examples/errbot`.

use std::fs;
use std::path::Path;

use super::bot::{Bot, SECRET, bot, forged, free_port, setup};
use crate::tools::folder::copy_folder;
use crate::world::stage::World;
use crate::world::steps::PATIENCE;

fn errbot(world: &World) -> Bot {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = world.path("errbot");
    for part in ["data", "plugins/chima"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    copy_folder(&root.join("examples/errbot"), &folder.join("plugins/chima"));
    let config = format!(
        "import logging
BACKEND = 'Text'
BOT_DATA_DIR = r'{0}/data'
BOT_EXTRA_PLUGIN_DIR = r'{0}/plugins'
BOT_LOG_FILE = r'{0}/errbot.log'
BOT_LOG_LEVEL = logging.INFO
BOT_ADMINS = ('@mona',)
CORE_PLUGINS = ('ACLs', 'Help', 'Plugins', 'TextCmds', 'Webserver')
",
        folder.display()
    );
    fs::write(folder.join("config.py"), config).unwrap();
    let program = root.join("target/tools/errbot/bin/errbot");
    let path = folder.join("config.py");
    let mut command = bot(world, &program, &folder, &["-c", &path.display().to_string()]);
    command.env("CHIMA_ERRBOT_SECRET", SECRET).env("PYTHONUNBUFFERED", "1");
    Bot::start(command)
}

/// One bot for all of it: it takes seconds to begin. At a terminal it shows code in colours, without backticks.
#[tokio::test]
async fn a_deployment_is_asked_for_in_a_room_and_its_end_is_said_there() {
    let port = free_port();
    let world = setup("errbot", port).start().await;
    let mut bot = errbot(&world);
    bot.says("You start as a").await;
    bot.type_in(&format!(
        "!plugin config Webserver {{'HOST': '127.0.0.1', 'PORT': {port}, 'SSL': None}}"
    ));
    bot.says("Plugin configuration done").await;
    bot.listens(port).await;
    bot.type_in("!inroom");
    bot.type_in("!deploy site to staging");
    bot.says("to staging of site").await;
    world.github.wait_for_deliveries(PATIENCE).await.unwrap();
    world.settle_all().await;
    bot.says("succeeded: deploy site to staging").await;
    let run = world.runs().await.pop().unwrap();
    assert_eq!(
        (run.requester.as_deref(), run.room.as_deref()),
        (Some("mona"), Some("#testroom"))
    );
    assert_eq!(world.journal().len(), 2, "it was carried out");
    bot.type_in("!chima make coffee");
    bot.says("make is no command").await;
    assert_eq!(forged(port).await, 401);
    assert!(!bot.said().contains("forged words"), "{}", bot.said());
    drop(bot);
    world.end().await;
}
