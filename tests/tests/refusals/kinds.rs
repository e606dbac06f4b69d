//! One case for every kind of problem in the table; a kind without a case does not compile.

use ca_server::respond::kinds::Kind;

use crate::provoke::{self, Provoked};

async fn provoked(kind: Kind) -> Provoked {
    match kind {
        Kind::AccountDoesNotExist => provoke::account_does_not_exist().await,
        Kind::AccountNotValid => provoke::account_not_valid().await,
        Kind::AlreadyReplaced => provoke::already_replaced().await,
        Kind::AlreadyRevoked => provoke::already_revoked().await,
        Kind::BadCsr => provoke::bad_csr().await,
        Kind::BadNonce => provoke::bad_nonce().await,
        Kind::BadPublicKey => provoke::bad_public_key().await,
        Kind::BadRevocationReason => provoke::bad_revocation_reason().await,
        Kind::BadSignatureAlgorithm => provoke::bad_signature_algorithm().await,
        Kind::Caa => provoke::caa().await,
        Kind::Compound => provoke::compound().await,
        Kind::Connection => {
            Provoked::Never("today's proofs ask the DNS only; a proof that connects will use it")
        }
        Kind::Dns => provoke::dns_failure().await,
        Kind::ExternalAccountRequired => provoke::external_account_required().await,
        Kind::IncorrectResponse => provoke::incorrect_response().await,
        Kind::InvalidContact => provoke::invalid_contact().await,
        Kind::InvalidProfile => provoke::invalid_profile().await,
        Kind::KeyInUse => provoke::key_in_use().await,
        Kind::Malformed => provoke::malformed().await,
        Kind::MethodNotAllowed => provoke::method_not_allowed().await,
        Kind::NotAcceptable => provoke::not_acceptable().await,
        Kind::NotFound => provoke::not_found().await,
        Kind::OrderNotReady => provoke::order_not_ready().await,
        Kind::PayloadTooLarge => provoke::payload_too_large().await,
        Kind::RateLimited => provoke::rate_limited().await,
        Kind::RejectedIdentifier => provoke::rejected_identifier().await,
        Kind::RequestTimeout => provoke::request_timeout().await,
        Kind::ServerInternal => provoke::server_internal().await,
        Kind::ServiceUnavailable => provoke::service_unavailable().await,
        Kind::Tls => Provoked::Never("today's proofs ask the DNS only; a proof over TLS will use it"),
        Kind::TokenRefused => provoke::token_refused().await,
        Kind::Unauthorized => provoke::unauthorized().await,
        Kind::UnsupportedContact => provoke::unsupported_contact().await,
        Kind::UnsupportedIdentifier => provoke::unsupported_identifier().await,
        Kind::UnsupportedMediaType => provoke::unsupported_media_type().await,
        Kind::UserActionRequired => provoke::user_action_required().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_problem_is_met_with_its_urn_and_status() {
    let mut never = Vec::new();
    for kind in Kind::ALL {
        let (suffix, status) = (kind.suffix(), kind.status().as_u16());
        match provoked(*kind).await {
            Provoked::Answered(problem) => {
                assert_eq!((problem.kind.as_str(), problem.status), (suffix, status), "{}", problem.document);
            }
            Provoked::Stored(error) => {
                assert_eq!(error["type"], kind.urn(), "{error}");
                assert_eq!(error["status"], status, "{error}");
                assert!(!error["detail"].as_str().unwrap_or_default().is_empty(), "{error}");
            }
            Provoked::Never(reason) => {
                assert!(!reason.is_empty());
                never.push(*kind);
            }
        }
    }
    assert_eq!(never, [Kind::Connection, Kind::Tls], "kinds that nothing leads to today");
}

#[test]
fn every_urn_that_rfc_8555_names_is_in_the_table() {
    let names = [
        "accountDoesNotExist",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
        "alreadyReplaced",
        "invalidProfile",
    ];
    for name in names {
        assert!(Kind::ALL.iter().any(|kind| kind.suffix() == name), "{name}");
    }
    for kind in Kind::ALL {
        assert!(names.contains(&kind.suffix()), "{} is in no specification", kind.suffix());
    }
}
