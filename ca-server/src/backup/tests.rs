//! A backup is read back as it was written, and no octet of it can change unnoticed.

use proptest::prelude::*;

use super::decode::{Damage, Decoder, Fault, Piece};
use super::encode::Encoder;
use super::*;
use crate::store::Row;

fn head() -> Head {
    Head {
        program: "1.2.3".to_owned(),
        made: time::macros::datetime!(2026-11-22 10:00 UTC),
        url: "https://ca.test/".to_owned(),
    }
}

fn rows(count: u16, octets: usize) -> Vec<Row> {
    (0..count).map(|number| (number.to_be_bytes().to_vec(), vec![7; octets])).collect()
}

fn files() -> [File; 2] {
    let file = |name: &str, sealed| File { name: name.to_owned(), sealed, content: name.as_bytes().to_vec() };
    [file("ca.toml", false), file("keys/issuing.key.pem", true)]
}

/// A small backup of three tables and two files.
fn backup() -> Vec<u8> {
    let (mut encoder, mut octets) = Encoder::begin(&head()).unwrap();
    for file in files() {
        octets.extend(encoder.file(&file).unwrap());
    }
    for (table, count) in [(Table::Accounts, 3), (Table::Certificates, 5), (Table::Journal, 2)] {
        octets.extend(encoder.rows(table, &rows(count, 40)).unwrap());
    }
    octets.extend(encoder.end().unwrap().0);
    octets
}

fn read(octets: &[u8], step: usize) -> Result<(Vec<Piece>, Totals), Damage> {
    let (mut decoder, mut pieces) = (Decoder::default(), Vec::new());
    for part in octets.chunks(step.max(1)) {
        decoder.push(part);
        while let Some(piece) = decoder.piece()? {
            pieces.push(piece);
        }
    }
    Ok((pieces, decoder.finish()?))
}

#[test]
fn what_was_written_is_read_however_the_octets_are_cut() {
    let octets = backup();
    for step in [1, 7, 64, octets.len()] {
        let (pieces, totals) = read(&octets, step).unwrap();
        assert!(matches!(&pieces[0], Piece::Head(found) if *found == head()));
        for (piece, file) in pieces[1..3].iter().zip(files()) {
            assert!(matches!(piece, Piece::File(found) if *found == file));
        }
        let expected = [(Table::Accounts, 3), (Table::Certificates, 5), (Table::Journal, 2)];
        for (piece, (table, count)) in pieces[3..].iter().zip(expected) {
            assert!(matches!(piece, Piece::Rows(of, found) if *of == table && *found == rows(count, 40)));
        }
        assert_eq!((pieces.len(), totals.all_rows(), totals.files), (7, 10, 2));
    }
}

#[test]
fn many_rows_stand_in_blocks_of_bounded_size() {
    let (mut encoder, mut octets) = Encoder::begin(&head()).unwrap();
    octets.extend(encoder.rows(Table::Orders, &rows(300, 50_000)).unwrap());
    octets.extend(encoder.end().unwrap().0);
    let (pieces, totals) = read(&octets, 1 << 16).unwrap();
    let blocks = pieces.iter().filter(|piece| matches!(piece, Piece::Rows(..))).count();
    assert!((40..=60).contains(&blocks), "{blocks}");
    assert_eq!(totals.all_rows(), 300);
}

#[test]
fn a_backup_cut_off_anywhere_is_refused_with_the_place() {
    let octets = backup();
    for length in 0..octets.len() {
        let damage = read(&octets[..length], 4096).unwrap_err();
        assert_eq!(damage.fault, Fault::CutOff, "at {length}: {damage}");
        assert!(damage.place.offset <= length as u64);
    }
}

#[test]
fn a_reason_to_break_off_is_passed_on() {
    let (encoder, mut octets) = Encoder::begin(&head()).unwrap();
    octets.extend(encoder.broken_off("too slow").unwrap());
    assert_eq!(read(&octets, 4096).unwrap_err().fault, Fault::BrokenOff("too slow".to_owned()));
}

#[test]
fn a_block_taken_out_put_twice_or_added_after_the_end_is_noticed() {
    let octets = backup();
    let (_, whole) = places(&octets);
    let cut = |from: usize, to: usize| [&octets[..from], &octets[to..]].concat();
    for pair in whole.windows(2) {
        assert!(read(&cut(pair[0], pair[1]), 4096).is_err(), "without the block at {}", pair[0]);
        let twice = [&octets[..pair[1]], &octets[pair[0]..]].concat();
        assert!(read(&twice, 4096).is_err(), "twice the block at {}", pair[0]);
    }
    assert_eq!(read(&[octets.as_slice(), b"x"].concat(), 4096).unwrap_err().fault, Fault::Trailing);
}

/// Where the head ends and the blocks begin.
fn places(octets: &[u8]) -> (usize, Vec<usize>) {
    let mut at = 22 + u32::from_be_bytes(octets[18..22].try_into().unwrap()) as usize + CHECKSUM;
    let (head, mut places) = (at, Vec::new());
    while at < octets.len() {
        places.push(at);
        at += BLOCK_HEAD + u32::from_be_bytes(octets[at + 2..at + 6].try_into().unwrap()) as usize + CHECKSUM;
    }
    (head, places)
}

proptest! {
    #[test]
    fn an_octet_changed_is_noticed_in_its_block(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut octets = backup();
        let (head, places) = places(&octets);
        let at = at.index(octets.len());
        octets[at] ^= change;
        let damage = read(&octets, 4096).unwrap_err();
        let begin = places.iter().rev().find(|begin| **begin <= at).copied().unwrap_or(0);
        prop_assert_eq!(damage.place.offset, if at < head { 0 } else { begin as u64 }, "{}", damage);
    }

    #[test]
    fn octets_of_any_kind_are_refused_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&octets, 33).is_err());
        let hostile = [&backup()[..places(&backup()).0], octets.as_slice()].concat();
        prop_assert!(read(&hostile, 33).is_err());
    }
}
