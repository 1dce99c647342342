//! The outside judge: what the deployed script wrote down itself, in the order in which it happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `start`, `alive` or `end`.
    pub what: String,
    fields: BTreeMap<String, String>,
}

impl Note {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default().to_owned();
        let fields = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { what, fields }
    }

    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub fn deployment(&self) -> u64 {
        self.field("deployment").parse().unwrap_or_default()
    }

    pub fn number(&self, name: &str) -> u64 {
        self.field(name).parse().unwrap_or_default()
    }
}

/// The whole journal so far.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    pub notes: Vec<Note>,
}

impl Journal {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        Self {
            notes: text.lines().map(Note::read).collect(),
        }
    }

    pub fn of(&self, deployment: u64) -> Vec<&Note> {
        self.notes
            .iter()
            .filter(|note| note.deployment() == deployment)
            .collect()
    }

    pub fn find(&self, deployment: u64, what: &str) -> Option<&Note> {
        self.of(deployment).into_iter().find(|note| note.what == what)
    }

    pub fn count(&self, deployment: u64, what: &str) -> usize {
        self.of(deployment).into_iter().filter(|note| note.what == what).count()
    }

    /// Where one deployment wrote although another of its environment had begun, or had not ended.
    pub fn overlaps(&self) -> Vec<String> {
        let mut spans: BTreeMap<(&str, u64), (usize, usize)> = BTreeMap::new();
        for (at, note) in self.notes.iter().enumerate() {
            let span = spans.entry((note.field("env"), note.deployment())).or_insert((at, at));
            span.1 = at;
        }
        let mut found = Vec::new();
        for ((environment, one), (from, to)) in &spans {
            for ((other_environment, other), (begun, _)) in &spans {
                if environment == other_environment && one != other && from < begun && begun < to {
                    found.push(format!("{other} began in {environment} while {one} worked there"));
                }
            }
        }
        found
    }

    /// Deployments that began more than once.
    pub fn repeated(&self) -> Vec<u64> {
        let mut starts: BTreeMap<u64, usize> = BTreeMap::new();
        for note in self.notes.iter().filter(|note| note.what == "start") {
            *starts.entry(note.deployment()).or_default() += 1;
        }
        starts
            .into_iter()
            .filter_map(|(deployment, count)| (count > 1).then_some(deployment))
            .collect()
    }

    /// Environments whose fences did not grow from one start to the next.
    pub fn fences_that_did_not_grow(&self) -> Vec<String> {
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        let mut found = Vec::new();
        for note in self.notes.iter().filter(|note| note.what == "start") {
            let fence = note.number("fence");
            let earlier = last.insert(note.field("env"), fence);
            if earlier.is_some_and(|earlier| earlier >= fence) {
                found.push(format!("{}: {fence} after {earlier:?}", note.field("env")));
            }
        }
        found
    }
}

#[test]
fn the_judge_sees_what_it_must() {
    let read = |text: &str| Journal {
        notes: text.lines().map(Note::read).collect(),
    };
    let good = read(
        "start env=a deployment=1 fence=1\nstart env=b deployment=2 fence=1\nend env=a deployment=1\nstart env=a deployment=3 fence=2",
    );
    assert_eq!((good.overlaps().len(), good.repeated().len()), (0, 0));
    assert!(good.fences_that_did_not_grow().is_empty());
    let overlap = read("start env=a deployment=1 fence=2\nstart env=a deployment=2 fence=1\nend env=a deployment=1");
    assert_eq!(overlap.overlaps().len(), 1);
    assert_eq!(overlap.fences_that_did_not_grow().len(), 1);
    assert_eq!(
        read("start env=a deployment=1\nstart env=a deployment=1").repeated(),
        [1]
    );
}
