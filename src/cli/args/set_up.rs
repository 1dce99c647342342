//! What may be typed after `chima setup`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Subcommand};

/// What a GitHub App is made with.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SetupArgs {
    /// What else to set up.
    #[command(subcommand)]
    pub other: Option<OtherSetup>,
    /// The organization that is to own the App [default: your own account].
    #[arg(long, value_name = "ORG", value_parser = NonEmptyStringValueParser::new())]
    pub org: Option<String>,
    /// What the App is called; GitHub lets you change it [default: chima and the host of the address].
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
    /// The address at which GitHub reaches Chima [default: `server.public_url` of the configuration].
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// The folder that gets the private key and the secrets.
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    pub dir: PathBuf,
    /// Replace secrets that are there already.
    #[arg(long)]
    pub force: bool,
    /// Print the address and open no browser.
    #[arg(long)]
    pub no_browser: bool,
    /// Where the page is, for the time of the set-up.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// How long to wait for you.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub timeout_seconds: u64,
}

/// What can be set up beside a GitHub App.
#[derive(Debug, Subcommand)]
pub enum OtherSetup {
    /// Print the manifest from which Slack makes the app: paste it at <https://api.slack.com/apps?new_app=1>.
    Slack(SlackSetupArgs),
}

/// What a Slack app is made with.
#[derive(Debug, ClapArgs)]
pub struct SlackSetupArgs {
    /// What the app is called.
    #[arg(long, value_name = "NAME", default_value = "Chima", value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    /// For Socket Mode, where Slack cannot reach this server [default: where `server.public_url` has no `https://`, or
    /// `slack.app_token` is set].
    #[arg(long)]
    pub socket: bool,
}
