//! The list on which a root says which of its issuers are revoked: signed where the root's key is, here or elsewhere, and served.

use std::path::PathBuf;
use std::process::Command;

use certs::chain::{RevocationList, TrustSets};
use certs::pem::{Label, encode, encode_chain, parse_certificates};
use certs::verdict::{Reason, verdict};
use http::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;

use crate::rotation::{http, issuer, leaf, offline, rotate};
use crate::setting::{Place, ca_server, refused, succeeded};

/// One certificate of the present issuer.
async fn one(place: &Place) -> String {
    let load = place.load(1).await;
    load.tally.reach(1).await;
    let tally = load.tally.clone();
    load.stop().await;
    tally.so_far().pop().unwrap().chain
}

fn signed(place: &Place, more: &[&str]) -> Value {
    let arguments = [&["authority", "root-list", "external", "--json"], more].concat();
    serde_json::from_str(&place.done(&arguments)).unwrap()
}

async fn fetched(place: &Place, url: &str) -> Vec<u8> {
    http(place).get(url).await.expect(StatusCode::OK).body.to_vec()
}

/// What openssl says of a chain whose every certificate is held against a list.
async fn openssl(place: &Place, chain: &str, root_list: &[u8]) -> Option<(bool, String)> {
    let openssl = rollcall_tests::foreign::program("openssl")?;
    let write = |name: &str, text: String| -> PathBuf {
        let path = place.path(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let list = fetched(place, &leaf(chain).crl_urls[0]).await;
    let lists = write("lists.pem", encode(Label::Crl, &list) + &encode(Label::Crl, root_list));
    let all = parse_certificates(chain).unwrap();
    let (leaf, above) =
        (write("leaf.pem", encode_chain(&all[..1])), write("above.pem", encode_chain(&all[1..])));
    let mut command = Command::new(openssl);
    command
        .args(["verify", "-crl_check_all", "-CRLfile"])
        .arg(lists)
        .arg("-CAfile")
        .arg(place.server.root("external"));
    let output = command.arg("-untrusted").arg(above).arg(leaf).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.success(), said))
}

async fn webpki(place: &Place, chain: &str, root_list: &[u8]) -> Option<Reason> {
    let list = fetched(place, &leaf(chain).crl_urls[0]).await;
    let lists = [&list[..], root_list].map(|der| RevocationList::from_der(der).unwrap());
    let root = std::fs::read_to_string(place.server.root("external")).unwrap();
    let mut trust = TrustSets::new();
    trust.insert_pem("devices".parse().unwrap(), &root).unwrap();
    verdict(&parse_certificates(chain).unwrap(), &trust, None, &lists, OffsetDateTime::now_utc()).reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_issuer_is_revoked_by_its_root_and_relying_parties_see_it() {
    let place = Place::start().await;
    let old = one(&place).await;
    let id = issuer(&old);
    let first = signed(&place, &[]);
    assert_eq!((&first["running"], &first["revoked"]), (&true.into(), &0.into()));
    let url = first["url"].as_str().unwrap();
    let list = fetched(&place, url).await;
    if let Some((verified, said)) = openssl(&place, &old, &list).await {
        assert!(verified, "{said}");
    }
    let early = refused(&place.run(&["authority", "root-list", "external", "--revoke", &id]));
    assert!(early.contains("issues under") && early.contains("authority rotate external"), "{early}");
    rotate(&place);
    let new = one(&place).await;
    let above = certs::inspect::inspect_certificate(&parse_certificates(&new).unwrap()[1]).unwrap();
    assert_eq!(above.crl_urls, [url], "an issuer that is made once there is a list names it");
    let unknown = refused(&place.run(&["authority", "root-list", "external", "--revoke", "00ff"]));
    assert!(unknown.contains("replaced no issuer 00ff") && unknown.contains(&id), "{unknown}");
    assert_eq!(fetched(&place, url).await, list, "what is refused changes nothing");

    let second = signed(&place, &["--revoke", &id]);
    assert!(second["number"].as_u64() > first["number"].as_u64());
    let list = fetched(&place, url).await;
    assert_eq!(webpki(&place, &old, &list).await, Some(Reason::Revoked));
    assert_eq!(webpki(&place, &new, &list).await, None);
    if let Some((verified, said)) = openssl(&place, &old, &list).await {
        assert!(!verified && said.contains("certificate revoked"), "{said}");
        let (verified, said) = openssl(&place, &new, &list).await.unwrap();
        assert!(verified, "{said}");
    }
    let third = signed(&place, &["--revoke", &id, "--days", "7"]);
    assert_eq!(third["revoked"], 1, "what is on it stays, once");
    assert!(
        place.done(&["doctor"]).contains("the revocation list of the root of authority external ends in")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_was_signed_on_another_machine_is_checked_before_it_is_served() {
    let place = Place::start().await;
    let old = issuer(&one(&place).await);
    rotate(&place);
    let certificate = place.path(&format!("ca/authorities/external/replaced/{old}.pem"));
    let signs = |authority: &str, list: Option<&str>, out: &str, revoke: bool| {
        let (key, passphrase) = offline(&place, authority);
        let (root, out) = (place.path(&format!("ca/roots/{authority}.pem")), place.path(out));
        let certificate = certificate.to_str().unwrap();
        let mut arguments =
            vec!["authority", "sign-list", "--root-cert", root.to_str().unwrap(), "--root-key", &key];
        arguments.extend(["--root-passphrase-file", &passphrase, "--out", out.to_str().unwrap(), "--json"]);
        if revoke {
            arguments.extend(["--revoke-cert", certificate]);
        }
        let before = list.map(|name| place.path(name).to_str().unwrap().to_owned());
        arguments.extend(before.iter().flat_map(|path| ["--list", path]));
        succeeded(ca_server(&arguments))
    };
    let sign = |authority: &str, list, out| signs(authority, list, out, authority == "external");
    let import = |name: &str| {
        place.run(&["authority", "import-list", "external", place.path(name).to_str().unwrap(), "--json"])
    };
    sign("external", None, "first.pem");
    sign("external", Some("first.pem"), "second.pem");
    sign("internal", None, "others.pem");
    // Signed without the list in place, again and again so that its number is the higher one.
    signs("external", None, "empty-1.pem", false);
    signs("external", Some("empty-1.pem"), "empty-2.pem", false);
    signs("external", Some("empty-2.pem"), "empty.pem", false);
    let told: Value = serde_json::from_str(&succeeded(import("second.pem"))).unwrap();
    assert_eq!((&told["running"], &told["revoked"]), (&true.into(), &1.into()));
    let url = told["url"].as_str().unwrap();
    let served = fetched(&place, url).await;
    let mut damaged = served.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    std::fs::write(place.path("damaged.crl"), damaged).unwrap();
    for (name, why) in [
        ("first.pem", "its number is"),
        ("second.pem", "its number is"),
        ("others.pem", "the list of another issuer"),
        ("empty.pem", "would not be revoked any more"),
        ("damaged.crl", "not signed by"),
        ("ca/roots/external.pem", ""),
    ] {
        let said = refused(&import(name));
        assert!(said.contains(why) && said.contains("hint:"), "{name}: {said}");
        assert_eq!(fetched(&place, url).await, served, "{name}");
    }
}
