//! A stand-in for Slack: the Web API methods that a deploying bot needs, incoming webhooks, and signed requests the
//! other way.
//!
//! A fresh one knows one token, [`DEFAULT_TOKEN`], accepts every channel, and does not limit the pace.

mod api;
pub mod blocks;
pub mod inbound;
pub mod socket;
pub mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::fault::Fault;
use crate::journal::Recorded;
use crate::message::{Ending, Request, Site};
use crate::server::{Errand, Server, bind};
use crate::slack::world::{Message, World};
use crate::watched::{Unmet, Watched};

/// The token that a fresh world knows.
pub const DEFAULT_TOKEN: &str = "simulator-slack-token";

/// What follows `/services/` in the address of the one incoming webhook.
pub const WEBHOOK_PATH: &str = "T0000001/B0000001/simulatorwebhook";

/// A running Slack. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Debug, Clone)]
pub struct Slack(Arc<Running>);

#[derive(Debug)]
struct Running {
    state: Arc<State>,
    server: Server,
}

#[derive(Debug)]
struct State {
    world: Watched<World>,
    /// Slack has no errands; the sender only keeps the server's channel open.
    _errands: mpsc::UnboundedSender<Errand>,
}

impl Slack {
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
            _errands: errands,
        });
        let server = Server::start(listener, Arc::new(Arc::clone(&state)), to_do);
        Ok(Self(Arc::new(Running { state, server })))
    }

    /// Base of everything, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.read(|world| world.url.clone())
    }

    /// What method names are appended to, after a slash.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api", self.url())
    }

    /// The address of the incoming webhook.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}/services/{WEBHOOK_PATH}", self.url())
    }

    /// A fresh `response_url`: it works five times.
    #[must_use]
    pub fn response_url(&self) -> String {
        let (url, id) = self.change(|world| {
            world.counter += 1;
            let id = world.counter.to_string();
            world.response_urls.insert(id.clone(), 0);
            (world.url.clone(), id)
        });
        format!("{url}/commands/T0000001/{id}/simulatorresponse")
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
        self.0.state.world.read(look)
    }

    /// Every message so far, oldest first, edited ones as they are now.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.read(|world| world.messages.clone())
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.read(|world| world.requests.clone())
    }

    /// The requests that this Slack has no answer for.
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
        self.read(|world| world.inside_wait_window)
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
        self.0.state.world.wait(find, limit).await
    }

    /// Switches a fault on.
    pub fn fail(&self, fault: Fault) {
        self.change(|world| world.faults.add(fault));
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        self.change(|world| world.faults.clear());
    }

    /// Answers this code for a channel, for example `channel_not_found`, `not_in_channel`, `is_archived`.
    pub fn refuse(&self, channel: &str, code: &str) {
        self.change(|world| world.refusing.insert(channel.to_owned(), code.to_owned()));
    }

    /// Somebody deletes a message.
    pub fn delete(&self, ts: &str) {
        self.change(|world| world.messages.retain(|message| message.ts != ts));
    }

    /// The bot's token may do nothing but this.
    pub fn scopes(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.change(|world| world.scopes = scopes);
    }

    /// Accepts another token.
    pub fn token(&self, value: &str) {
        self.change(|world| world.tokens.push(value.to_owned()));
    }

    /// Refuses more than one posted message per second and channel, or no longer.
    pub fn limit_to_one_per_second(&self, limited: bool) {
        self.change(|world| world.one_per_second = limited);
    }

    /// Lives by another clock.
    pub fn set_clock(&self, clock: Clock) {
        self.change(|world| world.clock = clock);
    }

    fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.0.state.world.change(act)
    }
}

impl Site for Arc<State> {
    fn respond(&self, request: Request) -> Ending {
        self.world.change(|world| api::respond(world, &request))
    }
}
