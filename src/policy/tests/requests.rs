//! What a deployment's own words settle: whose it is, where it goes, what it asks for.

use serde_json::json;

use super::{app, codes, decided, deployment, environment, facts, rules, rules_with, verdict_of, with_payload};
use crate::domain::deployment::Deployment;
use crate::domain::reason::Reason;
use crate::policy::decide::decide;
use crate::policy::decision::{CheckName, CheckVerdict, Decision, Verdict};
use crate::policy::needs::{Needs, needs};
use crate::policy::rules::Rules;

#[test]
fn an_ordinary_request_runs() {
    let decision = decided(&deployment());
    assert_eq!((decision.verdict, decision.position), (Verdict::Run, 1));
    assert_eq!(decision.reasons, []);
    let order = decision.order.unwrap();
    assert_eq!(
        (order.app.as_str(), order.environment.as_str(), order.task.as_str()),
        ("hello", "staging", "deploy")
    );
    assert!(
        decision
            .checks
            .iter()
            .all(|check| check.verdict == CheckVerdict::Passed)
    );
}

#[test]
fn every_decision_lists_every_check_in_order() {
    let foreign = Deployment {
        from_workflow: true,
        ..deployment()
    };
    let unknown = Deployment {
        environment: "nowhere".to_owned(),
        ..deployment()
    };
    for request in [deployment(), foreign, unknown] {
        let names: Vec<CheckName> = decided(&request).checks.iter().map(|check| check.name).collect();
        assert_eq!(names, CheckName::ALL);
    }
}

#[test]
fn deployments_of_others_are_ignored() {
    let made = |from_workflow, app: Option<&str>, creator: Option<&str>| Deployment {
        from_workflow,
        app_slug: app.map(str::to_owned),
        creator: creator.map(str::to_owned),
        ..deployment()
    };
    for (from_workflow, app, creator, expected) in [
        (false, None, Some("mona"), None),
        (false, None, None, None),
        (false, Some("chima"), Some("chima[bot]"), None),
        (false, Some("Chima"), Some("CHIMA[bot]"), None),
        (false, Some("chima"), Some("mona"), None),
        (false, None, Some("chima[bot]"), None),
        (false, Some("vercel"), Some("vercel[bot]"), Some("foreign_app")),
        (false, Some("vercel"), Some("mona"), Some("foreign_app")),
        (false, None, Some("github-pages[bot]"), Some("foreign_app")),
        (false, Some("chima"), Some("vercel[bot]"), Some("foreign_app")),
        (true, None, Some("mona"), Some("foreign_workflow")),
        (true, None, Some("github-pages[bot]"), Some("foreign_workflow")),
        (true, Some("chima"), Some("chima[bot]"), Some("foreign_workflow")),
    ] {
        let decision = decided(&made(from_workflow, app, creator));
        let context = format!("{from_workflow} {app:?} {creator:?}");
        assert_eq!(decision.reasons.first().map(Reason::code), expected, "{context}");
        let verdict = if expected.is_some() {
            Verdict::Ignore
        } else {
            Verdict::Run
        };
        assert_eq!(decision.verdict, verdict, "{context}");
        assert_eq!(decision.order.is_none(), expected.is_some(), "{context}");
    }
}

#[test]
fn an_ignored_deployment_is_not_judged_further() {
    let pages = Deployment {
        from_workflow: true,
        environment: "github-pages".to_owned(),
        task: "-x".to_owned(),
        ..deployment()
    };
    let decision = decided(&pages);
    assert_eq!(
        (decision.verdict, codes(&decision)),
        (Verdict::Ignore, vec!["foreign_workflow"])
    );
    assert_eq!(verdict_of(&decision, CheckName::Task), CheckVerdict::Skipped);
}

#[test]
fn repositories_are_ours_whatever_the_case() {
    let of = |repository: &str| {
        decided(&Deployment {
            repository: repository.to_owned(),
            ..deployment()
        })
    };
    assert_eq!(of("Octo/HELLO").verdict, Verdict::Run);
    for other in ["octo/hello2", "octo2/hello", "hello", "", "octo/hello/", "octo/hello "] {
        let decision = of(other);
        assert_eq!(
            (decision.verdict, codes(&decision)),
            (Verdict::Ignore, vec!["repository_not_configured"]),
            "{other}"
        );
    }
}

#[test]
fn an_unknown_environment_is_rejected_with_the_known_ones() {
    let decision = decided(&Deployment {
        environment: "prod".to_owned(),
        ..deployment()
    });
    let configured = vec!["staging".to_owned(), "production".to_owned()];
    assert_eq!(decision.verdict, Verdict::Reject);
    assert_eq!(
        decision.reasons,
        [Reason::EnvironmentUnknown {
            found: "prod".to_owned(),
            configured
        }]
    );
    assert_eq!(decision.order, None);

    let decision = decided(&Deployment {
        environment: "prod; id".to_owned(),
        ..deployment()
    });
    let expected = "one of staging, production".to_owned();
    assert_eq!(
        decision.reasons,
        [Reason::EnvironmentMalformed {
            found: "prod; id".to_owned(),
            expected
        }]
    );
}

#[test]
fn an_environment_is_found_by_its_spelling_then_by_any_case() {
    let named = |names: &[&str], asked: &str| {
        let environments = names.iter().map(|name| environment(name)).collect();
        let rules = Rules {
            known_apps: Vec::new(),
            apps: vec![app("hello", "octo/hello", environments)],
        };
        let request = Deployment {
            environment: asked.to_owned(),
            ..deployment()
        };
        decide(&request, &facts(), &rules)
            .order
            .map(|order| order.environment.to_string())
    };
    for (names, asked, expected) in [
        (&["staging"][..], "staging", Some("staging")),
        (&["staging"], "Staging", Some("staging")),
        (&["Staging"], "staging", Some("Staging")),
        (&["Live", "live"], "live", Some("live")),
        (&["Live", "live"], "Live", Some("Live")),
        (&["Live", "live"], "LIVE", None),
        (&["my env/eu west"], "My Env/EU West", Some("my env/eu west")),
        (&["staging"], "stag", None),
        (&[], "staging", None),
    ] {
        assert_eq!(named(names, asked).as_deref(), expected, "{names:?} {asked}");
    }
}

#[test]
fn apps_may_share_a_repository_but_not_an_environment() {
    let rules = Rules {
        known_apps: Vec::new(),
        apps: vec![
            app("api", "octo/hello", vec![environment("api")]),
            app("other", "octo/other", vec![environment("staging")]),
            app("web", "octo/hello", vec![environment("web")]),
        ],
    };
    let asked = |environment: &str| {
        let request = Deployment {
            environment: environment.to_owned(),
            ..deployment()
        };
        decide(&request, &facts(), &rules)
    };
    assert_eq!(asked("web").order.unwrap().app.as_str(), "web");
    assert_eq!(codes(&asked("staging")), ["environment_unknown"]);
    assert_eq!(rules.for_repository("OCTO/hello").apps.len(), 2);
}

#[test]
fn only_listed_tasks_may_be_asked_for() {
    for (task, expected) in [
        ("deploy", None),
        ("deploy:migrate", None),
        ("deploy:rollback", Some("task_not_allowed")),
        ("Deploy", Some("task_not_allowed")),
        ("deployx", Some("task_not_allowed")),
        ("deploy; id", Some("task_malformed")),
        ("-x", Some("task_malformed")),
        ("NAME=value", Some("task_malformed")),
        ("deploy\n", Some("task_malformed")),
        ("", Some("task_malformed")),
    ] {
        let decision = decided(&Deployment {
            task: task.to_owned(),
            ..deployment()
        });
        assert_eq!(decision.reasons.first().map(Reason::code), expected, "{task}");
    }
}

#[test]
fn refs_and_shas_must_have_their_form() {
    for git_ref in ["", "-x", "a b", "a\nb", "../x", "a..b", "$(id)", "a@{1}"] {
        let decision = decided(&Deployment {
            git_ref: git_ref.to_owned(),
            ..deployment()
        });
        assert_eq!(codes(&decision), ["ref_malformed"], "{git_ref}");
    }
    let upper = super::SHA.to_uppercase();
    let short = &super::SHA[..8];
    for sha in ["", "main", "HEAD", short, &upper] {
        let decision = decided(&Deployment {
            sha: sha.to_owned(),
            ..deployment()
        });
        assert_eq!(codes(&decision), ["sha_malformed"], "{sha}");
    }
}

fn hosts(declared: Option<&[&str]>, asked: serde_json::Value) -> Decision {
    let rules = rules_with(|staging| {
        staging.hosts = declared.map(|names| names.iter().map(|name| name.parse().unwrap()).collect());
    });
    decide(&with_payload(json!({"hosts": asked})), &facts(), &rules)
}

#[test]
fn hosts_may_only_narrow() {
    let declared: Option<&[&str]> = Some(&["fe1", "fe2", "Db.internal"]);
    for (declared, asked, expected) in [
        (declared, json!(""), Ok(vec![])),
        (declared, json!(null), Ok(vec![])),
        (declared, json!([]), Ok(vec![])),
        (declared, json!("fe1"), Ok(vec!["fe1"])),
        (declared, json!("fe2,fe1"), Ok(vec!["fe2", "fe1"])),
        (declared, json!(["FE1", "fe1"]), Ok(vec!["fe1"])),
        (declared, json!(" fe1 , db.internal "), Ok(vec!["fe1", "Db.internal"])),
        (declared, json!("fe3"), Err("hosts_not_allowed")),
        (declared, json!("fe1,fe3"), Err("hosts_not_allowed")),
        (declared, json!("fe"), Err("hosts_not_allowed")),
        (declared, json!("fe1 fe2"), Err("hosts_malformed")),
        (declared, json!("fe1,-oProxyCommand=id"), Err("hosts_malformed")),
        (declared, json!([1]), Err("hosts_not_allowed")),
        (declared, json!([{"a": 1}]), Err("hosts_malformed")),
        (declared, json!({"a": 1}), Err("hosts_malformed")),
        (declared, json!("*"), Err("hosts_malformed")),
        (None, json!(""), Ok(vec![])),
        (None, json!("fe1"), Err("hosts_not_allowed")),
        (Some(&[][..]), json!("fe1"), Err("hosts_not_allowed")),
        (Some(&[][..]), json!([]), Ok(vec![])),
    ] {
        let decision = hosts(declared, asked.clone());
        let got = match &decision.order {
            Some(order) => Ok(order.hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>()),
            None => Err(codes(&decision)[0]),
        };
        assert_eq!(got, expected, "{declared:?} {asked}");
    }
}

#[test]
fn a_million_hosts_do_not_fill_the_ledger() {
    let many: Vec<String> = (0..100_000).map(|number| format!("h{number}")).collect();
    let decision = hosts(Some(&["fe1"]), json!(many));
    assert_eq!(codes(&decision), ["hosts_not_allowed"]);
    assert!(serde_json::to_string(&decision).unwrap().len() < 4000);
}

#[test]
fn rooms_are_compared_as_people_write_them() {
    for (allowed, room, passes) in [
        (None, json!("anywhere"), true),
        (Some(vec!["deployment", "C024BE91L"]), json!("deployment"), true),
        (Some(vec!["deployment", "C024BE91L"]), json!("#Deployment"), true),
        (Some(vec!["deployment", "C024BE91L"]), json!("c024be91l"), true),
        (Some(vec!["#deployment"]), json!("deployment"), true),
        (Some(vec!["deployment"]), json!("deployments"), false),
        (Some(vec!["deployment"]), json!("##deployment"), false),
        (Some(vec!["deployment"]), json!("random"), false),
        (Some(vec!["deployment"]), json!("unknown"), true),
        (Some(vec!["deployment"]), json!(""), true),
        (Some(vec!["deployment"]), json!(null), true),
        (Some(vec!["Général"]), json!("#GÉNÉRAL"), true),
        (Some(vec![]), json!("deployment"), false),
        (Some(vec![]), json!(null), true),
    ] {
        let rules = rules_with(|staging| {
            staging.allowed_rooms = allowed
                .clone()
                .map(|rooms| rooms.into_iter().map(str::to_owned).collect());
        });
        let decision = decide(&with_payload(json!({"notify": {"room": room}})), &facts(), &rules);
        let expected: &[&str] = if passes { &[] } else { &["room_not_allowed"] };
        assert_eq!(codes(&decision), expected, "{allowed:?} {room}");
        assert!(decision.order.is_some(), "a room is not part of what is to be done");
    }
}

#[test]
fn a_room_is_known_by_its_name_or_its_id() {
    for (allowed, passes) in [("deployment", true), ("C024BE91L", true), ("random", false)] {
        let rules = rules_with(|staging| staging.allowed_rooms = Some(vec![allowed.to_owned()]));
        let said = with_payload(json!({"notify": {"room": "deployment", "room_id": "C024BE91L"}}));
        let expected: &[&str] = if passes { &[] } else { &["room_not_allowed"] };
        assert_eq!(codes(&decide(&said, &facts(), &rules)), expected, "{allowed}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let request = Deployment {
        environment: "nowhere".to_owned(),
        task: "-x".to_owned(),
        git_ref: "a b".to_owned(),
        sha: "main".to_owned(),
        ..with_payload(json!({"hosts": "*"}))
    };
    assert_eq!(
        codes(&decided(&request)),
        [
            "environment_unknown",
            "task_malformed",
            "ref_malformed",
            "sha_malformed",
            "hosts_malformed"
        ]
    );
}

#[test]
fn nothing_is_gathered_where_it_cannot_matter() {
    let asks = |contexts, lane| (contexts, lane);
    let of = |request: &Deployment, rules: &Rules| {
        let Needs { contexts, lane, .. } = needs(request, rules);
        asks(contexts, lane)
    };
    let green = rules_with(|staging| staging.required_contexts = None);
    assert_eq!(of(&deployment(), &rules()), (false, true));
    assert_eq!(of(&deployment(), &green), (true, true));
    for request in [
        Deployment {
            from_workflow: true,
            ..deployment()
        },
        Deployment {
            repository: "octo/other".to_owned(),
            ..deployment()
        },
        Deployment {
            environment: "nowhere".to_owned(),
            ..deployment()
        },
        Deployment {
            task: "nothing".to_owned(),
            ..deployment()
        },
        Deployment {
            sha: "main".to_owned(),
            ..deployment()
        },
    ] {
        assert_eq!(of(&request, &green), (false, false), "{request:?}");
    }
}
