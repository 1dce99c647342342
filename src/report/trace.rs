//! What a collector of traces is told of a deployment: one trace, from the delivery to the last status.
//!
//! Ids are made from what everybody knows who works on the deployment, so that any process adds to the same trace, before and after
//! a restart, and nobody has to pass anything on: the trace is that of GitHub's number of the deployment, and a span that of its
//! [`Place`]. Names, states, codes and numbers are told; never what somebody wrote, printed or keeps secret.

use sha2::{Digest, Sha256};

use crate::domain::clock::Timestamp;

pub mod otlp;
pub mod story;

/// Longer values are cut.
const TEXT: usize = 128;
/// Of a list, and of the events of a span.
const MANY: usize = 32;

/// One deployment, as collectors know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of a deployment, by the key that tells it from all others ([`crate::webhook::envelope::effect_key`]).
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(digest("trace", &[key]))
    }

    /// As collectors show it.
    #[must_use]
    pub fn shown(self) -> String {
        hex::encode(self.0)
    }

    /// Whether it is among so many of a hundred. All processes agree, and those of a smaller share are part of a larger one.
    #[must_use]
    pub fn is_among(self, percent: u8) -> bool {
        let [.., a, b, c, d] = self.0;
        u64::from(u32::from_be_bytes([a, b, c, d])) * 100 < u64::from(percent) << 32
    }
}

/// One stage of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

fn digest<const N: usize>(kind: &str, parts: &[&str]) -> [u8; N] {
    let mut hash = Sha256::new_with_prefix(kind);
    for part in parts {
        hash.update([0]);
        hash.update(part);
    }
    let hash = hash.finalize();
    let mut id = [0; N];
    for (to, from) in id.iter_mut().zip(hash) {
        *to = from;
    }
    if id == [0; N] {
        // which means none
        id = [1; N];
    }
    id
}

/// Where a span stands in the trace of its deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// All of it: the root.
    Deployment,
    /// A delivery comes and is stored.
    Receive {
        /// Which.
        delivery: String,
    },
    /// A deployment that nobody delivered is found in GitHub's list, and stored as a delivery.
    Found {
        /// Which.
        delivery: String,
    },
    /// From a stored delivery, or from a look at a held run, to a written decision.
    Intake {
        /// The decision's evidence.
        evidence: String,
    },
    /// What the decision needs is read.
    Gather {
        /// The decision's evidence.
        evidence: String,
    },
    /// It is decided, and written down.
    Decide {
        /// The decision's evidence.
        evidence: String,
    },
    /// It waits for something outside its lane.
    Held {
        /// Counted from 0.
        index: usize,
    },
    /// It waits for its turn, or for a worker.
    Queued {
        /// Counted from 0.
        index: usize,
    },
    /// From a claim to the end, or back into the lane.
    Attempt {
        /// Counted from 1.
        attempt: u32,
    },
    /// A worker takes it.
    Claim {
        /// Of which attempt.
        attempt: u32,
    },
    /// It is made ready.
    Prepare {
        /// Of which attempt.
        attempt: u32,
    },
    /// Its commit is brought here.
    Fetch {
        /// Of which attempt.
        attempt: u32,
    },
    /// Its commit becomes a folder.
    Checkout {
        /// Of which attempt.
        attempt: u32,
    },
    /// One command.
    Step {
        /// Of which attempt.
        attempt: u32,
        /// Counted from 0.
        index: usize,
    },
    /// A status or message, from when it was written into the outbox until it has arrived or never can.
    Report {
        /// The row.
        row: String,
    },
    /// The last call that was made for it.
    Send {
        /// The row.
        row: String,
    },
}

impl Place {
    /// What the stage is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Receive { .. } | Self::Found { .. } => "receive",
            Self::Intake { .. } => "intake",
            Self::Gather { .. } => "gather",
            Self::Decide { .. } => "decide",
            Self::Held { .. } => "held",
            Self::Queued { .. } => "queued",
            Self::Attempt { .. } => "attempt",
            Self::Claim { .. } => "claim",
            Self::Prepare { .. } => "prepare",
            Self::Fetch { .. } => "fetch",
            Self::Checkout { .. } => "checkout",
            Self::Step { .. } => "step",
            Self::Report { .. } => "report",
            Self::Send { .. } => "send",
        }
    }

    /// The stage that it is part of.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Deployment => None,
            Self::Receive { .. }
            | Self::Found { .. }
            | Self::Intake { .. }
            | Self::Held { .. }
            | Self::Queued { .. }
            | Self::Attempt { .. }
            | Self::Report { .. } => Some(Self::Deployment),
            Self::Gather { evidence } | Self::Decide { evidence } => Some(Self::Intake {
                evidence: evidence.clone(),
            }),
            Self::Claim { attempt } | Self::Prepare { attempt } | Self::Step { attempt, .. } => {
                Some(Self::Attempt { attempt: *attempt })
            }
            Self::Fetch { attempt } | Self::Checkout { attempt } => Some(Self::Prepare { attempt: *attempt }),
            Self::Send { row } => Some(Self::Report { row: row.clone() }),
        }
    }

    /// How others take part in it.
    fn kind(&self) -> Kind {
        match self {
            Self::Receive { .. } => Kind::Server,
            Self::Found { .. } | Self::Send { .. } => Kind::Client,
            Self::Deployment
            | Self::Intake { .. }
            | Self::Gather { .. }
            | Self::Decide { .. }
            | Self::Held { .. }
            | Self::Queued { .. }
            | Self::Attempt { .. }
            | Self::Claim { .. }
            | Self::Prepare { .. }
            | Self::Fetch { .. }
            | Self::Checkout { .. }
            | Self::Step { .. }
            | Self::Report { .. } => Kind::Internal,
        }
    }

    fn id(&self, trace: TraceId) -> SpanId {
        let which = match self {
            Self::Deployment => String::new(),
            Self::Receive { delivery: which }
            | Self::Found { delivery: which }
            | Self::Intake { evidence: which }
            | Self::Gather { evidence: which }
            | Self::Decide { evidence: which }
            | Self::Report { row: which }
            | Self::Send { row: which } => which.clone(),
            Self::Held { index } | Self::Queued { index } => index.to_string(),
            Self::Attempt { attempt }
            | Self::Claim { attempt }
            | Self::Prepare { attempt }
            | Self::Fetch { attempt }
            | Self::Checkout { attempt } => attempt.to_string(),
            Self::Step { attempt, index } => format!("{attempt}/{index}"),
        };
        SpanId(digest("span", &[&trace.shown(), self.name(), &which]))
    }
}

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody else.
    Internal,
    /// Somebody asked us.
    Server,
    /// We ask somebody.
    Client,
}

/// What is said of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A name, a state, a code.
    Text(String),
    /// A number.
    Number(i64),
    /// Several of the first.
    List(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(bounded(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl FromIterator<&'static str> for Value {
    fn from_iter<I: IntoIterator<Item = &'static str>>(texts: I) -> Self {
        Self::List(texts.into_iter().take(MANY).map(bounded).collect())
    }
}

/// Names may come from a request: they are cut, and hold nothing that nobody can see.
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT).collect()
}

/// One stage of one deployment, when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    trace: TraceId,
    place: Place,
    from: Timestamp,
    until: Timestamp,
    attributes: Vec<(&'static str, Value)>,
    events: Vec<(Timestamp, &'static str)>,
    /// The code of what went wrong.
    trouble: Option<String>,
}

impl Span {
    /// A stage, from when to when. A clock that was put back makes none shorter than nothing.
    #[must_use]
    pub fn new(trace: TraceId, place: Place, from: Timestamp, until: Timestamp) -> Self {
        Self {
            trace,
            place,
            from,
            until: until.max(from),
            attributes: Vec::new(),
            events: Vec::new(),
            trouble: None,
        }
    }

    /// With something said of it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    /// With something said of it, where there is anything to say.
    #[must_use]
    pub fn with_some(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With what happened in it.
    #[must_use]
    pub fn when(mut self, at: Timestamp, name: &'static str) -> Self {
        if self.events.len() < MANY {
            self.events.push((at, name));
        }
        self
    }

    /// As one that went wrong, where it did.
    #[must_use]
    pub fn trouble(mut self, code: Option<&str>) -> Self {
        self.trouble = code.map(bounded);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_that_of_its_deployment_and_of_no_other() {
        assert_eq!(TraceId::of("github.com/1/2"), TraceId::of("github.com/1/2"));
        assert_ne!(TraceId::of("github.com/1/2"), TraceId::of("github.com/1/3"));
        // other programs may have noted it: it stays the same with every release
        assert_eq!(
            TraceId::of("github.com/1/2").shown(),
            hex::encode(&Sha256::digest(b"trace\0github.com/1/2")[..16])
        );
    }

    #[test]
    fn a_share_is_a_share_and_grows_by_whole_traces() {
        let traces: Vec<TraceId> = (0..4_000)
            .map(|one| TraceId::of(&format!("github.com/1/{one}")))
            .collect();
        let among = |percent| traces.iter().filter(|trace| trace.is_among(percent)).count();
        assert_eq!((among(0), among(100)), (0, 4_000));
        assert!((800..1_200).contains(&among(25)), "{}", among(25));
        assert!(traces.iter().all(|trace| !trace.is_among(10) || trace.is_among(25)));
    }

    #[test]
    fn places_of_one_name_have_ids_of_their_own() {
        let trace = TraceId::of("github.com/1/2");
        let step = |attempt, index| Place::Step { attempt, index }.id(trace);
        assert_ne!(step(1, 11), step(11, 1));
        assert_ne!(step(1, 1), step(1, 2));
        assert_ne!(
            step(1, 1),
            Place::Step { attempt: 1, index: 1 }.id(TraceId::of("github.com/1/3"))
        );
    }

    #[test]
    fn what_is_said_is_cut_and_has_nothing_invisible() {
        assert_eq!(Value::from("a\u{1b}[1mb\n"), Value::Text("a[1mb".to_owned()));
        assert_eq!(Value::from("x".repeat(500)), Value::Text("x".repeat(TEXT)));
    }
}
