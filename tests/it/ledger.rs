//! The states of runs under random commands: a small model beside the real ledger, which must agree after every step.
//!
//! Three workers forget nothing: each goes on using claims that it has lost, as one does that was paused. By default a few
//! thousand steps, a hundred thousand under torture. `CHIMA_TEST_SEED` repeats a run; what fails is made as short as it can be, and printed.
#![expect(
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test says no more than where it stopped, and only some states matter to a command"
)]

mod bench;
mod model;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::torture::{rounds, row};

use self::bench::Bench;
use self::model::Op;

const STEPS_OF_A_CASE: usize = 200;

#[expect(
    clippy::disallowed_methods,
    reason = "a run is repeated by whoever looks for its fault"
)]
fn seed() -> u64 {
    let given = std::env::var("CHIMA_TEST_SEED").ok();
    given
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

fn op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..2_usize, 0..40_i64, 0..5_u8).prop_map(|(lane, age, how)| Op::Enqueue { lane, age, how }),
        1 => index().prop_map(Op::DeliverAgain),
        8 => (0..3_usize, index()).prop_map(|(worker, run)| Op::Claim { worker, run }),
        2 => index().prop_map(Op::Progress),
        2 => index().prop_map(Op::Requeue),
        5 => (index(), 0..4_u8).prop_map(|(claim, how)| Op::Finish { claim, how }),
        2 => (0..3_usize, index()).prop_map(|(worker, run)| Op::Adopt { worker, run }),
        1 => (0..3_usize, index()).prop_map(|(worker, claim)| Op::AdoptLate { worker, claim }),
        1 => (0..3_usize).prop_map(|worker| Op::Renew { worker }),
        1 => (0..3_usize).prop_map(|worker| Op::Crash { worker }),
        2 => index().prop_map(Op::Cancel),
        1 => index().prop_map(Op::Expire),
        3 => (index(), 0..3_u8).prop_map(|(run, to)| Op::Recheck { run, to }),
        1 => (0..2_usize).prop_map(Op::Lock),
        2 => (0..2_usize).prop_map(Op::Unlock),
        1 => index().prop_map(Op::AwaitPerson),
        1 => index().prop_map(Op::Hear),
    ]
}

#[test]
fn whatever_is_asked_of_it_in_whatever_order_the_ledger_does_what_the_model_says() {
    let steps = rounds(6_000, 100_000);
    let seed = seed();
    eprintln!("CHIMA_TEST_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let empty_ledger = runtime.block_on(Bench::empty_ledger());
    let mut runner = TestRunner::new(Config {
        cases: u32::try_from(steps / STEPS_OF_A_CASE as u64).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 2000,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    });
    let held = runner.run(&vec(op(), STEPS_OF_A_CASE), |ops| {
        runtime.block_on(async {
            let mut bench = Bench::set(&empty_ledger).await;
            for (at, op) in ops.iter().enumerate() {
                if let Err(difference) = bench.step(op).await {
                    return Err(TestCaseError::fail(format!("step {at}, {op:?}: {difference}")));
                }
            }
            bench.clear().await;
            Ok(())
        })
    });
    if let Err(fault) = held {
        panic!("CHIMA_TEST_SEED={seed}: {fault}");
    }
    row(
        "whatever_is_asked_of_it_in_whatever_order_the_ledger_does_what_the_model_says",
        steps,
        "every step as the model says",
        "100,000 steps",
    );
}
