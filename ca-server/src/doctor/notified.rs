//! The webhooks: whether each is told in time.

use time::OffsetDateTime;

use super::Findings;
use crate::admin::client::AdminClient;
use crate::admin::notifications::WebhookView;

/// Seconds for which an event may wait: a delivery that failed for longer is called wrong, one that is only slow is warned of.
const LATE: i64 = 3600;

/// Asks the running server.
pub(super) async fn webhooks(client: &AdminClient, now: OffsetDateTime, found: &mut Findings) {
    let views: Vec<WebhookView> = match client.get("/notifications").await {
        Ok(views) => views,
        Err(error) => return found.wrong("notifications", error.to_string(), error.hint()),
    };
    for view in &views {
        judge(view, now, found);
    }
}

fn judge(view: &WebhookView, now: OffsetDateTime, found: &mut Findings) {
    let WebhookView { name, status, behind, problem, .. } = view;
    let problem = problem.as_deref().unwrap_or("no reason is known");
    let late = view.waits_since.map_or(0, |since| (now - since).whole_seconds());
    let look = format!("see `ca-server notifications list`, then `ca-server notifications test {name}`");
    if status == "paused" {
        let what = format!("webhook {name} is paused with {behind} entries to come: {problem}");
        found.warning("notifications", what, format!("go on with `ca-server notifications resume {name}`"));
    } else if view.failures > 0 && late > LATE {
        let what = format!("webhook {name} is {late} s late, {behind} entries to come: {problem}");
        found.wrong("notifications", what, look);
    } else if view.failures > 0 {
        let what = format!("webhook {name} was not reached {} times in a row: {problem}", view.failures);
        found.warning("notifications", what, look);
    } else if late > LATE {
        let what =
            format!("webhook {name} takes events too slowly: it is {late} s late, {behind} entries to come");
        found.warning("notifications", what, look);
    } else {
        found.fine(
            "notifications",
            format!("webhook {name} is told of everything up to entry {}", view.entry),
        );
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_webhook_that_takes_everything_but_too_slowly_is_warned_of() {
        let now = datetime!(2026-11-22 12:00 UTC);
        let judged = |waits_since: Option<OffsetDateTime>| {
            let mut found = Findings::default();
            let view = WebhookView {
                name: "slow".to_owned(),
                url: "https://slow.test/".to_owned(),
                events: Vec::new(),
                status: "ok".to_owned(),
                entry: 3,
                behind: 900,
                waits_since,
                delivered: 3,
                last_delivery: Some(now),
                failures: 0,
                problem: None,
                next_try: None,
                paused_since: None,
            };
            judge(&view, now, &mut found);
            found.0.into_iter().map(|finding| (finding.level, finding.what)).collect::<Vec<_>>()
        };
        let late = judged(Some(now - time::Duration::hours(2)));
        assert!(
            matches!(late.as_slice(), [(super::super::Level::Warning, what)] if what.contains("slow")),
            "{late:?}"
        );
        let fine = judged(Some(now - time::Duration::minutes(5)));
        assert!(matches!(fine.as_slice(), [(super::super::Level::Fine, _)]), "{fine:?}");
    }
}
