//! Times of SAML: `xs:dateTime` in UTC (SAML core §1.3.3).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::refusal::{SamlRefusal, shown};
use super::xml::Element;

/// Reads a time that ends in `Z`.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    if !text.ends_with('Z') || text.len() > 40 {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Writes a time in whole seconds.
pub(super) fn write(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    let (date, hour, minute, second) = (time.date(), time.hour(), time.minute(), time.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The time of an attribute that may be absent.
pub(super) fn optional(node: Element<'_>, name: &'static str) -> Result<Option<OffsetDateTime>, SamlRefusal> {
    let Some(text) = node.attribute(name) else {
        return Ok(None);
    };
    match parse(text) {
        Some(time) => Ok(Some(time)),
        None => Err(SamlRefusal::Time { element: name, found: Some(shown(text)) }),
    }
}

/// The time of an attribute that must be there.
pub(super) fn required(node: Element<'_>, name: &'static str) -> Result<OffsetDateTime, SamlRefusal> {
    optional(node, name)?.ok_or(SamlRefusal::Time { element: name, found: None })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_times_in_utc_are_times() {
        assert_eq!(parse("2026-03-01T12:00:00Z"), Some(datetime!(2026-03-01 12:00:00 UTC)));
        assert_eq!(parse("2026-03-01T12:00:00.123456Z"), Some(datetime!(2026-03-01 12:00:00.123456 UTC)));
        for other in [
            "2026-03-01T12:00:00+01:00",
            "2026-03-01T12:00:00",
            "2026-03-01",
            "",
            "Z",
            "-2026-03-01T12:00:00Z",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let time = datetime!(2026-03-01 01:02:03.9 +02:00);
        assert_eq!(parse(&write(time)), Some(datetime!(2026-02-28 23:02:03 UTC)));
    }
}
