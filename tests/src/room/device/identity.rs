//! What a device says of its identities: the words of the deployment guide of 2021 (`Valid`, `CertInfo`) and of today's schema (`Status`, `Verification`,
//! `CertificateChain`) beside each other.
//!
//! Whether a chain is believed is the product's own verdict, so that `acme-client verify` says the same. A name is shown only of what is believed.

use certs::chain::TrustSets;
use certs::verdict::{Reason, State as Believed, Verdict, verdict};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::State;
use crate::room::security::certificate_fields;
use crate::room::xapi::{Node, Path};

/// What is concluded from a chain.
#[must_use]
pub fn judged(chain: &[CertificateDer<'_>], trust: &TrustSets, now: OffsetDateTime) -> Verdict {
    verdict(chain, trust, None, &[], now)
}

/// `Status Conference`.
pub(super) fn conference(state: &State, trust: &TrustSets, now: OffsetDateTime) -> Node {
    let preferred = state.settings.preferred_domain.as_str();
    let external = shown(state.vault.identity().unwrap_or_default(), trust, preferred, false, now);
    let internal = shown(&state.internal, trust, preferred, true, now);
    let available = if state.settings.mode { "Available" } else { "Unavailable" };
    let encryption = Node::branch([
        ("Availability", Node::leaf(available)),
        ("ExternalIdentity", external),
        ("InternalIdentity", internal),
    ]);
    Node::branch([("EndToEndEncryption", encryption)])
}

fn shown(
    chain: &[CertificateDer<'static>],
    trust: &TrustSets,
    preferred: &str,
    internal: bool,
    now: OffsetDateTime,
) -> Node {
    let verification = |believed: bool| match (internal, believed) {
        (true, true) => "Webex verified",
        (true, false) => "Webex unverified",
        (false, true) => "external",
        (false, false) => "none",
    };
    if chain.is_empty() {
        return Node::leaves([
            ("Identity", String::new()),
            ("Status", String::new()),
            ("Valid", "False".to_owned()),
            ("Verification", verification(false).to_owned()),
        ]);
    }
    let verdict = judged(chain, trust, now);
    let believed = match &verdict.state {
        Believed::Internal => internal,
        Believed::VerifiedBy(_) => !internal,
        Believed::Unverified => false,
    };
    let validity = if believed { "valid" } else { validity(verdict.reason) };
    let identity = if believed { identity(&verdict, preferred) } else { String::new() };
    let status = match (believed, verdict.reason) {
        (true, _) => "valid",
        (false, Some(_)) => "error",
        (false, None) => "unknown error",
    };
    let mut node = Node::leaves([
        ("Identity", identity),
        ("Status", status.to_owned()),
        ("Valid", if believed { "True" } else { "False" }.to_owned()),
        ("Verification", verification(believed).to_owned()),
    ]);
    let certificates: Vec<Node> = chain
        .iter()
        .enumerate()
        // What is wrong is said of the leaf; of those above it, whether their time is over.
        .filter_map(|(at, der)| {
            certificate_fields(der, if at == 0 { validity } else { own_validity(der, now) })
        })
        .collect();
    node.push("CertInfo", Node::list(certificates.clone()));
    node.push("CertificateChain", Node::branch([("Certificate", Node::list(certificates))]));
    node
}

/// The preferred name if the certificate has it, else the one that is shown.
fn identity(verdict: &Verdict, preferred: &str) -> String {
    let names = verdict.who.iter().map(certs::identifier::Identifier::value);
    let wanted = names.into_iter().find(|name| !preferred.is_empty() && name.eq_ignore_ascii_case(preferred));
    wanted.unwrap_or_else(|| verdict.display.clone())
}

/// In the words of the schema: `valid, parse error, unknown issuer, invalid signature, expired, or unknown error`.
fn validity(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Malformed | Reason::NoCertificate | Reason::DuplicateExtension) => "parse error",
        Some(Reason::UnknownIssuer | Reason::WrongAuthority) => "unknown issuer",
        Some(Reason::InvalidSignature) => "invalid signature",
        Some(Reason::Expired) => "expired",
        Some(
            Reason::UnknownCriticalExtension
            | Reason::CaAsLeaf
            | Reason::WrongKey
            | Reason::MissingKeyUsage
            | Reason::MissingExtendedKeyUsage
            | Reason::NoIdentifier
            | Reason::NameMismatch
            | Reason::NotYetValid
            | Reason::Revoked
            | Reason::BadRevocationList
            | Reason::InvalidPath
            | Reason::Anonymous,
        )
        | None => "unknown error",
    }
}

fn own_validity(der: &CertificateDer<'_>, now: OffsetDateTime) -> &'static str {
    match certs::inspect::inspect_certificate(der) {
        Err(_) => "parse error",
        Ok(report) if now > report.not_after => "expired",
        Ok(_) => "valid",
    }
}

/// `Status Conference` with one value replaced, as a device would that does not tell the truth.
pub(super) fn lie(conference: Node, path: &Path, value: &str) -> Node {
    let mut values = conference.flatten();
    for (known, shown) in &mut values {
        if known.is_within(path) {
            value.clone_into(shown);
        }
    }
    Node::of_values(&values)
}
