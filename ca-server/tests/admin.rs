//! The admin socket, as the operator's commands speak to it: a real server, a real Unix socket.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test program")]

mod support;

use ca_server::admin::client::{AdminClient, AdminError};
use ca_server::admin::listener::{AdminSocket, SocketError};
use ca_server::admin::views::{
    AccountView, AuthorityView, CertificateView, IssuerState, Page, ReloadView, Revoke, VerificationView,
};
use ca_server::ids::AccountId;
use ca_server::order::model::{Account, AccountStatus, Certificate, CertificateStatus};
use ca_server::store::Batch;
use ca_server::store::tables::{accounts, certificates};
use ca_server::verify::jwk::{Jwk, OkpCurve};
use certs::serial::Serial;
use serde_json::json;
use support::{Ca, Key};
use tokio_util::sync::CancellationToken;

/// Opens the socket of a running server.
fn admin(ca: &Ca) -> AdminClient {
    let app = ca.running.app();
    let socket = AdminSocket::open(&app.config.resolve(&app.config.admin.socket)).unwrap();
    tokio::spawn(socket.serve(app.clone(), CancellationToken::new()));
    AdminClient::new(&app.config)
}

/// Writes so many valid accounts into the store.
async fn fill(ca: &Ca, count: usize) {
    let app = ca.running.app();
    for number in 0..count {
        let account = Account {
            id: AccountId::fresh(app.clock.now()).unwrap(),
            authority: "external".parse().unwrap(),
            key: Jwk::Okp { crv: OkpCurve::Ed25519, x: number.to_string() },
            status: AccountStatus::Valid,
            contact: Vec::new(),
            terms_agreed: false,
            external_key: None,
            created: app.clock.now(),
        };
        let mut batch = Batch::new();
        accounts::insert(&mut batch, &account).unwrap();
        app.store.commit(batch).await.unwrap();
    }
}

async fn list(admin: &AdminClient, query: &str) -> Result<Page<AccountView>, AdminError> {
    admin.get(&format!("/accounts?{query}")).await
}

#[tokio::test]
async fn a_search_among_many_accounts_answers_after_a_bounded_number_and_goes_on_from_there() {
    let ca = Ca::start().await;
    fill(&ca, 5000).await;
    let admin = admin(&ca);
    let (mut asked, mut after) = (0, String::new());
    loop {
        let page = list(&admin, &format!("limit=3&status=revoked{after}")).await.unwrap();
        assert!(page.items.is_empty());
        asked += 1;
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert!((2..=10).contains(&asked), "{asked} pages for 5000 accounts");
    let (mut found, mut after) = (0, String::new());
    loop {
        let page = list(&admin, &format!("limit=700{after}")).await.unwrap();
        found += page.items.len();
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, 5000, "and none is left out or repeated");
}

#[tokio::test]
async fn an_account_is_withdrawn_once_and_listed_as_revoked() {
    let ca = Ca::start().await;
    let kid = ca.register(&Key::p256()).await;
    let id = kid.rsplit('/').next().unwrap();
    let admin = admin(&ca);
    let path = format!("/accounts/{id}/deactivate");
    let view: AccountView = admin.post(&path, &json!({})).await.unwrap();
    assert_eq!(view.status, AccountStatus::Revoked);
    let again = admin.post::<_, AccountView>(&path, &json!({})).await.unwrap_err();
    assert!(
        matches!(&again, AdminError::Refused { status: 409, detail, .. } if detail.contains("revoked")),
        "{again}"
    );
    assert_eq!(list(&admin, "limit=9&status=revoked").await.unwrap().items.len(), 1);
    assert!(list(&admin, "limit=9&status=deactivated").await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_journal_that_lost_its_end_is_noticed_by_the_head_that_was_noted() {
    let ca = Ca::start().await;
    ca.register(&Key::p256()).await;
    let admin = admin(&ca);
    let verify = async |query: &str| -> VerificationView {
        admin.get(&format!("/journal/verify{query}")).await.unwrap()
    };
    let noted = verify("").await.noted.unwrap();
    ca.register(&Key::p256()).await;
    let later = verify(&format!("?expect={noted}")).await;
    let last = noted.split_once(':').unwrap().0.parse::<u64>().unwrap() + 1;
    assert_eq!((later.entries, later.broken), (last, None));
    let head = later.noted.unwrap();
    // Whoever can write the files takes the last entry away; the chain that is left is whole.
    let mut batch = Batch::new();
    batch.delete(ca_server::store::Table::Journal, last.to_be_bytes().to_vec());
    ca.running.app().store.commit(batch).await.unwrap();
    assert_eq!(verify("").await.broken, None);
    let (entry, fault) = verify(&format!("?expect={head}")).await.broken.unwrap();
    assert!(entry == last && fault.contains("cut off"), "{entry}: {fault}");
    let other = format!("1:{}", head.split_once(':').unwrap().1);
    assert_eq!(verify(&format!("?expect={other}")).await.broken.unwrap().0, 1);
    let nonsense = admin.get::<VerificationView>("/journal/verify?expect=2").await.unwrap_err();
    assert!(matches!(nonsense, AdminError::Refused { status: 400, .. }), "{nonsense}");
}

#[tokio::test]
async fn a_revocation_that_no_list_will_show_is_told() {
    let ca = Ca::start().await;
    let app = ca.running.app();
    let admin = admin(&ca);
    let present = app.authorities.named("external").unwrap().issuer_id().to_owned();
    for (issuer, is_listed) in [(present, true), ("00".repeat(20), false)] {
        let now = app.clock.now();
        let certificate = Certificate {
            serial: Serial::from_entropy(ca_server::ids::random_bytes().unwrap()),
            authority: "external".parse().unwrap(),
            issuer,
            order: None,
            account: None,
            profile: "device".to_owned(),
            identifiers: Vec::new(),
            proofs: Vec::new(),
            status: CertificateStatus::Issued,
            der: "MAA=".to_owned(),
            not_before: now,
            not_after: now + time::Duration::days(7),
            created: now,
            revoked: None,
            revocation_reason: None,
            replaces: None,
            evidence: Vec::new(),
            holder: None,
        };
        let mut batch = Batch::new();
        certificates::insert(&mut batch, &certificate).unwrap();
        app.store.commit(batch).await.unwrap();
        let path = format!("/certificates/{}/revoke", certificate.serial);
        let view: CertificateView = admin.post(&path, &Revoke { reason: 4 }).await.unwrap();
        assert_eq!(
            (view.status, view.warning.is_none()),
            (CertificateStatus::Revoked, is_listed),
            "{view:?}"
        );
        let told =
            view.warning.is_some_and(|warning| warning.contains("put the issuer's certificate and key back"));
        assert_ne!(told, is_listed);
    }
}

#[tokio::test]
async fn issuers_that_cannot_be_used_are_not_taken_and_the_present_ones_stay() {
    let ca = Ca::start().await;
    let admin = admin(&ca);
    let app = ca.running.app();
    let present = app.authorities.named("external").unwrap().issuer_id().to_owned();
    let reload = async || admin.post::<_, ReloadView>("/authorities/reload", &()).await;
    assert!(reload().await.unwrap().replaced.is_empty());
    let listed: Vec<AuthorityView> = admin.get("/authorities").await.unwrap();
    let external = listed.iter().find(|one| one.name == "external").unwrap();
    assert_eq!((external.issuers.len(), external.issuers[0].state), (1, IssuerState::Present));
    assert_eq!((&external.issuers[0].id, external.issuers[0].last_certificate_ends), (&present, None));

    let section = &app.config.authority[&"external".parse().unwrap()];
    let folder = app.config.resolve(&section.replaced_folder());
    std::fs::create_dir(&folder).unwrap();
    for (file, wrong) in [("broken.pem", "no PEM block"), ("missing.pem", "missing.key.pem")] {
        let text = if file == "broken.pem" { "nothing".to_owned() } else { other_issuer() };
        std::fs::write(folder.join(file), text).unwrap();
        let error = reload().await.unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
        std::fs::remove_file(folder.join(file)).unwrap();
    }
    let end = app.authorities.named("external").unwrap().issuer().not_after();
    ca.clock.advance(end - app.clock.now());
    let error = reload().await.unwrap_err();
    assert!(error.to_string().contains("is valid from"), "{error}");
    assert_eq!(app.authorities.named("external").unwrap().issuer_id(), present);
}

/// A CA certificate that has nothing to do with the server.
fn other_issuer() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_identifier_method = rcgen::KeyIdMethod::Sha256;
    params.self_signed(&key).unwrap().pem()
}

#[tokio::test]
async fn only_a_socket_is_replaced_by_the_admin_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(AdminSocket::open(&path), Err(SocketError::NotOurs(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(AdminSocket::open(&link), Err(SocketError::NotOurs(_))));
    std::fs::remove_file(&path).unwrap();
    // Dropped without an end, as by a crash: the file stays and nobody answers.
    drop(AdminSocket::open(&path).unwrap());
    assert!(path.exists());
    AdminSocket::open(&path).unwrap();
}
