//! Rooms that are away, slow, rude or gone: the others hear everything, and everybody hears everything once.

use std::time::Duration;

use chima_simulator::fault::{Fault, FaultKind};
use chima_simulator::message::Answer;
use chima_simulator::rooms::world::Service;
use serde_json::json;

use super::Town;
use crate::world::ending::Left;
use crate::world::stage::World;

const BOTH: &str = "
  - to: { mattermost: { file: '{folder}/mattermost' } }
  - to: { discord: { file: '{folder}/discord' } }
";
const ALL: &str = "
  - to: { mattermost: { file: '{folder}/mattermost' } }
  - to: { rocket_chat: { file: '{folder}/rocket_chat' } }
  - to: { discord: { file: '{folder}/discord' } }
  - to: { teams: { file: '{folder}/teams' } }
  - to: { webhook: { url: { file: '{folder}/program' }, secret: { file: '{folder}/program-secret' } } }
";

impl Town {
    /// How often the success was told to one of them.
    fn successes(&self, service: Service) -> usize {
        let posted = self.posted(service);
        posted.iter().filter(|posted| posted.text.contains("succeeded")).count()
    }

    /// Everybody hears of one success once, within the time it takes to ask again.
    async fn all_hear_once(self) {
        for service in [
            Service::Mattermost,
            Service::RocketChat,
            Service::Discord,
            Service::Teams,
            Service::Program,
        ] {
            assert_eq!(self.successes(service), 1, "{service:?}: {}", self.rooms.describe());
        }
        self.end().await;
    }
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let town = Town::new(ALL).await;
    town.rooms.down();
    let id = town.world.deploy("staging").await;
    town.world.settle().await;
    assert_eq!(town.world.latest(id).state, "success", "GitHub hears it meanwhile");
    town.rooms.up();
    town.world.settle_all().await;
    town.all_hear_once().await;
}

#[tokio::test]
async fn trouble_of_their_own_is_waited_out() {
    for kind in [FaultKind::InternalError, FaultKind::BadGateway, FaultKind::Close] {
        let town = Town::new(ALL).await;
        town.rooms.fail(Fault::on_any("/", kind).times(15));
        town.world.deploy("staging").await;
        town.world.settle_all().await;
        town.all_hear_once().await;
    }
}

#[tokio::test]
async fn who_asks_to_wait_is_left_alone_for_so_long() {
    let town = Town::new(ALL).await;
    for path in [
        "/hooks/simulator",
        "/hooks/66",
        "/api/webhooks",
        "/workflows",
        "/signed",
    ] {
        town.rooms
            .fail(Fault::on_any(path, FaultKind::TooManyRequests { seconds: 40 }));
    }
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    for service in [
        Service::Mattermost,
        Service::RocketChat,
        Service::Discord,
        Service::Teams,
    ] {
        assert_eq!(town.successes(service), 2, "{service:?}: {}", town.rooms.describe());
    }
    town.end().await;
}

/// <https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit>
#[tokio::test]
async fn discord_says_in_its_body_how_long_to_wait() {
    let town = Town::new(BOTH).await;
    let limited = json!({"message": "You are being rate limited.", "retry_after": 64.57, "global": false});
    let answer = Answer::json(429, &limited).with("retry-after", "1");
    town.rooms
        .fail(Fault::on_any("/api/webhooks", FaultKind::Answer(answer)));
    town.world.deploy("staging").await;
    town.world.settle().await;
    town.world.clock.advance(Duration::from_secs(60));
    town.world.settle().await;
    assert_eq!(
        (town.successes(Service::Mattermost), town.successes(Service::Discord)),
        (1, 0),
        "only the one waits"
    );
    town.world.settle_all().await;
    assert_eq!(town.successes(Service::Discord), 1);
    town.end().await;
}

#[tokio::test]
async fn one_that_never_answers_holds_up_nobody_else() {
    let town = Town::new(BOTH).await;
    town.rooms
        .fail(Fault::on_any("/api/webhooks", FaultKind::Timeout).always());
    town.world.deploy("staging").await;
    town.world.intake().await;
    town.world.answer_bells().await;
    let engine = town.world.engine.clone();
    let heard = |world: &chima_simulator::rooms::world::World| {
        let mut posted = world.posted.iter();
        posted.any(|posted| posted.text.contains("succeeded"))
    };
    let told = async {
        town.rooms.wait_for(heard, Duration::from_secs(5)).await.unwrap();
        town.rooms.heal();
        // ends what hangs
        town.rooms.down();
    };
    let (tried, ()) = tokio::join!(chima::flow::outbox::step(&engine), told);
    tried.unwrap();
    town.rooms.up();
    town.world.clock.advance(Duration::from_secs(120));
    town.world.settle_all().await;
    assert_eq!(
        (town.successes(Service::Mattermost), town.successes(Service::Discord)),
        (1, 1)
    );
    town.end().await;
}

#[tokio::test]
async fn whoever_refuses_for_ever_is_given_up_with_what_to_do_and_without_the_address() {
    for (service, path, words) in [
        (
            Service::Mattermost,
            "/hooks/simulator",
            "given up: Mattermost answered 404: Not Found; check the address in file",
        ),
        (
            Service::RocketChat,
            "/hooks/66",
            "given up: Rocket.Chat answered 404: Not Found; check the address in file",
        ),
        (
            Service::Discord,
            "/api/webhooks",
            "given up: Discord answered 404: Not Found; check the address in file",
        ),
        (
            Service::Teams,
            "/workflows",
            "given up: Teams answered 404: Not Found; check the address in file",
        ),
    ] {
        let town = Town::new(ALL).await;
        town.rooms.fail(Fault::on_any(path, FaultKind::NotFound).always());
        let id = town.world.deploy("staging").await;
        town.world.settle_all().await;
        assert_eq!(town.world.latest(id).state, "success");
        let page = town.world.run_page(id).await;
        assert!(page.contains(words), "{words}: {page}");
        let secret = service.path().rsplit(['/', '=']).next().unwrap();
        assert!(!page.contains(secret), "{page}");
        town.end_with(Left { held: 0, dead: 1 }).await;
    }
}

/// A proxy's page names what was asked for.
#[tokio::test]
async fn an_answer_that_repeats_the_address_is_shown_without_it() {
    let town = Town::new("  - to: { teams: { file: '{folder}/teams' } }\n").await;
    let echo = Answer::text(403, &format!("no {} for you", Service::Teams.path()));
    town.rooms
        .fail(Fault::on_any("/workflows", FaultKind::Answer(echo)).always());
    let id = town.world.deploy("staging").await;
    town.world.settle_all().await;
    let page = town.world.run_page(id).await;
    assert!(page.contains("Teams answered 403: no"), "{page}");
    assert!(!page.contains("simulatorteams"), "{page}");
    town.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let town = Town::new("  - to: { discord: { file: '{folder}/discord' } }\n").await;
    let away = Answer::empty(307).with("location", town.rooms.url(Service::Mattermost));
    town.rooms
        .fail(Fault::on_any("/api/webhooks", FaultKind::Answer(away)).always());
    let id = town.world.deploy("staging").await;
    town.world.settle_all().await;
    assert!(
        town.world
            .run_page(id)
            .await
            .contains("a redirect, which is not followed")
    );
    assert_eq!(town.posted(Service::Mattermost), vec![]);
    town.end_with(Left { held: 0, dead: 1 }).await;
}

/// The id stays, so that whoever saw it ignores the second.
#[tokio::test]
async fn a_lost_answer_is_tried_again_under_the_same_id() {
    let town = Town::new(ALL).await;
    town.rooms
        .fail(Fault::on_any("/signed/simulatorprogram", FaultKind::LostAnswer));
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    let posted = town.posted(Service::Program);
    let [first, second] = posted.as_slice() else {
        panic!("{posted:#?}");
    };
    assert_eq!((&first.id, &first.body["key"]), (&second.id, &second.body["key"]));
    assert!(first.id.is_some());
    town.end().await;
}

#[tokio::test]
async fn news_that_nobody_took_for_a_day_are_none_any_more() {
    let town = Town::new("  - to: { discord: { file: '{folder}/discord' } }\n").await;
    town.rooms.down();
    let id = town.world.deploy("staging").await;
    town.world.settle().await;
    town.world.clock.advance(Duration::from_secs(86_401));
    town.world.outbox().await;
    assert!(
        town.world
            .run_page(id)
            .await
            .contains("given up: Discord did not answer")
    );
    town.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn what_waits_for_somebody_who_was_taken_out_of_the_configuration_is_given_up() {
    let mut town = Town::new("  - to: { discord: { file: '{folder}/discord' } }\n").await;
    town.rooms.down();
    let id = town.world.deploy("staging").await;
    town.world.settle().await;
    town.world.restart_without("discord").await;
    town.world.sweep().await;
    let page = town.world.run_page(id).await;
    assert!(
        page.contains("is not in the configuration any more, or its secret is not there"),
        "{page}"
    );
    town.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn whoever_is_not_set_up_is_told_nothing_and_leaves_nothing_behind() {
    let setup = World::setup().without_slack();
    let town = Town::with(setup, "  - to: { discord: { env: CHIMA_TEST_IS_NOT_SET } }\n").await;
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    assert_eq!(town.rooms.requests(), vec![]);
    town.end().await;
}
