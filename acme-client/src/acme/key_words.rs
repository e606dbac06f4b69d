//! A key as words that people can compare: the first 8 octets of its thumbprint (RFC 7638, SHA-256) as four proquints
//! (Wilkerson, arXiv:0901.4016), as `lusab-babad-gutih-tugad`.
//!
//! The server's sign-in page shows the same words for the account that waits for the sign-in. They let a person notice that a page
//! belongs to somebody else's order; they prove nothing by themselves.

use data_encoding::BASE64URL_NOPAD;

use super::key::Thumbprint;

const CONSONANTS: [char; 16] =
    ['b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
const VOWELS: [char; 4] = ['a', 'i', 'o', 'u'];
/// How many octets become words.
const OCTETS: usize = 8;

impl Thumbprint {
    /// The key in words.
    #[must_use]
    pub fn key_words(&self) -> String {
        let digest = BASE64URL_NOPAD.decode(self.as_str().as_bytes()).unwrap_or_default();
        words(digest.get(..OCTETS).unwrap_or_default())
    }
}

fn words(octets: &[u8]) -> String {
    let pairs = octets.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
    let words: Vec<String> = pairs.map(|pair| proquint(u16::from_be_bytes(pair))).collect();
    words.join("-")
}

/// Sixteen bits: four, two, four, two and four of them, from the highest.
fn proquint(bits: u16) -> String {
    let letter = |letters: &[char], shift: u32| {
        let mask = letters.len().saturating_sub(1);
        letters.get((usize::from(bits) >> shift) & mask).copied()
    };
    let letters = [
        letter(&CONSONANTS, 12),
        letter(&VOWELS, 10),
        letter(&CONSONANTS, 6),
        letter(&VOWELS, 4),
        letter(&CONSONANTS, 0),
    ];
    letters.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_proquints_come_out() {
        // The examples of the article, IPv4 addresses.
        for (octets, expected) in [
            ([127, 0, 0, 1], "lusab-babad"),
            ([63, 84, 220, 193], "gutih-tugad"),
            ([63, 118, 7, 35], "gutuk-bisog"),
            ([140, 98, 193, 141], "mudof-sakat"),
            ([64, 255, 6, 200], "haguz-biram"),
            ([212, 58, 253, 68], "tibup-zujah"),
            ([216, 35, 68, 215], "tobog-higil"),
            ([198, 81, 129, 136], "sinid-makam"),
        ] {
            assert_eq!(words(&octets), expected);
        }
    }

    #[test]
    fn a_key_has_four_words() {
        let thumbprint = crate::acme::JwsKey::generate().unwrap().thumbprint();
        let words = thumbprint.key_words();
        assert_eq!(words.len(), 4 * 5 + 3);
        assert_eq!(words, thumbprint.key_words());
    }
}
