//! The write-ahead log: what was committed but does not stand in the tree yet.
//!
//! Two files take turns; each gather is one record, synced before it is answered. Trusts the disk to keep what was synced, and not to
//! harm octets of a sector that are written again as they were. Must never append before what an earlier process left has been moved
//! into the tree, and never guess: a record that does not count although a later one does was acknowledged, so the file is damaged.
//! `docs/decisions.md` (13) says why it is here.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::view::Rows;

/// Where a header may stand: two slots written in turn, each in a sector of its own. The newer one that counts says to which generation
/// the records belong.
const SLOTS: [usize; 2] = [0, 4096];
/// Where the first record stands.
const RECORDS: usize = 8192;
/// Octets of a record before its rows: checksum of the rest (4), length of the rows (4), generation (8), number within it from 1 (8).
/// It counts if its checksum does, its generation is the header's and its number the next one. A slot holds a record without rows.
const HEADER: usize = 24;
/// Records are filled up to a multiple of this.
const ALIGNED: usize = 16;
/// In a slot: the number that says that records follow.
const BEGUN: u64 = 1;
/// In a slot: the number that says that every row of this generation stands in the tree.
const SETTLED: u64 = 2;
/// The length that stands for a row removed.
const REMOVED: u32 = u32::MAX;

/// Why the log cannot be opened.
#[derive(Debug)]
pub(super) enum AheadError {
    /// A file could not be made, read or synced.
    File { path: PathBuf, source: io::Error },
    /// A record that was acknowledged does not count.
    Damaged { path: PathBuf },
}

/// The two files and the place in them.
///
/// A record is written over octets written before, so that the file system has nothing of its own to record. When enough has come
/// together the files change places, and the former one is written over only once all of its rows stand in the tree, synced. Replaying
/// both in their order is therefore right whenever it happens: whatever the tree holds beyond them is older.
#[derive(Debug)]
pub(super) struct Ahead {
    current: LogFile,
    former: LogFile,
    generation: u64,
    number: u64,
    end: u64,
    buffer: Vec<u8>,
}

/// A log whose rows have still to be moved into the tree.
#[derive(Debug)]
pub(super) struct Unplayed {
    log: Ahead,
    /// Every generation up to this one was in the tree when a later one began.
    kept: u64,
}

impl Unplayed {
    /// How far the tree may reach: what the log was told is there, and nothing that it never had.
    pub(super) fn reach(&self) -> RangeInclusive<u64> {
        self.kept..=self.log.generation
    }

    /// The generation that the tree reaches when all rows stand in it.
    pub(super) const fn generation(&self) -> u64 {
        self.log.generation
    }

    /// All rows stand in the tree, synced: the log goes on with a new generation.
    pub(super) fn caught_up(mut self) -> io::Result<Ahead> {
        self.log.switch()?;
        Ok(self.log)
    }
}

/// One file, and the slot its next header goes into.
#[derive(Debug)]
struct LogFile {
    file: File,
    slot: usize,
}

impl Ahead {
    /// Opens the log in `folder`, making files with room for `room` octets if there are none, and gives back the rows it holds.
    pub(super) fn open(folder: &Path, room: usize) -> Result<(Unplayed, Rows), AheadError> {
        let first = Opened::open(folder.join("ahead.0"), room)?;
        let second = Opened::open(folder.join("ahead.1"), room)?;
        let (older, newer) = if first.content.generation <= second.content.generation {
            (first, second)
        } else {
            (second, first)
        };
        let generation = newer.content.generation;
        let mut rows = Rows::new();
        if newer.content.damaged {
            return Err(AheadError::Damaged { path: newer.path });
        }
        if !newer.content.settled {
            // Each switch adds one. If more lies between them, one of the files is not what was here.
            if older.content.damaged || generation - older.content.generation > 1 {
                return Err(AheadError::Damaged { path: older.path });
            }
            rows.extend(older.content.rows);
            rows.extend(newer.content.rows);
        }
        let (current, former) = (newer.file, older.file);
        let log = Self { current, former, generation, number: 0, end: RECORDS as u64, buffer: Vec::new() };
        // Settled, all but itself were in the tree; else the former one's rows may still have been on the way.
        let kept = generation.saturating_sub(if newer.content.settled { 1 } else { 2 });
        Ok((Unplayed { log, kept }, rows))
    }

    /// Octets of the records in the current file.
    pub(super) const fn len(&self) -> u64 {
        self.end.saturating_sub(RECORDS as u64)
    }

    /// The generation whose rows went into the former file.
    pub(super) const fn former(&self) -> u64 {
        self.generation.saturating_sub(1)
    }

    /// A file on the file system that the log stands on.
    pub(super) const fn file(&self) -> &File {
        &self.current.file
    }

    /// Adds a record with these rows; durable on return. After an error nothing more may be appended.
    pub(super) fn append(&mut self, rows: &Rows) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.resize(HEADER, 0);
        for (key, value) in rows {
            encode(&mut self.buffer, key, value.as_deref())?;
        }
        self.number += 1;
        finish(&mut self.buffer, self.generation, self.number)?;
        self.current.file.write_all_at(&self.buffer, self.end)?;
        self.current.file.sync_data()?;
        self.end += self.buffer.len() as u64;
        Ok(())
    }

    /// Goes on with the next generation in the other file, all of whose rows stand in the tree, synced.
    pub(super) fn switch(&mut self) -> io::Result<()> {
        std::mem::swap(&mut self.current, &mut self.former);
        self.generation += 1;
        (self.number, self.end) = (0, RECORDS as u64);
        self.current.head(self.generation, BEGUN)
    }

    /// Says that all rows of both files stand in the tree, synced, so that the next opening has nothing to replay.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.current.head(self.generation, SETTLED)
    }
}

impl LogFile {
    /// Writes the next header; durable on return. One that is torn leaves the other in force.
    fn head(&mut self, generation: u64, state: u64) -> io::Result<()> {
        let mut header = vec![0; HEADER];
        finish(&mut header, generation, state)?;
        let at = SLOTS.get(self.slot).copied().unwrap_or_default();
        self.file.write_all_at(&header, at as u64)?;
        self.file.sync_data()?;
        self.slot = 1 - self.slot;
        Ok(())
    }
}

/// A file with what it holds.
struct Opened {
    path: PathBuf,
    file: LogFile,
    content: Content,
}

impl Opened {
    fn open(path: PathBuf, room: usize) -> Result<Self, AheadError> {
        match Self::read(&path, room) {
            Ok((file, content)) => Ok(Self { path, file, content }),
            Err(source) => Err(AheadError::File { path, source }),
        }
    }

    fn read(path: &Path, room: usize) -> io::Result<(LogFile, Content)> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let octets = std::fs::read(path)?;
        for at in (octets.len()..room).step_by(1 << 20) {
            file.write_all_at(&vec![0; (room - at).min(1 << 20)], at as u64)?;
        }
        file.sync_all()?;
        let content = Content::read(&octets);
        Ok((LogFile { file, slot: content.next_slot }, content))
    }
}

/// What counts in a file.
struct Content {
    generation: u64,
    settled: bool,
    /// A record does not count although a later one does.
    damaged: bool,
    next_slot: usize,
    rows: Rows,
}

impl Content {
    fn read(octets: &[u8]) -> Self {
        let slot = |at: usize| octets.get(at..RECORDS).and_then(record);
        let newest = (0..).zip(SLOTS).filter_map(|(slot_number, at)| Some((slot(at)?, slot_number)));
        let newest = newest.max_by_key(|(header, _)| (header.generation, header.number));
        let (generation, settled, next_slot) = newest
            .map_or((0, false, 0), |(header, slot)| (header.generation, header.number == SETTLED, 1 - slot));
        let (mut rows, mut at, mut last) = (Rows::new(), RECORDS, 0);
        if !settled {
            while let Some(record) = octets.get(at..).and_then(record)
                && (record.generation, record.number) == (generation, last + 1)
                && let Some(changed) = decode(record.rows)
            {
                rows.extend(changed);
                at += record.whole;
                last = record.number;
            }
        }
        // What the file held before has a lower generation. What is settled may stand there or not.
        let after = if settled { (generation, u64::MAX) } else { (generation, last) };
        let damaged = (at..octets.len()).step_by(ALIGNED).any(|at| {
            let rest = octets.get(at..).unwrap_or_default();
            header(rest).is_some_and(|found| (found.generation, found.number) > after)
                && record(rest).is_some()
        });
        Self { generation, settled, damaged, next_slot, rows }
    }
}

/// A record that was found.
struct Record<'a> {
    generation: u64,
    number: u64,
    rows: &'a [u8],
    whole: usize,
}

/// The record at the beginning of `octets`, its checksum not looked at.
fn header(octets: &[u8]) -> Option<Record<'_>> {
    let (_, rest) = octets.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let rows = rest.get(..length)?;
    let whole = (HEADER + length).next_multiple_of(ALIGNED);
    let (generation, number) = (u64::from_be_bytes(*generation), u64::from_be_bytes(*number));
    (number > 0 && whole <= octets.len()).then_some(Record { generation, number, rows, whole })
}

/// The record at the beginning of `octets`, if its checksum holds.
fn record(octets: &[u8]) -> Option<Record<'_>> {
    let found = header(octets)?;
    let (checksum, rest) = octets.get(..HEADER + found.rows.len())?.split_first_chunk::<4>()?;
    (crc32fast::hash(rest) == u32::from_be_bytes(*checksum)).then_some(found)
}

/// Writes the header in front of the rows in `buffer`, and fills it up.
fn finish(buffer: &mut Vec<u8>, generation: u64, number: u64) -> io::Result<()> {
    let length = u32::try_from(buffer.len() - HEADER).map_err(io::Error::other)?;
    let mut put = |at: usize, octets: &[u8]| {
        if let Some(place) = buffer.get_mut(at..at + octets.len()) {
            place.copy_from_slice(octets);
        }
    };
    put(4, &length.to_be_bytes());
    put(8, &generation.to_be_bytes());
    put(16, &number.to_be_bytes());
    let checksum = crc32fast::hash(buffer.get(4..).unwrap_or_default());
    if let Some(place) = buffer.first_chunk_mut::<4>() {
        *place = checksum.to_be_bytes();
    }
    buffer.resize(buffer.len().next_multiple_of(ALIGNED), 0);
    Ok(())
}

/// A row: length of the key (2 octets), of the value (4, all ones if the row is removed), key, value.
fn encode(buffer: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
    let key_length = u16::try_from(key.len()).map_err(io::Error::other)?;
    let value_length = match value {
        Some(value) => u32::try_from(value.len()).map_err(io::Error::other)?,
        None => REMOVED,
    };
    buffer.extend_from_slice(&key_length.to_be_bytes());
    buffer.extend_from_slice(&value_length.to_be_bytes());
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(value.unwrap_or_default());
    Ok(())
}

fn decode(mut octets: &[u8]) -> Option<Rows> {
    let mut rows = Rows::new();
    while !octets.is_empty() {
        let (key, rest) = octets.split_first_chunk::<2>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key)))?;
        let length = match u32::from_be_bytes(*value) {
            REMOVED => None,
            length => Some(usize::try_from(length).ok()?),
        };
        let (value, rest) = rest.split_at_checked(length.unwrap_or_default())?;
        rows.insert(key.to_vec(), length.map(|_| value.to_vec()));
        octets = rest;
    }
    Some(rows)
}

#[cfg(test)]
mod tests;
