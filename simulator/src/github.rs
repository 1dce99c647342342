//! A stand-in for GitHub: a stateful world, its REST API over real HTTP, and its webhooks.
//!
//! A fresh one has no repositories and one token, [`DEFAULT_TOKEN`], of the person [`DEFAULT_LOGIN`]. It refuses
//! nothing for its rate ([`Limits::generous`]).

pub mod access;
pub mod app;
pub mod builder;
pub mod comment;
mod contexts;
pub mod deploy;
mod describe;
mod event;
pub mod graph;
pub mod hook;
pub mod job;
pub mod pull;
mod record;
pub mod refused;
pub(crate) mod rest;
pub mod sending;
mod shape;
pub mod verb;
pub mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::fault::Fault;
use crate::github::app::{Token, der};
use crate::github::sending::{Delivered, Posting};
use crate::github::world::{DeploymentStatus, World};
use crate::journal::Recorded;
use crate::keys;
use crate::limits::Limits;
use crate::message::{Ending, Request, Site};
use crate::server::{Errand, Server, bind};
use crate::watched::{Unmet, Watched};

/// The token that a fresh world knows.
pub const DEFAULT_TOKEN: &str = "simulator-token";

/// Whose token it is.
pub const DEFAULT_LOGIN: &str = "chima-bot";

/// A running GitHub. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Debug, Clone)]
pub struct GitHub(Arc<Running>);

#[derive(Debug)]
struct Running {
    state: Arc<State>,
    server: Server,
}

/// What the server's tasks share. It must not own the server, or nothing would ever stop it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: Watched<World>,
    errands: mpsc::UnboundedSender<Errand>,
}

impl GitHub {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on an address of the caller's choice.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let (listener, bound) = bind(address).await?;
        let (errands, to_do) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            world: Watched::new(World::new(format!("http://{bound}"))),
            errands,
        });
        let server = Server::start(listener, Arc::new(Arc::clone(&state)), to_do);
        Ok(Self(Arc::new(Running { state, server })))
    }

    /// Base of pages and git addresses, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.read(|world| world.url.clone())
    }

    /// Base of the REST API, without a trailing slash. It has a path prefix as on GitHub Enterprise Server; the routes
    /// are served without it too.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.read(|world| world.api_url.clone())
    }

    /// Stops serving, also for the other handles.
    pub fn shutdown(&self) {
        self.0.server.stop();
    }

    /// Resets every connection, those that come too, until [`Self::up`].
    pub fn down(&self) {
        self.0.server.set_open(false);
    }

    /// Serves again.
    pub fn up(&self) {
        self.0.server.set_open(true);
    }

    /// Looks at the world.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.state().world.read(look)
    }

    /// Changes the world without telling any hook. Verbs are the better way wherever there is one.
    pub fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.state().world.change(act)
    }

    /// The world, for people to read.
    #[must_use]
    pub fn describe(&self) -> String {
        self.read(ToString::to_string)
    }

    /// Waits until a condition over the world holds.
    ///
    /// # Errors
    /// When it does not hold in time; the error shows the world.
    pub async fn wait_for(&self, condition: impl Fn(&World) -> bool, limit: Duration) -> Result<(), Unmet> {
        self.wait_to_find(|world| condition(world).then_some(()), limit).await
    }

    /// Waits until something is found in the world.
    ///
    /// # Errors
    /// When it is not found in time; the error shows the world.
    pub async fn wait_to_find<T>(&self, find: impl Fn(&World) -> Option<T>, limit: Duration) -> Result<T, Unmet> {
        self.state().world.wait(find, limit).await
    }

    /// Waits until no webhook is under way.
    ///
    /// # Errors
    /// When one still is after `limit`.
    pub async fn wait_for_deliveries(&self, limit: Duration) -> Result<(), Unmet> {
        self.wait_for(|world| world.deliveries_in_flight() == 0, limit).await
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.read(|world| world.requests.clone())
    }

    /// The requests that this GitHub has no route for.
    #[must_use]
    pub fn unplanned(&self) -> Vec<Recorded> {
        self.read(|world| {
            world
                .requests
                .iter()
                .filter(|request| !request.planned)
                .cloned()
                .collect()
        })
    }

    /// How many requests came although their sender had been told to wait.
    #[must_use]
    pub fn requests_inside_wait_window(&self) -> u32 {
        self.read(|world| world.books.inside_wait_window())
    }

    /// The statuses of a deployment, oldest first; none where there is no such deployment.
    #[must_use]
    pub fn statuses(&self, repository: &str, deployment: u64) -> Vec<DeploymentStatus> {
        self.read(|world| {
            world
                .deployment(repository, deployment)
                .map(|deployment| deployment.statuses.clone())
                .unwrap_or_default()
        })
    }

    /// Switches a fault on.
    pub fn fail(&self, fault: Fault) {
        self.change(|world| world.faults.add(fault));
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        self.change(|world| world.faults.clear());
    }

    /// Sets what is refused for its rate.
    pub fn limit(&self, limits: Limits) {
        self.change(|world| world.books.limits = limits);
    }

    /// Lives by another clock.
    pub fn set_clock(&self, clock: Clock) {
        self.change(|world| world.clock = clock);
    }

    /// Numbers everything new from here on, so that a restarted GitHub does not repeat itself.
    pub fn number_from(&self, id: u64) {
        self.change(|world| world.next_id = id);
    }

    /// Accepts a person's token.
    pub fn token(&self, value: &str, login: &str) {
        self.change(|world| world.tokens.push(Token::of_user(value, login)));
    }

    /// Refuses a token from now on, whoever has it.
    pub fn revoke(&self, value: &str) {
        self.change(|world| world.tokens.retain(|token| token.value != value));
    }

    /// Refuses every installation token that was handed out so far.
    pub fn revoke_installation_tokens(&self) {
        self.change(|world| world.tokens.retain(|token| token.expires_at.is_none()));
    }

    /// Sets the App's number and slug, and the key its JWTs are checked with: a PEM block `RSA PUBLIC KEY` (PKCS#1).
    /// Without a key the signature is not checked.
    pub fn set_app(&self, id: u64, slug: &str, public_key_pem: Option<&str>) {
        self.change(|world| {
            world.app.id = id;
            slug.clone_into(&mut world.app.slug);
            world.app.public_key = public_key_pem.and_then(der);
        });
    }

    /// The App's private key in PEM (PKCS#1), for whoever plays it. From now on the signatures of its JWTs are checked.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn app_key(&self) -> io::Result<String> {
        let pair = keys::pair()?;
        self.change(|world| world.app.public_key = Some(pair.public_der.clone()));
        Ok(pair.private_pem.clone())
    }

    /// The owner of an account puts the App's installation aside, or takes it up again.
    pub fn suspend(&self, account: &str, suspended: bool) {
        self.change(|world| {
            let id = world.app.installation_of(account);
            let installations = &mut world.app.installations;
            for installation in installations.iter_mut().filter(|found| Some(found.id) == id) {
                installation.suspended = suspended;
            }
        });
    }

    /// Takes a permission from the App's installations, or changes it. Tokens that are out keep what they have.
    pub fn grant(&self, permission: &str, level: Option<&str>) {
        self.change(|world| match level {
            Some(level) => world.app.permissions.insert(permission.to_owned(), level.to_owned()),
            None => world.app.permissions.remove(permission),
        });
    }

    /// Lets people sign in with the App, and come back to these addresses. Its client id and its client secret.
    pub fn sign_in(&self, callbacks: &[&str]) -> (String, String) {
        self.change(|world| world.oauth.open(callbacks))
    }

    /// Who sits at the browser, signed in here; nobody answers GitHub's own sign-in page.
    pub fn at_browser(&self, login: Option<&str>) {
        self.change(|world| world.oauth.person = login.map(str::to_owned));
    }

    /// Whether whoever sits at the browser agrees when they are asked.
    pub fn agrees(&self, agrees: bool) {
        self.change(|world| world.oauth.declines = !agrees);
    }

    /// Somebody gives their login up, and nobody has it.
    pub fn gives_up_login(&self, login: &str) {
        self.change(|world| world.free.insert(login.to_owned()));
    }

    /// Another account takes a login.
    pub fn takes_login(&self, login: &str) {
        self.change(|world| {
            world.free.remove(login);
            *world.taken.entry(login.to_owned()).or_default() += 1;
        });
    }

    /// Takes a person out of a team.
    pub fn leaves_team(&self, organization: &str, team: &str, login: &str) {
        let key = (organization.to_owned(), team.to_owned(), login.to_owned());
        self.change(|world| world.teams.remove(&key));
    }

    /// Makes a person a member of a team.
    pub fn team_member(&self, organization: &str, team: &str, login: &str) {
        let key = (organization.to_owned(), team.to_owned(), login.to_owned());
        self.change(|world| world.teams.insert(key));
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.0.state
    }

    /// Changes the world, then sends what the change had to tell, and waits for the answers.
    pub(crate) async fn tell<T>(&self, act: impl FnOnce(&mut World) -> T) -> (T, Vec<Delivered>) {
        let (outcome, postings) = self.change(|world| {
            let outcome = act(world);
            (outcome, std::mem::take(&mut world.outgoing))
        });
        (outcome, send_all(Arc::clone(self.state()), postings).await)
    }
}

/// Sends to every hook side by side, to one hook in order; records every outcome. Answers in the order of `postings`.
///
/// The real GitHub keeps no order. A stand-in that did not either would make tests fail by chance; a test that wants
/// disorder redelivers.
async fn send_all(state: Arc<State>, postings: Vec<Posting>) -> Vec<Delivered> {
    let mut by_hook: BTreeMap<u64, Vec<Posting>> = BTreeMap::new();
    for posting in postings {
        by_hook.entry(posting.hook).or_default().push(posting);
    }
    let mut sending = JoinSet::new();
    for postings in by_hook.into_values() {
        let state = Arc::clone(&state);
        sending.spawn(async move {
            let mut sent = Vec::new();
            for posting in postings {
                let (delivered, outcome) = posting.send().await;
                state
                    .world
                    .change(|world| world.record_outcome(delivered.delivery, outcome));
                sent.push(delivered);
            }
            sent
        });
    }
    let mut delivered = sending.join_all().await.concat();
    delivered.sort_by_key(|delivered| delivered.delivery);
    delivered
}

impl Site for Arc<State> {
    fn respond(&self, request: Request) -> Ending {
        let (ending, postings) = self.world.change(|world| {
            let ending = rest::respond(world, &request);
            (ending, std::mem::take(&mut world.outgoing))
        });
        if !postings.is_empty() {
            let sending = send_all(Arc::clone(self), postings);
            // The receiver is gone only while the server stops, and then nobody waits for webhooks.
            let _ = self.errands.send(Box::pin(async move {
                sending.await;
            }));
        }
        ending
    }
}
