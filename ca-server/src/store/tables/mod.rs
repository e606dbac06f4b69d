//! The tables of the store, and for each noun the only functions that write its rows.
//!
//! A writer calls `tables::<noun>::insert` or `replace` on a [`super::Batch`] and never sets an index row itself, so none can be
//! forgotten. How keys are laid out is decided in `store::keys` alone. Table numbers are on disk: append, never renumber.

pub mod accounts;
pub mod activation_codes;
pub mod approvals;
pub mod authorizations;
pub mod certificates;
pub mod expiry;
pub mod external_keys;
pub mod id_claims;
pub mod machine_accounts;
pub mod opaque_tokens;
pub mod orders;
pub mod organisations;
pub mod revocations;
pub mod sign_ins;
pub mod used_assertions;
pub mod validations;

/// A table. The number is the first octet of every key in the embedded store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Facts about the store itself (layout version), numbers of the last lists, how many organisations there are.
    Meta = 0,
    /// Account by id.
    Accounts = 1,
    /// Index: authority, NUL, account key thumbprint → account id. Unique.
    AccountsByKey = 2,
    /// Order by id.
    Orders = 3,
    /// Index: account id, creation time, order id → empty.
    OrdersByAccount = 4,
    /// Authorization by id.
    Authorizations = 5,
    /// Index of valid ones: account id, identifier text (as `dns:*.example.com`), NUL, expiry, authorization id → empty.
    AuthorizationsByIdentifier = 6,
    /// Queue: due time in milliseconds, authorization id, challenge id → attempts made. Challenges to be validated.
    Validations = 7,
    /// Certificate record by serial (20 octets); written as an intent before the signature.
    Certificates = 8,
    /// Index: creation time, serial → empty. Newest listings.
    CertificatesByTime = 9,
    /// Index: identifier text, NUL, creation time, serial → empty.
    CertificatesByIdentifier = 10,
    /// Index: account id, creation time, serial → empty.
    CertificatesByAccount = 11,
    /// Index: serial → empty, for intents whose outcome is not yet recorded. Resolved at start.
    OpenIntents = 12,
    /// Index: authority, NUL, serial → what the CRL says of it.
    Revoked = 13,
    /// Index: ARI certificate id text → order id that replaces it. Unique.
    Replacements = 14,
    /// External account binding key by key id.
    ExternalKeys = 15,
    /// Journal entry by sequence number (8 octets BE).
    Journal = 16,
    /// Queue: table number, expiry, key → empty. What the pruner removes some time after its expiry.
    Expiry = 17,
    /// Index: external account binding key id, NUL, account id → empty. The accounts bound with a key.
    AccountsByExternalKey = 18,
    /// Sign-in of a person by id (the hash of the link's secret).
    SignIns = 19,
    /// Hash of an assertion's id → until when it must not be taken again. Unique.
    UsedAssertions = 20,
    /// Organisation by id.
    Organisations = 21,
    /// Index: name of an organisation → its id, unique; and NUL, token issuer, NUL, id → empty, for those that the issuer speaks for.
    OrganisationNames = 22,
    /// Index: domain → id of the organisation that holds it. Unique.
    OrganisationDomains = 23,
    /// Machine account by id.
    MachineAccounts = 24,
    /// Activation code by the hash of its letters.
    ActivationCodes = 25,
    /// Token of a device or guest by its hash.
    OpaqueTokens = 26,
    /// Request for approval by account id and key.
    Approvals = 27,
    /// Account id → kind and organisation of the holder for whom it was certified. Unique, and kept until the operator releases it: certificates name it for good.
    IdClaims = 28,
}

impl Table {
    /// Every table, in the order of the numbers.
    pub const ALL: &'static [Self] = &[
        Self::Meta,
        Self::Accounts,
        Self::AccountsByKey,
        Self::Orders,
        Self::OrdersByAccount,
        Self::Authorizations,
        Self::AuthorizationsByIdentifier,
        Self::Validations,
        Self::Certificates,
        Self::CertificatesByTime,
        Self::CertificatesByIdentifier,
        Self::CertificatesByAccount,
        Self::OpenIntents,
        Self::Revoked,
        Self::Replacements,
        Self::ExternalKeys,
        Self::Journal,
        Self::Expiry,
        Self::AccountsByExternalKey,
        Self::SignIns,
        Self::UsedAssertions,
        Self::Organisations,
        Self::OrganisationNames,
        Self::OrganisationDomains,
        Self::MachineAccounts,
        Self::ActivationCodes,
        Self::OpaqueTokens,
        Self::Approvals,
        Self::IdClaims,
    ];

    /// The number on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}
