//! Places for connections: how many there are, and whose is given up when all are taken.
//!
//! Whoever opens connections and says nothing must not shut out those who have something to say. So nobody waits long for a place:
//! when all are taken, a part of those whose peers have kept us waiting longest is cut, first of the peers that hold a crowd.
//! An honest request is complete within milliseconds and is always among the youngest; the very youngest are never cut.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections at once.
const PLACES: usize = 4096;
/// Descriptors that are not for connections: the ledger, logs, runners, requests of our own.
const OWN: u64 = 512;
/// Whoever answers for longer than this has a peer that does not read.
const ANSWER: Duration = Duration::from_secs(10);
/// A warning says how things are, not how often.
const SILENCE: Duration = Duration::from_secs(10);

/// What the peer of a connection lets us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Wait: for a request's head, the first or the next.
    Waiting,
    /// Receive a body.
    Receiving,
    /// Work, or send the answer.
    Answering,
}

#[derive(Debug)]
struct Taken {
    peer: IpAddr,
    phase: Phase,
    since: Instant,
    /// Whether a request has come.
    heard: bool,
    given_up: CancellationToken,
}

#[derive(Debug, Default)]
struct Book {
    taken: BTreeMap<u64, Taken>,
    next: u64,
    said: Option<Instant>,
}

/// All places of a server.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    /// Nobody loses a place sooner: what an honest peer has sent must at least have been read.
    hearing: Duration,
    book: Mutex<Book>,
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    given_up: CancellationToken,
    /// Whether a request has come.
    heard: AtomicBool,
    /// Whether the first came when the place was somebody else's already.
    late: AtomicBool,
    answering: AtomicBool,
}

impl Places {
    pub(super) fn new(limit: usize, hearing: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit,
            hearing,
            book: Mutex::default(),
        })
    }

    /// A place for a new connection. `None` where all are taken by requests that are being answered, or by connections so new that
    /// nobody can have heard them yet.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut book = self.book();
        if book.taken.len() >= self.limit {
            self.give_up_some(&mut book, self.hearing);
        }
        if book.taken.len() >= self.limit {
            return None;
        }
        let number = book.next;
        book.next += 1;
        let given_up = CancellationToken::new();
        let taken = Taken {
            peer: network(peer),
            phase: Phase::Waiting,
            since: Instant::now(),
            heard: false,
            given_up: given_up.clone(),
        };
        book.taken.insert(number, taken);
        Some(Place {
            places: Arc::clone(self),
            number,
            given_up,
            heard: AtomicBool::new(false),
            late: AtomicBool::new(false),
            answering: AtomicBool::new(false),
        })
    }

    /// Gives up some places at once: descriptors ran out before places did.
    pub(super) fn make_room(&self) {
        self.give_up_some(&mut self.book(), Duration::ZERO);
    }

    /// Whether somebody who connected within `recent` has not said yet what they came for.
    pub(super) fn has_unheard(&self, recent: Duration) -> bool {
        let book = self.book();
        book.taken
            .values()
            .any(|taken| !taken.heard && taken.since.elapsed() < recent)
    }

    fn give_up_some(&self, book: &mut Book, hearing: Duration) {
        let mut of_peer: HashMap<IpAddr, usize> = HashMap::new();
        for taken in book.taken.values() {
            *of_peer.entry(taken.peer).or_default() += 1;
        }
        let crowd = |peer: &IpAddr| of_peer.get(peer).is_some_and(|count| *count > self.limit / 4);
        let mut idle: Vec<(bool, Instant, u64)> = book
            .taken
            .iter()
            .filter(|(_, taken)| {
                let since = taken.since.elapsed();
                since > ANSWER || (taken.phase != Phase::Answering && since >= hearing)
            })
            .map(|(number, taken)| (!crowd(&taken.peer), taken.since, *number))
            .collect();
        idle.sort_unstable();
        // many at once, so that looking through all of them is rare
        idle.truncate((self.limit / 16).max(1));
        for (_, _, number) in &idle {
            if let Some(taken) = book.taken.remove(number) {
                taken.given_up.cancel();
            }
        }
        if book.said.is_none_or(|at| at.elapsed() > SILENCE) {
            book.said = Some(Instant::now());
            tracing::warn!(
                places = self.limit,
                cut = idle.len(),
                peers = of_peer.len(),
                "all places for connections are taken; those that say nothing are cut"
            );
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Notes what the connection does from now on.
    pub(super) fn is(&self, phase: Phase) {
        let first = !self.heard.swap(true, Ordering::Relaxed);
        if first && self.is_given_up() {
            self.late.store(true, Ordering::Relaxed);
        }
        self.answering.store(phase == Phase::Answering, Ordering::Relaxed);
        if let Some(taken) = self.places.book().taken.get_mut(&self.number) {
            taken.phase = phase;
            taken.since = Instant::now();
            taken.heard = true;
        }
    }

    /// Whether it is somebody else's by now.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Whether a request has come.
    pub(super) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whether all of the first request came just too late, and is being answered.
    pub(super) fn answers_late(&self) -> bool {
        self.late.load(Ordering::Relaxed) && self.answering.load(Ordering::Relaxed)
    }

    /// Comes when the place is somebody else's.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.book().taken.remove(&self.number);
    }
}

/// What one peer can have as many addresses of as it likes counts as one.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// How many places this process can have. The soft limit of descriptors, often 1024, is raised as far as they need and the hard
/// limit allows; no further, because commands inherit it and old programs close everything up to it.
pub(super) fn affordable() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = PLACES as u64 + OWN;
    let Some(soft) = limit.current.filter(|soft| *soft < wanted) else {
        return PLACES;
    };
    let raised = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let new = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    let descriptors = match setrlimit(Resource::Nofile, new) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(error = %error, soft, "the limit of open files cannot be raised");
            soft
        }
    };
    let places = descriptors.saturating_sub(OWN).max(descriptors / 2);
    usize::try_from(places).unwrap_or(PLACES).min(PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HONEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const GREEDY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn is_cut(place: &Place) -> bool {
        place.given_up.is_cancelled()
    }

    #[test]
    fn who_waited_longest_loses_a_place_to_a_new_one() {
        let places = Places::new(16, Duration::ZERO);
        let idle: Vec<Place> = (0..16).filter_map(|_| places.take(GREEDY)).collect();
        let new = places.take(GREEDY).unwrap();
        assert!(is_cut(&idle[0]) && !is_cut(&idle[1]) && !is_cut(&new));
    }

    #[test]
    fn nobody_loses_a_place_before_they_can_have_been_heard() {
        let places = Places::new(16, Duration::from_secs(3600));
        let new: Vec<Place> = (0..16).filter_map(|_| places.take(GREEDY)).collect();
        assert!(places.take(HONEST).is_none());
        assert!(!new.iter().any(is_cut));
    }

    #[test]
    fn a_crowd_of_one_peer_loses_places_before_an_older_connection_of_another() {
        let places = Places::new(16, Duration::ZERO);
        let old = places.take(HONEST).unwrap();
        let crowd: Vec<Place> = (0..100).filter_map(|_| places.take(GREEDY)).collect();
        assert!(!is_cut(&old));
        assert_eq!(crowd.iter().filter(|place| !is_cut(place)).count(), 15);
    }

    #[test]
    fn what_is_being_answered_is_not_cut() {
        let places = Places::new(4, Duration::ZERO);
        let busy: Vec<Place> = (0..4).filter_map(|_| places.take(GREEDY)).collect();
        for place in &busy {
            place.is(Phase::Answering);
        }
        assert!(places.take(HONEST).is_none());
        busy[2].is(Phase::Waiting);
        assert!(places.take(HONEST).is_some());
        assert!(is_cut(&busy[2]));
    }

    #[test]
    fn what_had_arrived_before_a_place_was_given_up_is_answered() {
        let places = Places::new(1, Duration::ZERO);
        let (early, late, half) = (
            places.take(GREEDY).unwrap(),
            places.take(HONEST).unwrap(),
            places.take(GREEDY).unwrap(),
        );
        assert!(early.is_given_up() && late.is_given_up() && !early.answers_late());
        late.is(Phase::Receiving);
        assert!(!late.answers_late());
        late.is(Phase::Answering);
        assert!(late.answers_late());
        // who was heard in time has had an answer, and its place was taken for what it did since
        half.is(Phase::Answering);
        half.is(Phase::Waiting);
        let _new = places.take(HONEST).unwrap();
        half.is(Phase::Answering);
        assert!(half.is_given_up() && !half.answers_late());
    }

    #[test]
    fn a_place_is_free_when_its_connection_has_ended() {
        let places = Places::new(1, Duration::ZERO);
        let first = places.take(HONEST).unwrap();
        first.is(Phase::Answering);
        assert!(places.take(HONEST).is_none());
        drop(first);
        assert!(places.take(HONEST).is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_peer() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::2", true),
            ("2001:db8:0:1::1", "2001:db8::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let peer = |text: &str| network(text.parse().unwrap());
            assert_eq!(peer(one) == peer(other), same, "{one} {other}");
        }
    }

    #[test]
    fn there_are_places_whatever_the_limit_of_descriptors() {
        let places = affordable();
        assert!((1..=PLACES).contains(&places), "{places}");
    }
}
