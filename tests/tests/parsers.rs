//! The promises of every parser (`rollcall_tests::parsers`), kept for every seed and for damaged seeds, without nightly Rust.
//!
//! Seeds lie in `tests/corpus/<parser>/`. The name of a seed says what must come of it: `ok-…` is taken, `no-…` is refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rollcall_tests::parsers::{ALL, Outcome, Parser};

/// Damaged seeds tried with each parser. The fuzz targets try millions; this finds what is easily found.
const DAMAGED: u32 = 2_000;

/// Cedar makes its schema anew for each file.
const DAMAGED_RULES: u32 = 100;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names of the entries of a folder, without their ending.
fn names(folder: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}

/// The seeds of a parser, by name.
fn seeds(parser: &Parser) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<(String, Vec<u8>)> = fs::read_dir(folder().join("corpus").join(parser.name))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_fuzz_target_has_a_parser_and_a_corpus_and_the_other_way_round() {
    let parsers: BTreeSet<String> = ALL.iter().map(|parser| parser.name.to_owned()).collect();
    assert_eq!(parsers.len(), ALL.len());
    assert_eq!(names(&folder().join("corpus")), parsers, "tests/corpus");
    assert_eq!(names(&folder().join("fuzz/fuzz_targets")), parsers, "tests/fuzz/fuzz_targets");
    let manifest: toml::Table =
        fs::read_to_string(folder().join("fuzz/Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter();
    let built: BTreeSet<String> = built.map(|target| target["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(built, parsers, "tests/fuzz/Cargo.toml");
    for name in parsers {
        let target = folder().join("fuzz/fuzz_targets").join(format!("{name}.rs"));
        let call = format!("rollcall_tests::parsers::{name}::check(input)");
        assert!(fs::read_to_string(target).unwrap().contains(&call), "{name} fuzzes another parser");
    }
}

#[test]
fn every_seed_is_taken_or_refused_as_its_name_says_and_keeps_the_promises() {
    let mut wrong = Vec::new();
    for parser in ALL {
        let mut outcomes = BTreeSet::new();
        for (name, input) in seeds(parser) {
            assert!(input.len() <= 16 * 1024, "{}/{name} is no small file", parser.name);
            let expected = match name.split_once('-') {
                Some(("ok", _)) => Outcome::Accepted,
                Some(("no", _)) => Outcome::Refused,
                _ => panic!("{}/{name}: the name of a seed begins with ok- or no-", parser.name),
            };
            outcomes.insert(expected == Outcome::Accepted);
            match catch_unwind(AssertUnwindSafe(|| (parser.check)(&input))) {
                Ok(outcome) if outcome == expected => {}
                Ok(outcome) => wrong.push(format!("{}/{name}: {outcome:?}", parser.name)),
                Err(_) => wrong.push(format!("{}/{name}: a promise is broken", parser.name)),
            }
        }
        assert_eq!(outcomes.len(), 2, "{} needs seeds of both kinds", parser.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn damaged_seeds_and_arbitrary_octets_keep_the_promises() {
    for parser in ALL {
        let cases = if parser.name == "rules" { DAMAGED_RULES } else { DAMAGED };
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let seeds: Vec<Vec<u8>> = seeds(parser).into_iter().map(|(_, input)| input).collect();
        // The same inputs each time: what fails here was broken by the change at hand. Fuzzing is for looking further.
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let outcome = TestRunner::new_with_rng(config, rng).run(&inputs(seeds), |input| {
            (parser.check)(&input);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{}: {error}", parser.name));
    }
}

/// What is done to a seed.
#[derive(Clone, Debug)]
enum Damage {
    /// One octet becomes another.
    Change(Index, u8),
    /// A stretch is left out.
    Cut(Index, Index),
    /// A stretch stands there twice.
    Repeat(Index, Index),
    /// A stretch of another seed is put in.
    Insert(Index, Index, Index, Index),
    /// Two octets change places.
    Swap(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(place, octet)| Damage::Change(place, octet)),
        (at(), prop::sample::select(b"\"'{}[]()<>;:,=.*@-_\\/ \n\t\0".as_slice()))
            .prop_map(|(place, octet)| Damage::Change(place, octet)),
        (at(), at()).prop_map(|(from, to)| Damage::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        (at(), at(), at(), at()).prop_map(|(a, b, c, d)| Damage::Insert(a, b, c, d)),
        (at(), at()).prop_map(|(one, other)| Damage::Swap(one, other)),
    ]
}

fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let damaged =
        (any::<Index>(), prop::collection::vec(damage(), 1..5)).prop_map(move |(which, damages)| {
            let mut input = which.get(&seeds).clone();
            damages.iter().for_each(|damage| apply(damage, &mut input, &seeds));
            input
        });
    prop_oneof![
        9 => damaged,
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

fn stretch(input: &[u8], from: &Index, to: &Index) -> std::ops::Range<usize> {
    let (from, to) = (from.index(input.len() + 1), to.index(input.len() + 1));
    from.min(to)..from.max(to)
}

fn apply(damage: &Damage, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    if input.is_empty() {
        return;
    }
    match damage {
        Damage::Change(place, octet) => {
            let place = place.index(input.len());
            input[place] = *octet;
        }
        Damage::Cut(from, to) => drop(input.drain(stretch(input, from, to))),
        Damage::Repeat(from, to) => {
            let range = stretch(input, from, to);
            let twice = input[range.clone()].to_vec();
            input.splice(range.start..range.start, twice);
        }
        Damage::Insert(which, from, to, place) => {
            let other = which.get(seeds);
            let part = other[stretch(other, from, to)].to_vec();
            let place = place.index(input.len() + 1);
            input.splice(place..place, part);
        }
        Damage::Swap(one, other) => {
            let length = input.len();
            input.swap(one.index(length), other.index(length));
        }
    }
}
