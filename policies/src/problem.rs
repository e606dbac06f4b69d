//! What is wrong with a policy file, said so that a person can mend it: where, what, and what to do.
//! Every parser of this crate collects these instead of stopping at the first, so that `ca-server check`
//! lists a whole configuration at once. A problem never carries more of a file than the words it names.

use std::fmt;

/// One thing that is wrong in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it was given to the parser.
    pub file: String,
    /// Line and column of the fault, if it has one place.
    pub place: Option<Place>,
    /// The key or the rule that is at fault.
    pub key: Option<String>,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A place in a text. Both numbers count from one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, the first is 1.
    pub line: usize,
    /// Column in characters, the first is 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset; an offset behind the end is the end, one inside a character is its start.
    #[must_use]
    pub fn at(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = text.get(..end).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

/// `file:line:column: key: message`; the hint is apart, for a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(out, ":{place}")?;
        }
        if let Some(key) = &self.key {
            write!(out, ": {key}")?;
        }
        write!(out, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}

/// The word of `known` that `word` was probably meant to be: at most two letters wrong, and not more than half of it.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 2.min(word.chars().count() / 2).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut beside = above + 1;
        let mut next = vec![beside];
        for (to, over) in right.iter().zip(row.iter().skip(1)) {
            beside = (diagonal + usize::from(from != *to)).min(over + 1).min(beside + 1);
            diagonal = *over;
            next.push(beside);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        assert_eq!(Place::at("ab\ncä = 1", 0), Place { line: 1, column: 1 });
        assert_eq!(Place::at("ab\ncä = 1", 3), Place { line: 2, column: 1 });
        assert_eq!(Place::at("ab\ncä = 1", 7), Place { line: 2, column: 4 });
        assert_eq!(Place::at("ab", 99), Place { line: 1, column: 3 });
        assert_eq!(Place::at("ä", 1), Place { line: 1, column: 1 });
    }

    #[test]
    fn distance_is_the_number_of_letters_to_change() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("lifetme", "lifetime"), 1);
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("lifetme", ["backdate", "lifetime"]), Some("lifetime"));
        assert_eq!(nearest("colour", ["backdate", "lifetime"]), None);
    }
}
