//! Ways in which the server can fail or lie, and when it does so.

use std::time::Duration;

use hickory_proto::rr::Name;

/// A way to fail or lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers after this time.
    Slow(Duration),
    /// Never answers; a TCP connection is kept open.
    Silent,
    /// Says SERVFAIL.
    ServFail,
    /// Says REFUSED.
    Refused,
    /// Says that the name does not exist.
    NxDomain,
    /// Cuts answers over UDP short, so that they must be asked for over TCP.
    Truncate,
    /// Answers with another id (over UDP).
    WrongId,
    /// Answers another question (over UDP and TCP).
    WrongQuestion,
    /// Changes the letter case of the question (over UDP).
    LowerCase,
    /// Answers with octets that are no DNS message, under the right id.
    Garbage,
    /// Answers with this many TXT records of 200 octets each, over TCP where needed.
    Huge(u16),
    /// Sends a forged answer with another id first, then the honest one (over UDP).
    ForgeFirst,
    /// Spoils the signatures of a signed zone.
    BadSignatures,
    /// Leaves the signatures of a signed zone out.
    NoSignatures,
}

/// Faults that wait for questions.
#[derive(Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

struct Armed {
    fault: Fault,
    at: Option<Name>,
    left: Option<u32>,
}

impl Faults {
    pub(super) fn arm(&mut self, fault: Fault, at: Option<Name>, left: Option<u32>) {
        self.armed.push(Armed { fault, at, left });
    }

    /// The fault that a question about `name` meets.
    pub(super) fn meet(&mut self, name: &Name) -> Option<Fault> {
        let armed = self
            .armed
            .iter_mut()
            .find(|armed| armed.left != Some(0) && armed.at.as_ref().is_none_or(|at| at == name))?;
        if let Some(left) = &mut armed.left {
            *left -= 1;
        }
        Some(armed.fault)
    }
}
