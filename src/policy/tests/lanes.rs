//! The lane: who comes first, and who is made pointless by whom.

use chrono::{DateTime, TimeDelta};

use super::{at, codes, deployment, facts, rules_with, run};
use crate::domain::deployment::Deployment;
use crate::domain::ids::DeploymentId;
use crate::domain::reason::Reason;
use crate::policy::contexts::status;
use crate::policy::decide::decide;
use crate::policy::decision::{Decision, Verdict};
use crate::policy::facts::{Contexts, Facts, LaneFacts, Waiting};
use crate::policy::rules::LaneOrder::{self, Fifo, Latest};

/// Deployment and run of the same number, asked for in that second.
fn waiting(number: u32) -> Waiting {
    Waiting {
        run: run(number.into()),
        deployment: DeploymentId(number.into()),
        requested_at: at(number.into()),
    }
}

fn lane(active: Option<u64>, numbers: &[u32], newest: Option<u32>) -> LaneFacts {
    LaneFacts {
        active: active.map(run),
        waiting: numbers.iter().copied().map(waiting).collect(),
        further: 0,
        newest: newest.map(|number| (DeploymentId(number.into()), at(number.into()))),
    }
}

fn decided(order: LaneOrder, lane: LaneFacts) -> Decision {
    let rules = rules_with(|staging| staging.lane = order);
    decide(&deployment(), &Facts { lane, ..facts() }, &rules)
}

#[test]
fn positions_and_what_is_superseded() {
    type Case<'c> = (
        LaneOrder,
        Option<u64>,
        &'c [u32],
        Option<u32>,
        u32,
        &'c [u64],
        Option<u64>,
    );
    // The deployment decided on is number 50.
    let cases: &[Case<'_>] = &[
        (Fifo, None, &[], None, 1, &[], None),
        (Fifo, None, &[], Some(49), 1, &[], None),
        (Fifo, None, &[], Some(60), 1, &[], None),
        (Fifo, Some(1), &[], None, 2, &[], Some(1)),
        (Fifo, None, &[10], None, 2, &[], Some(10)),
        (Fifo, Some(1), &[10], None, 3, &[], Some(10)),
        (Fifo, Some(1), &[20, 10], None, 4, &[], Some(20)),
        (Fifo, Some(1), &[60], None, 2, &[], Some(1)),
        (Fifo, None, &[60, 10, 70], None, 2, &[], Some(10)),
        (Fifo, None, &[50], None, 1, &[], None),
        (Fifo, Some(1), &[50, 49, 51], None, 3, &[], Some(49)),
        (Latest, None, &[], None, 1, &[], None),
        (Latest, None, &[], Some(49), 1, &[], None),
        (Latest, None, &[], Some(50), 1, &[], None),
        (Latest, Some(1), &[], None, 2, &[], Some(1)),
        (Latest, None, &[10], Some(10), 1, &[10], None),
        (Latest, Some(1), &[20, 10], Some(20), 2, &[10, 20], Some(1)),
        (Latest, Some(1), &[50, 10], Some(50), 2, &[10], Some(1)),
    ];
    for (order, active, numbers, newest, position, supersedes, behind) in cases {
        let decision = decided(*order, lane(*active, numbers, *newest));
        let context = format!("{order:?} {active:?} {numbers:?} {newest:?}");
        assert_eq!(decision.verdict, Verdict::Run, "{context}");
        assert_eq!(decision.position, *position, "{context}");
        let expected: Vec<_> = supersedes.iter().copied().map(run).collect();
        assert_eq!(decision.supersedes, expected, "{context}");
        let busy = behind.map(|number| Reason::LaneBusy {
            position: *position,
            behind: run(number),
        });
        assert_eq!(decision.reasons.first(), busy.as_ref(), "{context}");
    }
}

#[test]
fn a_late_event_never_overtakes_in_a_latest_lane() {
    for (numbers, newest, by) in [
        (&[][..], Some(51), 51),
        (&[60], None, 60),
        (&[60, 70], Some(65), 70),
        (&[10, 60], Some(80), 80),
    ] {
        let decision = decided(Latest, lane(None, numbers, newest));
        let by = DeploymentId(by);
        assert_eq!(decision.verdict, Verdict::Reject);
        assert_eq!(decision.reasons, [Reason::Superseded { by }]);
        assert_eq!(decision.superseded_by, Some(by));
        assert_eq!((decision.position, decision.supersedes), (0, vec![]));
    }
}

#[test]
fn within_one_second_the_higher_number_is_newer() {
    let of = |number: u64| LaneFacts {
        newest: Some((DeploymentId(number), at(50))),
        ..LaneFacts::default()
    };
    assert_eq!(decided(Latest, of(49)).verdict, Verdict::Run);
    assert_eq!(decided(Latest, of(50)).verdict, Verdict::Run);
    assert_eq!(decided(Latest, of(51)).superseded_by, Some(DeploymentId(51)));
}

#[test]
fn time_of_request_counts_before_number() {
    let earlier = LaneFacts {
        newest: Some((DeploymentId(900), at(49))),
        ..LaneFacts::default()
    };
    assert_eq!(decided(Latest, earlier).verdict, Verdict::Run);
}

#[test]
fn being_superseded_comes_before_waiting_for_contexts() {
    let rules = rules_with(|staging| {
        staging.lane = Latest;
        staging.required_contexts = None;
    });
    let contexts = Contexts::Gathered(vec![status("ci", "pending"), status("lint", "failure")]);
    let decision = decide(
        &deployment(),
        &Facts {
            contexts,
            lane: lane(None, &[], Some(60)),
            ..facts()
        },
        &rules,
    );
    assert_eq!(
        codes(&decision),
        ["superseded", "required_context_failed", "required_context_pending"]
    );
    assert_eq!(decision.verdict, Verdict::Reject);
}

#[test]
fn a_held_one_takes_no_place_and_supersedes_nobody() {
    let rules = rules_with(|staging| {
        staging.lane = Latest;
        staging.required_contexts = None;
    });
    let contexts = Contexts::Gathered(vec![status("ci", "pending")]);
    let decision = decide(
        &deployment(),
        &Facts {
            contexts,
            lane: lane(Some(1), &[10], None),
            ..facts()
        },
        &rules,
    );
    assert_eq!((decision.verdict, decision.position), (Verdict::Hold, 0));
    assert_eq!(codes(&decision), ["required_context_pending"]);
    assert_eq!(decision.supersedes, []);
}

/// Whatever the order of arrival, a `latest` lane ends up with the newest one alone.
#[test]
fn arrival_order_does_not_decide_who_survives() {
    let rules = rules_with(|staging| staging.lane = Latest);
    for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let mut lane = LaneFacts::default();
        for number in order {
            let request = Deployment {
                id: DeploymentId(number),
                created_at: moment(number),
                ..deployment()
            };
            let decision = decide(
                &request,
                &Facts {
                    lane: lane.clone(),
                    ..facts()
                },
                &rules,
            );
            lane.waiting
                .retain(|waiting| !decision.supersedes.contains(&waiting.run));
            if decision.verdict == Verdict::Run {
                let requested_at = moment(number);
                lane.waiting.push(Waiting {
                    run: run(number),
                    deployment: DeploymentId(number),
                    requested_at,
                });
                lane.newest = Some((DeploymentId(number), requested_at));
            }
        }
        let left: Vec<_> = lane.waiting.iter().map(|waiting| waiting.deployment).collect();
        assert_eq!(left, [DeploymentId(3)], "{order:?}");
    }
}

fn moment(number: u64) -> crate::domain::clock::Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(number.cast_signed())
}
