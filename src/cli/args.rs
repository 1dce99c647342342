//! What may be typed after `chima`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Executes GitHub Deployments: webhook, policy, durable queue, run, truthful status.
#[derive(Debug, Parser)]
#[command(name = "chima", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Args {
    /// The configuration file [default: `$CHIMA_CONFIG`, else `config/app.yaml`].
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks and carry out deployments, in one process.
    Serve,
    /// Carry out deployments only; another process on this machine receives them.
    Worker,
    /// Check a configuration and print every problem it has.
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
    Runs {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 20)]
        limit: u32,
        /// Print JSON, one run a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the log of a run.
    Logs {
        /// The run's id, or the beginning of it.
        run: String,
        /// Go on printing until the run ends; the exit code is 0 when it succeeded.
        #[arg(long, short)]
        follow: bool,
    },
    /// Check the installation: storage, queue, credentials; each finding with its fix.
    Doctor,
}
