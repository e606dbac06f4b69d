//! The log gives back what was appended, whole records only, and refuses to guess.

use super::*;

const ROOM: usize = 24 * 1024;

fn rows(values: &[(u8, Option<u8>)]) -> Rows {
    values.iter().map(|(key, value)| (vec![*key], value.map(|value| vec![value; 40]))).collect()
}

/// Opens the log as the store does, without a tree: what is given back counts as moved there.
fn open(folder: &Path) -> (Ahead, Rows) {
    let (log, rows) = Ahead::open(folder, ROOM).unwrap();
    (log.caught_up().unwrap(), rows)
}

fn given_back(folder: &Path) -> Option<Rows> {
    match Ahead::open(folder, ROOM) {
        Ok((_, rows)) => Some(rows),
        Err(AheadError::Damaged { .. }) => None,
        Err(AheadError::File { path, source }) => panic!("{}: {source}", path.display()),
    }
}

/// The file that holds the records of the last generation.
fn current(folder: &Path) -> PathBuf {
    let generation = |path: &PathBuf| Content::read(&std::fs::read(path).unwrap()).generation;
    [folder.join("ahead.0"), folder.join("ahead.1")].into_iter().max_by_key(generation).unwrap()
}

#[test]
fn what_was_appended_in_the_last_two_generations_is_given_back_the_newest_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, empty) = open(folder.path());
    assert!(empty.is_empty());
    log.append(&rows(&[(1, Some(1)), (2, Some(1))])).unwrap();
    log.append(&rows(&[(2, None), (3, Some(2))])).unwrap();
    log.switch().unwrap();
    log.append(&rows(&[(3, Some(3))])).unwrap();
    drop(log);
    let kept = rows(&[(1, Some(1)), (2, None), (3, Some(3))]);
    assert_eq!(given_back(folder.path()), Some(kept.clone()));
    assert_eq!(given_back(folder.path()), Some(kept));
}

#[test]
fn a_generation_that_was_written_over_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    for generation in 0..6 {
        // Records of the same lengths, so that those of former generations stand where the next one would.
        for number in 0..6 - generation {
            log.append(&rows(&[(number, Some(generation))])).unwrap();
        }
        log.switch().unwrap();
    }
    assert_eq!(given_back(folder.path()), Some(rows(&[(0, Some(5))])));
}

#[test]
fn a_settled_log_gives_back_nothing_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for life in 0..5 {
        let (mut log, left) = open(folder.path());
        assert_eq!(left, Rows::new());
        log.append(&rows(&[(1, Some(life))])).unwrap();
        if life % 2 == 0 {
            log.switch().unwrap();
        }
        log.settle().unwrap();
    }
}

#[test]
fn a_torn_last_record_is_left_out_and_one_torn_in_the_middle_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    let mut ends = vec![RECORDS];
    for number in 0..4 {
        log.append(&rows(&[(number, Some(number))])).unwrap();
        ends.push(usize::try_from(log.end).unwrap());
    }
    drop(log);
    let path = current(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for (number, place) in ends.windows(2).enumerate() {
        for at in [place[0], place[0] + 5, place[0] + 9, place[0] + 17, place[0] + HEADER + 3] {
            let mut octets = whole.clone();
            octets[at] ^= 0x10;
            std::fs::write(&path, &octets).unwrap();
            let expected = (number == 3).then(|| rows(&[(0, Some(0)), (1, Some(1)), (2, Some(2))]));
            assert_eq!(given_back(folder.path()), expected, "record {number}, octet {at}");
        }
    }
}

#[test]
fn a_header_that_was_lost_is_damage_unless_nothing_was_appended_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    log.append(&rows(&[(1, Some(1))])).unwrap();
    log.switch().unwrap();
    log.append(&rows(&[(2, Some(2))])).unwrap();
    log.switch().unwrap();
    let path = current(folder.path());
    let slot = SLOTS[1 - log.current.slot];
    let torn = |appended: bool| {
        let whole = std::fs::read(&path).unwrap();
        let mut octets = whole.clone();
        octets[slot + 20] ^= 1;
        std::fs::write(&path, &octets).unwrap();
        let given = given_back(folder.path());
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(given.is_none(), appended, "{given:?}");
    };
    torn(false);
    log.append(&rows(&[(3, Some(3))])).unwrap();
    torn(true);
}

#[test]
fn a_file_that_was_lost_or_emptied_is_damage_and_rot_in_a_settled_log_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (mut log, _) = open(folder.path());
    for number in 0..3 {
        log.append(&rows(&[(number, Some(number))])).unwrap();
        log.switch().unwrap();
    }
    log.append(&rows(&[(3, Some(3))])).unwrap();
    for path in ["ahead.0", "ahead.1"].map(|name| folder.path().join(name)) {
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, vec![0; whole.len()]).unwrap();
        assert_eq!(given_back(folder.path()), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(given_back(folder.path()), None);
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(given_back(folder.path()), Some(rows(&[(2, Some(2)), (3, Some(3))])));
    // The log that was open holds the files that were removed.
    let (mut log, _) = open(folder.path());
    log.append(&rows(&[(4, Some(4))])).unwrap();
    log.switch().unwrap();
    let (newer, former) = (current(folder.path()), SLOTS[1 - log.former.slot]);
    log.settle().unwrap();
    let older = if newer.ends_with("ahead.0") { "ahead.1" } else { "ahead.0" };
    let mut octets = std::fs::read(folder.path().join(older)).unwrap();
    (octets[former + 1], octets[RECORDS + 30]) = (!octets[former + 1], !octets[RECORDS + 30]);
    std::fs::write(folder.path().join(older), octets).unwrap();
    assert_eq!(given_back(folder.path()), Some(Rows::new()));
}

#[test]
fn files_that_were_never_a_log_are_refused_or_empty_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for octets in
        [Vec::new(), vec![0; 10], vec![0xff; 9000], vec![0; 9000], (0..19_000).map(|n| n as u8).collect()]
    {
        std::fs::write(folder.path().join("ahead.0"), &octets).unwrap();
        std::fs::write(folder.path().join("ahead.1"), &octets).unwrap();
        assert_eq!(given_back(folder.path()).unwrap_or_default(), Rows::new());
    }
}
