//! What OpenSSL and rustls-webpki, through rustls, say of the same chains with all roots trusted.
//!
//! They know neither our trust sets nor our demands on a leaf; `data/defects.csv` says of which defects they can speak.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use certs::identifier::Identifier;
use certs::pem::{Label, encode, encode_chain};
use certs::verdict::{Reason, State, verdict};
use rollcall_tests::foreign;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateRevocationListDer, UnixTime};

use crate::data::defects;
use crate::scene::{Case, Choice, Profile, Scene};

/// Whether our verdict says that the chain is in order; a guest's is.
fn in_order(scene: &Scene, case: &Case) -> bool {
    let trust = scene.trust(Choice::All, case);
    let found = verdict(&case.chain, &trust, case.expected.as_ref(), &case.lists(), case.now);
    found.state != State::Unverified || found.reason == Some(Reason::Anonymous)
}

#[test]
fn rustls_agrees_where_it_can_tell() {
    let scene = Scene::new();
    let (mut asked, mut wrong) = (0, String::new());
    for (defect, _) in defects().into_iter().filter(|(_, others)| others.webpki) {
        for profile in Profile::ALL {
            let case = scene.case(profile, defect);
            let theirs = by_rustls(&scene, &case);
            asked += 1;
            if theirs.is_ok() != in_order(&scene, &case) {
                let _ = writeln!(wrong, "{profile}, {defect}: rustls says {theirs:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 100, "only {asked} were asked about");
}

fn by_rustls(scene: &Scene, case: &Case) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for root in scene.roots(case) {
        roots.add(root).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let crls: Vec<_> = case.crls.iter().map(|der| CertificateRevocationListDer::from(der.clone())).collect();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(crls)
        .allow_unknown_revocation_status()
        .enforce_revocation_expiration()
        .build()
        .unwrap();
    let (leaf, rest) = case.chain.split_first().unwrap();
    let seconds = u64::try_from(case.now.unix_timestamp()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verifier.verify_client_cert(leaf, rest, now).map(|_| ())
}

#[test]
fn openssl_agrees_where_it_can_tell() {
    let Some(openssl) = foreign::program("openssl") else { return };
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let (mut asked, mut wrong) = (0, String::new());
    for (defect, _) in defects().into_iter().filter(|(_, others)| others.openssl) {
        for profile in Profile::ALL {
            let case = scene.case(profile, defect);
            let theirs = by_openssl(&openssl, folder.path(), &scene, &case);
            asked += 1;
            if theirs.is_ok() != in_order(&scene, &case) {
                let _ = writeln!(wrong, "{profile}, {defect}: OpenSSL says {theirs:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 100, "only {asked} were asked about");
}

fn by_openssl(openssl: &Path, folder: &Path, scene: &Scene, case: &Case) -> Result<(), String> {
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (leaf, rest) = case.chain.split_first().unwrap();
    let mut arguments = vec!["verify".to_owned(), "-CAfile".to_owned()];
    arguments.push(file("roots.pem", encode_chain(&scene.roots(case))));
    if !rest.is_empty() {
        arguments.extend(["-untrusted".to_owned(), file("rest.pem", encode_chain(rest))]);
    }
    if !case.crls.is_empty() {
        let lists: String = case.crls.iter().map(|der| encode(Label::Crl, der)).collect();
        arguments.extend(["-crl_check_all".to_owned(), "-CRLfile".to_owned(), file("lists.pem", lists)]);
    }
    match &case.expected {
        Some(Identifier::Dns(name)) => {
            arguments.extend(["-verify_hostname".to_owned(), name.as_str().to_owned()]);
        }
        Some(Identifier::Email(address)) => {
            arguments.extend(["-verify_email".to_owned(), address.to_string()])
        }
        Some(Identifier::Uri(_)) | None => {}
    }
    arguments.extend(["-attime".to_owned(), case.now.unix_timestamp().to_string()]);
    arguments.extend(["-purpose", "sslclient"].map(str::to_owned));
    arguments.push(file("leaf.pem", encode(Label::Certificate, leaf)));
    let output = Command::new(openssl).args(&arguments).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said.replace('\n', "; ")) }
}
