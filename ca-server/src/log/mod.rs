//! The record of acts: intent before signing, outcome after, refusals too, in a hash-chained journal.
//!
//! No signature may exist whose intent is not durable first. The journal trusts nobody: `ca-server log verify`
//! recomputes the chain from its first entry.

pub mod act;
pub mod chain;
pub mod intent;
pub mod journal;
pub mod outcome;
pub mod recover;
pub mod verify;
