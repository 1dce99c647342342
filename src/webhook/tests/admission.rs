//! Which deliveries are taken in, under which name, and what is known of them before anybody reads them.

use super::*;

#[test]
fn the_envelope_has_what_the_index_needs() {
    let envelope = read("deployment", &deployment_body()).unwrap();
    assert_eq!(
        envelope,
        Envelope {
            event: "deployment".to_owned(),
            action: Some("created".to_owned()),
            guid: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
            hook_id: Some(292_430_182),
            repository_id: Some(186_853_002),
            repository: Some("octo/hello".to_owned()),
            installation_id: Some(7),
            deployment_id: Some(145_988_746),
            comment_id: None,
            sha: None,
        }
    );
    assert_eq!(envelope.class(), Class::Handled);
    assert_eq!(
        envelope.effect_key("GitHub.com"),
        Some("github.com/186853002/145988746".to_owned())
    );
}

#[test]
fn a_form_reads_like_json() {
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &deployment_body().to_string())
        .finish();
    let form = RawHeaders::from_iter([
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-github-event", "deployment"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-hook-id", "292430182"),
    ]);
    assert_eq!(
        envelope::read(&form, body.as_bytes()),
        read("deployment", &deployment_body())
    );
}

#[test]
fn every_body_is_accepted_under_its_own_name_only() {
    let bodies = bodies();
    for (name, body) in &bodies {
        assert!(read(name, body).is_ok(), "{name}: {:?}", read(name, body));
        for (other, _) in bodies.iter().filter(|(other, _)| other != name) {
            let effect = read(other, body)
                .ok()
                .filter(|envelope| envelope.class() != Class::Unhandled);
            // `meta` alone has the `hook_id` of a ping, and a ping does nothing.
            assert!(
                effect.is_none() || (*name, *other) == ("meta", "ping"),
                "{name} as {other}"
            );
        }
    }
}

#[test]
fn a_deployment_under_another_name_is_refused() {
    for event in [
        "push",
        "issues",
        "deployment_status",
        "status",
        "ping",
        "workflow_job_x",
    ] {
        let event_named = EnvelopeError::EventMismatch {
            event: event.to_owned(),
        };
        assert_eq!(read(event, &deployment_body()), Err(event_named), "{event}");
    }
}

#[test]
fn a_body_of_two_events_is_no_deployment() {
    for key in [
        "deployment_status",
        "deployment_callback_url",
        "workflow_job",
        "check_run",
        "check_suite",
    ] {
        let mut body = deployment_body();
        body[key] = json!({"head_sha": SHA});
        assert!(
            matches!(read("deployment", &body), Err(EnvelopeError::EventMismatch { .. })),
            "{key}"
        );
    }
}

#[test]
fn only_what_may_have_an_effect_is_handled() {
    for (name, body) in bodies() {
        let expected = match name {
            "ping" => Class::Ping,
            "deployment"
            | "status"
            | "check_run"
            | "check_suite"
            | "workflow_run"
            | "push"
            | "pull_request"
            | "deployment_status"
            | "deployment_protection_rule"
            | "installation"
            | "installation_repositories"
            | "repository"
            | "issue_comment" => Class::Handled,
            _ => Class::Unhandled,
        };
        let envelope = read(name, &body).unwrap();
        assert_eq!(envelope.class(), expected, "{name}");
        assert_eq!(
            envelope.effect_key("github.com").is_some(),
            ["deployment", "issue_comment"].contains(&name),
            "{name}"
        );
    }
    assert_eq!(Class::of("deployment", Some("deleted")), Class::Unhandled);
    assert_eq!(Class::of("check_suite", Some("requested")), Class::Unhandled);
    assert_eq!(Class::of("workflow_run", Some("in_progress")), Class::Unhandled);
    assert_eq!(Class::of("pull_request", Some("opened")), Class::Unhandled);
}

#[test]
fn only_deployments_and_comments_have_an_effect_key() {
    for (event, action) in [
        ("status", None),
        ("check_run", Some("completed")),
        ("deployment", Some("deleted")),
    ] {
        let envelope = Envelope {
            event: event.to_owned(),
            action: action.map(str::to_owned),
            ..read("deployment", &deployment_body()).unwrap()
        };
        assert_eq!(envelope.effect_key("github.com"), None, "{event}");
    }
}

#[test]
fn an_event_with_an_effect_must_say_on_what() {
    let cases = [
        ("deployment", with("/repository/id", Value::Null), "repository.id"),
        ("deployment", with("/deployment/id", json!("1")), "deployment.id"),
        ("deployment", with("/deployment/id", json!(-1)), "deployment.id"),
        ("deployment", with("/deployment/id", json!(1e30)), "deployment.id"),
        (
            "status",
            json!({"sha": SHA, "state": "x", "context": "y"}),
            "repository.id",
        ),
        (
            "check_run",
            json!({"action": "completed", "check_run": {}, "repository": {"id": 1}}),
            "check_run.head_sha",
        ),
    ];
    for (name, body, field) in cases {
        let event = name.to_owned();
        assert_eq!(read(name, &body), Err(EnvelopeError::Incomplete { event, field }));
    }
}

#[test]
fn event_names_have_githubs_form() {
    let long = "a".repeat(65);
    for name in ["", "Deployment", "a-b", "a b", "../x", "deployment\u{e9}", &long] {
        assert!(read(name, &deployment_body()).is_err(), "{name}");
    }
    let twice = RawHeaders::from_iter([
        ("content-type", "application/json"),
        ("x-github-event", "deployment"),
        ("x-github-event", "ping"),
    ]);
    assert!(matches!(
        envelope::read(&twice, deployment_body().to_string().as_bytes()),
        Err(EnvelopeError::Header(_))
    ));
}

#[test]
fn odd_index_headers_are_dropped_not_refused() {
    let long = "x".repeat(101);
    for value in ["", "a\r\nb", long.as_str()] {
        let odd = RawHeaders::from_iter([
            ("content-type", "application/json"),
            ("x-github-event", "deployment"),
            ("x-github-delivery", value),
            ("x-github-hook-id", value),
        ]);
        let envelope = envelope::read(&odd, deployment_body().to_string().as_bytes()).unwrap();
        assert_eq!((envelope.guid, envelope.hook_id), (None, None), "{value:?}");
    }
}

#[test]
fn broken_bodies_are_errors_that_do_not_quote_them() {
    let nested = format!(r#"{{"deployment":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    let twice = deployment_body().to_string().replacen(r#""id":"#, r#""id":1,"id":"#, 1);
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"["created"]"#,
        r#"{"action":"TOPSECRET"}{}"#,
        r#"{"action":"TOPSECRET",}"#,
        &"[".repeat(1_000_000),
        &nested,
        &twice,
    ] {
        let error = envelope::read(&headers("deployment"), body.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("TOPSECRET"), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }
}
