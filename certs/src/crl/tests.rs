use time::Duration;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::*;
use crate::samples::{Authority, NOW};

fn entry_of(byte: u8, reason: RevocationReason) -> Revoked {
    Revoked { serial: Serial::from_entropy([byte; 20]), at: NOW - Duration::hours(1), reason }
}

fn build(ca: &Authority, revoked: &[Revoked]) -> Vec<u8> {
    build_at(ca, revoked, &[])
}

fn build_at(ca: &Authority, revoked: &[Revoked], distribution_points: &[String]) -> Vec<u8> {
    let next_update = NOW + Duration::days(1);
    let request = CrlRequest { number: 300, this_update: NOW, next_update, revoked, distribution_points };
    let tbs = crl_tbs(&request, &ca.issuer, &ca.twin).unwrap();
    let signature = ca.key.sign(tbs.der()).unwrap();
    let list = assemble_crl(tbs.der(), &signature, ca.issuer.public_key()).unwrap();
    crate::tbs::check_same_tbs(&list, tbs.der()).unwrap();
    list.to_vec()
}

#[test]
fn a_list_names_its_issuer_number_and_entries() {
    let ca = Authority::new("external");
    let revoked = [
        entry_of(1, RevocationReason::KeyCompromise),
        entry_of(2, RevocationReason::Unspecified),
        entry_of(3, RevocationReason::PrivilegeWithdrawn),
    ];
    let der = build(&ca, &revoked);
    let (rest, parsed) = CertificateRevocationList::from_der(&der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(parsed.issuer().as_raw(), ca.issuer.subject_der());
    assert_eq!(parsed.crl_number().map(|n| n.to_string()), Some("300".to_owned()));
    let entries: Vec<_> = parsed
        .iter_revoked_certificates()
        .map(|e| (Serial::from_der_content(e.raw_serial()).unwrap(), e.reason_code().map(|r| r.1.0)))
        .collect();
    let expected = [(revoked[0].serial, Some(1)), (revoked[1].serial, None), (revoked[2].serial, Some(9))];
    assert_eq!(entries, expected);
    ca.key.public().verify(parsed.tbs_cert_list.as_ref(), &parsed.signature_value.data).unwrap();
}

#[test]
fn an_empty_list_is_still_a_list() {
    let ca = Authority::new("external");
    let der = build(&ca, &[]);
    let (_, parsed) = CertificateRevocationList::from_der(&der).unwrap();
    assert_eq!(parsed.iter_revoked_certificates().count(), 0);
    assert!(crate::chain::RevocationList::from_der(&der).is_ok());
}

#[test]
fn a_shard_names_its_place_and_nobody_may_overlook_it() {
    let ca = Authority::new("external");
    let places =
        ["http://old.example/crl/external/3-of-16.crl", "http://ca.example/crl/external/3-of-16.crl"];
    let der = build_at(&ca, &[], &places.map(str::to_owned));
    let (_, parsed) = CertificateRevocationList::from_der(&der).unwrap();
    let extension = parsed.extensions().iter().find(|found| found.oid.to_id_string() == "2.5.29.28").unwrap();
    assert!(extension.critical);
    for place in places {
        assert!(extension.value.windows(place.len()).any(|window| window == place.as_bytes()), "{place}");
    }
    assert!(crate::chain::RevocationList::from_der(&der).is_ok());
}

#[test]
fn a_list_that_is_stale_from_the_start_is_refused() {
    let ca = Authority::new("external");
    let request =
        CrlRequest { number: 1, this_update: NOW, next_update: NOW, revoked: &[], distribution_points: &[] };
    assert_eq!(crl_tbs(&request, &ca.issuer, &ca.twin), Err(CrlError::Reversed));
}

#[test]
fn reasons_have_the_codes_of_rfc_5280() {
    for reason in RevocationReason::ALL {
        assert_eq!(RevocationReason::from_code(u64::from(reason.code())), Ok(reason));
        assert_eq!(reason.as_str().parse::<RevocationReason>(), Ok(reason));
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{reason}\""));
    }
    let codes = RevocationReason::ALL.map(RevocationReason::code);
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
    for code in [7, 11, 256 + 1, u64::MAX] {
        assert_eq!(RevocationReason::from_code(code), Err(ReasonError::Code(code)));
    }
    assert!("keyCompromise".parse::<RevocationReason>().is_err());
    let holders = RevocationReason::ALL.into_iter().filter(|r| r.is_for_holders()).count();
    assert_eq!(holders, 6);
}
