//! All states of the protocol: three processes, three deployments of one environment, and what may go wrong in between.
//!
//! `protocol/src/steps.rs` says which code each step mirrors. By default one thing goes wrong from the first delivery on, and two
//! among runs that were taken in; the torture lets one more go wrong of each.

use chima_protocol::search::{Found, search};
use chima_protocol::state::{Fault, State, Violation};

use crate::torture::{rounds, row};

fn nothing_is_broken(name: &str, first: State) -> Found {
    let found = search(first, None);
    assert_eq!(found.violation, None);
    assert_eq!(found.stuck, None, "something that was accepted can never end");
    assert!(found.settled > 0);
    let looked = format!("{} states, {} steps, nothing broken", found.states, found.steps);
    row(name, 1, &looked, "all states, no violation, an end from each");
    found
}

#[test]
fn from_the_first_delivery_to_the_last_word_no_order_of_steps_breaks_the_protocol() {
    let (deployments, faults) = if rounds(0, 1) == 0 { (2, 1) } else { (3, 1) };
    let found = nothing_is_broken(
        "from_the_first_delivery_to_the_last_word_no_order_of_steps_breaks_the_protocol",
        State::begin(deployments, false, faults),
    );
    assert!(found.states > 50_000, "{}", found.states);
}

#[test]
fn whatever_is_killed_or_paused_no_run_of_a_lane_overlaps_repeats_or_is_lost() {
    let name = "whatever_is_killed_or_paused_no_run_of_a_lane_overlaps_repeats_or_is_lost";
    if rounds(0, 1) > 0 {
        // one more thing goes wrong, with a deployment less
        nothing_is_broken(name, State::begin(2, true, 3));
    }
    let found = nothing_is_broken(name, State::begin(3, true, 2));
    assert!(found.states > 500_000, "{}", found.states);
}

/// Were the search blind, it would find nothing in these either.
#[test]
fn each_mistake_that_is_made_on_purpose_is_found() {
    let in_lane = State::begin(2, true, 2);
    for (fault, expected) in [
        (Fault::NoFenceCheck, Violation::StaleWrite),
        (Fault::NoMarkerCheck, Violation::BegunTwice),
        (Fault::NoSeal, Violation::BegunTwice),
        (Fault::LeaseByClockOnly, Violation::BegunTwice),
        (Fault::LockNotInherited, Violation::EndedWhileItWorks),
        (Fault::StopsAnyHolder, Violation::StrangerStopped),
    ] {
        let found = search(in_lane, Some(fault));
        let (violation, way) = found.violation.unwrap_or_else(|| panic!("{fault:?} is not found"));
        assert_eq!(violation, expected, "{fault:?}: {way:?}");
        eprintln!("{fault:?}: {violation:?} after {} states, by {way:?}", found.states);
    }
    for fault in [Fault::AnswerBeforeCommit, Fault::WordAfterEnd] {
        let found = search(State::begin(1, false, 1), Some(fault));
        assert_eq!(found.violation, None, "{fault:?} loses, and breaks nothing else");
        let way = found.stuck.unwrap_or_else(|| panic!("{fault:?} is not found"));
        eprintln!("{fault:?}: never ends after {way:?}");
    }
}
