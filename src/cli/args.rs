//! What may be typed after `chima`.

mod look;
mod set_up;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand};

pub use look::{
    AttentionArgs, AuditArgs, AuditCommand, BuildsArgs, ContainsArgs, DeliveriesArgs, DiffArgs, RunsArgs,
    StatisticsArgs, WhichArgs,
};
pub use set_up::{OtherSetup, SetupArgs, SlackSetupArgs};

use crate::cli::import::Kind;
use crate::domain::length::Length;

/// Executes GitHub Deployments: webhook, policy, durable queue, run, truthful status.
#[derive(Debug, Parser)]
#[command(name = "chima", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Args {
    /// The configuration file [default: `$CHIMA_CONFIG`, else `config/app.yaml`].
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Ask the Chima at this address, with the token in `$CHIMA_TOKEN`, in place of this machine's own [default: `$CHIMA_SERVER`].
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What is meant, and how its end is waited for.
#[derive(Debug, ClapArgs)]
pub struct AgainArgs {
    /// A run, or APP and ENVIRONMENT for the newest there.
    #[arg(required = true, value_name = "RUN|TARGET")]
    pub target: Vec<String>,
    /// Do not wait for its end.
    #[arg(long)]
    pub no_wait: bool,
    /// Print the run as JSON when it has ended, and nothing before.
    #[arg(long)]
    pub json: bool,
}

/// Where to go back, and to what.
#[derive(Debug, ClapArgs)]
pub struct RollbackArgs {
    /// APP and ENVIRONMENT.
    #[arg(required = true, value_name = "TARGET")]
    pub target: Vec<String>,
    /// A commit or a ref that ran there. Without this or `--previous`, only says what would be undone.
    #[arg(long, value_name = "REF", conflicts_with = "previous")]
    pub to: Option<String>,
    /// The commit before the present one.
    #[arg(long)]
    pub previous: bool,
    /// Do not wait for its end.
    #[arg(long)]
    pub no_wait: bool,
    /// Print the run as JSON when it has ended, and nothing before.
    #[arg(long)]
    pub json: bool,
}

/// What to do with tokens of the API.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token. It is printed once, and kept nowhere.
    Create {
        /// The login on GitHub of the person that it acts as: `deployers` and `admins` judge that person.
        #[arg(long = "for", value_name = "LOGIN")]
        login: String,
        /// What it may be used for: `read`, `deploy`, `lock`, `admin`. The last three may read too; `admin` may all.
        #[arg(long, value_name = "SCOPE", value_delimiter = ',', default_value = "read")]
        scope: Vec<String>,
        /// Only for these apps; it does not see that there are others.
        #[arg(long, value_name = "APP", value_delimiter = ',')]
        app: Vec<String>,
        /// For how many days it is good.
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
        /// What it is for, for people to read.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the tokens: whose they are, what they may, until when, when they were last used. Not the tokens themselves.
    List {
        /// Print JSON, one token a line.
        #[arg(long)]
        json: bool,
    },
    /// Make a word that lets you in to the pages once, without GitHub, for an hour in which you may all. It is printed once, good for ten
    /// minutes, and the audit log says so.
    BreakGlass,
    /// Make a token good for nothing; the exit code is 1 when it was so already.
    Revoke {
        /// Its id, or the beginning of it.
        token: String,
    },
}

/// What to do with sessions of the pages.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Sign everybody out at once; the audit log says so. Tokens of the API are not concerned.
    End {
        /// Those of everybody.
        #[arg(long, required = true)]
        all: bool,
    },
}

/// What a deployment is asked for with.
#[derive(Debug, ClapArgs)]
pub struct DeployArgs {
    /// APP[/REF] to ENVIRONMENT[/HOST,HOST]. Without a ref, the repository's default branch.
    #[arg(required = true, value_name = "TARGET")]
    pub target: Vec<String>,
    /// The task, one of the app's `tasks`.
    #[arg(long, value_name = "TASK", default_value = "deploy")]
    pub task: String,
    /// Only these of the environment's hosts.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// Who asks, for people to read [default: the account's name].
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Pass required contexts that are not green, and the lock of somebody else. It is recorded, with your account's name.
    #[arg(long)]
    pub force: bool,
    /// Only say what it would come to if it were asked for now: the decision, the commits, the wait. Changes nothing; the exit code is 1
    /// where it would not run.
    #[arg(long, conflicts_with = "no_wait")]
    pub preview: bool,
    /// Do not wait for its end.
    #[arg(long)]
    pub no_wait: bool,
    /// Print the run as JSON when it has ended; with `--preview`, what it would come to.
    #[arg(long)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks and carry out deployments, in one process.
    Serve {
        /// Receive and decide only: `chima worker` beside it carries out the runs.
        #[arg(long)]
        no_work: bool,
    },
    /// Carry out deployments only; another process on this machine receives them.
    Worker,
    /// Check a configuration and print every problem it has, also those that its providers would have with it.
    Check {
        /// The file to check instead of the configured one.
        path: Option<PathBuf>,
    },
    /// See Chima deploy in a minute: offline, without credentials or services.
    Demo {
        /// The queue to use.
        #[arg(long, value_name = "URL", default_value = "sqlite")]
        queue: String,
        /// End after the deployment, with exit code 0 when it succeeded.
        #[arg(long)]
        once: bool,
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
    },
    /// Ask GitHub for a deployment, and tell how it goes. GitHub delivers it to `chima serve`, which carries it out.
    Deploy(DeployArgs),
    /// Show what a deployment would do: a dry run by the tool itself, beside the lane. Deploys nothing.
    Plan(DeployArgs),
    /// Show what runs where, and what is about to.
    Status(WhichArgs),
    /// Show what runs and waits, why each waits, and when it probably begins.
    Queue(WhichArgs),
    /// List what needs a person, the most pressing first; the exit code is 1 when there is something.
    Attention(AttentionArgs),
    /// Show how deployments go, in numbers: how often, how fast, how often they go wrong, how long that lasts.
    Statistics(StatisticsArgs),
    /// List the commits that a deployment would bring to an environment, or that a run brought.
    Diff(DiffArgs),
    /// Tell how the commit statuses and check runs of a ref stand; the exit code is 1 unless something has reported and all of it is
    /// green.
    Builds(BuildsArgs),
    /// Tell which environments contain a commit.
    Contains(ContainsArgs),
    /// Tell why a run stands as it does, with every gate that is not open.
    Why {
        /// A run, or APP and ENVIRONMENT for the newest there.
        #[arg(required = true, value_name = "RUN|TARGET")]
        target: Vec<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask GitHub once more for what a run deployed that has ended: the same commit, task and hosts.
    Retry(AgainArgs),
    /// Ask GitHub for a deployment of what an environment ran before.
    Rollback(RollbackArgs),
    /// Make, list and revoke tokens of the API, on the machine that has the ledger.
    #[command(subcommand)]
    Token(TokenCommand),
    /// End sessions of the pages, on the machine that has the ledger.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Print what a shell completes: put it where yours looks for that.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page; with a folder, write a page there for it and each command.
    Man {
        /// The folder.
        dir: Option<PathBuf>,
    },
    /// Print the JSON Schema of the configuration, or of provider manifests.
    Schema {
        /// The schema of `provider.yaml` instead.
        #[arg(long)]
        provider: bool,
    },
    /// List the providers: what is installed, what is missing and how to get it, who uses which. Ends with 1 where a provider that
    /// the configuration uses lacks a program.
    Providers {
        /// Everything about this one: inputs, secrets, command lines, and what it would run.
        name: Option<String>,
        /// Print the page that explains it.
        #[arg(long, requires = "name", conflicts_with = "json")]
        readme: bool,
        /// Print JSON, one provider a line.
        #[arg(long)]
        json: bool,
    },
    /// Make a configuration from a file of hubot-deploy, Heaven, PYBOSSA's deployments server or adnanh/webhook.
    Import {
        /// The foreign file; nothing in it is executed, and no secret in it is copied.
        file: PathBuf,
        /// What it is, where its content does not tell: `apps-json`, `pybossa`, `heaven` or `hooks`.
        #[arg(long, value_name = "KIND", hide_possible_values = true)]
        from: Option<Kind>,
        /// Where to write the configuration; it must not be there yet. Without it, it is printed.
        #[arg(long, value_name = "PATH")]
        out: Option<PathBuf>,
    },
    /// Work on a stored delivery again, unless it has had its effect.
    Replay {
        /// Our id of the delivery, or GitHub's GUID.
        delivery: String,
    },
    /// Decide a stored delivery again from its stored facts, and compare. Changes nothing.
    Decide {
        /// Our id of the delivery, or GitHub's GUID.
        #[arg(long)]
        delivery: String,
        /// Print the facts, the rules and the decision as JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the newest runs.
    Runs(RunsArgs),
    /// List what GitHub delivered, and what was found in its lists, the newest first, with what became of each.
    Deliveries(DeliveriesArgs),
    /// List what GitHub and Slack have not heard: what waits to be sent, and what was given up, each with its reason.
    Outbox {
        /// Only what was given up; the exit code is 1 when there is something.
        #[arg(long, conflicts_with = "retry")]
        dead: bool,
        /// Send this again, which was given up: its id, or the beginning of it, or `all`.
        #[arg(long, value_name = "ID")]
        retry: Option<String>,
        /// Print JSON, one message a line.
        #[arg(long, conflicts_with = "retry")]
        json: bool,
    },
    /// Print the log of a run.
    Logs {
        /// A run, or APP and ENVIRONMENT for the newest there.
        #[arg(required = true, value_name = "RUN|TARGET")]
        target: Vec<String>,
        /// Go on printing until the run ends; the exit code is 0 when it succeeded.
        #[arg(long, short)]
        follow: bool,
    },
    /// Stop a run; the exit code is 1 when it had ended before.
    Cancel {
        /// The run's id, or the beginning of it.
        run: String,
        /// Who asks, for people to read [default: the name of the account].
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        by: Option<String>,
        /// Why, for people to read.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Wait until it has ended, and print how; the exit code is 1 when it came to its own end first.
        #[arg(long)]
        wait: bool,
    },
    /// Say how a run went that waits for a person; the exit code is 1 when it waits for nobody.
    Finish {
        /// The run's id, or the beginning of it.
        run: String,
        /// It could not be done. Without this, it is done.
        #[arg(long)]
        failed: bool,
        /// What else there is to say, for people to read.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Who says so, for people to read [default: the name of the account].
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        by: Option<String>,
        /// Wait until it has ended, and print how; the exit code is 1 when it ended in another way.
        #[arg(long)]
        wait: bool,
    },
    /// Say to Chima what people say in chat, and read its answer; without words, line by line. `help` lists the commands.
    Chat {
        /// What is said, for example: status trelhub
        #[arg(value_name = "TEXT", trailing_var_arg = true)]
        said: Vec<String>,
        /// Who says it, for people to read [default: the name of the account].
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        by: Option<String>,
    },
    /// Lock environments of an app: nobody but you deploys there until you unlock. The exit code is 1 when somebody else was first.
    Lock {
        /// The app.
        app: String,
        /// Its environments, as ENV,ENV: all of them are locked, or none.
        #[arg(required = true, value_name = "ENV", value_delimiter = ',')]
        environments: Vec<String>,
        /// For how long, such as `30m`, `2h` or `1d`. Without it, until somebody unlocks.
        #[arg(long = "for", value_name = "LENGTH")]
        length: Option<Length>,
        /// Why, for people to read.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Take it over from whoever has locked it, and tell that person.
        #[arg(long, conflicts_with = "wait")]
        steal: bool,
        /// Where somebody else has locked it, wait in line: it is yours, and you are told, when it is unlocked. For one environment.
        #[arg(long)]
        wait: bool,
        /// Who locks, for people to read [default: the name of the account].
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        by: Option<String>,
    },
    /// Unlock environments, whoever has locked them; another owner is told. The exit code is 1 when one was not locked.
    Unlock {
        /// The app.
        #[arg(required_unless_present = "all_mine")]
        app: Option<String>,
        /// Its environments, as ENV,ENV.
        #[arg(required_unless_present = "all_mine", value_name = "ENV", value_delimiter = ',')]
        environments: Vec<String>,
        /// Everything that you have locked, and every line that you wait in.
        #[arg(long, conflicts_with_all = ["app", "environments"])]
        all_mine: bool,
        /// Who unlocks, for people to read [default: the name of the account].
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        by: Option<String>,
    },
    /// List what is locked: by whom, since when, for how long, why, and who waits for it.
    Locks {
        /// Only of this app.
        app: Option<String>,
        /// Print JSON, one lock a line.
        #[arg(long)]
        json: bool,
    },
    /// List what was decided and done: by whom, why, under which configuration. Check that nobody has changed the log of it.
    Audit(AuditArgs),
    /// Copy the ledger while it is in use, and prove that the copy is whole.
    Backup {
        /// The file to make; it must not be there yet [default: `backups/chima-TIME.db` in `data_dir`].
        #[arg(value_name = "FILE")]
        to: Option<PathBuf>,
        /// Of the backups in that folder that carry a time in their name, keep only so many, the newest.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "to")]
        keep: Option<u32>,
    },
    /// Put a backup in the place of the ledger, which is kept beside it. No Chima may use it meanwhile. Before the next one begins
    /// anything, it asks GitHub what has happened since.
    Restore {
        /// What `chima backup` made.
        file: PathBuf,
    },
    /// Forget which repository was meant by a name of the configuration: the one that has the name now takes its place.
    Forget {
        /// As the configuration calls it, `owner/name`.
        repository: String,
    },
    /// Make a GitHub App for Chima with one click: right permissions, events and webhook; keep its secrets as files.
    Setup(SetupArgs),
    /// Check the installation: GitHub, clock, storage, queue, disk, git, the providers' programs, ssh; each finding with its fix.
    Doctor {
        /// Print JSON, one finding a line.
        #[arg(long)]
        json: bool,
    },
}
