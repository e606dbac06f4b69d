//! Key words: the account's key in words that two people can compare, four proquints (arXiv:0901.4016) of its thumbprint.
//!
//! 64 bits: enough that nobody finds another key with the same words while a link lives. Client and server show the same.

use data_encoding::BASE64URL_NOPAD;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// The words of a key, from its thumbprint (RFC 7638, base64url): the first eight octets, as `lusab-babad-gutih-tugad`.
#[must_use]
pub fn key_words(thumbprint: &str) -> String {
    let octets = BASE64URL_NOPAD.decode(thumbprint.as_bytes()).unwrap_or_default();
    let words = octets.as_chunks::<2>().0.iter().take(4).map(|pair| proquint(u16::from_be_bytes(*pair)));
    words.collect::<Vec<_>>().join("-")
}

/// Sixteen bits as consonant, vowel, consonant, vowel, consonant.
fn proquint(bits: u16) -> String {
    let consonant = |at: u16| CONSONANTS.get(usize::from((bits >> at) & 15));
    let vowel = |at: u16| VOWELS.get(usize::from((bits >> at) & 3));
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)]
        .into_iter()
        .flatten()
        .map(|c| char::from(*c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_proposal_come_out() {
        // 127.0.0.1, 63.84.220.193, 63.118.7.35, 140.98.193.141
        for (address, words) in [
            ([127, 0, 0, 1], "lusab-babad"),
            ([63, 84, 220, 193], "gutih-tugad"),
            ([63, 118, 7, 35], "gutuk-bisog"),
            ([140, 98, 193, 141], "mudof-sakat"),
        ] {
            assert_eq!(key_words(&BASE64URL_NOPAD.encode(&address)), words);
        }
    }

    #[test]
    fn a_key_has_four_words() {
        let words = key_words("9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI");
        assert_eq!(words.split('-').count(), 4, "{words}");
    }
}
