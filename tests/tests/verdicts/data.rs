//! The data files: what is expected, and who else can be asked.
//!
//! Comma-separated values with a heading; lines that begin with `#` are remarks. No value holds a comma or a quote.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use crate::defect::Defect;
use crate::scene::{Choice, Profile};

const VERDICTS: &str = include_str!("data/verdicts.csv");
const DEFECTS: &str = include_str!("data/defects.csv");

/// What is expected of one profile with one defect.
pub(crate) struct Expectation {
    pub(crate) profile: Profile,
    pub(crate) defect: Defect,
    /// One word per choice of what is trusted: the set that verifies, or the reason why not.
    pub(crate) words: Vec<String>,
}

/// Who else can be asked about a defect.
pub(crate) struct Others {
    pub(crate) openssl: bool,
    pub(crate) webpki: bool,
}

fn rows(text: &str, heading: &[&str]) -> Vec<Vec<String>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let cells = |line: &str| -> Vec<String> { line.split(',').map(|cell| cell.trim().to_owned()).collect() };
    assert_eq!(cells(lines.next().unwrap()), heading);
    let rows: Vec<_> = lines.map(cells).collect();
    assert!(rows.iter().all(|row| row.len() == heading.len()), "a row is too short or too long");
    rows
}

fn named<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not known"))
}

pub(crate) fn expectations() -> Vec<Expectation> {
    let choices = Choice::ALL.map(Choice::as_str);
    let heading: Vec<&str> = ["profile", "defect"].into_iter().chain(choices).collect();
    let expectation = |row: Vec<String>| Expectation {
        profile: named(&row[0]),
        defect: named(&row[1]),
        words: row[2..].to_vec(),
    };
    rows(VERDICTS, &heading).into_iter().map(expectation).collect()
}

pub(crate) fn defects() -> BTreeMap<Defect, Others> {
    let others = |row: Vec<String>| {
        let agrees = |cell: &str| match cell {
            "agrees" => true,
            "cannot" => false,
            other => panic!("{other:?}"),
        };
        (named(&row[0]), Others { openssl: agrees(&row[1]), webpki: agrees(&row[2]) })
    };
    rows(DEFECTS, &["defect", "openssl", "webpki", "remark"]).into_iter().map(others).collect()
}
