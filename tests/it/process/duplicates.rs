//! The same deployment, delivered again and again in every way that GitHub and its users have: one run, and quick answers.

use std::time::Duration;

use chima_simulator::github::deploy::DeploymentRequest;
use chima_simulator::github::sending::{Delivered, deliver_raw};
use futures_util::future::join_all;

use crate::process::installation::{ENVIRONMENTS, Installation, REPOSITORY};
use crate::torture::{is_long, rounds, row};

const SOON: Duration = Duration::from_secs(20);
const QUICK: Duration = Duration::from_millis(50);

/// What GitHub sends, as bytes.
struct Parcel {
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    again: u64,
}

impl Parcel {
    /// A deployment of which nobody has heard yet.
    async fn of(installation: &Installation, branch: &str, environment: &str) -> (u64, Self) {
        let url = format!("http://127.0.0.1:{}/webhooks/github", installation.port);
        let point = |to: &str| {
            installation
                .github
                .change(|world| world.hooks.iter_mut().for_each(|hook| to.clone_into(&mut hook.url)));
        };
        point("http://127.0.0.1:1/");
        let request = DeploymentRequest::to(environment).of(branch);
        let deployed = installation.github.deploy(REPOSITORY, request).await.unwrap();
        point(&url);
        let guid = &deployed.deliveries[0].guid;
        let (headers, body) = installation.github.read(|world| {
            let sent = world.deliveries.iter().find(|sent| sent.guid == *guid).unwrap();
            (sent.headers.clone(), sent.body.clone())
        });
        let again = 0;
        (
            deployed.id,
            Self {
                url,
                headers,
                body,
                again,
            },
        )
    }

    async fn same(&self) -> Delivered {
        deliver_raw(&self.url, &self.headers, &self.body).await
    }

    /// As when a second hook, or a person with the body, tells of it.
    fn renamed(&mut self) -> impl Future<Output = Delivered> + use<> {
        self.again += 1;
        let mut headers = self.headers.clone();
        for (name, value) in &mut headers {
            if name.eq_ignore_ascii_case("x-github-delivery") {
                *value = format!("11111111-2222-3333-4444-{:012}", self.again);
            }
        }
        let (url, body) = (self.url.clone(), self.body.clone());
        async move { deliver_raw(&url, &headers, &body).await }
    }

    /// Ten of one GUID and ten of others, all at once, then ten and ten in turn.
    async fn storm(&mut self) -> Vec<Delivered> {
        let others: Vec<_> = (0..10).map(|_| self.renamed()).collect();
        let (same, others) = tokio::join!(join_all((0..10).map(|_| self.same())), join_all(others));
        let mut all = [same, others].concat();
        for _ in 0..10 {
            all.push(self.same().await);
            all.push(self.renamed().await);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_is_delivered_again_and_again_runs_once_and_is_answered_quickly() {
    let count = rounds(4, 100);
    let installation = Installation::sqlite().await;
    let mut server = installation.serve().await;
    let mut answers = Vec::new();
    for round in 0..count {
        let environment = ENVIRONMENTS[usize::try_from(round).unwrap() % ENVIRONMENTS.len()];
        let (deployment, mut parcel) = Parcel::of(&installation, "slow", environment).await;
        let first = parcel.storm().await;
        let accepted = first.iter().filter(|answer| answer.status == 202).count();
        assert_eq!(accepted, 1, "{first:?}");
        answers.extend(first.into_iter().filter(|answer| answer.status != 202));
        installation.noted(deployment, "start").await;
        answers.extend(parcel.storm().await);
        assert_eq!(installation.concluded(deployment, SOON).await, "success");
        answers.extend(parcel.storm().await);
        assert_eq!(installation.journal().count(deployment, "start"), 1);
    }
    let wrong: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    server.stop(SOON).await;
    installation.close().await;
    let mut took: Vec<Duration> = answers.iter().map(|answer| answer.duration).collect();
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    // beside other tests, how long they take is the machine's matter as well
    assert!(half < 10 * QUICK, "half of them took {half:?} or longer");
    row(
        "one deployment delivered 120 times: same and new GUID, at once and in turn, before, while and after it ran",
        count,
        format!(
            "one run each; {} duplicates answered within {:.1} ms (half), {:.1} ms (99 %), {:.1} ms (all)",
            took.len(),
            half.as_secs_f64() * 1e3,
            most.as_secs_f64() * 1e3,
            took[took.len() - 1].as_secs_f64() * 1e3
        ),
        "exactly one run, 99 % within 50 ms",
    );
    assert!(!is_long() || most < QUICK, "99 % within {most:?}");
}
