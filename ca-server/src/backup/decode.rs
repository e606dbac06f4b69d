//! Reads a backup as its octets come, block by block, and says where it is damaged.
//!
//! Trusts nothing: every length is bounded before anything is kept, every checksum is compared before a block is looked into. Must never
//! say that a backup is whole before its last block, with the digest of all others, was the last thing in it.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use super::{BLOCK_HEAD, CHECKSUM, File, Head, Kind, LONGEST, MAGIC, Totals, VERSION, table};
use crate::store::{Row, Table};

/// What is wrong with a backup, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// A place in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the block; 0 is the head.
    pub block: u64,
    /// The octet at which it begins.
    pub offset: u64,
    /// The table whose rows it holds, as far as is known.
    pub table: Option<Table>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            0 => write!(f, "head, at octet {}", self.offset)?,
            block => write!(f, "block {block}, at octet {}", self.offset)?,
        }
        match self.table {
            Some(table) => write!(f, ", table {table:?}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not begin as backups do.
    #[error("this is no backup of ca-server")]
    NotABackup,
    /// It was written by a newer program.
    #[error("the format has version {0}; this program reads version 1")]
    Version(u16),
    /// The octets are not those that were written.
    #[error("the checksum does not match")]
    Checksum,
    /// A length is beyond all bounds.
    #[error("a length of {0} octets is not possible")]
    Length(u64),
    /// A block is missing, or is there twice.
    #[error("block {0} was expected here")]
    Number(u64),
    /// The kind of block, or the table, is not known.
    #[error("this kind of block or table is not known; a newer program may have written it")]
    Unknown,
    /// The checksum holds, but the content makes no sense.
    #[error("the content makes no sense: {0}")]
    Malformed(&'static str),
    /// The digest of the whole is another one.
    #[error("the digest of the whole does not match")]
    Digest,
    /// The numbers of rows or files do not agree with the end.
    #[error("the rows or files are not as many as the end says")]
    Count,
    /// It ends before its last block.
    #[error("the backup is cut off here")]
    CutOff,
    /// Something follows the last block.
    #[error("octets follow the end")]
    Trailing,
    /// Whoever made it broke off and said why.
    #[error("it was not brought to its end: {0}")]
    BrokenOff(String),
    /// What it holds is not right.
    #[error(transparent)]
    Contents(#[from] super::contents::ContentFault),
}

/// What was read.
#[derive(Debug)]
pub enum Piece {
    /// The head.
    Head(Head),
    /// Rows of a table.
    Rows(Table, Vec<Row>),
    /// A file.
    File(File),
    /// The end.
    End(Totals),
}

/// A backup that is being read. Octets are pushed in, pieces come out.
pub struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer was used up.
    used: usize,
    /// Octets and blocks used up so far.
    offset: u64,
    blocks: u64,
    /// The piece that was given last, or is being looked at.
    place: Place,
    begun: bool,
    ended: bool,
    digest: Context,
    counted: Totals,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            used: 0,
            offset: 0,
            blocks: 0,
            place: Place { block: 0, offset: 0, table: None },
            begun: false,
            ended: false,
            digest: Context::new(&SHA256),
            counted: Totals::default(),
        }
    }
}

impl Decoder {
    /// Takes the octets that come next.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// Where the piece given last began.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Octets read so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece, if enough octets are there.
    ///
    /// # Errors
    /// [`Damage`]
    pub fn piece(&mut self) -> Result<Option<Piece>, Damage> {
        let taken = if self.begun { self.block() } else { self.head() };
        taken.map_err(|fault| Damage { place: self.place, fault })
    }

    /// Says that no more octets come.
    ///
    /// # Errors
    /// [`Damage`] if it is not whole.
    pub fn finish(mut self) -> Result<Totals, Damage> {
        let left = !self.rest().is_empty();
        if self.ended && !left {
            return Ok(self.counted);
        }
        if self.begun && !left {
            // The next block would begin here; nobody knows what is in it.
            self.place = Place { block: self.blocks + 1, offset: self.offset, table: None };
        }
        let fault = if self.ended { Fault::Trailing } else { Fault::CutOff };
        Err(Damage { place: self.place, fault })
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    fn took(&mut self, octets: usize) {
        self.used += octets;
        self.offset += octets as u64;
    }

    fn head(&mut self) -> Result<Option<Piece>, Fault> {
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let known = rest.len().min(MAGIC.len());
        if rest.get(..known) != MAGIC.get(..known) {
            return Err(Fault::NotABackup);
        }
        let Some((version, after)) = rest.get(MAGIC.len()..).and_then(<[u8]>::split_first_chunk::<2>) else {
            return Ok(None);
        };
        let version = u16::from_be_bytes(*version);
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let Some((length, _)) = after.split_first_chunk::<4>() else { return Ok(None) };
        let before = MAGIC.len() + 2 + 4;
        let whole = before + bounded(*length)? + CHECKSUM;
        let Some(octets) = rest.get(..whole) else { return Ok(None) };
        let text = checked(octets)?.get(before..).unwrap_or_default();
        let head = serde_json::from_slice(text).map_err(|_| Fault::Malformed("the head"))?;
        self.digest.update(octets);
        self.took(whole);
        self.begun = true;
        Ok(Some(Piece::Head(head)))
    }

    fn block(&mut self) -> Result<Option<Piece>, Fault> {
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        self.place = Place { block: self.blocks + 1, offset: self.offset, table: None };
        if self.ended {
            return Err(Fault::Trailing);
        }
        let Some(([kind, of_table, sizes @ ..], _)) = rest.split_first_chunk::<BLOCK_HEAD>() else {
            return Ok(None);
        };
        let (kind, of_table) = (*kind, *of_table);
        self.place.table = table(of_table).filter(|_| kind == Kind::Rows as u8);
        let Some((length, _)) = sizes.split_first_chunk::<4>() else { return Ok(None) };
        let number = sizes.last_chunk::<8>().map_or(0, |number| u64::from_be_bytes(*number));
        let whole = BLOCK_HEAD + bounded(*length)? + CHECKSUM;
        let Some(octets) = rest.get(..whole) else { return Ok(None) };
        let payload = checked(octets)?.get(BLOCK_HEAD..).unwrap_or_default();
        if number != self.blocks + 1 {
            return Err(Fault::Number(self.blocks + 1));
        }
        let piece = match kind {
            kind if kind == Kind::Rows as u8 => {
                let table = self.place.table.ok_or(Fault::Unknown)?;
                let rows = rows(payload).ok_or(Fault::Malformed("the rows of a block"))?;
                *self.counted.rows.entry(table.number()).or_default() += rows.len() as u64;
                Piece::Rows(table, rows)
            }
            kind if kind == Kind::File as u8 => {
                self.counted.files += 1;
                Piece::File(file(payload).ok_or(Fault::Malformed("a file"))?)
            }
            kind if kind == Kind::End as u8 => {
                self.ended = true;
                Piece::End(end(payload, &self.digest, &mut self.counted)?)
            }
            kind if kind == Kind::BrokenOff as u8 => {
                return Err(Fault::BrokenOff(String::from_utf8_lossy(payload).into_owned()));
            }
            _ => return Err(Fault::Unknown),
        };
        self.digest.update(octets);
        self.took(whole);
        self.blocks += 1;
        Ok(Some(piece))
    }
}

/// Compares what the end says with what was read.
fn end(payload: &[u8], digest: &Context, counted: &mut Totals) -> Result<Totals, Fault> {
    let totals: Totals = serde_json::from_slice(payload).map_err(|_| Fault::Malformed("the end"))?;
    let sha256 = HEXLOWER.encode(digest.clone().finish().as_ref());
    if totals.sha256 != sha256 {
        return Err(Fault::Digest);
    }
    counted.sha256 = sha256;
    if totals == *counted { Ok(totals) } else { Err(Fault::Count) }
}

fn bounded(length: [u8; 4]) -> Result<usize, Fault> {
    let length = u32::from_be_bytes(length);
    let fits = usize::try_from(length).ok().filter(|length| *length <= LONGEST);
    fits.ok_or_else(|| Fault::Length(length.into()))
}

/// The octets before their checksum.
fn checked(octets: &[u8]) -> Result<&[u8], Fault> {
    let (content, checksum) = octets.split_last_chunk::<CHECKSUM>().ok_or(Fault::Checksum)?;
    if crc32fast::hash(content) == u32::from_be_bytes(*checksum) { Ok(content) } else { Err(Fault::Checksum) }
}

fn rows(mut octets: &[u8]) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    while !octets.is_empty() {
        let (key, rest) = octets.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key)))?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value)).ok()?)?;
        rows.push((key.to_vec(), value.to_vec()));
        octets = rest;
    }
    Some(rows)
}

fn file(octets: &[u8]) -> Option<File> {
    let (sealed, rest) = octets.split_first()?;
    let (name, rest) = rest.split_first_chunk::<2>()?;
    let (name, content) = rest.split_at_checked(usize::from(u16::from_be_bytes(*name)))?;
    let sealed = match sealed {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(File { name: String::from_utf8(name.to_vec()).ok()?, sealed, content: content.to_vec() })
}
