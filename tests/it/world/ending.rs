//! The end of every test: nothing unplanned, unsent, unfinished or alive, and nobody hears a state twice.

use std::fs;
use std::path::Path;

use chima::domain::run::Run;
use chima::provider::lock;

use crate::openapi;
use crate::world::github_failures::{ELSEWHERE, PLAYED};
use crate::world::stage::{World, panics_on};
use crate::world::steps::PATIENCE;

/// What a test leaves on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Runs that are held.
    pub held: u64,
    /// Rows of the outbox that can never be sent.
    pub dead: u64,
}

impl World {
    /// Ends a world in which nothing is left.
    pub async fn end(self) {
        self.end_with(Left::default()).await;
    }

    /// Ends a world in which exactly this is left.
    pub async fn end_with(mut self, left: Left) {
        self.github.wait_for_deliveries(PATIENCE).await.unwrap();
        // our own statuses come back as deliveries
        while self.intake().await > 0 {}
        for unplanned in [self.github.unplanned(), self.slack.unplanned()] {
            assert!(unplanned.is_empty(), "unplanned: {unplanned:#?}");
        }
        self.check_against_the_description();
        let inside = (
            self.github.requests_inside_wait_window(),
            self.slack.requests_inside_wait_window(),
        );
        assert_eq!(inside, (0, 0), "requests although GitHub, or Slack, had asked to wait");
        let backlog = self.engine.store.backlog().await.unwrap();
        assert_eq!(
            (backlog.held, backlog.dead),
            (left.held, left.dead),
            "held runs, dead rows"
        );
        assert_eq!(
            (backlog.deliveries, backlog.queued, backlog.running, backlog.outbox),
            (0, 0, 0, 0),
            "deliveries, queued and running runs, and rows of the outbox that wait"
        );
        for run in self.runs().await {
            self.check_told(&run, left);
        }
        self.check_processes().await;
        self.stop().await;
        assert_eq!(panics_on(self.thread), Vec::<String>::new(), "something panicked");
        self.ended = true;
    }

    /// What was asked of GitHub, what it answered and what it sent is as GitHub itself describes it.
    fn check_against_the_description(&self) {
        let mut faults = openapi::faults(&self.github.requests());
        let calls = self.github.requests();
        let calls = calls
            .iter()
            .filter_map(openapi::operation)
            .map(|operation| operation.id.as_str());
        let elsewhere = |call: &str| ELSEWHERE.iter().any(|(known, _)| *known == call);
        let mut unplayed: Vec<_> = calls
            .filter(|call| !PLAYED.contains(call) && !elsewhere(call))
            .collect();
        unplayed.dedup();
        assert!(
            unplayed.is_empty(),
            "no row in tests/it/world/github_failures.rs: {unplayed:?}"
        );
        self.github.read(|world| {
            let sent = world.deliveries.iter();
            faults.extend(sent.flat_map(|one| openapi::faults_of_webhook(&one.event, &one.json)));
        });
        assert!(faults.is_empty(), "not as GitHub describes it:\n{}", faults.join("\n"));
    }

    fn check_told(&self, run: &Run, left: Left) {
        let states = self.told_states(run.deployment.0);
        let mut distinct = states.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), states.len(), "a state was told twice: {states:?}");
        assert!(states.len() <= 4, "more than four statuses: {states:?}");
        if left.dead == 0 {
            let expected = run.deployment_state().as_str();
            assert_eq!(states.last().map(String::as_str), Some(expected), "{run:#?}");
        }
    }

    /// No lane is locked, and no process lives that was started for a run of this world.
    async fn check_processes(&self) {
        let locks = self.path("data/locks");
        self.until("every lane is free", || {
            let mut files = fs::read_dir(&locks).into_iter().flatten().flatten();
            files
                .all(|file| lock::is_free(&file.path()).is_ok_and(|free| free))
                .then_some(())
        })
        .await;
        self.until("every process has ended", || {
            alive_in(self.folder()).is_empty().then_some(())
        })
        .await;
    }
}

/// Processes whose variables name a folder.
pub fn alive_in(folder: &Path) -> Vec<i32> {
    let folder = folder.display().to_string();
    let all = chima::provider::processes::all().into_iter();
    all.map(|process| process.id.pid)
        .filter(|pid| {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&variables).contains(&folder)
        })
        .collect()
}

impl Drop for World {
    #[expect(clippy::print_stderr, reason = "a failing test shows its world")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self}");
        } else {
            assert!(self.ended, "the test does not end its world");
        }
        // whatever a failed test left alive would hold its folder
        for pid in alive_in(self.folder()) {
            let signal = rustix::process::Signal::KILL;
            let _ = rustix::process::Pid::from_raw(pid).map(|pid| rustix::process::kill_process(pid, signal));
        }
    }
}
