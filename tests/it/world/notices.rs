//! News for bots, programs, rooms and people: each in their own form, each once, and whoever is away holds up nobody else.

mod callbacks;
mod filters;
mod hostile;
mod mail;
mod rooms;
mod trouble;

use chima_simulator::rooms::world::{Posted, Service};
use chima_simulator::rooms::{Rooms, SECRET};

use crate::world::ending::Left;
use crate::world::setup::Setup;
use crate::world::stage::World;

/// A world with stand-ins for those who are told.
struct Town {
    world: World,
    rooms: Rooms,
}

impl Town {
    /// Everything that has an address here is at hand as `{folder}/mattermost` and so on; `notify` is the list in YAML.
    async fn new(notify: &str) -> Self {
        Self::with(World::setup().without_slack(), notify).await
    }

    async fn with(setup: Setup, notify: &str) -> Self {
        let rooms = Rooms::start().await.unwrap();
        let files = [
            ("mattermost", Service::Mattermost),
            ("rocket_chat", Service::RocketChat),
            ("discord", Service::Discord),
            ("teams", Service::Teams),
            ("program", Service::Program),
        ];
        let mut setup = setup
            .callback("bot", &rooms.url(Service::Bot), SECRET)
            .beside("program-secret", SECRET);
        for (name, service) in files {
            setup = setup.beside(name, &rooms.url(service));
        }
        if !notify.is_empty() {
            setup = setup.top(&format!("notify:\n{notify}"));
        }
        let world = setup.start().await;
        rooms.set_clock(world.clock.simulators());
        Self { world, rooms }
    }

    /// What one of them was told, for people to read.
    async fn told(&self, service: Service) -> String {
        let texts: Vec<String> = self.posted(service).into_iter().map(|posted| posted.text).collect();
        self.world.redacted(&texts.join("\n---\n")).await
    }

    fn posted(&self, service: Service) -> Vec<Posted> {
        self.rooms.posted(service)
    }

    async fn end(self) {
        self.end_with(Left::default()).await;
    }

    async fn end_with(self, left: Left) {
        let Self { world, rooms } = self;
        let what = rooms.describe();
        assert!(rooms.unplanned().is_empty(), "unplanned: {what}");
        assert_eq!(
            rooms.requests_inside_wait_window(),
            0,
            "somebody had asked to wait: {what}"
        );
        rooms.read(|world| {
            let calls: Vec<&Posted> = world.posted.iter().filter(|posted| posted.calls_everybody).collect();
            assert!(calls.is_empty(), "calls everybody: {calls:#?}");
        });
        world.end_with(left).await;
    }
}
