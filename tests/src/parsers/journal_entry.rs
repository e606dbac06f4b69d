//! Rows of the journal, as `ca-server log verify` reads them from a store that it does not trust.
//!
//! An input is the key (eight octets) and then the value of a row.

use ca_server::log::act::Act;
use ca_server::log::chain::{Chain, Entry};

use super::Outcome;

/// A row that is read is written back octet by octet; any change of it changes the hash that it ought to have; and the act in it
/// can be sealed and read again.
pub fn check(input: &[u8]) -> Outcome {
    let (key, value) = input.split_at(input.len().min(8));
    let Ok(entry) = Entry::decode(key, value) else { return Outcome::Refused };
    assert_eq!(entry.encode(), value, "stored as it was");
    assert_eq!(entry.seq, key.try_into().map_or(0, u64::from_be_bytes));
    assert_eq!(Entry::decode(&entry.seq.to_be_bytes(), &entry.encode()).ok().as_ref(), Some(&entry));
    let honest = entry.expected_hash();
    let later = entry.at.checked_add(time::Duration::SECOND).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let mut previous = entry.previous;
    previous.iter_mut().for_each(|octet| *octet ^= 1);
    for changed in [
        Entry { seq: entry.seq ^ 1, ..entry.clone() },
        Entry { at: later, ..entry.clone() },
        Entry { act: format!("{} ", entry.act), ..entry.clone() },
        Entry { previous, ..entry.clone() },
    ] {
        assert_ne!(changed.expected_hash(), honest, "a change that the chain does not show");
    }
    let Ok(act) = entry.parse() else { return Outcome::Refused };
    check_sealed(&entry, &act);
    Outcome::Accepted
}

fn check_sealed(entry: &Entry, act: &Act) {
    let mut chain = Chain::ending(entry);
    if entry.seq == u64::MAX {
        return;
    }
    let Ok(next) = chain.seal(entry.at, act) else { unreachable!("an act that was read can be written") };
    assert_eq!((next.seq, next.previous, next.hash), (entry.seq + 1, entry.hash, next.expected_hash()));
    assert_eq!(next.parse().ok().as_ref(), Some(act));
    assert_eq!(chain, Chain::ending(&next));
}
