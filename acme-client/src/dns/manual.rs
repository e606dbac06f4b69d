//! Publishing by a person: shows the record and waits until they say it is there.
//!
//! Fails at once when nobody can answer, so an unattended run never hangs here.

use std::io::{self, BufRead, Write};

use async_trait::async_trait;

use super::{ChallengeRecord, DnsError, DnsProvider};

/// Someone who can be shown a text and say "go on".
pub trait Prompt: Send + Sync {
    /// Shows the text.
    fn show(&self, text: &str) -> io::Result<()>;
    /// Returns when the person said "go on".
    fn confirm(&self) -> io::Result<()>;
}

/// The person at standard input and error.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminalPrompt;

impl Prompt for TerminalPrompt {
    fn show(&self, text: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{text}")
    }

    fn confirm(&self) -> io::Result<()> {
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Publishes by asking a person to.
pub struct ManualProvider {
    prompt: Box<dyn Prompt>,
}

impl ManualProvider {
    /// Asks through `prompt`.
    pub fn new(prompt: Box<dyn Prompt>) -> Self {
        Self { prompt }
    }
}

#[async_trait]
impl DnsProvider for ManualProvider {
    async fn present(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        let text = format!(
            "Add this record for {}, then press Enter:\n\n    {}\n",
            record.domain,
            zone_line(record)
        );
        self.prompt.show(&text).and_then(|()| self.prompt.confirm()).map_err(DnsError::Terminal)
    }

    async fn cleanup(&self, record: &ChallengeRecord) -> Result<(), DnsError> {
        let text = format!("You may remove this record now:\n\n    {}\n", zone_line(record));
        self.prompt.show(&text).map_err(DnsError::Terminal)
    }
}

/// The record as it stands in a zone file, long values cut into strings.
pub(super) fn zone_line(record: &ChallengeRecord) -> String {
    let mut strings = Vec::new();
    let mut rest = record.value.as_str();
    while !rest.is_empty() {
        // Values are ASCII; a cut that would fall inside a character takes the whole rest.
        let (head, tail) = rest.split_at_checked(255.min(rest.len())).unwrap_or((rest, ""));
        strings.push(format!("\"{head}\""));
        rest = tail;
    }
    format!("{} {} IN TXT {}", record.name, record.ttl, strings.join(" "))
}
