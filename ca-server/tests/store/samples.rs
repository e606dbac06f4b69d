//! Records to store.

use ca_server::ids::{AccountId, AuthorityName, AuthorizationId, ChallengeId, OrderId, SignInId};
use ca_server::log::act::Act;
use ca_server::order::model::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Certificate, CertificateStatus, Order,
    OrderStatus,
};
use ca_server::sso::sign_in::{Completion, SignIn, Stage};
use ca_server::store::tables::validations::Due;
use ca_server::verify::jwk::{Jwk, OkpCurve};
use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::serial::Serial;
use time::{Duration, OffsetDateTime};

pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2026-01-01 12:00 UTC);

pub(crate) fn authority() -> AuthorityName {
    "external".parse().unwrap()
}

pub(crate) fn dns(name: &str) -> Identifier {
    Identifier::from_parts("dns", name).unwrap()
}

pub(crate) fn operation(what: &str) -> Act {
    Act::Operation { what: what.to_owned() }
}

pub(crate) fn account(key: &str) -> Account {
    Account {
        id: AccountId::fresh(NOW).unwrap(),
        authority: authority(),
        key: Jwk::Okp { crv: OkpCurve::Ed25519, x: key.to_owned() },
        status: AccountStatus::Valid,
        contact: vec!["mailto:ops@example.com".to_owned()],
        terms_agreed: true,
        external_key: None,
        created: NOW,
    }
}

pub(crate) fn order(account: AccountId, created: OffsetDateTime) -> Order {
    Order {
        id: OrderId::fresh(NOW).unwrap(),
        account,
        authority: authority(),
        status: OrderStatus::Pending,
        created,
        expires: created + Duration::days(7),
        identifiers: vec![dns("room-1.example.com")],
        profile: "device".to_owned(),
        not_before: None,
        not_after: None,
        replaces: None,
        authorizations: Vec::new(),
        csr_sha256: None,
        serial: None,
        error: None,
    }
}

pub(crate) fn authorization(account: AccountId, name: &str, expires: OffsetDateTime) -> Authorization {
    Authorization {
        id: AuthorizationId::fresh(NOW).unwrap(),
        account,
        authority: authority(),
        identifier: dns(name),
        wildcard: false,
        status: AuthorizationStatus::Pending,
        expires,
        reusable_until: None,
        challenges: Vec::new(),
    }
}

pub(crate) fn certificate(account: AccountId, name: &str, created: OffsetDateTime) -> Certificate {
    Certificate {
        serial: Serial::from_entropy(ca_server::ids::random_bytes().unwrap()),
        authority: authority(),
        issuer: "00112233445566778899aabbccddeeff00112233".to_owned(),
        order: None,
        account: Some(account),
        profile: "device".to_owned(),
        identifiers: vec![dns(name)],
        proofs: vec![Proof::Dns01],
        status: CertificateStatus::Intended,
        der: "MAA=".to_owned(),
        not_before: created,
        not_after: created + Duration::days(30),
        created,
        revoked: None,
        revocation_reason: None,
        replaces: None,
        evidence: Vec::new(),
        holder: None,
    }
}

pub(crate) fn due(at: OffsetDateTime) -> Due {
    Due {
        at,
        authorization: AuthorizationId::fresh(NOW).unwrap(),
        challenge: ChallengeId::fresh(NOW).unwrap(),
        attempts: 0,
    }
}

pub(crate) fn sign_in(created: OffsetDateTime) -> SignIn {
    SignIn {
        id: SignInId::fresh(NOW).unwrap(),
        account: AccountId::fresh(NOW).unwrap(),
        authorization: AuthorizationId::fresh(NOW).unwrap(),
        challenge: ChallengeId::fresh(NOW).unwrap(),
        provider: "corp".to_owned(),
        client: "192.0.2.7".parse().unwrap(),
        completion: Completion::Code { code: "ABCD-EFGH".to_owned() },
        created,
        expires: created + Duration::minutes(10),
        stage: Stage::Offered,
    }
}
