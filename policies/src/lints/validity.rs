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

#[cfg(test)]
mod tests {
    use time::Duration;

    use crate::lints::samples::{NOW, found, found_with};

    #[test]
    fn a_life_that_is_reversed_too_long_or_over_is_found() {
        let found = |begin: Duration, end: Duration| {
            let details = found("validity", |params| {
                params.not_before = NOW + begin;
                params.not_after = NOW + end;
            });
            details.len()
        };
        let minute = Duration::MINUTE;
        assert_eq!(found(-minute, Duration::days(30)), 0, "the longest life, back-dated");
        assert_eq!(found(-minute, Duration::days(30) + minute), 1, "one minute too long");
        assert_eq!(found(minute * 2, minute), 1, "reversed");
        assert_eq!(found(-Duration::HOUR, Duration::DAY), 1, "begins long ago");
        assert_eq!(found(-minute * 4, -minute), 1, "is over");
    }

    #[test]
    fn a_leaf_that_outlives_its_issuer_is_found() {
        let found = found_with("validity", |context| context.issuer_not_after = Some(NOW + Duration::DAY));
        assert!(found[0].ends_with("after its issuer"), "{found:?}");
    }
}
