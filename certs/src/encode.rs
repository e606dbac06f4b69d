//! The little DER writing that `rcgen` leaves to us: the contents of extensions, and the outer shell of a certificate.
//!
//! Lengths are always minimal (X.690 §10.1). Reading is never done here.

use aws_lc_rs::digest::{SHA256, digest};

pub(crate) const INTEGER_TAG: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
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
    fn object_identifiers_encode_as_in_x690() {
        assert_eq!(object_identifier(&[1, 2, 840, 113_549]), [6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        assert_eq!(object_identifier(&[2, 999, 3]), [6, 3, 0x88, 0x37, 0x03]);
        assert_eq!(object_identifier(&[2, 5, 29, 0]), [6, 3, 0x55, 0x1d, 0x00]);
    }
}
