//! The table at the end: six identities side by side, as a host sees them who trusts both authorities.

use certs::chain::{TrustSetName, TrustSets};
use certs::name::DnsName;
use certs::verdict::{Lobby, State, Verdict, lobby, verdict};
use serde::Serialize;
use time::OffsetDateTime;

use super::internal::{Certified, Internal};
use super::{Authority, Failure};

/// One identity.
#[derive(Serialize)]
pub(super) struct Row {
    /// Who it is, in words.
    who: &'static str,
    /// `external` or `internal`.
    flow: &'static str,
    /// From the first request to the installed files.
    milliseconds: u128,
    /// What a host concludes.
    verdict: Verdict,
    /// Where a host sees them.
    lobby: Lobby,
}

/// Judges all six.
pub(super) fn compare(
    authority: &Authority,
    domain: &DnsName,
    device: &Certified,
    person: &Certified,
    internal: &Internal,
) -> Result<Vec<Row>, Failure> {
    let mut trust = TrustSets::new();
    trust.insert_pem(TrustSetName::internal(), &authority.internal_root_pem)?;
    trust.insert_pem(TrustSetName::external_domain(), &authority.root_pem)?;
    trust.insert_pem(TrustSetName::external_user(), &authority.root_pem)?;
    let own = std::slice::from_ref(domain);
    let row = |who, flow, certified: &Certified| -> Result<Row, Failure> {
        let chain = certs::pem::parse_certificates(&certified.fullchain)?;
        let verdict = verdict(&chain, &trust, None, &[], OffsetDateTime::now_utc());
        let lobby = lobby(&verdict, own);
        Ok(Row { who, flow, milliseconds: certified.took.as_millis(), verdict, lobby })
    };
    Ok(vec![
        row("device", "external", device)?,
        row("device", "internal", &internal.device)?,
        row("person", "external", person)?,
        row("person", "internal", &internal.person)?,
        row("device without a domain", "internal", &internal.device_without_domain)?,
        row("guest", "internal", &internal.guest)?,
    ])
}

/// The table, line by line.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let head = ["WHO", "FLOW", "NAME", "PROOF", "VERDICT", "LOBBY", "VALID", "TOOK"].map(str::to_owned);
    let lines: Vec<[String; 8]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..8).map(width).collect();
    let pad = |(cell, width): (&String, &usize)| format!("{cell:<width$}");
    lines
        .iter()
        .map(|line| line.iter().zip(&widths).map(pad).collect::<Vec<_>>().join("  ").trim_end().to_owned())
        .collect()
}

fn cells(row: &Row) -> [String; 8] {
    let Row { who, flow, milliseconds, verdict, lobby } = row;
    let proofs: Vec<_> = verdict.proofs.iter().map(|proof| proof.as_str()).collect();
    let judged = match (&verdict.state, verdict.reason) {
        (State::VerifiedBy(_), _) => {
            format!("verified by {}", verdict.authority.as_deref().unwrap_or_default())
        }
        (State::Internal, _) => "internal".to_owned(),
        (State::Unverified, Some(reason)) => format!("unverified ({reason})"),
        (State::Unverified, None) => "unverified".to_owned(),
    };
    let valid = match (verdict.not_before, verdict.not_after) {
        (Some(begin), Some(end)) => lifetime(end - begin),
        _ => String::new(),
    };
    // The whole of an account id says nothing to anybody.
    let name = match verdict.display.strip_prefix("urn:uuid:") {
        Some(id) => format!("urn:uuid:{}…", id.get(..8).unwrap_or(id)),
        None => verdict.display.clone(),
    };
    [
        (*who).to_owned(),
        (*flow).to_owned(),
        name,
        proofs.join(", "),
        judged,
        lobby.to_string(),
        valid,
        format!("{milliseconds} ms"),
    ]
}

fn lifetime(time: time::Duration) -> String {
    if time.whole_days() >= 2 {
        format!("{} days", time.whole_days())
    } else {
        format!("{} h", time.whole_hours())
    }
}
