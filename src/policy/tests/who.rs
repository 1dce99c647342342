//! Who may do what: proven by the ledger's record or GitHub's signature, and by nothing that a payload says.

mod branch;
mod force;

use serde_json::{Value, json};

use super::{at, codes, deployment, facts, rules_with};
use crate::domain::actor::{Actor, Named, Via};
use crate::domain::deployment::Deployment;
use crate::domain::ids::{DeploymentId, RepositoryId};
use crate::domain::lock::Place;
use crate::domain::warrant::Warrant;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, Decision, Verdict};
use crate::policy::facts::{Facts, Found, Membership, Own, WhoFacts};
use crate::policy::needs::people;
use crate::policy::rules::Rules;

const BOT: &str = "chima[bot]";

fn named(names: &[&str]) -> Vec<Named> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// `staging`, with these deployers and admins.
fn rules(deployers: &[&str], admins: &[&str]) -> Rules {
    rules_with(|staging| {
        staging.deployers = named(deployers);
        staging.admins = named(admins);
    })
}

fn in_chat(name: &str, id: Option<&str>, login: Option<&str>) -> Actor {
    Actor {
        via: Via::Chat(if id.is_some() { "slack" } else { "chat" }.to_owned()),
        name: name.to_owned(),
        id: id.map(str::to_owned),
        login: login.map(str::to_owned),
    }
}

fn terminal() -> Actor {
    Actor {
        via: Via::Terminal,
        name: "somebody".to_owned(),
        id: Some("root".to_owned()),
        login: None,
    }
}

fn warrant(actor: Actor) -> Warrant {
    Warrant {
        nonce: "01J".to_owned(),
        host: "github.com".to_owned(),
        repository_id: RepositoryId(1),
        place: Place {
            app: "hello".parse().unwrap(),
            environment: "staging".parse().unwrap(),
        },
        task: "deploy".to_owned(),
        git_ref: "main".to_owned(),
        branch: None,
        actor,
        room: None,
        force: false,
        at: at(49),
        deployment: None,
    }
}

fn forcing(actor: Actor) -> Warrant {
    Warrant {
        force: true,
        ..warrant(actor)
    }
}

/// What our own bot made, with that payload.
fn by_us(payload: Value) -> Deployment {
    Deployment {
        creator: Some(BOT.to_owned()),
        payload,
        ..deployment()
    }
}

fn with_nonce() -> Deployment {
    by_us(json!({"nonce": "01J", "actor": "mona"}))
}

fn who(warrant: Warrant) -> WhoFacts {
    WhoFacts {
        warrant: Some(warrant),
        own: Own::Login(BOT.to_owned()),
        memberships: Vec::new(),
    }
}

fn decided(deployment: &Deployment, who: WhoFacts, rules: &Rules) -> Decision {
    decide(deployment, &Facts { who, ..facts() }, rules)
}

fn came_to(decision: &Decision) -> (Verdict, Vec<&'static str>) {
    (decision.verdict, codes(decision))
}

const RUNS: (Verdict, &[&str]) = (Verdict::Run, &[]);
const REFUSED: (Verdict, &[&str]) = (Verdict::Reject, &["deployer_not_allowed"]);
const UNSAID: (Verdict, &[&str]) = (Verdict::Hold, &["facts_unavailable"]);

fn is(decision: &Decision, expected: (Verdict, &[&str]), what: &str) {
    assert_eq!(
        came_to(decision),
        (expected.0, expected.1.to_vec()),
        "{what}: {decision:#?}"
    );
}

#[test]
fn where_nobody_is_named_anybody_may() {
    let rules = rules(&[], &["mona"]);
    for (creator, payload) in [
        ("lisa", json!({})),
        (BOT, json!({"actor": "somebody"})),
        (BOT, json!({"nonce": "01J"})),
        ("", json!({})),
    ] {
        let deployment = Deployment {
            creator: Some(creator.to_owned()),
            ..by_us(payload)
        };
        let decision = decided(&deployment, WhoFacts::default(), &rules);
        is(&decision, RUNS, creator);
        assert!(decision.checks.iter().all(|check| check.name != CheckName::Deployer));
    }
    let unlinked = decided(&with_nonce(), who(warrant(in_chat("lisa", None, None))), &rules);
    is(&unlinked, RUNS, "in chat, without a link");
}

#[test]
fn a_creator_is_a_deployer_by_their_login() {
    for (creator, deployers, admins, expected) in [
        ("mona", &["mona"][..], &[][..], RUNS),
        ("Mona", &["mona"], &[], RUNS),
        ("mona", &["@MONA"], &[], RUNS),
        ("lisa", &["mona"], &[], REFUSED),
        ("mona2", &["mona"], &[], REFUSED),
        ("", &["mona"], &[], REFUSED),
        ("mona", &["chat:mona", "slack:mona"], &[], REFUSED),
        // admins are deployers
        ("lisa", &["mona"], &["lisa"], RUNS),
        ("release[bot]", &["release[bot]"], &[], RUNS),
    ] {
        let known = Rules {
            known_apps: vec!["chima".to_owned(), "release".to_owned()],
            ..rules(deployers, admins)
        };
        let deployment = Deployment {
            creator: Some(creator.to_owned()),
            ..deployment()
        };
        is(&decided(&deployment, WhoFacts::default(), &known), expected, creator);
    }
}

/// Whoever may create deployments may write anything into a payload.
#[test]
fn a_name_in_a_payload_is_nobody() {
    for payload in [
        json!({"actor": "mona"}),
        json!({"notify": {"user_name": "mona", "user": "mona"}}),
        json!({"actor": "mona", "via": "auto_deploy"}),
        json!({"actor": "mona", "via": "cli", "force": true}),
        json!({"nonce": "01J", "actor": "mona"}),
        json!({"nonce": 1}),
        json!({"nonce": "01J", "warrant": {"actor": {"via": "git_hub", "name": "mona", "login": "mona"}}}),
        json!("mona"),
    ] {
        for creator in ["lisa", BOT] {
            let deployment = Deployment {
                creator: Some(creator.to_owned()),
                ..by_us(payload.clone())
            };
            let decision = decided(&deployment, WhoFacts::default(), &rules(&["mona"], &["mona"]));
            is(&decision, REFUSED, &format!("{creator} {payload}"));
            assert_eq!((decision.forced, decision.warrant), (None, None));
        }
    }
}

#[test]
fn whom_chima_wrote_down_is_who_asks() {
    let of_chat = [
        (in_chat("mona", None, None), &["mona"][..], REFUSED),
        (in_chat("mona", None, None), &["chat:mona"], RUNS),
        (in_chat("Mona", None, None), &["chat:mona"], REFUSED),
        (in_chat("mona.l", None, Some("mona")), &["mona"], RUNS),
        (in_chat("mona.l", None, Some("Mona")), &["mona"], RUNS),
        (
            in_chat("mona", Some("U1"), None),
            &["mona", "chat:mona", "slack:mona"],
            REFUSED,
        ),
        (in_chat("mona", Some("U1"), None), &["slack:U1"], RUNS),
        (in_chat("x", Some("U1"), Some("mona")), &["mona"], RUNS),
        (in_chat("mona", Some("U1"), Some("lisa")), &["mona"], REFUSED),
        (Actor::on_github("mona"), &["mona"], RUNS),
        (Actor::on_github("lisa"), &["mona"], REFUSED),
        // by itself, and at the machine's own terminal
        (Actor::itself("lisa"), &["mona"], RUNS),
        (terminal(), &["mona"], RUNS),
    ];
    for (actor, deployers, expected) in of_chat {
        let decision = decided(&with_nonce(), who(warrant(actor.clone())), &rules(deployers, &[]));
        is(&decision, expected, &format!("{actor:?} {deployers:?}"));
        assert_eq!(
            decision.warrant.as_deref(),
            Some("01J"),
            "it is bound whatever comes of it"
        );
    }
}

/// Everything but the record's own deployment is judged by its creator.
#[test]
fn a_nonce_proves_one_deployment_and_no_other() {
    let mona = || warrant(Actor::on_github("mona"));
    let other = |change: &dyn Fn(&mut Warrant)| {
        let mut warrant = mona();
        change(&mut warrant);
        warrant
    };
    let rules = rules(&["mona"], &["mona"]);
    let rows: Vec<(&str, Deployment, Warrant)> = vec![
        (
            "copied into somebody's own deployment",
            Deployment {
                creator: Some("lisa".to_owned()),
                ..with_nonce()
            },
            mona(),
        ),
        (
            "of a deployment without a creator",
            Deployment {
                creator: None,
                ..with_nonce()
            },
            mona(),
        ),
        (
            "bound to another",
            with_nonce(),
            other(&|one| one.deployment = Some(DeploymentId(49))),
        ),
        ("of another nonce", by_us(json!({"nonce": "01j"})), mona()),
        (
            "of another environment",
            with_nonce(),
            other(&|one| one.place.environment = "production".parse().unwrap()),
        ),
        (
            "of another app",
            with_nonce(),
            other(&|one| one.place.app = "other".parse().unwrap()),
        ),
        (
            "of another repository",
            with_nonce(),
            other(&|one| one.repository_id = RepositoryId(2)),
        ),
        (
            "of another GitHub",
            with_nonce(),
            other(&|one| one.host = "ghe.example.com".to_owned()),
        ),
        (
            "of another task",
            with_nonce(),
            other(&|one| one.task = "deploy:migrate".to_owned()),
        ),
        (
            "of a plan",
            with_nonce(),
            other(&|one| one.task = "deploy:plan".to_owned()),
        ),
    ];
    for (what, deployment, warrant) in rows {
        let forced = Warrant {
            force: true,
            ..warrant.clone()
        };
        for one in [warrant, forced] {
            let decision = decided(&deployment, who(one), &rules);
            is(&decision, REFUSED, what);
            assert_eq!((decision.warrant, decision.forced), (None, None), "{what}");
        }
    }
    let bound = other(&|one| one.deployment = Some(DeploymentId(50)));
    is(&decided(&with_nonce(), who(bound), &rules), RUNS, "bound to this one");
    let spelled = other(&|one| one.place.environment = "STAGING".parse().unwrap());
    is(&decided(&with_nonce(), who(spelled), &rules), RUNS, "names ignore case");
}

#[test]
fn whoever_we_are_must_be_known_for_a_proof() {
    let rules = rules(&["mona"], &[]);
    let unavailable = || Own::Unavailable {
        detail: "GitHub answered 502".to_owned(),
    };
    let bound = |deployment: Option<u64>| Warrant {
        deployment: deployment.map(DeploymentId),
        ..warrant(Actor::on_github("mona"))
    };
    for (own, deployment, expected) in [
        (Own::Login("chima[bot]".to_owned()), None, RUNS),
        (Own::Login("Chima[bot]".to_owned()), None, RUNS),
        (Own::Login("other[bot]".to_owned()), None, REFUSED),
        (Own::Login("other[bot]".to_owned()), Some(50), REFUSED),
        // a token that GitHub tells nothing about: only GitHub's own answer binds
        (Own::Untold, None, REFUSED),
        (Own::Untold, Some(50), RUNS),
        (Own::Untold, Some(51), REFUSED),
        (unavailable(), None, UNSAID),
        (Own::NotNeeded, None, UNSAID),
    ] {
        let facts = WhoFacts {
            warrant: Some(bound(deployment)),
            own: own.clone(),
            memberships: Vec::new(),
        };
        is(
            &decided(&with_nonce(), facts, &rules),
            expected,
            &format!("{own:?} {deployment:?}"),
        );
    }
}

fn membership(team: &str, login: &str, found: Found) -> Membership {
    Membership {
        team: team.parse().unwrap(),
        login: login.to_owned(),
        found,
    }
}

fn down() -> Found {
    Found::Unavailable {
        detail: "GitHub answered 502".to_owned(),
    }
}

#[test]
fn members_of_a_team_may_and_nobody_is_taken_for_one() {
    let mona = || warrant(in_chat("mona.l", None, Some("mona")));
    for (deployers, actor, memberships, expected) in [
        (
            &["octo/web"][..],
            mona(),
            vec![membership("octo/web", "mona", Found::Yes)],
            RUNS,
        ),
        (
            &["octo/web"],
            mona(),
            vec![membership("octo/web", "Mona", Found::Yes)],
            RUNS,
        ),
        (
            &["octo/web"],
            mona(),
            vec![membership("octo/web", "mona", Found::No)],
            REFUSED,
        ),
        (
            &["octo/web"],
            mona(),
            vec![membership("octo/web", "lisa", Found::Yes)],
            UNSAID,
        ),
        (
            &["octo/web"],
            mona(),
            vec![membership("octo/ops", "mona", Found::Yes)],
            UNSAID,
        ),
        (&["octo/web"], mona(), vec![], UNSAID),
        (
            &["octo/web"],
            mona(),
            vec![membership("octo/web", "mona", down())],
            UNSAID,
        ),
        // one that is known is enough
        (
            &["octo/web", "octo/ops"],
            mona(),
            vec![
                membership("octo/web", "mona", down()),
                membership("octo/ops", "mona", Found::Yes),
            ],
            RUNS,
        ),
        (
            &["octo/web", "octo/ops"],
            mona(),
            vec![
                membership("octo/web", "mona", down()),
                membership("octo/ops", "mona", Found::No),
            ],
            UNSAID,
        ),
        (
            &["octo/web", "mona"],
            mona(),
            vec![membership("octo/web", "mona", down())],
            RUNS,
        ),
        // without a link, nobody in a chat is in a team
        (&["octo/web"], warrant(in_chat("mona", None, None)), vec![], REFUSED),
        (
            &["octo/web"],
            warrant(in_chat("mona", None, None)),
            vec![membership("octo/web", "mona", Found::Yes)],
            REFUSED,
        ),
    ] {
        let facts = WhoFacts {
            memberships: memberships.clone(),
            ..who(actor)
        };
        let what = format!("{deployers:?} {memberships:?}");
        is(&decided(&with_nonce(), facts, &rules(deployers, &[])), expected, &what);
    }
}

#[test]
fn github_is_asked_about_people_only_where_it_decides() {
    let teams = ["octo/web", "octo/ops"];
    let ask = |deployment: &Deployment, who: &WhoFacts, rules: &Rules| {
        let needs = people(deployment, rules, who);
        let teams: Vec<String> = needs
            .teams
            .iter()
            .map(|(team, login)| format!("{team} {login}"))
            .collect();
        (needs.own, teams.join(", "))
    };
    let unasked = |warrant: Option<Warrant>| WhoFacts {
        warrant,
        ..WhoFacts::default()
    };
    let mona = || warrant(Actor::on_github("mona"));
    let open = rules(&[], &["octo/ops"]);
    let closed = rules(&teams[..1], &teams[1..]);
    let nothing = (false, String::new());
    assert_eq!(ask(&deployment(), &unasked(None), &open), nothing);
    assert_eq!(ask(&with_nonce(), &unasked(Some(mona())), &open), nothing);
    let forcing_unasked = unasked(Some(forcing(Actor::on_github("mona"))));
    assert_eq!(ask(&with_nonce(), &forcing_unasked, &open), (true, String::new()));
    let forced = who(forcing(Actor::on_github("mona")));
    assert_eq!(ask(&with_nonce(), &forced, &open), (false, "octo/ops mona".to_owned()));
    // a creator's login is asked about, the payload's is not
    assert_eq!(
        ask(&deployment(), &unasked(None), &closed),
        (false, "octo/web mona, octo/ops mona".to_owned())
    );
    assert_eq!(
        ask(&with_nonce(), &unasked(Some(mona())), &closed),
        (true, String::new())
    );
    assert_eq!(
        ask(&with_nonce(), &who(mona()), &closed),
        (false, "octo/web mona, octo/ops mona".to_owned())
    );
    assert_eq!(
        ask(&with_nonce(), &who(mona()), &rules(&["mona", "octo/web"], &[])),
        nothing
    );
    assert_eq!(
        ask(&with_nonce(), &who(warrant(in_chat("mona", None, None))), &closed),
        nothing
    );
    assert_eq!(ask(&with_nonce(), &who(warrant(terminal())), &closed), nothing);
    // what is refused by its words alone needs nobody
    let elsewhere = Deployment {
        environment: "moon".to_owned(),
        ..deployment()
    };
    assert_eq!(ask(&elsewhere, &unasked(None), &closed), nothing);
}

#[test]
fn locking_by_a_deployment_is_for_deployers_too() {
    let rules = rules(&["mona"], &[]);
    let task = |creator: &str| Deployment {
        task: "deploy:lock".to_owned(),
        creator: Some(creator.to_owned()),
        ..deployment()
    };
    let mona = decided(&task("mona"), WhoFacts::default(), &rules);
    assert!(mona.command.is_some());
    let lisa = decided(&task("lisa"), WhoFacts::default(), &rules);
    is(&lisa, REFUSED, "lisa");
    assert_eq!(lisa.command, None);
    // nothing is held that is to be done at once
    let team = rules_with(|staging| staging.deployers = named(&["octo/web"]));
    let unsaid = decided(&task("mona"), WhoFacts::default(), &team);
    assert_eq!((unsaid.verdict, unsaid.command), (Verdict::Reject, None));
}

#[test]
fn decisions_of_earlier_versions_read_and_come_out_the_same() {
    let old =
        r#"{"now":"2026-01-01T00:00:00Z","contexts":"not_needed","lane":{"active":null,"waiting":[],"newest":null}}"#;
    let old: Facts = serde_json::from_str(old).unwrap();
    assert_eq!(old.who, WhoFacts::default());
    let rules: Value = serde_json::to_value(rules(&[], &[])).unwrap();
    assert!(!rules.to_string().contains("deployers"), "{rules}");
    let rules: Rules = serde_json::from_value(rules).unwrap();
    assert_eq!(decide(&deployment(), &old, &rules).verdict, Verdict::Run);
    // and those of this one read back
    let facts = Facts {
        who: WhoFacts {
            memberships: vec![membership("octo/web", "mona", down())],
            ..who(forcing(in_chat("mona", Some("U1"), None)))
        },
        ..facts()
    };
    let again: Facts = serde_json::from_value(serde_json::to_value(&facts).unwrap()).unwrap();
    assert_eq!(again, facts);
}
