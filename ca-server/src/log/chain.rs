//! The hash chain of the journal: what is hashed, and how an entry is sealed onto the last one.
//!
//! The hash of an entry is SHA-256 over the hash of the previous entry (32 octets), its sequence number and its time (seconds since
//! 1970), both eight octets big-endian, and the exact octets of the act's JSON as they are stored. The first entry has sequence
//! number 1 and follows [`GENESIS`]. Nothing is ever serialised again to be verified. The chain shows any change of an entry that
//! others follow; that the tail was not cut off is shown only by comparing the head with one noted elsewhere.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use time::OffsetDateTime;

use super::act::Act;

/// SHA-256 hash of an entry.
pub type Hash = [u8; 32];

/// What the first entry follows: 32 octets of zero.
pub const GENESIS: Hash = [0; 32];

/// Why an entry cannot be sealed or read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The act has no JSON form.
    #[error("the act cannot be serialised")]
    Act(#[source] serde_json::Error),
    /// The stored octets are too few, or not text, or not a time.
    #[error("journal entry {seq} is malformed")]
    Malformed {
        /// Which one.
        seq: u64,
    },
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When the act was done, to the second.
    pub at: OffsetDateTime,
    /// Hash of the entry before it.
    pub previous: Hash,
    /// The act, exactly as it was hashed: JSON text.
    pub act: String,
    /// Hash of this entry.
    pub hash: Hash,
}

impl Entry {
    /// The act, parsed.
    ///
    /// # Errors
    /// If this program does not know such an act: it was written by a newer one.
    pub fn parse(&self) -> Result<Act, serde_json::Error> {
        serde_json::from_str(&self.act)
    }

    /// The hash that the entry ought to have.
    #[must_use]
    pub fn expected_hash(&self) -> Hash {
        hash(&self.previous, self.seq, self.at, &self.act)
    }

    /// The row at rest: previous hash, hash, time, act. The key is the sequence number.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let at = self.at.unix_timestamp().to_be_bytes();
        [self.previous.as_slice(), &self.hash, &at, self.act.as_bytes()].concat()
    }

    /// An entry from its row at rest. Does not verify it.
    ///
    /// # Errors
    /// [`EntryError::Malformed`] if it is no such row.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, EntryError> {
        let seq = key.try_into().map_or(0, u64::from_be_bytes);
        Self::parts(seq, value).ok_or(EntryError::Malformed { seq })
    }

    fn parts(seq: u64, value: &[u8]) -> Option<Self> {
        let (previous, rest) = value.split_first_chunk::<32>()?;
        let (hash, rest) = rest.split_first_chunk::<32>()?;
        let (at, act) = rest.split_first_chunk::<8>()?;
        Some(Self {
            seq,
            at: OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*at)).ok()?,
            previous: *previous,
            act: String::from_utf8(act.to_vec()).ok()?,
            hash: *hash,
        })
    }
}

fn hash(previous: &Hash, seq: u64, at: OffsetDateTime, act: &str) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(&seq.to_be_bytes());
    context.update(&at.unix_timestamp().to_be_bytes());
    context.update(act.as_bytes());
    let mut hash = GENESIS;
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(octet, digest)| *octet = *digest);
    hash
}

/// How many octets the text of an act has, counted without writing it.
///
/// # Errors
/// [`EntryError::Act`] if it cannot be serialised.
pub(crate) fn length(act: &Act) -> Result<usize, EntryError> {
    let mut counted = Count(0);
    serde_json::to_writer(&mut counted, act).map_err(EntryError::Act)?;
    Ok(counted.0)
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(octets.len());
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The head of the chain: what the next entry follows. One writer keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    seq: u64,
    head: Hash,
}

impl Default for Chain {
    fn default() -> Self {
        Self { seq: 0, head: GENESIS }
    }
}

impl Chain {
    /// The chain that ends with `last`.
    #[must_use]
    pub const fn ending(last: &Entry) -> Self {
        Self { seq: last.seq, head: last.hash }
    }

    /// Number of entries sealed so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.seq
    }

    /// Whether nothing was sealed yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// Hash of the last entry.
    #[must_use]
    pub const fn head(&self) -> &Hash {
        &self.head
    }

    /// Makes the next entry and moves the head to it. Whoever fails to store the entry must go back to a copy made before.
    ///
    /// # Errors
    /// [`EntryError::Act`] if the act cannot be serialised; the head stays.
    pub fn seal(&mut self, at: OffsetDateTime, act: &Act) -> Result<Entry, EntryError> {
        let act = serde_json::to_string(act).map_err(EntryError::Act)?;
        let at = at.replace_nanosecond(0).unwrap_or(at);
        let (seq, previous) = (self.seq + 1, self.head);
        let hash = hash(&previous, seq, at, &act);
        *self = Self { seq, head: hash };
        Ok(Entry { seq, at, previous, act, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(what: &str) -> Act {
        Act::Operation { what: what.to_owned() }
    }

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    #[test]
    fn the_hash_covers_previous_sequence_time_and_the_exact_text() {
        let mut chain = Chain::default();
        let entry = chain.seal(at(1_700_000_000), &act("start")).unwrap();
        let text = r#"{"act":"operation","what":"start"}"#;
        assert_eq!(entry.act, text);
        let mut hashed = vec![0; 32];
        hashed.extend_from_slice(&1_u64.to_be_bytes());
        hashed.extend_from_slice(&1_700_000_000_i64.to_be_bytes());
        hashed.extend_from_slice(text.as_bytes());
        assert_eq!(entry.hash.as_slice(), aws_lc_rs::digest::digest(&SHA256, &hashed).as_ref());
        let second = chain.seal(at(1_700_000_001), &act("stop")).unwrap();
        assert_eq!((second.seq, second.previous), (2, entry.hash));
        assert_eq!(chain, Chain::ending(&second));
    }

    #[test]
    fn an_entry_survives_the_trip_through_its_row_to_the_second() {
        let at = at(1_700_000_000).replace_nanosecond(5).unwrap();
        let entry = Chain::default().seal(at, &act("ü")).unwrap();
        let back = Entry::decode(&entry.seq.to_be_bytes(), &entry.encode()).unwrap();
        assert_eq!(back, entry);
        assert_eq!(back.hash, back.expected_hash());
        assert_eq!(back.parse().unwrap(), act("ü"));
    }

    #[test]
    fn a_short_row_is_malformed() {
        let error = Entry::decode(&7_u64.to_be_bytes(), &[0; 71]).unwrap_err();
        assert!(matches!(error, EntryError::Malformed { seq: 7 }));
    }
}
