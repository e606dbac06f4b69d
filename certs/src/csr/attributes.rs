//! What an EST server asks of requests (`csrattrs`: RFC 7030 §4.5.2, RFC 8951 §3.2), read for one question: is a P-256 request signed with SHA-256 one of those?
//!
//! A list that names kinds of keys, or of signatures, names those that are taken; one that names none of a kind leaves it open. Whatever else a server would like
//! to see in a request is not answered: names and usages are the authority's to decide. Trusts nothing of it.

use x509_parser::asn1_rs::Oid;
use x509_parser::prelude::FromDer as _;

use crate::asn1::{Element, OBJECT_IDENTIFIER, SEQUENCE, sequence_content, take_element};

const SET: u8 = 0x31;

/// Entries that are looked at.
const MOST: usize = 64;

/// Kinds that are told of; a hostile list must not make a message without end.
const TOLD: usize = 4;

/// The longest object identifier that is told whole.
const LONGEST: usize = 48;

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

/// Why our requests are none of those that are asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// It is not the structure.
    #[error("it is not a list of attributes for certificate requests")]
    Malformed,
    /// Another kind of key.
    #[error("it asks for a key of kind {0}; only P-256 is made here")]
    Key(String),
    /// Another signature.
    #[error("it asks for requests signed with {0}; only ECDSA with SHA-256 is made here")]
    Signature(String),
    /// The request would be bound to the TLS connection, for which TLS 1.3 gives no value (RFC 9266 gives another).
    #[error(
        "it asks for a challengePassword that binds the request to the TLS connection, which is not done here"
    )]
    ChallengePassword,
}

/// Whether requests for P-256 keys, signed with ECDSA and SHA-256, are among those that a server asks for. No octets ask for nothing.
///
/// # Errors
/// [`Unsuitable`]
pub fn suits_p256(der: &[u8]) -> Result<(), Unsuitable> {
    if der.is_empty() {
        return Ok(());
    }
    let mut asked = Asked::default();
    for (count, entry) in
        elements(sequence_content(der).ok_or(Unsuitable::Malformed)?)?.into_iter().enumerate()
    {
        if count == MOST {
            return Err(Unsuitable::Malformed);
        }
        match entry.tag {
            OBJECT_IDENTIFIER => asked.bare(&oid(&entry)?)?,
            SEQUENCE => asked.attribute(entry.content)?,
            _ => return Err(Unsuitable::Malformed),
        }
    }
    asked.judge()
}

/// The kinds of keys and signatures that were named, and whether ours was among them.
#[derive(Default)]
struct Asked {
    keys: Kinds,
    signatures: Kinds,
    hashes: Kinds,
}

#[derive(Default)]
struct Kinds {
    ours: bool,
    others: Vec<String>,
    more: bool,
}

impl Kinds {
    fn add(&mut self, oid: &str, ours: &str) {
        if oid == ours {
            self.ours = true;
        } else {
            let name = told(named(oid));
            match self.others.len() {
                _ if self.others.contains(&name) => {}
                TOLD.. => self.more = true,
                _ => self.others.push(name),
            }
        }
    }

    fn refused(self) -> Option<String> {
        let more = self.more.then(|| "others".to_owned());
        let kinds: Vec<String> = self.others.into_iter().chain(more).collect();
        (!self.ours && !kinds.is_empty()).then(|| kinds.join(" or "))
    }
}

impl Asked {
    /// An object identifier that stands alone.
    fn bare(&mut self, oid: &str) -> Result<(), Unsuitable> {
        match oid {
            CHALLENGE_PASSWORD => return Err(Unsuitable::ChallengePassword),
            // Any curve.
            EC_PUBLIC_KEY => self.keys.ours = true,
            _ if is_key(oid) => self.keys.add(oid, P256),
            _ if is_signature(oid) => self.signatures.add(oid, ECDSA_WITH_SHA256),
            _ if oid.starts_with("2.16.840.1.101.3.4.2.") => self.hashes.add(oid, SHA256),
            _ => {}
        }
        Ok(())
    }

    /// An attribute: its type and the set of its values.
    fn attribute(&mut self, content: &[u8]) -> Result<(), Unsuitable> {
        let (kind, rest) = take_element(content).ok_or(Unsuitable::Malformed)?;
        let (values, []) = take_element(rest).ok_or(Unsuitable::Malformed)? else {
            return Err(Unsuitable::Malformed);
        };
        if kind.tag != OBJECT_IDENTIFIER || values.tag != SET {
            return Err(Unsuitable::Malformed);
        }
        let kind = oid(&kind)?;
        if kind != EC_PUBLIC_KEY {
            return self.bare(&kind);
        }
        let values = elements(values.content)?;
        self.keys.ours |= values.is_empty();
        for curve in values.iter().take(MOST) {
            self.keys.add(&oid(curve)?, P256);
        }
        Ok(())
    }

    fn judge(self) -> Result<(), Unsuitable> {
        if let Some(kinds) = self.keys.refused() {
            return Err(Unsuitable::Key(kinds));
        }
        match self.signatures.refused().or_else(|| self.hashes.refused()) {
            Some(kinds) => Err(Unsuitable::Signature(kinds)),
            None => Ok(()),
        }
    }
}

fn elements(mut input: &[u8]) -> Result<Vec<Element<'_>>, Unsuitable> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let (element, rest) = take_element(input).ok_or(Unsuitable::Malformed)?;
        found.push(element);
        input = rest;
    }
    Ok(found)
}

fn oid(element: &Element<'_>) -> Result<String, Unsuitable> {
    match Oid::from_der(element.whole) {
        Ok(([], oid)) => Ok(oid.to_id_string()),
        _ => Err(Unsuitable::Malformed),
    }
}

/// Curves, RSA, and the keys that are their own signature algorithm (RFC 8410).
fn is_key(oid: &str) -> bool {
    let curve = oid.starts_with("1.2.840.10045.3.1.") || oid.starts_with("1.3.132.0.");
    curve || oid == "1.2.840.113549.1.1.1" || matches!(oid, "1.3.101.112" | "1.3.101.113")
}

fn is_signature(oid: &str) -> bool {
    oid.starts_with("1.2.840.10045.4.") || (oid.starts_with("1.2.840.113549.1.1.") && !is_key(oid))
}

/// As much of a name as is told.
fn told(name: &str) -> String {
    match name.get(..LONGEST) {
        Some(begins) if name.len() > LONGEST => format!("{begins}…"),
        _ => name.to_owned(),
    }
}

fn named(oid: &str) -> &str {
    match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "2.16.840.1.101.3.4.2.2" => "SHA-384",
        "2.16.840.1.101.3.4.2.3" => "SHA-512",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::{object_identifier, tlv};

    const RSA: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
    const P384: &[u64] = &[1, 3, 132, 0, 34];
    const P_256: &[u64] = &[1, 2, 840, 10_045, 3, 1, 7];
    const EC: &[u64] = &[1, 2, 840, 10_045, 2, 1];

    fn bare(oid: &[u64]) -> Vec<u8> {
        object_identifier(oid)
    }

    fn attribute(oid: &[u64], values: &[Vec<u8>]) -> Vec<u8> {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        tlv(SEQUENCE, &[&object_identifier(oid), &tlv(SET, &values)])
    }

    fn judged(entries: &[Vec<u8>]) -> Result<(), Unsuitable> {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        suits_p256(&tlv(SEQUENCE, &entries))
    }

    #[test]
    fn what_leaves_p256_open_or_names_it_suits() {
        let sha256 = bare(&[1, 2, 840, 10_045, 4, 3, 2]);
        let sha384 = bare(&[1, 2, 840, 10_045, 4, 3, 3]);
        for entries in [
            &[][..],
            &[attribute(EC, &[bare(P_256)]), sha256.clone()],
            &[attribute(EC, &[bare(P384), bare(P_256)]), sha384, sha256],
            &[attribute(EC, &[])],
            &[bare(EC)],
            &[attribute(RSA, &[vec![2, 2, 8, 0]]), attribute(EC, &[bare(P_256)])],
            &[bare(&[1, 3, 6, 1, 1, 1, 1, 22]), attribute(&[1, 2, 840, 113_549, 1, 9, 14], &[vec![0x30, 0]])],
        ] {
            assert_eq!(judged(entries), Ok(()), "{entries:?}");
        }
        assert_eq!(suits_p256(b""), Ok(()));
    }

    #[test]
    fn other_keys_signatures_and_bindings_are_refused_by_name() {
        let key = |kind: &str| Err(Unsuitable::Key(kind.to_owned()));
        let signature = |kind: &str| Err(Unsuitable::Signature(kind.to_owned()));
        for (entries, expected) in [
            (vec![attribute(RSA, &[vec![2, 2, 16, 0]])], key("RSA")),
            (vec![bare(RSA), attribute(EC, &[bare(P384)])], key("RSA or P-384")),
            (vec![bare(P384)], key("P-384")),
            (vec![bare(&[1, 2, 840, 10_045, 4, 3, 3])], signature("ECDSA with SHA-384")),
            (vec![bare(&[2, 16, 840, 1, 101, 3, 4, 2, 2])], signature("SHA-384")),
            (vec![bare(&[1, 2, 840, 113_549, 1, 9, 7])], Err(Unsuitable::ChallengePassword)),
        ] {
            assert_eq!(judged(&entries), expected);
        }
        for bad in [&[0x30, 1][..], &[0x31, 0], &[0x30, 2, 5, 0], &[0x30, 3, 6, 1], &[0x30, 0, 0]] {
            assert_eq!(suits_p256(bad), Err(Unsuitable::Malformed), "{bad:?}");
        }
        assert_eq!(judged(&vec![bare(EC); MOST + 1]), Err(Unsuitable::Malformed));
    }

    #[test]
    fn however_many_kinds_are_named_and_however_long_the_message_is_short() {
        let curves: Vec<Vec<u8>> = (0..60).map(|last| bare(&[1, 3, 132, 0, last])).collect();
        let Err(Unsuitable::Key(told)) = judged(&[attribute(EC, &curves)]) else { panic!("none is ours") };
        assert_eq!(told, "1.3.132.0.0 or 1.3.132.0.1 or 1.3.132.0.2 or 1.3.132.0.3 or others");
        let endless: Vec<u64> = [1, 3, 132, 0].into_iter().chain(vec![7; 50_000]).collect();
        let Err(Unsuitable::Key(told)) = judged(&[bare(&endless)]) else { panic!("it is not ours") };
        assert!(told.len() < 60 && told.ends_with('…'), "{told}");
        let again = vec![bare(RSA); 3];
        assert_eq!(judged(&again), Err(Unsuitable::Key("RSA".to_owned())), "each is told once");
    }
}
