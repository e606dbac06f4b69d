//! Text from a server, made safe to print: what an authority says ends up on somebody's terminal and in log files.
//!
//! Control characters (escape sequences), line breaks and bidirectional overrides become a space, and the length is bounded.

/// `text` on one line, without anything a terminal would act on, cut at `limit` characters.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit));
    let mut blank = false;
    for (position, character) in text.chars().enumerate() {
        if position >= limit {
            shown.push('…');
            break;
        }
        if character.is_control() || character.is_whitespace() || is_invisible(character) {
            blank = !shown.is_empty();
            continue;
        }
        if std::mem::take(&mut blank) {
            shown.push(' ');
        }
        shown.push(character);
    }
    shown
}

/// Bidirectional controls, zero-width characters and the byte order mark.
fn is_invisible(character: char) -> bool {
    matches!(u32::from(character), 0x061c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_line_breaks_do_not_survive() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\r\nerror: fake", 100), "[31mred [0m error: fake");
        assert_eq!(printable("a\u{202e}b", 100), "a b");
        assert_eq!(printable("  trimmed  ", 100), "trimmed");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(printable("ééééé", 3), "ééé…");
        assert_eq!(printable("abc", 3), "abc");
    }
}
