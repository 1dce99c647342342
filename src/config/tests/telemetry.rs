//! Who is told of traces.

use super::super::secret::SecretSource;
use super::{accepted, refused};

#[test]
fn without_it_there_are_no_traces_and_with_an_address_all_of_them() {
    assert_eq!(accepted("").telemetry, None);
    let telemetry = accepted("telemetry: { otlp_endpoint: 'http://127.0.0.1:4318/' }")
        .telemetry
        .unwrap();
    assert_eq!(telemetry.endpoint, "http://127.0.0.1:4318");
    assert_eq!(
        (telemetry.service_name.as_str(), telemetry.sample_percent),
        ("chima", 100)
    );
    assert_eq!(telemetry.headers, []);
}

#[test]
fn what_the_collector_wants_to_be_shown_is_named_and_never_written() {
    let text = "telemetry: { otlp_endpoint: https://otlp.example.com, headers: { X-Key: { env: OTLP_KEY } } }";
    let telemetry = accepted(text).telemetry.unwrap();
    assert_eq!(
        telemetry.headers,
        [("X-Key".to_owned(), SecretSource::Env("OTLP_KEY".to_owned()))]
    );
    let headers = |headers: &str| {
        refused(&format!(
            "telemetry: {{ otlp_endpoint: http://otlp.example.com, headers: {{ {headers} }} }}"
        ))
    };
    assert!(headers("X-Key: abcdefgh").contains("telemetry.headers.X-Key"));
    assert!(headers("'X Key': { env: OTLP_KEY }").contains("`X Key` is no name of a header"));
    assert!(headers("Host: { env: OTLP_KEY }").contains("`Host` is a header that Chima sends itself"));
}

#[test]
fn the_address_is_that_of_the_collector() {
    for (text, expected) in [
        ("{}", "otlp_endpoint"),
        (
            "{ otlp_endpoint: '127.0.0.1:4317' }",
            "expected an address that begins with `https://` or `http://`",
        ),
        (
            "{ otlp_endpoint: 'http://127.0.0.1:4318/v1/traces' }",
            "hint: write `http://127.0.0.1:4318`",
        ),
        (
            "{ otlp_endpoint: 'http://127.0.0.1:4318', sample_percent: 0 }",
            "`telemetry.sample_percent` is 0; expected a whole number from 1 to 100",
        ),
    ] {
        let refused = refused(&format!("telemetry: {text}"));
        assert!(refused.contains(expected), "{refused}");
    }
}
