//! The layout of keys and index rows, encoded and decoded in this one place.
//!
//! Keys sort as octets. Times are seconds (milliseconds in the validation queue) since 1970 as eight octets big-endian with the
//! sign bit flipped, so that they sort as times do. Texts end with NUL, which no identifier or name contains. What is here is on
//! disk: a change needs a new layout version in [`super::Table::Meta`].

use certs::identifier::Identifier;
use certs::serial::Serial;
use time::OffsetDateTime;

use super::Table;
use crate::ids::{AccountId, AuthorityName, AuthorizationId, ChallengeId, OrderId};

const SIGN: u64 = 1 << 63;

/// Seconds since 1970, so that the octets sort as the times do.
pub(crate) fn seconds(at: OffsetDateTime) -> [u8; 8] {
    (at.unix_timestamp().cast_unsigned() ^ SIGN).to_be_bytes()
}

/// The time of [`seconds`].
pub(crate) fn from_seconds(octets: [u8; 8]) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp((u64::from_be_bytes(octets) ^ SIGN).cast_signed()).ok()
}

/// Milliseconds since 1970, so that the octets sort as the times do.
pub(crate) fn milliseconds(at: OffsetDateTime) -> [u8; 8] {
    let millis = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    (millis.cast_unsigned() ^ SIGN).to_be_bytes()
}

/// The time of [`milliseconds`].
pub(crate) fn from_milliseconds(octets: [u8; 8]) -> Option<OffsetDateTime> {
    let millis = (u64::from_be_bytes(octets) ^ SIGN).cast_signed();
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}

/// `AccountsByKey`.
pub(crate) fn account_by_key(authority: &AuthorityName, thumbprint: &str) -> Vec<u8> {
    [authority.as_str().as_bytes(), &[0], thumbprint.as_bytes()].concat()
}

/// `OrdersByAccount`; the account id alone is the prefix of one account's rows.
pub(crate) fn order_by_account(account: AccountId, created: OffsetDateTime, order: OrderId) -> Vec<u8> {
    [account.as_bytes().as_slice(), &seconds(created), order.as_bytes()].concat()
}

/// The order of an `OrdersByAccount` row.
pub(crate) fn order_of_account_row(key: &[u8]) -> Option<OrderId> {
    key.last_chunk::<16>().copied().map(OrderId::from_bytes)
}

/// The text under which an authorization is found again: the identifier, `*.` in front if it stands for the wildcard.
pub(crate) fn identifier_text(identifier: &Identifier, wildcard: bool) -> String {
    let star = if wildcard { "*." } else { "" };
    format!("{}:{star}{}", identifier.kind(), identifier.value())
}

/// Prefix of the `AuthorizationsByIdentifier` rows of one account and identifier.
pub(crate) fn authorizations_of(account: AccountId, identifier: &Identifier, wildcard: bool) -> Vec<u8> {
    [account.as_bytes().as_slice(), identifier_text(identifier, wildcard).as_bytes(), &[0]].concat()
}

/// `AuthorizationsByIdentifier`.
pub(crate) fn authorization_by_identifier(
    account: AccountId,
    (identifier, wildcard): (&Identifier, bool),
    expires: OffsetDateTime,
    id: AuthorizationId,
) -> Vec<u8> {
    let mut key = authorizations_of(account, identifier, wildcard);
    key.extend_from_slice(&seconds(expires));
    key.extend_from_slice(id.as_bytes());
    key
}

/// The authorization of an `AuthorizationsByIdentifier` row.
pub(crate) fn authorization_of_row(key: &[u8]) -> Option<AuthorizationId> {
    key.last_chunk::<16>().copied().map(AuthorizationId::from_bytes)
}

/// `Validations`.
pub(crate) fn validation(
    at: OffsetDateTime,
    authorization: AuthorizationId,
    challenge: ChallengeId,
) -> Vec<u8> {
    [milliseconds(at).as_slice(), authorization.as_bytes(), challenge.as_bytes()].concat()
}

/// The parts of a `Validations` key.
pub(crate) fn validation_parts(key: &[u8]) -> Option<(OffsetDateTime, AuthorizationId, ChallengeId)> {
    let (at, rest) = key.split_first_chunk::<8>()?;
    let (authorization, rest) = rest.split_first_chunk::<16>()?;
    let challenge: [u8; 16] = rest.try_into().ok()?;
    Some((
        from_milliseconds(*at)?,
        AuthorizationId::from_bytes(*authorization),
        ChallengeId::from_bytes(challenge),
    ))
}

/// `CertificatesByTime`.
pub(crate) fn certificate_by_time(created: OffsetDateTime, serial: &Serial) -> Vec<u8> {
    [seconds(created).as_slice(), serial.as_bytes()].concat()
}

/// Prefix of the `CertificatesByIdentifier` rows of one identifier.
pub(crate) fn certificates_of_identifier(identifier: &Identifier) -> Vec<u8> {
    [identifier.to_string().as_bytes(), &[0]].concat()
}

/// `CertificatesByIdentifier`.
pub(crate) fn certificate_by_identifier(
    id: &Identifier,
    created: OffsetDateTime,
    serial: &Serial,
) -> Vec<u8> {
    let mut key = certificates_of_identifier(id);
    key.extend_from_slice(&seconds(created));
    key.extend_from_slice(serial.as_bytes());
    key
}

/// `CertificatesByAccount`; the account id alone is the prefix of one account's rows.
pub(crate) fn certificate_by_account(
    account: AccountId,
    created: OffsetDateTime,
    serial: &Serial,
) -> Vec<u8> {
    [account.as_bytes().as_slice(), &seconds(created), serial.as_bytes()].concat()
}

/// The serial at the end of any certificate index row.
pub(crate) fn serial_of_row(key: &[u8]) -> Option<Serial> {
    key.last_chunk::<20>().and_then(|octets| Serial::from_der_content(octets))
}

/// Prefix of the `Revoked` rows of one authority.
pub(crate) fn revoked_of(authority: &AuthorityName) -> Vec<u8> {
    [authority.as_str().as_bytes(), &[0]].concat()
}

/// `Revoked`.
pub(crate) fn revoked(authority: &AuthorityName, serial: &Serial) -> Vec<u8> {
    [authority.as_str().as_bytes(), &[0], serial.as_bytes().as_slice()].concat()
}

/// Prefix of the `AccountsByExternalKey` rows of one key.
pub(crate) fn accounts_of_external_key(kid: &str) -> Vec<u8> {
    [kid.as_bytes(), &[0]].concat()
}

/// `AccountsByExternalKey`.
pub(crate) fn account_by_external_key(kid: &str, account: AccountId) -> Vec<u8> {
    [kid.as_bytes(), &[0], account.as_bytes()].concat()
}

/// The account of an `AccountsByExternalKey` row.
pub(crate) fn account_of_row(key: &[u8]) -> Option<AccountId> {
    key.last_chunk::<16>().copied().map(AccountId::from_bytes)
}

/// `Expiry`.
pub(crate) fn expiry(table: Table, expires: OffsetDateTime, key: &[u8]) -> Vec<u8> {
    [&[table.number()], seconds(expires).as_slice(), key].concat()
}

/// Expiry and record key of an `Expiry` row.
pub(crate) fn expiry_parts(row: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    let (_table, rest) = row.split_first()?;
    let (expires, key) = rest.split_first_chunk::<8>()?;
    Some((from_seconds(*expires)?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_octets_even_before_1970() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let times = [at(-5), at(0), at(1), at(1_700_000_000), at(4_000_000_000)];
        for pair in times.windows(2) {
            assert!(seconds(pair[0]) < seconds(pair[1]));
            assert!(milliseconds(pair[0]) < milliseconds(pair[1]));
        }
        for time in times {
            assert_eq!(from_seconds(seconds(time)), Some(time));
            assert_eq!(from_milliseconds(milliseconds(time)), Some(time));
        }
    }

    #[test]
    fn one_identifier_is_never_a_prefix_of_another() {
        let id = |text: &str| text.parse::<Identifier>().unwrap();
        let short = certificates_of_identifier(&id("dns:a.example"));
        let long = certificates_of_identifier(&id("dns:a.example.com"));
        assert!(!long.starts_with(&short));
    }

    #[test]
    fn a_validation_key_gives_back_its_parts() {
        let at = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let (authorization, challenge) = (
            AuthorizationId::fresh(OffsetDateTime::UNIX_EPOCH).unwrap(),
            ChallengeId::fresh(OffsetDateTime::UNIX_EPOCH).unwrap(),
        );
        let key = validation(at, authorization, challenge);
        assert_eq!(validation_parts(&key), Some((at, authorization, challenge)));
        assert_eq!(validation_parts(&key[1..]), None);
    }
}
