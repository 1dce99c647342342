//! Letters, over real SMTP.

use std::time::Duration;

use chima_simulator::smtp::MailServer;
use insta::assert_snapshot;

use super::Town;
use crate::world::ending::Left;
use crate::world::setup::Setup;
use crate::world::stage::World;

const NOTIFY: &str = "  - to: { email: { to: [ops@example.com, mona@example.com], from: chima@example.com } }
    states: [failed, succeeded]
";
const PASSWORD: &str = "simulator-mail-password";

fn writing_to(mail: &MailServer) -> Setup {
    let smtp = format!(
        "smtp: {{ host: 127.0.0.1, port: {}, tls: none, username: chima, password: {{ file: '{{folder}}/mail-password' }} }}",
        mail.port()
    );
    World::setup()
        .without_slack()
        .top(&smtp)
        .beside("mail-password", PASSWORD)
}

#[tokio::test]
async fn people_get_one_letter_of_plain_text() {
    let mail = MailServer::start(Some(("chima", PASSWORD))).await.unwrap();
    let setup = writing_to(&mail).script("#!/bin/sh\necho one; echo .two; exit 3\n");
    let town = Town::with(setup, NOTIFY).await;
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    let letters = mail.letters();
    let [letter] = letters.as_slice() else {
        panic!("{letters:#?}");
    };
    assert_eq!(
        (letter.from.as_str(), letter.to.join(" ").as_str()),
        ("chima@example.com", "ops@example.com mona@example.com")
    );
    assert_eq!(letter.header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(letter.header("To"), ["ops@example.com, mona@example.com"]);
    assert_snapshot!(letter.header("Subject").join("\n"), @"[chima] failed: deploy site to staging");
    let (_, body) = letter.text.split_once("\r\n\r\n").unwrap();
    assert_snapshot!(town.world.redacted(&body.replace("\r\n", "\n")).await, @"
    failed: deploy `site` to `staging`

    step `deploy` exited with code 3; read the log, fix the cause, then deploy =
    again

    `octo/site` at <one> (main)
    asked for by @mona
    took 0 s

    the end of the log:

        $ ./script/deploy
        one
        .two
        [chima: exited with code 3]

    <chima>/runs/<run 1>
    ");
    town.end().await;
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let mail = MailServer::start(Some(("chima", PASSWORD))).await.unwrap();
    let town = Town::with(writing_to(&mail), NOTIFY).await;
    for _ in 0..3 {
        mail.refuse_next("451 4.3.0 try again later");
    }
    town.world.deploy("staging").await;
    town.world.settle_all().await;
    assert_eq!(mail.letters().len(), 1);
    town.end().await;
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let mail = MailServer::start(Some(("chima", PASSWORD))).await.unwrap();
    let setup = writing_to(&mail);
    drop(mail);
    let town = Town::with(setup, NOTIFY).await;
    let id = town.world.deploy("staging").await;
    town.world.settle().await;
    let page = town.world.run_page(id).await;
    assert!(page.contains("the mail server did not answer"), "{page}");
    town.world.clock.advance(Duration::from_secs(86_401));
    town.world.outbox().await;
    town.end_with(Left { held: 0, dead: 1 }).await;
}

#[tokio::test]
async fn what_the_server_never_takes_is_given_up_with_its_words_and_without_the_password() {
    let refused = |answer: &'static str, login: &'static str| async move {
        let mail = MailServer::start(Some(("chima", login))).await.unwrap();
        let town = Town::with(writing_to(&mail), NOTIFY).await;
        if !answer.is_empty() {
            mail.refuse_next(answer);
        }
        let id = town.world.deploy("staging").await;
        town.world.settle_all().await;
        let page = town.world.run_page(id).await;
        assert!(!page.contains(PASSWORD), "{page}");
        assert_eq!(mail.letters(), vec![]);
        town.end_with(Left { held: 0, dead: 1 }).await;
        let at = page.find("given up:").unwrap();
        page[at..].split(';').next().unwrap().to_owned()
    };
    assert_snapshot!(refused("550 5.7.1 we do not take letters from you", PASSWORD).await, @"given up: the mail server answered 550: 5.7.1 we do not take letters from you");
    assert_snapshot!(refused("", "another-password").await, @"given up: the mail server answered 535: 5.7.8 authentication credentials invalid");
}
