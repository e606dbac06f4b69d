//! Readers see what is durable, whatever a batch under way has changed.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::evaluate::{bounds, stored_key};
use crate::store::{Range, Table};

fn view(folder: &std::path::Path) -> View {
    View::new(sled::Config::new().path(folder).flush_every_ms(None).open().unwrap())
}

/// Applies rows as the committer does, but never says that they are durable.
fn under_way(view: &mut View, rows: Rows) {
    let (batch, before) = blocks::lay(view.db().unwrap(), rows).unwrap();
    view.put_aside(before);
    view.db().unwrap().apply_batch(batch).unwrap();
}

fn durable(view: &mut View, rows: Rows) {
    under_way(view, rows);
    view.show_all();
}

fn row(table: Table, number: u8, value: Option<u8>) -> (Vec<u8>, Option<Vec<u8>>) {
    (stored_key(table, &[number]), value.map(|value| vec![value]))
}

fn rows_of(table: Table, values: &[(u8, Option<u8>)]) -> Rows {
    values.iter().map(|(number, value)| row(table, *number, *value)).collect()
}

#[test]
fn a_change_is_seen_only_once_it_is_durable() {
    for table in [Table::Orders, Table::Expiry] {
        let folder = tempfile::tempdir().unwrap();
        let mut view = view(folder.path());
        durable(&mut view, rows_of(table, &[(1, Some(1)), (2, Some(1))]));
        under_way(&mut view, rows_of(table, &[(0, Some(2)), (1, Some(2)), (2, None), (3, Some(2))]));
        let get = |view: &View, number| view.get(&stored_key(table, &[number])).unwrap();
        let all = |view: &View| view.scan(bounds(&Range::of(table)), false, 9).unwrap();
        let seen: Vec<_> = (0..4).map(|number| get(&view, number)).collect();
        assert_eq!(seen, [None, Some(vec![1]), Some(vec![1]), None]);
        assert_eq!(all(&view), [(vec![1], vec![1]), (vec![2], vec![1])]);
        view.show_all();
        assert_eq!(all(&view), [(vec![0], vec![2]), (vec![1], vec![2]), (vec![3], vec![2])]);
        assert_eq!(get(&view, 2), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn scans_show_the_durable_rows_in_either_direction(
        before in proptest::collection::vec((0..30_u8, any::<Option<u8>>()), 0..25),
        after in proptest::collection::vec((0..30_u8, any::<Option<u8>>()), 0..25),
        place in proptest::option::of(0..30_u8),
        limit in 0..12_usize,
        packed in any::<bool>(),
    ) {
        let table = if packed { Table::Journal } else { Table::Accounts };
        let folder = tempfile::tempdir().unwrap();
        let mut view = view(folder.path());
        let before: BTreeMap<u8, Option<u8>> = before.into_iter().collect();
        durable(&mut view, before.iter().map(|(number, value)| row(table, *number, *value)).collect());
        under_way(&mut view, rows_of(table, &after));
        let kept: Vec<Row> =
            before.iter().filter_map(|(number, value)| value.map(|value| (vec![*number], vec![value]))).collect();
        for backwards in [false, true] {
            let range = Range { backwards, ..Range::of(table).after(place.map(|place| vec![place])) };
            let mut expected: Vec<Row> = kept.iter().filter(|(key, _)| place.is_none_or(|place| {
                if backwards { key[0] < place } else { key[0] > place }
            })).cloned().collect();
            if backwards {
                expected.reverse();
            }
            expected.truncate(limit);
            prop_assert_eq!(view.scan(bounds(&range), backwards, limit).unwrap(), expected);
        }
    }
}
