//! In whose name an administrator's act is recorded: the admin socket's, or that of the person at the operators' console.

use std::fmt;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever can open the admin socket.
    Administrator,
    /// Somebody who is signed in at the console.
    Operator(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator => f.write_str("administrator"),
            Self::Operator(name) => write!(f, "operator {name}"),
        }
    }
}
