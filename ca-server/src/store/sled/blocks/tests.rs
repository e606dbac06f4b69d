//! Rows in blocks behave as rows in a sorted map, whatever comes in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::evaluate::stored_key;

fn db(folder: &std::path::Path) -> Db {
    sled::Config::new().path(folder).flush_every_ms(None).open().unwrap()
}

type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn lay_all(db: &Db, rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) {
    let rows: Rows = rows.into_iter().collect();
    let part: Vec<_> = rows.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
    db.apply_batch(lay(db, &part).unwrap()).unwrap();
}

fn all(db: &Db, table: Table) -> Vec<Row> {
    let bounds = (Bound::Included(vec![table.number()]), Bound::Excluded(vec![table.number() + 1]));
    range(db, bounds).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Changes of the rows of two neighbouring tables, one in blocks and one not.
fn changes() -> impl Strategy<Value = Vec<Vec<(bool, u16, Option<u16>)>>> {
    let change = (any::<bool>(), 0..400_u16, proptest::option::weighted(0.7, 0..700_u16));
    proptest::collection::vec(proptest::collection::vec(change, 1..40), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn blocks_hold_what_a_sorted_map_holds(batches in changes()) {
        let folder = tempfile::tempdir().unwrap();
        let (db, mut model) = (db(folder.path()), BTreeMap::new());
        for batch in batches {
            let after: Rows = batch.into_iter().map(|(packed, number, size)| {
                let table = if packed { Table::CertificatesByTime } else { Table::Certificates };
                let value = size.map(|size| vec![7; usize::from(size)]);
                (stored_key(table, &number.to_be_bytes()), value)
            }).collect();
            lay_all(&db, after.clone());
            for (key, value) in after {
                prop_assert_eq!(get(&db, &key).unwrap(), value.clone());
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
        }
        for table in [Table::CertificatesByTime, Table::Certificates] {
            let expected: Vec<Row> = model.iter().filter(|(key, _)| key[0] == table.number())
                .map(|(key, value)| (key.clone(), value.clone())).collect();
            prop_assert_eq!(all(&db, table), expected.clone());
            let from = stored_key(table, &100_u16.to_be_bytes());
            let to = stored_key(table, &300_u16.to_be_bytes());
            let bounds = (Bound::Excluded(from.clone()), Bound::Excluded(to.clone()));
            let mut backwards: Vec<Row> = range(&db, bounds).unwrap().rev().collect::<Result<_, _>>().unwrap();
            backwards.reverse();
            let inside: Vec<Row> = expected.into_iter().filter(|(key, _)| *key > from && *key < to).collect();
            prop_assert_eq!(backwards, inside);
        }
    }
}

#[test]
fn rows_that_come_in_order_fill_their_blocks_and_a_table_emptied_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let db = db(folder.path());
    let row = |number: u32| stored_key(Table::CertificatesByTime, &number.to_be_bytes());
    for number in 0..2000 {
        lay_all(&db, [(row(number), Some(vec![0; 20]))]);
    }
    let blocks = db.len();
    assert!(blocks <= 2000 * 31 / 1000 + 2, "{blocks} blocks for 62,000 octets");
    assert_eq!(all(&db, Table::CertificatesByTime).len(), 2000);
    for number in 0..2000 {
        lay_all(&db, [(row(number), None)]);
    }
    assert_eq!(db.len(), 0);
}

#[test]
fn a_row_larger_than_a_block_has_one_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let db = db(folder.path());
    let row = |number: u8| stored_key(Table::CertificatesByTime, &[number]);
    lay_all(&db, [1, 2, 3].map(|number| (row(number), Some(vec![number; 5000]))));
    lay_all(&db, [(row(0), Some(vec![0; 10]))]);
    assert_eq!(db.len(), 4);
    assert_eq!(get(&db, &row(2)).unwrap(), Some(vec![2; 5000]));
    assert_eq!(all(&db, Table::CertificatesByTime).len(), 4);
}

#[test]
fn a_damaged_block_is_an_error_not_a_missing_row() {
    let folder = tempfile::tempdir().unwrap();
    let db = db(folder.path());
    db.insert([Table::Journal.number()], &[0, 9, 0, 0, 0, 1, 5][..]).unwrap();
    let failure = get(&db, &stored_key(Table::Journal, &[1])).unwrap_err();
    assert!(matches!(failure, SledFailure::Block));
}
