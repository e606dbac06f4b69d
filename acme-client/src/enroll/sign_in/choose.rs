//! Which identity provider to sign in at: the one asked for, the only one, or the one that the person chooses.
//!
//! A sign-in that is under way is gone on with, unless another provider is asked for. Must never choose among several by itself.

use super::{Person, SignInError};
use crate::acme::{Authorization, Challenge, ChallengeStatus, ChallengeType, text::printable};

/// What a challenge without a provider is called: the server's page asks there.
const ANY: &str = "any (chosen on the page)";

/// The challenge to answer.
pub(super) async fn choose<'a>(
    person: &dyn Person,
    authorization: &'a Authorization,
    email: &str,
    wanted: Option<&str>,
) -> Result<&'a Challenge, SignInError> {
    let offered: Vec<&Challenge> = authorization
        .challenges
        .iter()
        .filter(|challenge| challenge.kind == ChallengeType::Sso01)
        .filter(|challenge| challenge.status != ChallengeStatus::Invalid)
        .collect();
    let names = || offered.iter().map(|challenge| name(challenge)).collect::<Vec<_>>();
    if let Some(wanted) = wanted.filter(|_| !offered.is_empty()) {
        let found = offered.iter().find(|challenge| challenge.sso_provider.as_deref() == Some(wanted));
        return found.copied().ok_or_else(|| SignInError::NoProvider {
            email: email.to_owned(),
            wanted: wanted.to_owned(),
            providers: names(),
        });
    }
    let under_way = offered.iter().find(|challenge| challenge.status == ChallengeStatus::Processing);
    match (under_way, offered.as_slice()) {
        (Some(challenge), _) | (None, [challenge]) => Ok(challenge),
        (None, []) => Err(SignInError::NotOffered { email: email.to_owned(), offered: types(authorization) }),
        (None, several) => {
            let chosen = person.choose(email, &names()).await.map_err(SignInError::Terminal)?;
            let found = chosen.and_then(|index| several.get(index)).copied();
            found.ok_or_else(|| SignInError::SeveralProviders { email: email.to_owned(), providers: names() })
        }
    }
}

fn name(challenge: &Challenge) -> String {
    challenge.sso_provider.as_ref().map_or_else(|| ANY.to_owned(), |name| printable(name, 128))
}

fn types(authorization: &Authorization) -> String {
    let words: Vec<String> =
        authorization.challenges.iter().map(|challenge| challenge.kind.to_string()).collect();
    if words.is_empty() { "no challenge".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::io;

    use async_trait::async_trait;

    use super::*;
    use crate::enroll::Invitation;

    /// Somebody who takes the answer of the test, or nobody.
    struct Answering(Option<usize>);

    #[async_trait]
    impl Person for Answering {
        fn has_browser(&self) -> bool {
            false
        }

        async fn choose(&self, _email: &str, _providers: &[String]) -> io::Result<Option<usize>> {
            Ok(self.0)
        }

        async fn invite(&self, _invitation: &Invitation) {}
    }

    fn offering(challenges: &[(&str, &str, Option<&str>)]) -> Authorization {
        let challenges: Vec<_> = challenges
            .iter()
            .enumerate()
            .map(|(at, (kind, status, provider))| {
                let mut one = serde_json::json!({
                    "type": kind, "url": format!("https://ca.test/challenge/{at}"), "status": status});
                if let Some(provider) = provider {
                    one["sso_provider"] = (*provider).into();
                }
                one
            })
            .collect();
        let text = serde_json::json!({
            "identifier": {"type": "email", "value": "bob@example.com"}, "status": "pending",
            "challenges": challenges
        });
        Authorization::parse(&"https://ca.test/authz/1".parse().unwrap(), text.to_string().as_bytes())
            .unwrap()
    }

    async fn chosen(
        authorization: &Authorization,
        answer: Option<usize>,
        wanted: Option<&str>,
    ) -> Result<String, String> {
        let chosen = choose(&Answering(answer), authorization, "bob@example.com", wanted).await;
        chosen.map(name).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_only_provider_is_taken_and_among_several_somebody_has_to_say() {
        let one = offering(&[("dns-01", "pending", None), ("sso-01", "pending", Some("corp"))]);
        assert_eq!(chosen(&one, None, None).await.unwrap(), "corp");
        let two = offering(&[("sso-01", "pending", Some("corp")), ("sso-01", "pending", Some("campus"))]);
        assert_eq!(chosen(&two, Some(1), None).await.unwrap(), "campus");
        assert_eq!(chosen(&two, Some(9), Some("corp")).await.unwrap(), "corp");
        let error = chosen(&two, None, None).await.unwrap_err();
        assert_eq!(error, "several identity providers may sign in bob@example.com: corp, campus");
        let error = chosen(&two, None, Some("else")).await.unwrap_err();
        assert!(error.starts_with("identity provider \"else\" is not offered"), "{error}");
    }

    #[tokio::test]
    async fn a_sign_in_under_way_is_gone_on_with_and_a_failed_one_is_not() {
        let all = offering(&[
            ("sso-01", "invalid", Some("old")),
            ("sso-01", "pending", Some("corp")),
            ("sso-01", "processing", Some("campus")),
        ]);
        assert_eq!(chosen(&all, None, None).await.unwrap(), "campus");
        assert_eq!(chosen(&all, None, Some("corp")).await.unwrap(), "corp");
        assert!(chosen(&all, None, Some("old")).await.is_err());
    }

    #[tokio::test]
    async fn what_is_offered_instead_is_said_and_a_nameless_provider_is_chosen_on_the_page() {
        let error = chosen(&offering(&[("email-reply-00", "pending", None)]), None, None).await.unwrap_err();
        assert_eq!(error, "the server offers email-reply-00 for bob@example.com, not sso-01");
        let nameless = offering(&[("sso-01", "pending", None)]);
        assert_eq!(chosen(&nameless, None, None).await.unwrap(), ANY);
    }
}
