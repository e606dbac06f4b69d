//! Renewal information (RFC 9773): asked when the server said so, one moment drawn per window and kept.
//!
//! Drawing again at each pass would drift to the window's start, so a moment is drawn once and stored. A server that cannot be
//! asked changes nothing; its last window stays.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use crate::{
    acme::{Client, RenewalError, RenewalInfo},
    enroll::Leaf,
    state::{RenewalRecord, Window},
};

const ASK_AGAIN: Duration = Duration::hours(6);
const ASK_SOONEST: Duration = Duration::minutes(1);
const ASK_LATEST: Duration = Duration::days(1);
const ASK_AFTER_FAILURE: Duration = Duration::hours(1);

/// Whether the server may be asked again. A moment further off than any answer can put it was stored under a wrong clock.
pub(super) fn is_time_to_ask(record: &RenewalRecord, now: OffsetDateTime) -> bool {
    record.ask_again.is_none_or(|again| again <= now || again - now > ASK_LATEST)
}

/// Whether the window of `leaf` is to be asked for now.
pub(super) fn is_wanted(leaf: &Leaf, record: &RenewalRecord, now: OffsetDateTime) -> bool {
    leaf.id.is_some() && (!is_about(record, leaf) || is_time_to_ask(record, now))
}

/// Whether the record is about this certificate.
pub(super) fn is_about(record: &RenewalRecord, leaf: &Leaf) -> bool {
    record.certificate.is_some() && record.certificate.as_deref() == leaf.id.as_ref().map(|id| id.as_str())
}

/// The record after nobody gave a window; one that was given before for the same certificate stays.
pub(super) fn unanswered(record: RenewalRecord, leaf: &Leaf, ask_again: OffsetDateTime) -> RenewalRecord {
    let kept = if is_about(&record, leaf) { record } else { forgotten(record) };
    let certificate = leaf.id.as_ref().map(ToString::to_string);
    RenewalRecord { certificate, ask_again: Some(ask_again), ..kept }
}

/// How long a server that gave no window is left in peace: as long as it asked, within reason; else up to an hour, by the dice, so that a
/// fleet does not come back all at once.
pub(super) fn pause_after_failure(asked: Option<StdDuration>, dice: u32) -> Duration {
    match asked.and_then(|asked| Duration::try_from(asked).ok()) {
        Some(asked) => asked.clamp(ASK_SOONEST, ASK_LATEST),
        None => ASK_AFTER_FAILURE / 2 + ASK_AFTER_FAILURE / 2 * (f64::from(dice) / f64::from(u32::MAX)),
    }
}

/// Asks for the window of `leaf` if it is time to, and returns the record with what was learnt.
pub async fn ask_window(
    client: &Client,
    leaf: &Leaf,
    record: RenewalRecord,
    now: OffsetDateTime,
    dice: u32,
) -> RenewalRecord {
    let Some(id) = leaf.id.as_ref() else { return record };
    if !is_wanted(leaf, &record, now) {
        return record;
    }
    if client.directory().renewal_info.is_none() {
        // It may begin to suggest windows some day.
        return unanswered(record, leaf, now + ASK_LATEST);
    }
    match client.renewal_info(id).await {
        Ok(info) => apply_window(record, id.as_str(), &info, now, dice),
        Err(error) => {
            tracing::info!(%error, "the server gives no renewal window");
            let asked = match &error {
                RenewalError::Request(request) => request.retry_after(),
                _ => None,
            };
            unanswered(record, leaf, now + pause_after_failure(asked, dice))
        }
    }
}

/// The record after the server gave this window for this certificate. Draws a moment if the window is new.
pub fn apply_window(
    record: RenewalRecord,
    id: &str,
    info: &RenewalInfo,
    now: OffsetDateTime,
    dice: u32,
) -> RenewalRecord {
    let window = Window { start: info.start, end: info.end };
    let same = record.certificate.as_deref() == Some(id) && record.window == Some(window);
    let chosen = record.chosen.filter(|_| same).unwrap_or_else(|| info.moment(dice));
    let pause = info.retry_after.and_then(|asked| Duration::try_from(asked).ok()).unwrap_or(ASK_AGAIN);
    RenewalRecord {
        certificate: Some(id.to_owned()),
        window: Some(window),
        chosen: Some(chosen),
        explanation_url: info.explanation_url.clone(),
        ask_again: Some(now + pause.clamp(ASK_SOONEST, ASK_LATEST)),
        ..record
    }
}

/// The record without the window of an earlier certificate.
fn forgotten(record: RenewalRecord) -> RenewalRecord {
    RenewalRecord { window: None, chosen: None, explanation_url: None, ..record }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

    fn info(start: OffsetDateTime, retry: Option<u64>) -> RenewalInfo {
        RenewalInfo {
            start,
            end: start + Duration::days(2),
            explanation_url: None,
            retry_after: retry.map(StdDuration::from_secs),
        }
    }

    #[test]
    fn a_moment_is_drawn_once_per_window() {
        let first = apply_window(RenewalRecord::default(), "id", &info(NOW, None), NOW, u32::MAX / 2);
        assert!(first.chosen.unwrap() > NOW && first.chosen.unwrap() < NOW + Duration::days(2));
        let again = apply_window(first.clone(), "id", &info(NOW, None), NOW, 0);
        assert_eq!(again.chosen, first.chosen, "the moment was drawn again");
        let moved = apply_window(first.clone(), "id", &info(NOW - Duration::days(9), None), NOW, 0);
        assert_eq!(moved.chosen, Some(NOW - Duration::days(9)));
        let renewed = apply_window(first, "other", &info(NOW, None), NOW, 0);
        assert_eq!(renewed.chosen, Some(NOW));
    }

    #[test]
    fn retry_after_is_kept_within_reason() {
        for (asked, expected) in [
            (None, ASK_AGAIN),
            (Some(21_600), Duration::hours(6)),
            (Some(0), ASK_SOONEST),
            (Some(31_536_000), ASK_LATEST),
        ] {
            let record = apply_window(RenewalRecord::default(), "id", &info(NOW, asked), NOW, 0);
            assert_eq!(record.ask_again, Some(NOW + expected));
        }
    }

    #[test]
    fn a_pause_that_no_answer_can_have_asked_for_is_not_kept() {
        let at = |again| RenewalRecord { ask_again: Some(again), ..RenewalRecord::default() };
        assert!(is_time_to_ask(&RenewalRecord::default(), NOW));
        assert!(is_time_to_ask(&at(NOW), NOW));
        assert!(!is_time_to_ask(&at(NOW + ASK_LATEST), NOW));
        assert!(is_time_to_ask(&at(NOW + Duration::days(3650)), NOW));
    }

    #[test]
    fn a_window_keeps_what_is_known_of_failures() {
        let failing = RenewalRecord { failures: 3, ..RenewalRecord::default() };
        assert_eq!(apply_window(failing, "id", &info(NOW, None), NOW, 0).failures, 3);
    }
}
