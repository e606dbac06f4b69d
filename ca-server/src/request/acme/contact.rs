//! Contact URLs of accounts (RFC 8555 §7.3): `mailto:` with one address and nothing else.

use certs::name::EmailAddress;

use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;

/// Most contacts of one account.
const MOST: usize = 10;

/// Why a contact is not accepted. Shows the contact cut short, so that a person finds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// Too many of them.
    #[error("{0} contacts; send at most {MOST}")]
    TooMany(usize),
    /// Not `mailto:`.
    #[error("contact {0:?} is not a mailto: URL, and this server writes to no other kind")]
    Scheme(String),
    /// `mailto:` with header fields or several addresses (RFC 8555 §7.3).
    #[error("contact {0:?} must be mailto: with exactly one address and no header fields")]
    NotOne(String),
    /// The address is none.
    #[error("contact {0:?} is not a valid mail address")]
    Address(String),
}

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        let kind = match error {
            ContactError::Scheme(_) => Kind::UnsupportedContact,
            ContactError::TooMany(_) | ContactError::NotOne(_) | ContactError::Address(_) => {
                Kind::InvalidContact
            }
        };
        Self::new(kind, error.to_string())
    }
}

/// Checks the contacts that a client sent.
///
/// # Errors
/// The first that is not accepted.
pub fn check(contacts: &[String]) -> Result<(), ContactError> {
    if contacts.len() > MOST {
        return Err(ContactError::TooMany(contacts.len()));
    }
    contacts.iter().try_for_each(|contact| check_one(contact))
}

fn check_one(contact: &str) -> Result<(), ContactError> {
    let shown = || contact.chars().take(80).collect::<String>();
    let (scheme, address) = contact.split_once(':').ok_or_else(|| ContactError::Scheme(shown()))?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        return Err(ContactError::Scheme(shown()));
    }
    if address.contains(['?', ',']) {
        return Err(ContactError::NotOne(shown()));
    }
    EmailAddress::parse(address).map(drop).map_err(|_| ContactError::Address(shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(contact: &str) -> Result<(), ContactError> {
        check(&[contact.to_owned()])
    }

    #[test]
    fn a_mail_address_is_a_contact() {
        assert_eq!(check_text("mailto:ops@example.com"), Ok(()));
        assert_eq!(check_text("MAILTO:ops@example.com"), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn other_schemes_are_unsupported_and_bad_addresses_invalid() {
        for other in ["tel:+1", "https://example.com", "ops@example.com", ""] {
            assert!(matches!(check_text(other), Err(ContactError::Scheme(_))), "{other}");
        }
        for many in ["mailto:a@example.com,b@example.com", "mailto:a@example.com?subject=x"] {
            assert!(matches!(check_text(many), Err(ContactError::NotOne(_))), "{many}");
        }
        for bad in ["mailto:", "mailto:a", "mailto:@example.com", "mailto:a@", "mailto:a b@example.com"] {
            assert!(matches!(check_text(bad), Err(ContactError::Address(_))), "{bad}");
        }
        let eleven = vec!["mailto:a@example.com".to_owned(); 11];
        assert_eq!(check(&eleven), Err(ContactError::TooMany(11)));
    }
}
