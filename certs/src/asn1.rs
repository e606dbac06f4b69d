//! The little DER that `rcgen` leaves to us: the contents of extensions, and the outer shell of a signed structure.
//!
//! Lengths are written and accepted in minimal form only (X.690 §10.1). Untrusted certificates are parsed elsewhere, by `x509-parser`; the
//! reader here takes apart what this crate or a strict parser has already made or checked, and the flat shells of EST (`pkcs7`, `csr`). It never
//! recurses and allocates nothing.

use aws_lc_rs::digest::{SHA256, digest};

pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// `[6]` of GeneralName: a URI.
pub(crate) const GENERAL_NAME_URI: u8 = 0x86;

/// One tag, length and value; the value is the parts in order.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    push_length(&mut out, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let octets = length.to_be_bytes();
    let significant: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
    match significant.as_slice() {
        [] => out.push(0),
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
}

/// An OBJECT IDENTIFIER from its arcs; the first two must be a valid beginning.
pub(crate) fn object_identifier(arcs: &[u64]) -> Vec<u8> {
    let mut content = Vec::with_capacity(arcs.len() * 2);
    let rest = match arcs {
        [first, second, rest @ ..] => {
            push_arc(&mut content, first * 40 + second);
            rest
        }
        short => short,
    };
    for arc in rest {
        push_arc(&mut content, *arc);
    }
    tlv(OBJECT_IDENTIFIER, &[&content])
}

fn push_arc(out: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        out.push((arc >> (7 * group)) as u8 & 0x7f | more);
    }
}

/// One element of a DER sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// Tag, length and value.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
}

/// Takes the first element off the input. `None` unless it is complete, low-tagged and minimally encoded.
pub(crate) fn take_element(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&[tag, first], after) = input.split_first_chunk::<2>()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, header) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x81..=0x84 => {
            let octets = after.get(..usize::from(first & 0x7f))?;
            let length = octets.iter().fold(0u64, |sum, octet| sum << 8 | u64::from(*octet));
            let minimal = length > 0x7f && octets.first() != Some(&0);
            (usize::try_from(length).ok().filter(|_| minimal)?, 2 + octets.len())
        }
        _ => return None,
    };
    let whole = input.get(..header.checked_add(length)?)?;
    let content = whole.get(header..)?;
    Some((Element { tag, whole, content }, input.get(whole.len()..)?))
}

/// The content of the one SEQUENCE that the input is.
pub(crate) fn sequence_content(input: &[u8]) -> Option<&[u8]> {
    let (element, rest) = take_element(input)?;
    (element.tag == SEQUENCE && rest.is_empty()).then_some(element.content)
}

pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (to, from) in octets.iter_mut().zip(digest(&SHA256, data).as_ref()) {
        *to = *from;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal() {
        assert_eq!(tlv(4, &[]), [4, 0]);
        assert_eq!(tlv(4, &[&[0; 127]])[..2], [4, 0x7f]);
        assert_eq!(tlv(4, &[&[0; 128]])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv(4, &[&[0; 200], &[0; 100]])[..4], [4, 0x82, 0x01, 0x2c]);
    }

    #[test]
    fn elements_are_read_back_as_written() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let mut der = tlv(SEQUENCE, &[&vec![7; length]]);
            assert_eq!(sequence_content(&der).unwrap().len(), length);
            der.push(0);
            assert_eq!(sequence_content(&der), None);
            assert_eq!(take_element(&der).unwrap().1, [0]);
        }
    }

    #[test]
    fn long_forms_that_are_not_minimal_are_refused() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x81, 1, 0],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x82, 0, 0x80],
            &[0x1f, 0x01, 0],
        ] {
            assert_eq!(take_element(bad), None, "{bad:?}");
        }
        assert_eq!(take_element(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn object_identifiers_encode_as_in_x690() {
        assert_eq!(object_identifier(&[1, 2, 840, 113_549]), [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        assert_eq!(object_identifier(&[2, 999, 3]), [6, 3, 0x88, 0x37, 0x03]);
        assert_eq!(object_identifier(&[2, 5, 29, 0]), [6, 3, 0x55, 0x1d, 0x00]);
    }
}
