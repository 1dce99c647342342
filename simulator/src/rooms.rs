//! Stand-ins for those who are told by a POST: incoming webhooks of Mattermost, Rocket.Chat, Discord and Microsoft Teams, and
//! programs that verify what is signed as Standard Webhooks are.
//!
//! All of them on one port, each under an address of its own, and each strict about what the real one refuses.

mod services;
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
use crate::rooms::world::{Posted, Service, World};
use crate::server::{Errand, Server, bind};
use crate::watched::{Unmet, Watched};

/// Signs what programs are sent.
pub const SECRET: &str = "simulator-webhook-secret";

/// Running rooms. Clones are handles to the same ones; they stop when the last is dropped.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<Running>);

#[derive(Debug)]
struct Running {
    state: Arc<State>,
    server: Server,
}

#[derive(Debug)]
struct State {
    world: Watched<World>,
    /// There are no errands; the sender only keeps the server's channel open.
    _errands: mpsc::UnboundedSender<Errand>,
}

impl Rooms {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        let (listener, bound) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let (errands, to_do) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            world: Watched::new(World::new(format!("http://{bound}"))),
            _errands: errands,
        });
        let server = Server::start(listener, Arc::new(Arc::clone(&state)), to_do);
        Ok(Self(Arc::new(Running { state, server })))
    }

    /// The secret address of one of them.
    #[must_use]
    pub fn url(&self, service: Service) -> String {
        self.read(|world| format!("{}{}", world.url, service.path()))
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

    /// What one of them was sent and took, oldest first.
    #[must_use]
    pub fn posted(&self, service: Service) -> Vec<Posted> {
        self.read(|world| {
            let own = world.posted.iter().filter(|posted| posted.service == service);
            own.cloned().collect()
        })
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.read(|world| world.requests.clone())
    }

    /// The requests that nobody here has an answer for.
    #[must_use]
    pub fn unplanned(&self) -> Vec<Recorded> {
        let all = self.requests().into_iter();
        all.filter(|request| !request.planned).collect()
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
        let find = |world: &World| condition(world).then_some(());
        self.0.state.world.wait(find, limit).await
    }

    /// Switches a fault on.
    pub fn fail(&self, fault: Fault) {
        self.0.state.world.change(|world| world.faults.add(fault));
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        self.0.state.world.change(|world| world.faults.clear());
    }

    /// Lives by another clock.
    pub fn set_clock(&self, clock: Clock) {
        self.0.state.world.change(|world| world.clock = clock);
    }
}

impl Site for Arc<State> {
    fn respond(&self, request: Request) -> Ending {
        self.world.change(|world| services::respond(world, &request))
    }
}
