//! Which part of an issuer's revocation list a certificate belongs on, decided by its serial alone.
//!
//! Written as `3-of-16`. The count stands in the name, so that certificates which name parts of another count keep theirs when lists are split further.

use std::fmt;
use std::str::FromStr;

use crate::serial::Serial;

/// One part of an issuer's list; 0 of 1 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard {
    // The count first: parts of one count stand together where they are sorted.
    count: u16,
    index: u16,
}

/// The text names no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a part of a revocation list, such as 3-of-16")]
pub struct NotAShard;

impl Shard {
    /// The whole list.
    pub const WHOLE: Self = Self { count: 1, index: 0 };

    /// The most parts that a list has.
    pub const MOST: u16 = 256;

    /// The part of `count` that certificates with this serial belong on; a count beyond the bounds is taken as the nearest within.
    ///
    /// The last octets of a serial are random, so parts are of a size.
    pub fn of(serial: &Serial, count: u16) -> Self {
        let count = count.clamp(1, Self::MOST);
        let last = serial.as_bytes().last_chunk::<2>().copied().map_or(0, u16::from_be_bytes);
        Self { count, index: last % count }
    }

    /// All parts of `count`.
    pub fn all(count: u16) -> impl Iterator<Item = Self> {
        let count = count.clamp(1, Self::MOST);
        (0..count).map(move |index| Self { count, index })
    }

    /// Of how many it is one.
    pub fn count(self) -> u16 {
        self.count
    }

    /// Whether it is the whole list.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Whether certificates with this serial belong on it.
    pub fn has(self, serial: &Serial) -> bool {
        Self::of(serial, self.count) == self
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let (index, count) = text.split_once("-of-").ok_or(NotAShard)?;
        let (index, count) = (index.parse().map_err(|_| NotAShard)?, count.parse().map_err(|_| NotAShard)?);
        let shard = Self { count, index };
        // One spelling: no sign, no zeros in front.
        let fits = (1..=Self::MOST).contains(&count) && index < count && shard.to_string() == text;
        if fits { Ok(shard) } else { Err(NotAShard) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_serial_is_on_exactly_one_part_of_each_count() {
        for octet in 0..=u8::MAX {
            let serial = Serial::from_entropy([octet; 20]);
            assert_eq!(Shard::of(&serial, 1), Shard::WHOLE);
            for count in [1, 2, 16, 256] {
                assert_eq!(Shard::all(count).filter(|shard| shard.has(&serial)).count(), 1);
            }
        }
        assert_eq!(Shard::of(&Serial::from_entropy([1; 20]), 0), Shard::WHOLE);
        assert_eq!(Shard::all(u16::MAX).count(), 256);
    }

    #[test]
    fn a_part_has_one_name() {
        for shard in Shard::all(16) {
            assert_eq!(shard.to_string().parse(), Ok(shard));
        }
        for text in ["", "3", "16-of-16", "+3-of-16", "03-of-16", "0-of-0", "1-of-257", "3-of-16 ", "-of-"] {
            assert_eq!(text.parse::<Shard>(), Err(NotAShard), "{text}");
        }
    }
}
