//! The short code that the client shows and the person types: eight characters of Crockford's base 32, as `XXXX-XXXX`.
//!
//! 40 random bits and five tries. Read forgivingly (letter case, hyphens, spaces, O for 0, I and L for 1), compared in constant time.

use subtle::ConstantTimeEq as _;

use crate::ids::{NoEntropy, random_bytes};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const LENGTH: usize = 8;

/// Longest input that is looked at.
const LONGEST_INPUT: usize = 64;

/// A fresh code.
///
/// # Errors
/// If the system's generator fails.
pub fn fresh() -> Result<String, NoEntropy> {
    let letter = |octet: u8| ALPHABET.get(usize::from(octet & 31)).copied().map_or('0', char::from);
    let letters: String = random_bytes::<LENGTH>()?.into_iter().map(letter).collect();
    let (first, second) = letters.split_at(LENGTH / 2);
    Ok(format!("{first}-{second}"))
}

/// Whether what was typed is `code`.
#[must_use]
pub fn is_right(typed: &str, code: &str) -> bool {
    let (typed, code) = (plain(typed), plain(code));
    typed.len() == LENGTH && bool::from(typed.as_bytes().ct_eq(code.as_bytes()))
}

/// The letters as they stand in the alphabet; anything else stays, and then does not match.
fn plain(text: &str) -> String {
    let letters = text
        .chars()
        .take(LONGEST_INPUT)
        .filter(|c| !c.is_whitespace() && !"-\u{2010}\u{2011}\u{2013}".contains(*c));
    letters
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eight_letters_that_nobody_confuses() {
        for _ in 0..200 {
            let code = fresh().unwrap();
            assert_eq!(code.len(), 9);
            assert_eq!(code.as_bytes()[4], b'-');
            assert!(code.bytes().filter(|c| *c != b'-').all(|c| ALPHABET.contains(&c)), "{code}");
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["10AB-CDEF", "10abcdef", " ioab cdef ", "lOAB\u{2011}CDEF", "1-0-A-B-C-D-E-F"] {
            assert!(is_right(typed, "10AB-CDEF"), "{typed}");
        }
        for typed in ["", "10AB", "10AB-CDEG", "10AB-CDEF0", "10AB-CDEÉ", &"1".repeat(1000)] {
            assert!(!is_right(typed, "10AB-CDEF"), "{typed}");
        }
    }
}
