//! Whether the rows of a backup make sense together: each in its place and only once, each record readable, each certificate a certificate,
//! the journal one unbroken chain.
//!
//! Sees the rows in order and remembers nothing but the last, so it needs the same memory for any size. Trusts nothing that was stored. What a
//! row means to others is not looked at here; `store::consistency` does that once the rows stand in a store.

use std::collections::BTreeMap;

use certs::ari::CertId;
use data_encoding::HEXLOWER;
use x509_parser::certificate::TbsCertificate;
use x509_parser::prelude::FromDer as _;

use crate::internal::approval::ApprovalRequest;
use crate::internal::claim::IdClaim;
use crate::internal::machine::{ActivationCode, MachineAccount};
use crate::internal::opaque::OpaqueToken;
use crate::internal::organisation::Organisation;
use crate::log::verify::{self, Report};
use crate::notifications::{expiring, place};
use crate::order::model::{Account, Authorization, Certificate, CertificateStatus, ExternalKey, Order};
use crate::sso::sign_in::SignIn;
use crate::store::tables::used_assertions::UsedAssertion;
use crate::store::{Record, Row, Table, record};

/// What is wrong with the rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// A row or table comes twice, or out of order: a serial that stands twice is one.
    #[error("row {key} stands twice or in the wrong place")]
    Order {
        /// Its key, hexadecimal.
        key: String,
    },
    /// A record does not parse, or is another one than its key says.
    #[error("record {key} is not readable: {what}")]
    Record {
        /// Its key, hexadecimal.
        key: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The journal is no chain.
    #[error("journal entry {entry} {fault}")]
    Journal {
        /// The first entry that does not fit.
        entry: u64,
        /// What is wrong with it.
        fault: verify::Fault,
    },
}

/// What was seen so far.
#[derive(Debug)]
pub struct Contents {
    last: Option<(Table, Vec<u8>)>,
    journal: Report,
    certificates: u64,
    rows: BTreeMap<Table, u64>,
}

impl Default for Contents {
    fn default() -> Self {
        Self { last: None, journal: Report::of_nothing(), certificates: 0, rows: BTreeMap::new() }
    }
}

impl Contents {
    /// Looks at the rows that come next.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn rows(&mut self, table: Table, rows: &[Row]) -> Result<(), ContentFault> {
        for (key, value) in rows {
            let comes_later = self.last.as_ref().is_none_or(|(last_table, last)| {
                (last_table.number(), last.as_slice()) < (table.number(), key.as_slice())
            });
            if !comes_later {
                return Err(ContentFault::Order { key: HEXLOWER.encode(key) });
            }
            match &mut self.last {
                Some((last_table, last)) if *last_table == table => last.clone_from(key),
                last => *last = Some((table, key.clone())),
            }
            if table == Table::Journal {
                let followed = self.journal.follow(key, value);
                followed.map_err(|(entry, fault)| ContentFault::Journal { entry, fault })?;
            }
            let found = readable(table, key, value);
            found.map_err(|what| ContentFault::Record { key: HEXLOWER.encode(key), what })?;
        }
        if table == Table::Certificates {
            self.certificates += rows.len() as u64;
        }
        *self.rows.entry(table).or_default() += rows.len() as u64;
        Ok(())
    }

    /// The journal as far as it was seen.
    #[must_use]
    pub const fn journal(&self) -> &Report {
        &self.journal
    }

    /// Certificate records.
    #[must_use]
    pub const fn certificates(&self) -> u64 {
        self.certificates
    }

    /// Rows of each table.
    #[must_use]
    pub const fn counted(&self) -> &BTreeMap<Table, u64> {
        &self.rows
    }
}

/// Whether a row is what its table holds.
pub(crate) fn readable(table: Table, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    match table {
        Table::Accounts => parsed::<Account>(key, value),
        Table::Orders => parsed::<Order>(key, value),
        Table::Authorizations => parsed::<Authorization>(key, value),
        Table::Certificates => certificate(key, value),
        Table::ExternalKeys => parsed::<ExternalKey>(key, value),
        Table::SignIns => parsed::<SignIn>(key, value),
        Table::UsedAssertions => parsed::<UsedAssertion>(key, value),
        Table::Organisations => parsed::<Organisation>(key, value),
        Table::MachineAccounts => parsed::<MachineAccount>(key, value),
        Table::ActivationCodes => parsed::<ActivationCode>(key, value),
        Table::OpaqueTokens => parsed::<OpaqueToken>(key, value),
        Table::Approvals => parsed::<ApprovalRequest>(key, value),
        Table::IdClaims => parsed::<IdClaim>(key, value),
        Table::Meta if key.starts_with(place::KEY) => parsed::<place::Row>(key, value),
        Table::Meta if key.starts_with(expiring::KEY) => parsed::<expiring::Mark>(key, value),
        // Rows of several kinds, indexes, and the journal, which has a check of its own.
        Table::Meta
        | Table::AccountsByKey
        | Table::OrdersByAccount
        | Table::AuthorizationsByIdentifier
        | Table::Validations
        | Table::CertificatesByTime
        | Table::CertificatesByIdentifier
        | Table::CertificatesByAccount
        | Table::OpenIntents
        | Table::Revoked
        | Table::Replacements
        | Table::Journal
        | Table::Expiry
        | Table::AccountsByExternalKey
        | Table::OrganisationNames
        | Table::OrganisationDomains => Ok(()),
    }
}

fn parsed<R: Record>(key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    let found = record::decode::<R>(key, value).map_err(|_| "it does not parse")?;
    let same = R::encode_key(&found.value.key()) == key;
    if same { Ok(()) } else { Err("its key is another record's") }
}

/// A certificate's record with the octets in it: what was signed must parse, and be what the record says.
fn certificate(key: &[u8], value: &[u8]) -> Result<(), &'static str> {
    parsed::<Certificate>(key, value)?;
    let record = record::decode::<Certificate>(key, value).map_err(|_| "it does not parse")?.value;
    let der = record.der_octets().ok_or("its octets are not base64")?;
    match record.status {
        CertificateStatus::Issued | CertificateStatus::Revoked => {
            let id = CertId::from_certificate(&der).map_err(|_| "the certificate does not parse")?;
            if id.serial() != Some(record.serial) {
                return Err("the certificate has another serial");
            }
            let issuer = HEXLOWER.encode(id.authority_key_identifier());
            if issuer == record.issuer { Ok(()) } else { Err("the certificate has another issuer") }
        }
        CertificateStatus::Intended | CertificateStatus::Abandoned => {
            let whole = TbsCertificate::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty());
            if whole { Ok(()) } else { Err("the to-be-signed part does not parse") }
        }
    }
}
