//! Looks at every state, the nearest first, and then whether each leads to a good end.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::state::{Fault, State, Violation};
use crate::steps::{Next, Step, Steps};

/// What a search came to.
#[derive(Debug)]
pub struct Found {
    /// How many there are; processes have no names.
    pub states: usize,
    /// How many ways lead from one to another.
    pub steps: usize,
    /// In how many of them everything that was accepted has ended, and GitHub knows.
    pub settled: usize,
    /// The shortest way to something that must not happen.
    pub violation: Option<(Violation, Vec<Step>)>,
    /// The shortest way to a state from which something that was accepted can never end.
    pub stuck: Option<Vec<Step>>,
}

/// Multiplies: keys are packed already, and a debug build is slow enough.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key([u64; 3]);

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for part in self.0 {
            state.write_u64(part);
        }
    }
}

#[derive(Debug)]
struct Seen {
    state: State,
    from: u32,
    by: Option<Step>,
}

/// Searches until something is found or nothing is left.
#[must_use]
pub fn search(first: State, fault: Option<Fault>) -> Found {
    let mut known: HashMap<Key, u32, BuildHasherDefault<Mixer>> = HashMap::default();
    known.insert(Key(first.key()), 0);
    let mut seen = vec![Seen {
        state: first,
        from: 0,
        by: None,
    }];
    // of each state: where its fair steps lead to
    let mut leads: Vec<(u32, u32)> = Vec::new();
    let mut next: Vec<Next> = Vec::new();
    let (mut at, mut steps) = (0_u32, 0);
    while let Some(one) = seen.get(at as usize) {
        let state = one.state;
        Steps::of(&state, fault, &mut next);
        steps += next.len();
        for next in &next {
            let fresh = u32::try_from(seen.len()).unwrap_or(u32::MAX);
            let to = *known.entry(Key(next.state.key())).or_insert(fresh);
            if to == fresh {
                seen.push(Seen {
                    state: next.state,
                    from: at,
                    by: Some(next.step),
                });
            }
            if let Some(violation) = next.violation {
                let mut way = way_to(&seen, at);
                way.push(next.step);
                return Found {
                    states: seen.len(),
                    steps,
                    settled: 0,
                    violation: Some((violation, way)),
                    stuck: None,
                };
            }
            if next.fair && to != at {
                leads.push((to, at));
            }
        }
        at += 1;
    }
    let settled: Vec<u32> = (0..at).filter(|one| seen[*one as usize].state.is_settled()).collect();
    let stuck = without_end(at, &leads, &settled);
    Found {
        states: seen.len(),
        steps,
        settled: settled.len(),
        violation: None,
        stuck: stuck.map(|one| way_to(&seen, one)),
    }
}

/// The first state from which no fair way leads to one where all is settled: backwards from those.
fn without_end(count: u32, leads: &[(u32, u32)], settled: &[u32]) -> Option<u32> {
    // the steps into each state, one after the other
    let mut begins = vec![0_u32; count as usize + 1];
    for (to, _) in leads {
        begins[*to as usize + 1] += 1;
    }
    for at in 0..count as usize {
        begins[at + 1] += begins[at];
    }
    let mut next = begins.clone();
    let mut into = vec![0_u32; leads.len()];
    for (to, from) in leads {
        into[next[*to as usize] as usize] = *from;
        next[*to as usize] += 1;
    }
    let mut ends = vec![false; count as usize];
    let mut todo = settled.to_vec();
    for one in settled {
        ends[*one as usize] = true;
    }
    while let Some(one) = todo.pop() {
        let (from, to) = (begins[one as usize] as usize, begins[one as usize + 1] as usize);
        for before in &into[from..to] {
            if !ends[*before as usize] {
                ends[*before as usize] = true;
                todo.push(*before);
            }
        }
    }
    (0..count).find(|one| !ends[*one as usize])
}

fn way_to(seen: &[Seen], mut at: u32) -> Vec<Step> {
    let mut way = Vec::new();
    while let Some(Seen {
        from, by: Some(step), ..
    }) = seen.get(at as usize)
    {
        way.push(*step);
        at = *from;
    }
    way.reverse();
    way
}
