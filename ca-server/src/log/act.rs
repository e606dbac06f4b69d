//! What is written in the journal. Field names are on disk: add, never rename.
//!
//! An act says who did what to which object; it never carries a key, a token or a whole request body.

use certs::identifier::Identifier;
use certs::serial::Serial;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AuthorityName, AuthorizationId, OrderId};
use crate::internal::holder::HolderEvidence;
use crate::internal::{DeviceId, OrganisationId};
use crate::sso::person::Evidence;

/// Something done or refused, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// A certificate is about to be signed: exactly these to-be-signed bytes.
    Intent {
        /// The serial.
        serial: Serial,
        /// The authority that will sign.
        authority: AuthorityName,
        /// The order, if one led here.
        order: Option<OrderId>,
        /// The account, if one led here.
        account: Option<AccountId>,
        /// The profile.
        profile: String,
        /// The identifiers certified.
        identifiers: Vec<Identifier>,
        /// SHA-256 of the to-be-signed bytes, hexadecimal.
        tbs_sha256: String,
        /// The policy rules that allowed it.
        rules: Vec<String>,
        /// What identity providers said of the people certified.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<Evidence>,
        /// For whom, if it is the internal authority's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<HolderEvidence>,
    },
    /// The certificate of an intent was signed and stored.
    Issued {
        /// The serial.
        serial: Serial,
        /// SHA-256 of the certificate, hexadecimal.
        certificate_sha256: String,
    },
    /// An intent will never be completed; its serial goes onto the CRL.
    Abandoned {
        /// The serial.
        serial: Serial,
        /// Why.
        reason: String,
    },
    /// A certificate was revoked.
    Revoked {
        /// The serial.
        serial: Serial,
        /// RFC 5280 reason code.
        reason: u8,
        /// Who asked: `account <id>`, `certificate key`, `administrator`, `operator <name>`.
        by: String,
    },
    /// A request was refused by policy, CAA or lint after it had been authenticated.
    Refused {
        /// What was asked: `order`, `issue`, `revoke`, `sign-in`, `operate`.
        action: String,
        /// The account that asked.
        account: Option<AccountId>,
        /// The order, if there is one.
        order: Option<OrderId>,
        /// The identifiers that were refused, the first few of them.
        identifiers: Vec<Identifier>,
        /// Which rule or check refused.
        rule: String,
        /// What was shown, where it was really issued: `access-token corp alice`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<String>,
        /// How many more identifiers were refused.
        #[serde(default, skip_serializing_if = "is_zero")]
        more_identifiers: u64,
        /// How many refusals of the account before this one were not recorded, since there were too many in a minute.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
    },
    /// A person signed in, and the client that asked for it completed the challenge.
    SignedIn {
        /// The account that asked.
        account: AccountId,
        /// Its authorization.
        authorization: AuthorizationId,
        /// The address that is proven.
        identifier: Identifier,
        /// What the identity provider said.
        evidence: Evidence,
    },
    /// An account was made.
    AccountCreated {
        /// The account.
        account: AccountId,
        /// The authority it belongs to.
        authority: AuthorityName,
        /// Thumbprint of its key (RFC 7638).
        thumbprint: String,
        /// The external account binding key it used.
        external_key: Option<String>,
    },
    /// An account key was replaced (RFC 8555 §7.3.5).
    KeyChanged {
        /// The account.
        account: AccountId,
        /// Thumbprint of the new key.
        thumbprint: String,
    },
    /// An account was deactivated.
    AccountDeactivated {
        /// The account.
        account: AccountId,
        /// `account` or `administrator`.
        by: String,
    },
    /// An external account binding key was made or revoked.
    ExternalKey {
        /// The key id.
        kid: String,
        /// `created` or `revoked`.
        change: String,
    },
    /// An organisation was made or changed, or one of its domains was verified or lost.
    Organisation {
        /// Which.
        organisation: OrganisationId,
        /// What happened: `created`, `domain example.com verified`, …
        change: String,
    },
    /// A machine account was made, activated or deactivated, or its token refreshed.
    MachineAccount {
        /// Which.
        device: DeviceId,
        /// Of which organisation.
        organisation: OrganisationId,
        /// What happened.
        change: String,
    },
    /// A certificate that needs approval was asked for, approved or denied.
    Approval {
        /// For whom.
        holder: Identifier,
        /// Under which profile.
        profile: String,
        /// SHA-256 of the key's subject public key info, base64url.
        key: String,
        /// `asked`, `approved` or `denied`.
        change: String,
        /// Who decided: `administrator`, `operator <name>`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Somebody signed in at the operators' console, or a session of theirs ended.
    Console {
        /// Who: an address, or a name that a one-time link was made for.
        operator: String,
        /// What happened.
        change: String,
        /// From where.
        client: String,
    },
    /// A certificate ends soon and nothing has taken its place; of each certificate once for each time ahead.
    Expiring {
        /// The serial.
        serial: Serial,
        /// How long before its end this is said at the latest, in seconds.
        ahead: u64,
    },
    /// The same identity failed again and again; counted in memory, told at most once in a window.
    FailingRepeatedly {
        /// Who or what: an identifier, `account <id>`, what was shown, or `stranger`.
        subject: String,
        /// The account that asked last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// How often.
        times: u32,
        /// Within how many seconds.
        seconds: u64,
        /// What was asked last: `order`, `issue`, `challenge`, `sign-in`, …
        action: String,
        /// Which rule or check refused it last.
        rule: String,
    },
    /// Something an operator should find again: start, reload, restored store.
    Operation {
        /// What happened, in words.
        what: String,
    },
}

impl Act {
    /// Every word that [`Self::kind`] has.
    pub const KINDS: [&'static str; 17] = [
        "intent",
        "issued",
        "abandoned",
        "revoked",
        "refused",
        "signed-in",
        "account-created",
        "key-changed",
        "account-deactivated",
        "external-key",
        "organisation",
        "machine-account",
        "approval",
        "console",
        "expiring",
        "failing-repeatedly",
        "operation",
    ];

    /// The word for it, as the journal writes it in `act`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Intent { .. } => "intent",
            Self::Issued { .. } => "issued",
            Self::Abandoned { .. } => "abandoned",
            Self::Revoked { .. } => "revoked",
            Self::Refused { .. } => "refused",
            Self::SignedIn { .. } => "signed-in",
            Self::AccountCreated { .. } => "account-created",
            Self::KeyChanged { .. } => "key-changed",
            Self::AccountDeactivated { .. } => "account-deactivated",
            Self::ExternalKey { .. } => "external-key",
            Self::Organisation { .. } => "organisation",
            Self::MachineAccount { .. } => "machine-account",
            Self::Approval { .. } => "approval",
            Self::Console { .. } => "console",
            Self::Expiring { .. } => "expiring",
            Self::FailingRepeatedly { .. } => "failing-repeatedly",
            Self::Operation { .. } => "operation",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_kinds_has_the_kind_of_every_act() {
        let source = include_str!("act.rs");
        let arms = source.split("fn kind").nth(1).unwrap().split("#[expect").next().unwrap();
        let words: Vec<&str> =
            arms.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(words, Act::KINDS);
    }

    #[test]
    fn a_refusal_written_before_there_were_counts_still_reads() {
        let old =
            r#"{"act":"refused","action":"order","account":null,"order":null,"identifiers":[],"rule":"r"}"#;
        let act: Act = serde_json::from_str(old).unwrap();
        assert!(matches!(act, Act::Refused { more_identifiers: 0, left_out: 0, .. }), "{act:?}");
        assert_eq!(serde_json::to_string(&act).unwrap(), old);
    }
}
