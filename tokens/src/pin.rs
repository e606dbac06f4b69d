//! The PIN: read from its file each time, shown to the token, and forgotten. It has no `Display`, and is in no error.
//!
//! A token counts wrong ones and locks. So a PIN that was refused is not tried again, and none is tried when the token says that the next wrong
//! one locks it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use certs::key::Secret;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::{PinFault, TokenError, TokenUri};

/// No PIN is longer; PKCS#11 allows 255 octets.
const LONGEST: u64 = 1024;

/// Logs sessions of one token in, one after the other.
#[derive(Default)]
pub(crate) struct Door {
    /// The digest of the last PIN that was refused.
    refused: Mutex<Option<[u8; 32]>>,
}

impl Door {
    /// Logs in, if the token wants that.
    pub(crate) fn log_in(&self, session: &Session, info: &TokenInfo, uri: &TokenUri) -> Result<(), Fault> {
        if !info.login_required() {
            return Ok(());
        }
        let closed = |fault| Fault::Known(TokenError::Pin { uri: Box::new(uri.store()), fault });
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let source = uri.pin_source().ok_or_else(|| closed(PinFault::NoSource))?;
        let pin = read(source).map_err(closed)?;
        let digest = sha256(pin.expose());
        if *refused == Some(digest) {
            return Err(closed(PinFault::WrongBefore));
        }
        if let Some(fault) = forbidden(info) {
            return Err(closed(fault));
        }
        match session.login(UserType::User, Some(&AuthPin::from(pin.expose()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                *refused = None;
                Ok(())
            }
            Err(Error::Pkcs11(answer, function)) => match of_answer(&answer) {
                Some(fault) => {
                    if fault == PinFault::Wrong {
                        *refused = Some(digest);
                    }
                    Err(closed(fault))
                }
                None => Err(Error::Pkcs11(answer, function).into()),
            },
            Err(other) => Err(other.into()),
        }
    }
}

/// What the token says of itself that forbids to try.
fn forbidden(info: &TokenInfo) -> Option<PinFault> {
    if info.user_pin_locked() {
        Some(PinFault::Locked)
    } else if !info.user_pin_initialized() {
        Some(PinFault::NotSet)
    } else if info.user_pin_final_try() {
        Some(PinFault::LastTry)
    } else {
        None
    }
}

fn of_answer(answer: &RvError) -> Option<PinFault> {
    match answer {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => Some(PinFault::Wrong),
        RvError::PinLocked => Some(PinFault::Locked),
        RvError::PinExpired | RvError::UserPinNotInitialized => Some(PinFault::NotSet),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Secret, PinFault> {
    use std::io::Read as _;
    let failed = |reason: String| PinFault::File { path: path.to_owned(), reason };
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(|error| failed(error.to_string()))?;
    let pin = Secret::from_file_text(text.as_str().to_owned());
    if pin.is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(pin) }
}

fn sha256(text: &str) -> [u8; 32] {
    let mut octets = [0; 32];
    octets.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_about_the_pin_have_words_of_their_own_and_others_have_not() {
        assert_eq!(of_answer(&RvError::PinIncorrect), Some(PinFault::Wrong));
        assert_eq!(of_answer(&RvError::PinLocked), Some(PinFault::Locked));
        assert_eq!(of_answer(&RvError::UserPinNotInitialized), Some(PinFault::NotSet));
        assert_eq!(of_answer(&RvError::DeviceError), None);
    }
}
