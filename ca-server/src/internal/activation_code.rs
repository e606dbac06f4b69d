//! How an activation code is written: twelve letters that nobody takes for another, sixty bits in all.
//!
//! What a person types is read as it was meant. Decides nothing about whether a code is in force.

use crate::ids::{NoEntropy, random_bytes};

/// The letters of a code: those that nobody takes for another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code; five bits each.
const LENGTH: usize = 12;

/// How many codes there are, each as likely as the others.
pub const CODES: u64 = 1 << (5 * LENGTH);

/// A new code's letters, each as likely as the others.
pub(super) fn draw() -> Result<String, NoEntropy> {
    let octets = random_bytes::<LENGTH>()?;
    // 256 is a multiple of 32: every letter is as likely as the others.
    let letter = |octet: &u8| LETTERS.get(usize::from(octet & 31)).copied().map(char::from);
    Ok(octets.iter().filter_map(letter).collect())
}

/// The letters that a person meant: case, hyphens and spaces do not count, nor O for 0, I and L for 1.
pub(super) fn letters_of(typed: &str) -> Option<String> {
    let meant = |letter: char| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let letters: String =
        typed.chars().filter(|letter| !matches!(letter, '-' | ' ')).take(LENGTH + 1).map(meant).collect();
    let known = |letter: char| u8::try_from(letter).is_ok_and(|octet| LETTERS.contains(&octet));
    (letters.len() == LENGTH && letters.chars().all(known)).then_some(letters)
}
