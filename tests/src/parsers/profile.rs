//! Profile files (TOML), as `policies` reads them when a server starts or is told to reload.

use std::time::Duration;

use certs::leaf::{LeafProfile, MAX_BACKDATE};
use policies::Problem;
use policies::profiles::Profiles;
use time::macros::datetime;

use super::Outcome;

/// A profile that is taken makes sense by its own check, holds no time that dates cannot bear, and reads the same when it is
/// written anew; every problem has a place in the file and says what to do.
pub fn check(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused };
    let profiles = match Profiles::parse(&[("device.toml", text)]) {
        Ok(profiles) => profiles,
        Err(problems) => {
            check_problems("device.toml", text, &problems);
            return Outcome::Refused;
        }
    };
    let Some(profile) = profiles.named("device") else { unreachable!("a profile is named after its file") };
    assert_eq!(profiles.names().collect::<Vec<_>>(), ["device"]);
    assert_eq!(profile.check(), []);
    check_sense(profile);
    let written = toml::to_string(profile).unwrap_or_default();
    assert_eq!(Profiles::parse(&[("device.toml", written)]).as_ref(), Ok(&profiles), "written and read back");
    Outcome::Accepted
}

fn check_sense(profile: &LeafProfile) {
    assert!(Duration::from_secs(60) <= profile.lifetime && profile.lifetime <= profile.max_lifetime);
    assert!(profile.backdate <= MAX_BACKDATE);
    assert!((1..=100).contains(&profile.max_identifiers));
    assert!(!profile.extended_key_usages.is_empty() && !profile.proofs.is_empty());
    assert!(profile.required_identifiers.is_subset(&profile.identifiers) && !profile.identifiers.is_empty());
    let far = datetime!(2100-01-01 0:00 UTC);
    for span in [profile.max_lifetime, profile.authorization_lifetime] {
        let end = time::Duration::try_from(span).ok().and_then(|span| far.checked_add(span));
        assert!(end.is_some(), "{span:?} is beyond every date");
    }
}

/// Every problem of a policy file can be found and mended.
pub(super) fn check_problems(file: &str, text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty(), "refused without a reason");
    for problem in problems {
        assert!(
            problem.file == file && !problem.message.is_empty() && !problem.hint.is_empty(),
            "{problem:?}"
        );
        assert!(!problem.message.contains('\n') && !problem.hint.contains('\n'), "{problem:?}");
        if let Some(place) = problem.place {
            let line = text.split('\n').nth(place.line.saturating_sub(1));
            let inside = line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&place.column));
            assert!(inside, "{problem:?} is not a place in the file");
        }
    }
}
