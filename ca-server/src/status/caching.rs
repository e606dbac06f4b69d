//! What caches on the way may do with what relying parties fetch (RFC 9111, RFC 5019 §6): validators, and how long it stays fresh.

use http::HeaderMap;
use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};

const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A time as HTTP headers write it.
#[must_use]
pub fn http_date(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(HTTP_DATE).unwrap_or_default()
}

/// For how many seconds something may be kept that is good until `next_update`: as the configuration says, and never beyond its end.
#[must_use]
pub fn max_age(now: OffsetDateTime, next_update: OffsetDateTime, cache_for: std::time::Duration) -> i64 {
    let allowed = Duration::try_from(cache_for).unwrap_or(Duration::MAX);
    (next_update - now).min(allowed).whole_seconds().max(0)
}

/// Whether the client has exactly this already (RFC 9110 §13.1): its tag counts, and only without one the date.
#[must_use]
pub fn is_known(headers: &HeaderMap, tag: &str, last_modified: &str) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = tags.flat_map(|list| list.split(',')).map(str::trim);
        return tags.any(|given| given == "*" || given.trim_start_matches("W/") == tag);
    }
    headers.get(IF_MODIFIED_SINCE).is_some_and(|since| since.as_bytes() == last_modified.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_beyond_its_end_nor_longer_than_configured() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let minute = std::time::Duration::from_secs(60);
        assert_eq!(max_age(now, now + Duration::hours(1), minute), 60);
        assert_eq!(max_age(now, now + Duration::seconds(7), minute), 7);
        assert_eq!(max_age(now, now - Duration::seconds(7), minute), 0);
        assert_eq!(max_age(now, now + Duration::hours(1), std::time::Duration::MAX), 3600);
    }

    #[test]
    fn a_tag_counts_before_a_date() {
        let date = http_date(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(date, "Thu, 01 Jan 1970 00:00:00 GMT");
        let known = |pairs: &[(http::HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            is_known(&pairs.collect(), "\"a-1\"", &date)
        };
        assert!(known(&[(IF_NONE_MATCH, "\"x\", W/\"a-1\"")]) && known(&[(IF_NONE_MATCH, "*")]));
        assert!(known(&[(IF_MODIFIED_SINCE, &date)]) && !known(&[]));
        assert!(!known(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, &date)]));
    }
}
