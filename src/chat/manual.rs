//! What can be said, once: the help, the hints of the grammar and the reference page are made of this table.

/// What a first word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Deploy,
    Plan,
    Rollback,
    Retry,
    Cancel,
    Status,
    Why,
    Queue,
    Log,
    Diff,
    Deploys,
    Where,
    Builds,
    Contains,
    Lock,
    Wait,
    Unlock,
    Locks,
    Help,
    Version,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub verb: Verb,
    /// Its first word.
    pub name: &'static str,
    /// Its form. Capitals stand for names; what is in brackets may be left out.
    pub form: &'static str,
    /// What it does, in half a sentence.
    pub does: &'static str,
    /// How people say it; each is understood.
    pub examples: &'static [&'static str],
}

/// Every command, in the order in which people need them.
pub const MANUAL: &[Entry] = &[
    Entry {
        verb: Verb::Deploy,
        name: "deploy",
        form: "deploy[:TASK][!] APP[/REF] [to ENVIRONMENT[/HOSTS]]",
        does: "deploys a branch, tag or commit; without one, the repository's default branch; with `!`, past what others wait for, for admins",
        examples: &[
            "deploy trelhub/edge to staging",
            "deploy trelhub to production",
            "deploy:migrate trelhub/edge to staging/web1,web2",
            "deploy! trelhub/hotfix to production",
        ],
    },
    Entry {
        verb: Verb::Plan,
        name: "plan",
        form: "plan APP[/REF] [to ENVIRONMENT]",
        does: "shows what that would do, and does nothing",
        examples: &["plan trelhub/edge to production"],
    },
    Entry {
        verb: Verb::Rollback,
        name: "rollback",
        form: "rollback APP [ENVIRONMENT] [to COMMIT]",
        does: "deploys what the environment ran before, or a commit that it once ran",
        examples: &["rollback trelhub production", "rollback trelhub production to 4f3c2b1a"],
    },
    Entry {
        verb: Verb::Retry,
        name: "retry",
        form: "retry APP [ENVIRONMENT]",
        does: "deploys once more what was last tried there",
        examples: &["retry trelhub staging"],
    },
    Entry {
        verb: Verb::Cancel,
        name: "cancel",
        form: "cancel APP [ENVIRONMENT][: REASON], or cancel RUN",
        does: "stops what runs or waits there",
        examples: &["cancel trelhub staging: wrong branch", "cancel 01JAZ3N8"],
    },
    Entry {
        verb: Verb::Status,
        name: "status",
        form: "status [APP [ENVIRONMENT]]",
        does: "says what runs where",
        examples: &["status", "status trelhub", "status trelhub production"],
    },
    Entry {
        verb: Verb::Why,
        name: "why",
        form: "why APP [ENVIRONMENT], or why RUN",
        does: "says why the newest deployment there stands as it does, and who can change that",
        examples: &["why trelhub production", "why 01JAZ3N8"],
    },
    Entry {
        verb: Verb::Queue,
        name: "queue",
        form: "queue [APP [ENVIRONMENT]]",
        does: "lists what runs and waits, and what it waits for",
        examples: &["queue", "queue trelhub production"],
    },
    Entry {
        verb: Verb::Log,
        name: "log",
        form: "log APP [ENVIRONMENT], or log RUN",
        does: "shows the end of the newest log there, and where all of it is",
        examples: &["log trelhub staging"],
    },
    Entry {
        verb: Verb::Diff,
        name: "diff",
        form: "diff APP[/REF] [ENVIRONMENT]",
        does: "lists the commits that a deployment would bring",
        examples: &["diff trelhub production", "diff trelhub/edge to staging"],
    },
    Entry {
        verb: Verb::Deploys,
        name: "deploys",
        form: "deploys APP[/REF] [in ENVIRONMENT]",
        does: "lists the newest deployments: who, what, when and how it ended",
        examples: &["deploys trelhub in production"],
    },
    Entry {
        verb: Verb::Where,
        name: "where",
        form: "where can i deploy APP",
        does: "lists the environments of an app, and what they run",
        examples: &["where can i deploy trelhub"],
    },
    Entry {
        verb: Verb::Builds,
        name: "builds",
        form: "builds APP[/REF]",
        does: "says how the commit statuses and check runs of a ref stand",
        examples: &["builds trelhub/edge"],
    },
    Entry {
        verb: Verb::Contains,
        name: "contains",
        form: "auto_deploy status COMMIT",
        does: "says which environments contain a commit",
        examples: &["auto_deploy status 4f3c2b1a", "contains 4f3c2b1a"],
    },
    Entry {
        verb: Verb::Lock,
        name: "lock",
        form: "lock[!] APP [ENVIRONMENT[,ENVIRONMENT]] [for TIME][: REASON]",
        does: "keeps others from deploying there; with `!`, takes the lock from whoever has it",
        examples: &[
            "lock trelhub production for 2h: the database moves",
            "lock trelhub staging,production: release freeze",
            "lock! trelhub production: I am on call",
        ],
    },
    Entry {
        verb: Verb::Wait,
        name: "wait",
        form: "wait for APP [ENVIRONMENT] [for TIME][: REASON]",
        does: "locks as soon as whoever has the lock gives it up, and tells you then",
        examples: &["wait for trelhub production: the hotfix"],
    },
    Entry {
        verb: Verb::Unlock,
        name: "unlock",
        form: "unlock APP [ENVIRONMENT[,ENVIRONMENT]], or unlock all",
        does: "lets them again; `unlock all` gives up all of your locks",
        examples: &["unlock trelhub production", "unlock all"],
    },
    Entry {
        verb: Verb::Locks,
        name: "locks",
        form: "locks [APP]",
        does: "lists who holds what, since when and why",
        examples: &["locks", "locks trelhub"],
    },
    Entry {
        verb: Verb::Help,
        name: "help",
        form: "help [COMMAND]",
        does: "lists the commands, or explains one",
        examples: &["help", "help lock"],
    },
    Entry {
        verb: Verb::Version,
        name: "version",
        form: "version",
        does: "says which Chima this is",
        examples: &["version"],
    },
];

/// Other words for the same.
pub(super) const ALIASES: &[(&str, Verb)] = &[
    ("noop", Verb::Plan),
    ("dry-run", Verb::Plan),
    ("roll-back", Verb::Rollback),
    ("redeploy", Verb::Retry),
    ("again", Verb::Retry),
    ("stop", Verb::Cancel),
    ("abort", Verb::Cancel),
    ("state", Verb::Status),
    ("logs", Verb::Log),
    ("compare", Verb::Diff),
    ("history", Verb::Deploys),
    ("ci", Verb::Builds),
    ("checks", Verb::Builds),
    ("auto_deploy", Verb::Contains),
    ("auto-deploy", Verb::Contains),
    ("auto_deploy:status", Verb::Contains),
    ("deploy:lock", Verb::Lock),
    ("deploy:unlock", Verb::Unlock),
    ("deploy:version", Verb::Version),
    ("deploy:plan", Verb::Plan),
    ("commands", Verb::Help),
    ("?", Verb::Help),
];

/// The text of `docs/reference/chat.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# What you can say to Chima\n\n\
         The same words in a chat room, at the terminal (`chima chat`), and in a comment on a pull request, where they begin with\n\
         `/` and the app may be left out. Case does not matter in the names of apps and environments; `prod` and `stg` are short for\n\
         `production` and `staging`. A name with spaces goes into quotation marks. Without an environment the app's\n\
         `default_environment` is meant, or the only one; production is never meant by silence. This page is generated from\n\
         `src/chat/manual.rs` by a test.\n",
    );
    for entry in MANUAL {
        page.push_str(&format!(
            "\n## {}\n\n```text\n{}\n```\n\nIt {}.\n\n",
            entry.name, entry.form, entry.does
        ));
        for example in entry.examples {
            page.push_str(&format!("- `{example}`\n"));
        }
        let others: Vec<String> = ALIASES
            .iter()
            .filter(|(_, verb)| *verb == entry.verb)
            .map(|(alias, _)| format!("`{alias}`"))
            .collect();
        if !others.is_empty() {
            page.push_str(&format!("\nOther words for it: {}.\n", others.join(", ")));
        }
    }
    page
}

/// The entry of a command.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    MANUAL.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// All of it, a line for each command.
#[must_use]
pub fn overview() -> String {
    let lines: Vec<String> = MANUAL
        .iter()
        .map(|entry| format!("`{}`: {}", entry.form, entry.does))
        .collect();
    lines.join("\n")
}

/// One command with its examples.
#[must_use]
pub fn explained(entry: &Entry) -> String {
    let examples: Vec<String> = entry.examples.iter().map(|example| format!("`{example}`")).collect();
    format!("`{}`: {}\nfor example {}", entry.form, entry.does, examples.join(", "))
}
