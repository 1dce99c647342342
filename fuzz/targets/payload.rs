//! Whatever is signed is read or refused, and the envelope never takes a body for what it is not.
#![no_main]

use chima::webhook::envelope;
use chima::webhook::headers::RawHeaders;
use chima::webhook::parse::parse;
use libfuzzer_sys::fuzz_target;

const EVENTS: [&str; 12] = [
    "deployment",
    "deployment_status",
    "status",
    "check_run",
    "check_suite",
    "push",
    "pull_request",
    "issue_comment",
    "workflow_run",
    "deployment_protection_rule",
    "installation",
    "repository",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else {
        return;
    };
    let event = EVENTS[usize::from(*which) % EVENTS.len()];
    let _ = parse(event, body, "github.com");
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        let headers = RawHeaders::new(vec![
            ("x-github-event".to_owned(), event.as_bytes().to_vec()),
            ("content-type".to_owned(), kind.as_bytes().to_vec()),
        ]);
        let _ = envelope::read(&headers, body);
    }
});
