//! The tables of the store and how their keys are laid out. Numbers are on disk: append, never renumber.

/// A table. The number is the first octet of every key in the embedded store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Facts about the store itself (layout version).
    Meta = 0,
    /// Account by id.
    Accounts = 1,
    /// Index: authority, NUL, account key thumbprint → account id. Unique.
    AccountsByKey = 2,
    /// Order by id.
    Orders = 3,
    /// Index: account id, creation (unix seconds, 8 octets BE), order id → empty.
    OrdersByAccount = 4,
    /// Authorization by id.
    Authorizations = 5,
    /// Index: account id, identifier text (as `dns:*.example.com`) → authorization id that may be reused.
    AuthorizationsByIdentifier = 6,
    /// Queue: due time (unix milliseconds, 8 octets BE), authorization id, challenge id → empty. Challenges to be validated.
    Validations = 7,
    /// Certificate record by serial (20 octets); written as an intent before the signature.
    Certificates = 8,
    /// Index: issuance time (8 octets BE), serial → empty. Newest listings.
    CertificatesByTime = 9,
    /// Index: identifier text reversed by label is not needed; identifier text, NUL, serial → empty.
    CertificatesByIdentifier = 10,
    /// Index: account id, serial → empty.
    CertificatesByAccount = 11,
    /// Index: serial → empty, for intents whose outcome is not yet recorded. Resolved at start.
    OpenIntents = 12,
    /// Index: serial → revocation time and reason; what the CRL is made of.
    Revoked = 13,
    /// Index: ARI certificate id text → order id that replaces it. Unique.
    Replacements = 14,
    /// External account binding key by key id.
    ExternalKeys = 15,
    /// Journal entry by sequence number (8 octets BE).
    Journal = 16,
    /// Queue: expiry (8 octets BE), table number, key → empty. What the pruner removes.
    Expiry = 17,
}
