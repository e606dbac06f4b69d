//! `ca-server certificates revoke`: one certificate by its serial, or all that match, page by page.
//!
//! Many are only counted unless `--yes` is given. What was revoked before the command was broken off stays so; the same command goes on.

use clap::ArgGroup;
use serde::Serialize;

use super::certificates::segment;
use super::progress::Moving;
use super::{Asking, Failure, output, serve};
use crate::admin::views::{CertificateView, Revoke as RevokeOne, RevokeMany, RevokedPage};

/// Of those that match, so many are shown before they are revoked.
const SHOWN: usize = 10;

/// Revoke one certificate by its serial, or all that match.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("which").required(true).multiple(true)
        .args(["serial", "identifier", "account", "organisation", "profile", "authority", "issuer"]),
    after_help = EXAMPLES
)]
pub struct Revoke {
    /// Where to ask.
    #[command(flatten)]
    asking: Asking,
    /// The serial, hexadecimal: this certificate, at once; with a device's, unless it is only
    /// superseded, everything of the same binding.
    #[arg(conflicts_with_all = ["identifier", "account", "organisation", "profile", "authority", "issuer"])]
    serial: Option<String>,
    /// All for this name, address or account id.
    #[arg(long, value_name = "NAME")]
    identifier: Option<String>,
    /// All of this ACME account.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    account: Option<String>,
    /// All for people and devices of this organisation.
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
    /// All of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// All of this authority, but for the server's own.
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// All signed by the issuer with this key identifier, but for the server's own.
    #[arg(long, value_name = "HEX")]
    issuer: Option<String>,
    /// Why, as RFC 5280 names it.
    #[arg(long, default_value = "unspecified", value_parser = reason)]
    reason: u8,
    /// Revoke all that match. Without it they are counted, the newest are shown, and nothing is changed.
    #[arg(long, short)]
    yes: bool,
}

const EXAMPLES: &str = "\
Several options together mean those that match all of them. Expired and revoked certificates
never match. A device whose certificate is revoked, unless it is only superseded, needs a new
activation code.
  ca-server certificates revoke --organisation Example --profile internal-device
  ca-server certificates revoke --organisation Example --profile internal-device --yes

If it is broken off, run it again: it goes on with what is left. Agents that ask for renewal
information replace what was revoked at once.";

/// What came of many.
#[derive(Debug, Default, Serialize)]
struct Total {
    matched: usize,
    revoked: usize,
    dry_run: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unbound_devices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip)]
    first: Vec<CertificateView>,
}

/// Asks and prints.
pub(super) fn run(command: &Revoke) -> Result<(), Failure> {
    match &command.serial {
        Some(serial) => one(command, serial),
        None => many(command),
    }
}

fn one(command: &Revoke, serial: &str) -> Result<(), Failure> {
    let path = format!("/certificates/{}/revoke", segment(serial));
    let body = RevokeOne { reason: command.reason };
    let view: CertificateView =
        serve::ask(&command.asking.file, async |client| client.post(&path, &body).await)?;
    if command.asking.json {
        output::json(&view);
    } else {
        output::line(&format!("revoked {} ({})", view.serial, view.identifiers.join(" ")));
        for serial in &view.also_revoked {
            output::line(&format!("revoked {serial} (of the same device and key)"));
        }
    }
    for serial in &view.still_in_force {
        output::note(&format!("the device still holds {serial}"));
    }
    tell_unbound(command, view.unbound_device.as_slice());
    warn(view.warning.as_deref());
    Ok(())
}

fn many(command: &Revoke) -> Result<(), Failure> {
    let mut question = RevokeMany {
        identifier: command.identifier.clone(),
        account: command.account.clone(),
        organisation: command.organisation.clone(),
        profile: command.profile.clone(),
        authority: command.authority.clone(),
        issuer: command.issuer.clone(),
        reason: command.reason,
        dry_run: !command.yes,
        after: None,
    };
    let mut moving = Moving::start(if command.yes { "revoking" } else { "counting" });
    let total = serve::ask(&command.asking.file, async |client| {
        let mut total = Total { dry_run: question.dry_run, ..Total::default() };
        loop {
            let page: RevokedPage = client.post("/revocations", &question).await?;
            total.matched += page.matched;
            total.revoked += page.revoked;
            total.warning = total.warning.or(page.warning);
            let room = SHOWN.saturating_sub(total.first.len());
            total.first.extend(page.items.into_iter().take(room));
            total.unbound_devices.extend(page.unbound_devices);
            moving.tell(|| format!("{} so far", counted(total.matched)));
            match page.next {
                Some(next) => question.after = Some(next),
                None => return Ok(total),
            }
        }
    });
    drop(moving);
    tell(command, &total?);
    Ok(())
}

fn tell(command: &Revoke, total: &Total) {
    if command.asking.json {
        output::json(total);
    } else if total.dry_run {
        let row = |view: &CertificateView| {
            let end = view.not_after.date().to_string();
            vec![view.serial.clone(), view.profile.clone(), end, view.identifiers.join(" ")]
        };
        let rows: Vec<_> = total.first.iter().map(row).collect();
        if !rows.is_empty() {
            output::table(&["SERIAL", "PROFILE", "ENDS", "IDENTIFIERS"], &rows);
        }
        output::line(&format!("{} would be revoked", counted(total.matched)));
    } else {
        output::line(&format!("revoked {}", counted(total.revoked)));
    }
    if total.dry_run && total.matched > 0 {
        output::note("nothing was changed; add --yes to revoke them");
    }
    tell_unbound(command, &total.unbound_devices);
    warn(total.warning.as_deref());
}

/// Without a new code such a device gets no certificate any more.
fn tell_unbound(command: &Revoke, devices: &[String]) {
    for device in devices.iter().take(SHOWN) {
        output::note(&format!(
            "the device was unbound; give it a new code with: ca-server device activate-code --config {} --device {device}",
            command.asking.file.config.display()
        ));
    }
    if let Some(more) = devices.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        output::note(&format!("{more} more devices were unbound; --json names all of them"));
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    }
}

fn warn(warning: Option<&str>) {
    if let Some(warning) = warning {
        output::note(&format!("warning: {warning}"));
    }
}

/// A reason code, by its name in RFC 5280 or its number.
pub(super) fn reason(text: &str) -> Result<u8, String> {
    let names = [
        ("unspecified", 0),
        ("keyCompromise", 1),
        ("caCompromise", 2),
        ("affiliationChanged", 3),
        ("superseded", 4),
        ("cessationOfOperation", 5),
        ("privilegeWithdrawn", 9),
    ];
    let found = names.iter().find(|(name, code)| name.eq_ignore_ascii_case(text) || code.to_string() == text);
    found.map(|(_, code)| *code).ok_or_else(|| format!("one of {}", names.map(|(name, _)| name).join(", ")))
}
