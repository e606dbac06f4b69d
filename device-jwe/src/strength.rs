//! How many tries a secret withstands at most: an upper bound from how it is written, to warn of secrets that people made up.
//!
//! Whoever sees one blob can try secrets at leisure; scrypt makes each try dear, not impossible. The bound is the smaller of two counts, one over the octets and one over
//! their base64url text: characters times the bits of the alphabet they seem to be drawn from. A character that goes on a run (`aaa`, `abc`, `321`) counts nothing,
//! a secret that repeats itself counts once. It never says that a secret is good, only that it may be: words of a dictionary can pass.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bits below which a secret is called weak.
pub const STRONG_BITS: u32 = 128;

/// Alphabets from small to large: what belongs to it, and how many there are.
type Alphabet = (fn(&u8) -> bool, f64);

const OCTETS: [Alphabet; 9] = [
    (|octet| octet.is_ascii_digit(), 10.0),
    (|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'), 16.0),
    (|octet| matches!(octet, b'0'..=b'9' | b'A'..=b'F'), 16.0),
    (|octet| octet.is_ascii_lowercase(), 26.0),
    (|octet| octet.is_ascii_uppercase(), 26.0),
    (|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit(), 36.0),
    (|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit(), 36.0),
    (|octet| octet.is_ascii_alphanumeric(), 62.0),
    (|octet| matches!(octet, b' '..=b'~'), 95.0),
];

/// The text is base64url, so its alphabet has 64 characters unless it visibly keeps to fewer.
const TEXT: [Alphabet; 7] = [OCTETS[0], OCTETS[1], OCTETS[2], OCTETS[3], OCTETS[4], OCTETS[5], OCTETS[6]];

impl Secret {
    /// The most bits this secret can be worth, as it is written.
    pub fn estimated_bits(&self) -> u32 {
        let text = self.to_text();
        bits(self.octets(), &OCTETS, 256.0).min(bits(text.as_bytes(), &TEXT, 64.0))
    }

    /// Whether it could withstand being guessed: at least [`STRONG_BITS`].
    pub fn may_be_strong(&self) -> bool {
        self.estimated_bits() >= STRONG_BITS
    }
}

fn bits(characters: &[u8], alphabets: &[Alphabet], otherwise: f64) -> u32 {
    // Dashes between groups of digits, as in a UUID, are the form and not the content.
    let bare: Zeroizing<Vec<u8>> =
        Zeroizing::new(characters.iter().copied().filter(|octet| *octet != b'-').collect());
    let grouped = bare.iter().all(u8::is_ascii_hexdigit);
    let characters = if grouped { bare.as_slice() } else { characters };
    let size = alphabets.iter().find(|(belongs, _)| characters.iter().all(belongs));
    let each = size.map_or(otherwise, |(_, size)| *size).log2();
    let counted = surprising(period(characters));
    // A few hundred characters of at most eight bits: far from the limits of either type.
    (counted as f64 * each) as u32
}

/// The shortest beginning that, repeated, makes the whole.
fn period(characters: &[u8]) -> &[u8] {
    (1..=characters.len() / 2)
        .filter_map(|length| characters.split_at_checked(length))
        .find(|(part, _)| characters.chunks(part.len()).all(|chunk| part.starts_with(chunk)))
        .map_or(characters, |(part, _)| part)
}

/// How many characters do not merely go on a run of equal, rising or falling ones.
fn surprising(characters: &[u8]) -> usize {
    let runs = characters.windows(3).filter(|window| match window {
        [first, second, third] => {
            let step = second.wrapping_sub(*first);
            matches!(step, 0 | 1 | 255) && third.wrapping_sub(*second) == step
        }
        _ => false,
    });
    characters.len() - runs.count()
}
