//! What may be typed after commands that only look.

use clap::{Args as ClapArgs, Subcommand};

use crate::cli::audit::{KeptHead, Since};
use crate::domain::delivery::Disposition;
use crate::domain::ids::RunId;
use crate::flow::view::statistics::RANGES;

/// What is meant, of what can be deployed.
#[derive(Debug, ClapArgs)]
pub struct WhichArgs {
    /// APP, or APP and ENVIRONMENT. Without it, everything.
    #[arg(value_name = "TARGET")]
    pub target: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which runs are wanted.
#[derive(Debug, ClapArgs)]
pub struct RunsArgs {
    /// How many.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Only of this app.
    #[arg(long)]
    pub app: Option<String>,
    /// Only in this environment.
    #[arg(long, value_name = "ENV")]
    pub environment: Option<String>,
    /// Only what this person asked for.
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// Only in this state.
    #[arg(long)]
    pub state: Option<String>,
    /// Only what was taken in since then: a length such as `12h` or `7d`, a day such as `2026-11-30` (UTC), or a moment such as
    /// `2026-11-30T14:02:00Z`.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only what was taken in before that.
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Since>,
    /// Print JSON, one run a line.
    #[arg(long)]
    pub json: bool,
}

/// Which deliveries are wanted.
#[derive(Debug, ClapArgs)]
pub struct DeliveriesArgs {
    /// How many.
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: u32,
    /// Only about this repository, `owner/name`.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// Only of this event.
    #[arg(long)]
    pub event: Option<String>,
    /// Only those of which that became: `received`, `processed`, `ignored`, `duplicate`, `unhandled`, `ping`, `malformed` or `parked`.
    #[arg(long, value_name = "WHAT", value_parser = disposition)]
    pub disposition: Option<Disposition>,
    /// Only what made or moved this run.
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
    /// Print JSON, one delivery a line.
    #[arg(long)]
    pub json: bool,
}

fn disposition(typed: &str) -> Result<Disposition, String> {
    Disposition::from_name(typed).ok_or_else(|| {
        let known: Vec<&str> = Disposition::ALL.into_iter().map(Disposition::as_str).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Which commits are meant.
#[derive(Debug, ClapArgs)]
pub struct DiffArgs {
    /// APP[/REF] to ENVIRONMENT: what a deployment of that would bring; without a ref, of the repository's default branch. Or a run: what
    /// it brought.
    #[arg(required = true, value_name = "TARGET|RUN")]
    pub target: Vec<String>,
    /// End with 1 where anything is new or gone.
    #[arg(long)]
    pub exit_code: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is to be green.
#[derive(Debug, ClapArgs)]
pub struct BuildsArgs {
    /// APP[/REF]. Without a ref, the repository's default branch.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which commit is looked for, and where.
#[derive(Debug, ClapArgs)]
pub struct ContainsArgs {
    /// Its id, or the beginning of it.
    pub commit: String,
    /// Only in these: APP, or APP and ENVIRONMENT. The exit code is 1 when one of them does not contain it.
    #[arg(value_name = "TARGET")]
    pub target: Vec<String>,
    /// Print JSON, one environment a line.
    #[arg(long)]
    pub json: bool,
}

/// How what needs a person is printed.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct AttentionArgs {
    /// Print JSON, one thing a line.
    #[arg(long)]
    pub json: bool,
}

/// Whose numbers are wanted, and of how long.
#[derive(Debug, ClapArgs)]
pub struct StatisticsArgs {
    /// APP, or APP and ENVIRONMENT. Without it, everything.
    #[arg(value_name = "TARGET")]
    pub target: Vec<String>,
    /// Of the last so many days: 30, 90 or 365.
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = range)]
    pub days: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

fn range(typed: &str) -> Result<u32, String> {
    let days = typed.parse().ok().filter(|days| RANGES.contains(days));
    days.ok_or_else(|| "expected 30, 90 or 365".to_owned())
}

/// What of the audit log is wanted.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    /// What else to do with it.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Only of this run: its id, or the beginning of it.
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Only of this app.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Only of environments of this name.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Only what this person did, or made a deployment for: a login, a name, or what a chat tells them apart by.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Only since then: a length such as `12h` or `7d`, a day such as `2026-11-30` (UTC), or a moment such as `2026-11-30T14:02:00Z`.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// The newest so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub limit: usize,
    /// Print JSON, one row a line.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every row, the end of the log, and what is stored of decisions. The exit code is 1 when something was changed, removed,
    /// moved or cut off.
    Verify {
        /// Where the log ended once, as `chima audit head` printed it and you kept it elsewhere. May be given several times.
        #[arg(long = "head", value_name = "POSITION:HASH")]
        heads: Vec<KeptHead>,
        /// Print JSON, one finding a line.
        #[arg(long)]
        json: bool,
    },
    /// Print where the log ends, to be kept elsewhere: whoever has it can prove later that nothing before it was changed.
    Head,
}
