//! Just enough DER to take a signed structure apart and put another one together.

/// The tag of a sequence.
pub const SEQUENCE: u8 = 0x30;
/// The tag of a bit string.
pub const BIT_STRING: u8 = 0x03;

/// One tag, length and value, with lengths up to 65,535.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [.., high, low] = length.to_be_bytes();
    let mut out = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    out.extend_from_slice(content);
    out
}

/// One element of the input.
#[derive(Debug)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// Its value.
    pub content: &'a [u8],
    /// Tag, length and value.
    pub whole: &'a [u8],
    /// What follows it.
    pub rest: &'a [u8],
}

/// The first element.
#[must_use]
pub fn take(input: &[u8]) -> Option<Element<'_>> {
    let (&[tag, first], after) = input.split_first_chunk::<2>()?;
    let (length, header) = match first {
        0..=0x7f => (usize::from(first), 2),
        0x81 => (usize::from(*after.first()?), 3),
        0x82 => (usize::from(u16::from_be_bytes(*after.first_chunk::<2>()?)), 4),
        _ => return None,
    };
    let whole = input.get(..header + length)?;
    Some(Element { tag, content: whole.get(header..)?, whole, rest: input.get(whole.len()..)? })
}

/// The content of the sequence that the input begins with.
#[must_use]
pub fn sequence(input: &[u8]) -> Option<&[u8]> {
    take(input).filter(|element| element.tag == SEQUENCE).map(|element| element.content)
}
