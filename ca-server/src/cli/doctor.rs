//! `ca-server doctor`: everything that is wrong with a server, running or stopped, each with what to do.

use super::progress::Moving;
use super::{Asking, Failure, output, serve};
use crate::clock::{Clock as _, SystemClock};
use crate::config::load;
use crate::doctor::{Finding, Level, examine};

/// Say everything that is wrong with a server, running or stopped
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at the configuration, keys and certificates and when they end, permissions, store, journal, revocation lists, clock, disk and name
servers. Changes nothing. Exit code 0: nothing is wrong, though there may be warnings; 1: something is wrong.")]
pub struct Doctor {
    /// Where to look.
    #[command(flatten)]
    asking: Asking,
    /// Also say what is as it should be.
    #[arg(long)]
    all: bool,
}

/// Looks and tells.
pub(super) fn run(command: &Doctor) -> Result<(), Failure> {
    let config = load::load(&command.asking.file.config)?;
    let mut progress = Moving::start("looking at");
    let mut tell = |what: &str| progress.tell(|| what.to_owned());
    let findings = serve::runtime()?.block_on(examine(&config, SystemClock.now(), &mut tell));
    drop(progress);
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    if command.asking.json {
        output::json(&findings);
    } else {
        let shown = |finding: &&Finding| command.all || finding.level != Level::Fine;
        findings.iter().filter(shown).for_each(line);
        output::line(&format!(
            "{} things looked at: {} wrong, {} to be watched",
            findings.len(),
            count(Level::Wrong),
            count(Level::Warning)
        ));
    }
    match count(Level::Wrong) {
        0 => Ok(()),
        count => Err(Failure::Unwell(count)),
    }
}

fn line(finding: &Finding) {
    let level = match finding.level {
        Level::Fine => "ok     ",
        Level::Warning => "warning",
        Level::Wrong => "wrong  ",
    };
    output::line(&format!("{level} {}: {}", finding.area, finding.what));
    if !finding.hint.is_empty() {
        output::line(&format!("    hint: {}", finding.hint));
    }
}
