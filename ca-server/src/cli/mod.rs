//! The commands of the program `ca-server`: what can be typed, and which file answers it.
//!
//! Data goes to standard output, everything else to standard error. Must never take a secret from the command line.

mod accounts;
mod approvals;
mod authority;
mod backup;
mod certificates;
mod check;
mod console;
mod device;
mod doctor;
mod draft;
mod eab;
mod failure;
mod identity_provider;
pub mod init;
mod journal;
mod key_store;
mod notifications;
mod org;
mod output;
mod passphrase;
mod policy;
mod progress;
mod restore;
mod revoke;
mod serve;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use failure::Failure;

/// A private certificate authority that proves who is in the room.
#[derive(Debug, Parser)]
#[command(name = "ca-server", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Start a private authority on this machine:
  ca-server init --dir ca --url https://ca.example.com:14000 --domain example.com
  ca-server serve --config ca/ca.toml

Ask a running server:
  ca-server certificates list --config ca/ca.toml --identifier room-1.example.com
  ca-server log verify --config ca/ca.toml

Exit codes: 0 done, 1 failed, 2 usage.";

/// The file that `serve` uses.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "ca.toml", env = "ROLLCALL_CONFIG")]
    pub config: PathBuf,
}

/// What a command that asks the running server needs.
#[derive(Clone, Debug, Args)]
pub struct Asking {
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// One page of a list.
#[derive(Clone, Debug, Args)]
pub struct Paging {
    /// At most so many rows.
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Go on after this cursor, which the page before printed.
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub after: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new authority: keys, certificates, configuration and policy
    Init(init::Init),
    /// Run the server
    Serve(serve::Serve),
    /// Say everything that is wrong with a configuration
    Check(check::CheckCommand),
    /// Show how the running server is doing
    Status(Asking),
    /// List, show, export and revoke certificates
    #[command(subcommand)]
    Certificates(certificates::Certificates),
    /// List, show and deactivate accounts
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Make, list and revoke external account binding keys
    #[command(subcommand)]
    Eab(eab::Eab),
    /// Make and change the organisations of the internal authority
    #[command(subcommand)]
    Org(org::Org),
    /// Make, list and end machine accounts of organisations' devices
    #[command(subcommand)]
    Device(device::Device),
    /// List, approve and deny certificates that wait for an administrator
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    /// Let people into the operators' console, list them, sign them out
    #[command(subcommand)]
    Console(console::Console),
    /// Check the identity providers at which people sign in
    #[command(subcommand)]
    IdentityProvider(identity_provider::IdentityProviders),
    /// List, try, stop and move the webhooks that are told of what was done
    #[command(subcommand)]
    Notifications(notifications::Notifications),
    /// Show and verify the journal
    #[command(subcommand)]
    Log(journal::Log),
    /// Test and reload profiles and rules
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// List and replace issuers, with the root key here or on a machine of its own
    #[command(subcommand)]
    Authority(authority::Authorities),
    /// Say everything that is wrong with a server, running or stopped
    Doctor(doctor::Doctor),
    /// Write everything the running server holds into one file
    Backup(backup::BackupCommand),
    /// Make a new folder from a backup, verifying all of it
    Restore(restore::Restore),
}

/// Runs the command that was typed; an error is told on standard error with a hint.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Init(command) => init::run(&command),
        Command::Serve(command) => serve::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Status(asking) => status::run(&asking),
        Command::Certificates(command) => certificates::run(&command),
        Command::Accounts(command) => accounts::run(&command),
        Command::Eab(command) => eab::run(&command),
        Command::Org(command) => org::run(&command),
        Command::Device(command) => device::run(&command),
        Command::Approvals(command) => approvals::run(&command),
        Command::Console(command) => console::run(&command),
        Command::IdentityProvider(command) => identity_provider::run(&command),
        Command::Notifications(command) => notifications::run(&command),
        Command::Log(command) => journal::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Authority(command) => authority::run(&command),
        Command::Doctor(command) => doctor::run(&command),
        Command::Backup(command) => backup::run(&command),
        Command::Restore(command) => restore::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string(), &failure.hint());
            ExitCode::FAILURE
        }
    }
}
