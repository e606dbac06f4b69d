//! The provider's answer through the browser (OpenID Connect Core §3.1.2.5, RFC 9207).
//!
//! Nothing of it is trusted: it only says which sign-in it may belong to and carries a code to redeem. A repeated parameter, or a
//! code beside an error, is refused rather than guessed at. The code is never shown.

use zeroize::Zeroizing;

use super::refusal::OidcRefusal;
use super::settings::{Code, shown};

/// Longest `state`, in octets.
const MAX_STATE: usize = 80;

/// Longest code, in octets. Some providers put a whole encrypted session into it.
const MAX_CODE: usize = 8 * 1024;

/// The answer, taken apart.
#[derive(Debug)]
pub struct Callback {
    state: String,
    issuer: Option<String>,
    outcome: Result<Code, String>,
}

impl Callback {
    /// Reads the query of the callback address.
    ///
    /// # Errors
    /// [`OidcRefusal::CallbackMalformed`]
    pub fn parse(query: &str) -> Result<Self, OidcRefusal> {
        let (mut state, mut code, mut error, mut issuer) = (None, None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let (slot, what) = match name.as_ref() {
                "state" => (&mut state, "two states"),
                "code" => (&mut code, "two codes"),
                "error" => (&mut error, "two errors"),
                "iss" => (&mut issuer, "two issuers"),
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(OidcRefusal::CallbackMalformed(what));
            }
        }
        let state = state.ok_or(OidcRefusal::CallbackMalformed("no state"))?;
        if state.is_empty() || state.len() > MAX_STATE {
            return Err(OidcRefusal::CallbackMalformed("the state is none of ours"));
        }
        let outcome = match (code, error) {
            (Some(code), None) if !code.is_empty() && code.len() <= MAX_CODE => {
                Ok(Code(Zeroizing::new(code)))
            }
            (Some(_), None) => return Err(OidcRefusal::CallbackMalformed("the code is empty or too long")),
            (None, Some(error)) => Err(shown(&error)),
            (Some(_), Some(_)) => return Err(OidcRefusal::CallbackMalformed("both a code and an error")),
            (None, None) => return Err(OidcRefusal::CallbackMalformed("neither a code nor an error")),
        };
        Ok(Self { state, issuer, outcome })
    }

    /// Which sign-in this may belong to. Foreign text, at most 80 octets.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The code, if the answer is from `expected` (RFC 9207 §2.4) and not an error.
    pub(super) fn code(self, expected: &str, names_itself: bool) -> Result<Code, OidcRefusal> {
        match self.issuer {
            Some(issuer) if issuer != expected => return Err(OidcRefusal::CallbackIssuer),
            None if names_itself => return Err(OidcRefusal::CallbackIssuer),
            Some(_) | None => {}
        }
        self.outcome.map_err(OidcRefusal::ProviderRefused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str, names_itself: bool) -> Result<String, &'static str> {
        let callback = Callback::parse(query).map_err(|refusal| refusal.reason())?;
        let code = callback.code("https://idp.test", names_itself).map_err(|refusal| refusal.reason())?;
        Ok(code.0.to_string())
    }

    #[test]
    fn a_code_comes_out_as_it_was() {
        assert_eq!(code("code=a%2Bb+c&state=s&session_state=x", false), Ok("a+b c".to_owned()));
        assert_eq!(code("state=s&code=c&iss=https%3A%2F%2Fidp.test", true), Ok("c".to_owned()));
    }

    #[test]
    fn an_answer_of_another_issuer_is_refused() {
        assert_eq!(code("state=s&code=c&iss=https%3A%2F%2Fevil.test", false), Err("callback-issuer"));
        assert_eq!(code("state=s&code=c", true), Err("callback-issuer"), "promised but not there");
        assert_eq!(
            code("state=s&error=access_denied&iss=https%3A%2F%2Fevil.test", false),
            Err("callback-issuer")
        );
    }

    #[test]
    fn an_error_of_the_provider_is_not_a_code() {
        assert_eq!(code("state=s&error=access_denied&error_description=no", false), Err("provider-refused"));
        let callback = Callback::parse("state=s&error=a%1B%5B31m").unwrap();
        let refusal = callback.code("https://idp.test", false).unwrap_err();
        assert!(refusal.to_string().contains("a\\u{1b}[31m"), "{refusal}");
    }

    #[test]
    fn a_guess_is_never_made() {
        let long = format!("state={}&code=c", "s".repeat(81));
        let much = format!("state=s&code={}", "c".repeat(MAX_CODE + 1));
        for query in [
            "",
            "code=c",
            "state=s",
            "state=&code=c",
            "state=s&code=",
            "state=s&code=c&code=d",
            "state=s&state=t&code=c",
            "state=s&code=c&error=e",
            "state=s&code=c&iss=a&iss=b",
            &long,
            &much,
        ] {
            assert_eq!(code(query, false), Err("callback-malformed"), "{query}");
        }
    }

    #[test]
    fn the_code_is_not_shown() {
        let callback = Callback::parse("state=s&code=hunter2").unwrap();
        assert!(!format!("{callback:?}").contains("hunter2"));
    }
}
