//! The queue's promises, one list for both backends, against a real file and a real `redis-server`.
//!
//! Real processes and clocks are involved, so conditions are polled with a deadline instead of stepped.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot set itself up fails with the reason"
)]
#![expect(
    clippy::print_stdout,
    reason = "times are printed; asserting them tightly would make the tests flaky"
)]

mod door;
mod fixture;
mod flow_cases;
mod line;
mod only_redis;
mod only_sqlite;
mod outage_cases;
pub mod redis_server;

macro_rules! conformance {
    ($($module:ident: $($case:ident),+ $(,)?);+ $(;)?) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$module::$case(super::fixture::Fixture::sqlite()).await;
                }
            )+)+
        }
        mod redis {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$module::$case(super::fixture::Fixture::redis()).await;
                }
            )+)+
        }
    };
}

conformance! {
    flow_cases:
        a_ring_is_answered_once,
        many_rings_are_all_answered,
        two_thousand_rings_drain,
        no_more_answers_run_at_once_than_asked_for,
        a_ring_before_the_worker_starts_is_answered,
        a_ring_of_another_process_is_answered_within_a_second,
        two_processes_share_the_work_without_doing_it_twice,
        a_run_may_be_rung_for_again_and_again,
        a_panicking_answer_does_not_stop_the_others,
        an_unreadable_job_does_not_stop_the_others,
        a_slow_answer_is_given_once,
        stopping_is_prompt_and_leaves_slow_answers_running,
        stopping_waits_for_quick_answers,
        a_worker_that_is_dropped_leaves_its_answers_running,
        a_worker_told_to_stop_before_it_starts_fetches_nothing,
        a_fresh_worker_answers_the_rest_at_once,
        answers_of_an_earlier_worker_count_while_it_restarts,
        waiting_counts_what_nobody_fetched,
        finished_jobs_leave_nothing_behind,
        a_ring_in_the_same_process_is_answered_in_milliseconds;
    outage_cases:
        a_worker_survives_an_outage_of_three_seconds,
        a_ring_during_an_outage_is_a_transient_error_in_time,
        a_ring_into_a_hanging_backend_returns_in_time,
        callers_get_through_right_after_an_outage,
        stopping_during_an_outage_is_prompt,
        a_worker_started_during_an_outage_begins_when_it_ends,
        a_job_that_a_vanished_worker_had_fetched_comes_back,
        a_job_that_a_stopped_worker_had_fetched_comes_back_at_once,
}
