//! How foreign bytes look in a message for people: escaped, so that they cannot steer a terminal or a log, and cut short.

/// Longest part of one value that is shown.
const SHOWN: usize = 64;

/// Most values that are shown of one answer.
const VALUES: usize = 3;

/// `bytes` in double quotes, everything but plain ASCII escaped, cut after [`SHOWN`] octets.
pub(super) fn value(bytes: &[u8]) -> String {
    let shown: String =
        bytes.iter().take(SHOWN).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    if bytes.len() > SHOWN {
        format!("\"{shown}…\" ({} octets)", bytes.len())
    } else {
        format!("\"{shown}\"")
    }
}

/// The first few of `values`, separated by commas, and how many more there are.
pub(super) fn values(values: &[Vec<u8>]) -> String {
    let mut text = values.iter().take(VALUES).map(|bytes| value(bytes)).collect::<Vec<_>>().join(", ");
    if values.len() > VALUES {
        text.push_str(&format!(" and {} more", values.len() - VALUES));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_length_of_foreign_values_are_tamed() {
        assert_eq!(value(b"a\x1b[31m\"\n"), r#""a\x1b[31m\"\n""#);
        let long = value(&[b'x'; 500]);
        assert!(long.len() < 100 && long.contains("500 octets"), "{long}");
        let many = values(&vec![b"v".to_vec(); 7]);
        assert_eq!(many, r#""v", "v", "v" and 4 more"#);
    }
}
