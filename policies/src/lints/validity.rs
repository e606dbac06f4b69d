//! The certificate begins before it ends, lives no longer than its profile allows (back-dating included), does not outlive its
//! issuer, and, if the present is known, begins neither long ago nor is over already.

use certs::leaf::MAX_BACKDATE;

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "validity", citation: "RFC 5280 §4.1.2.5", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, context: &LintContext<'_>) -> Vec<String> {
    let validity = leaf.certificate.validity();
    let (begin, end) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    let mut faults = Vec::new();
    if end <= begin {
        faults.push(format!("it ends at {end}, before it begins at {begin}"));
    }
    let longest = context.profile.max_lifetime.saturating_add(context.profile.backdate);
    if end - begin > longest {
        faults.push(format!(
            "it lives {} s, profile `{}` allows {} s",
            (end - begin).whole_seconds(),
            context.profile.name,
            longest.as_secs()
        ));
    }
    if context.issuer_not_after.is_some_and(|last| end > last) {
        faults.push(format!("it ends at {end}, after its issuer"));
    }
    if let Some(now) = context.now {
        // The clock may have moved between building and looking: two minutes are not a fault.
        let earliest = now - MAX_BACKDATE - time::Duration::minutes(2);
        if begin < earliest {
            faults.push(format!("it begins at {begin}, more than five minutes ago"));
        }
        if end <= now {
            faults.push(format!("it ended at {end}"));
        }
    }
    faults
}
