//! The webhooks: whether each is told in time.

use time::OffsetDateTime;

use super::Findings;
use crate::admin::client::AdminClient;
use crate::admin::notifications::WebhookView;

/// Seconds for which a delivery may fail before it is called wrong.
const LATE: i64 = 3600;

/// Asks the running server.
pub(super) async fn webhooks(client: &AdminClient, now: OffsetDateTime, found: &mut Findings) {
    let views: Vec<WebhookView> = match client.get("/notifications").await {
        Ok(views) => views,
        Err(error) => return found.wrong("notifications", error.to_string(), error.hint()),
    };
    for view in views {
        let WebhookView { name, status, behind, problem, .. } = &view;
        let problem = problem.as_deref().unwrap_or("no reason is known");
        let late = view.waits_since.map_or(0, |since| (now - since).whole_seconds());
        let look = format!("see `ca-server notifications list`, then `ca-server notifications test {name}`");
        if status == "paused" {
            let what = format!("webhook {name} is paused with {behind} entries to come: {problem}");
            found.warning(
                "notifications",
                what,
                format!("go on with `ca-server notifications resume {name}`"),
            );
        } else if view.failures > 0 && late > LATE {
            let what = format!("webhook {name} is {late} s late, {behind} entries to come: {problem}");
            found.wrong("notifications", what, look);
        } else if view.failures > 0 {
            let what = format!("webhook {name} was not reached {} times in a row: {problem}", view.failures);
            found.warning("notifications", what, look);
        } else {
            found.fine(
                "notifications",
                format!("webhook {name} is told of everything up to entry {}", view.entry),
            );
        }
    }
}
