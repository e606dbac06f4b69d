//! Readers see what was committed last, wherever it stands.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::evaluate::{bounds, stored_key};
use crate::store::{Range, Table};

fn view(folder: &std::path::Path) -> View {
    View::new(sled::Config::new().path(folder).flush_every_ms(None).open().unwrap())
}

/// Moves rows into the tree as the fold does.
fn fold(view: &View, rows: &Rows) {
    let part: Vec<_> = rows.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
    let db = view.db().unwrap();
    db.apply_batch(blocks::lay(db, &part).unwrap()).unwrap();
}

fn row(table: Table, number: u8, value: Option<u8>) -> (Vec<u8>, Option<Vec<u8>>) {
    (stored_key(table, &[number]), value.map(|value| vec![value]))
}

fn rows_of(table: Table, values: &[(u8, Option<u8>)]) -> Rows {
    values.iter().map(|(number, value)| row(table, *number, *value)).collect()
}

#[test]
fn what_is_being_moved_into_the_tree_is_seen_throughout_and_what_came_since_lies_over_it() {
    for table in [Table::Orders, Table::Expiry] {
        let folder = tempfile::tempdir().unwrap();
        let mut view = view(folder.path());
        let all = |view: &View| view.scan(bounds(&Range::of(table)), false, 9).unwrap();
        fold(&view, &rows_of(table, &[(1, Some(1)), (2, Some(1)), (4, Some(1))]));
        view.show(rows_of(table, &[(0, Some(2)), (1, Some(2)), (2, None)]), Ok(Rows::new()));
        let frozen = view.freeze();
        view.show(rows_of(table, &[(1, None), (2, Some(3)), (3, Some(3))]), Ok(Rows::new()));
        let expected = [(vec![0], vec![2]), (vec![2], vec![3]), (vec![3], vec![3]), (vec![4], vec![1])];
        assert_eq!(all(&view), expected);
        fold(&view, &frozen);
        assert_eq!(all(&view), expected);
        view.melt();
        assert_eq!(all(&view), expected);
        let seen = |number| view.get(&stored_key(table, &[number])).unwrap();
        assert_eq!(
            (0..5).map(seen).collect::<Vec<_>>(),
            [Some(vec![2]), None, Some(vec![3]), Some(vec![3]), Some(vec![1])]
        );
    }
}

#[test]
fn a_row_that_comes_twice_because_its_block_was_split_is_shown_once() {
    let rows = [1, 2, 3, 2, 3, 4].map(|number| Ok((vec![number], vec![])));
    let shown: Vec<u8> = rising(rows.into_iter()).map(|row| row.unwrap().0[0]).collect();
    assert_eq!(shown, [1, 2, 3, 4]);
}

/// Changes of thirty rows.
fn changes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    proptest::collection::vec((0..30_u8, any::<Option<u8>>()), 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn scans_show_what_was_committed_last_in_either_direction(
        layers in [changes(), changes(), changes()],
        halfway in any::<bool>(),
        place in proptest::option::of(0..30_u8),
        limit in 0..12_usize,
        packed in any::<bool>(),
    ) {
        let table = if packed { Table::Journal } else { Table::Accounts };
        let folder = tempfile::tempdir().unwrap();
        let mut view = view(folder.path());
        let [stored, frozen, recent] = &layers;
        fold(&view, &rows_of(table, stored));
        view.show(rows_of(table, frozen), Ok(Rows::new()));
        let frozen = view.freeze();
        if halfway {
            fold(&view, &frozen);
        }
        view.show(rows_of(table, recent), Ok(Rows::new()));
        let mut model = BTreeMap::new();
        for (number, value) in layers.iter().flatten() {
            match value {
                Some(value) => model.insert(*number, *value),
                None => model.remove(number),
            };
        }
        for backwards in [false, true] {
            let range = Range { backwards, ..Range::of(table).after(place.map(|place| vec![place])) };
            let mut expected: Vec<Row> = model.iter().filter(|(key, _)| place.is_none_or(|place| {
                if backwards { **key < place } else { **key > place }
            })).map(|(key, value)| (vec![*key], vec![*value])).collect();
            if backwards {
                expected.reverse();
            }
            expected.truncate(limit);
            prop_assert_eq!(view.scan(bounds(&range), backwards, limit).unwrap(), expected);
        }
    }
}
