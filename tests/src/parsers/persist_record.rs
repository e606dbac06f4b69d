//! The TXT record of `dns-persist-01` (draft-ietf-acme-dns-persist), as `ca-server` reads it. Whoever owns a zone writes it.

use ca_server::challenge::dns_persist01::record::{PersistRecord, RecordFault, issuer, parse};

use super::Outcome;
use super::support::{contains, is_tame};

/// A record that is taken names one account that stands in it octet by octet, reads the same when written anew, and is refused
/// as soon as it says something twice or leaves something empty; what it does not know changes nothing.
pub fn check(input: &[u8]) -> Outcome {
    assert!(!issuer(input).contains(&b';') && contains(input, issuer(input)));
    let record = match parse(input) {
        Ok(record) => record,
        Err(fault) => {
            assert!(is_tame(&fault.to_string()), "{fault}");
            return Outcome::Refused;
        }
    };
    let account = record.account_uri.as_bytes();
    assert!(contains(input, account) && !account.is_empty());
    assert!(account.iter().all(|byte| byte.is_ascii_graphic() && *byte != b';'));
    assert_eq!(parse(written(&record).as_bytes()).as_ref(), Ok(&record));
    let more = |text: &str| parse(&[input, text.as_bytes()].concat());
    assert_eq!(more("; unknown=1 \t").as_ref(), Ok(&record), "unknown tags are ignored");
    let number = input.split(|byte| *byte == b';').count();
    assert_eq!(more(";"), Err(RecordFault::EmptyParameter { number }));
    assert_eq!(more("; novalue"), Err(RecordFault::NoTag { number }));
    assert_eq!(more("; AccountURI=https://x/"), Err(RecordFault::Duplicate { tag: "accounturi" }));
    match record.until {
        Some(_) => assert_eq!(more(";persistuntil=1"), Err(RecordFault::Duplicate { tag: "persistUntil" })),
        None => assert_eq!(more(";persistuntil="), Err(RecordFault::BadTime)),
    }
    Outcome::Accepted
}

fn written(record: &PersistRecord) -> String {
    let policy = if record.wildcard { "; policy=wildcard" } else { "" };
    let until = record.until.map(|until| format!("; persistUntil={}", until.unix_timestamp()));
    format!("ca.example; accounturi={}{policy}{}", record.account_uri, until.unwrap_or_default())
}
