//! What a module answered, sorted: what new sessions may mend, and what they will not.

use cryptoki::error::{Error, RvError};

use super::TokenError;

/// Why one try failed.
pub(crate) enum Fault {
    /// With new sessions it may go; the module's words.
    Passing(String),
    /// It will not.
    Refused(String),
    /// It will not, and there is a better word for it.
    Known(TokenError),
}

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        Self::Known(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if is_passing(&error) { Self::Passing(reason(&error)) } else { Self::Refused(reason(&error)) }
    }
}

/// The function that failed and the name of its answer; the library's own texts are paragraphs of the standard.
pub(crate) fn reason(error: &Error) -> String {
    match error {
        Error::Pkcs11(answer, function) => format!("{function} answered {answer:?}"),
        other => other.to_string(),
    }
}

/// The token was taken out, reset or is not to be reached; or what we hold of it is of an earlier time.
fn is_passing(error: &Error) -> bool {
    let Error::Pkcs11(answer, _) = error else { return false };
    matches!(
        answer,
        RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::SessionCount
            | RvError::UserNotLoggedIn
            | RvError::CryptokiNotInitialized
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::OperationActive
            | RvError::OperationNotInitialized
            | RvError::GeneralError
            | RvError::FunctionFailed
    )
}
