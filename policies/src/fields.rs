//! Reads the keys of a TOML table one by one, so that every wrong, missing and unknown key of a file is reported with its line,
//! not only the first. Nothing is guessed: a key that no reader asked for is a problem.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::problem::{Place, Problem, nearest};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// One table of a file, its keys not yet read.
pub(crate) struct Fields<'i> {
    file: &'i str,
    text: &'i str,
    /// What the keys are prefixed with in messages: "" or `[[case]] 3: `.
    prefix: String,
    place: Place,
    table: DeTable<'i>,
    asked: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'i> Fields<'i> {
    /// Parses a file; syntax errors are all there is to say about a file that has any.
    pub(crate) fn parse(file: &'i str, text: &'i str) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            let place = Place { line: 1, column: 1 };
            let table = table.into_inner();
            let (asked, problems) = (Vec::new(), Vec::new());
            return Ok(Self { file, text, prefix: String::new(), place, table, asked, problems });
        }
        let problem = |error: &toml::de::Error| Problem {
            file: file.to_owned(),
            place: error.span().map(|span| Place::at(text, span.start)),
            key: None,
            message: format!("not valid TOML: {}", one_line(error.message())),
            hint: "each line is `key = value`; texts stand in \"quotes\"".to_owned(),
        };
        Err(errors.iter().map(problem).collect())
    }

    /// Reads one key if it is there. `expected` says what the value must be, for the hint.
    pub(crate) fn optional<T: Deserialize<'i>>(
        &mut self,
        key: &'static str,
        expected: &str,
    ) -> Option<Placed<T>> {
        let value = self.take(key)?;
        let place = Place::at(self.text, value.span().start);
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Placed { value, place }),
            Err(error) => {
                let place = error.span().map_or(place, |span| Place::at(self.text, span.start));
                self.problem(Some(place), key, one_line(error.message()), format!("expected {expected}"));
                None
            }
        }
    }

    /// Reads one key that must be there.
    pub(crate) fn required<T: Deserialize<'i>>(
        &mut self,
        key: &'static str,
        expected: &str,
    ) -> Option<Placed<T>> {
        if !self.has(key) {
            self.asked.push(key);
            self.problem(
                Some(self.place),
                key,
                "the key is missing".to_owned(),
                format!("add `{key} = …`: {expected}"),
            );
            return None;
        }
        self.optional(key, expected)
    }

    /// Reads `[[key]]` tables. Each is returned as fields of its own, to be finished by the caller.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Fields<'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let place = Place::at(self.text, value.span().start);
        let DeValue::Array(rows) = value.into_inner() else {
            self.problem(
                Some(place),
                key,
                "not a list of tables".to_owned(),
                format!("write `[[{key}]]` above each"),
            );
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, row) in rows.into_iter().enumerate() {
            let place = Place::at(self.text, row.span().start);
            match row.into_inner() {
                DeValue::Table(table) => tables.push(Fields {
                    file: self.file,
                    text: self.text,
                    prefix: format!("{key} {}: ", index + 1),
                    place,
                    table,
                    asked: Vec::new(),
                    problems: Vec::new(),
                }),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => {
                    self.problem(
                        Some(place),
                        key,
                        "not a table".to_owned(),
                        format!("write `[[{key}]]` above each"),
                    );
                }
            }
        }
        tables
    }

    /// Notes a problem that the reader itself found in a value.
    pub(crate) fn problem(&mut self, place: Option<Place>, key: &str, message: String, hint: String) {
        let key = Some(format!("{}{key}", self.prefix));
        self.problems.push(Problem { file: self.file.to_owned(), place, key, message, hint });
    }

    /// Where the table begins.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// Every key was asked for: the rest is unknown. Returns all problems of the table, in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        let unknown: Vec<(String, usize)> =
            self.table.keys().map(|key| (key.get_ref().to_string(), key.span().start)).collect();
        for (key, offset) in unknown {
            let hint = nearest(&key, self.asked.iter().copied()).map_or_else(
                || format!("the keys are: {}", self.asked.join(", ")),
                |meant| format!("did you mean `{meant}`?"),
            );
            let place = Some(Place::at(self.text, offset));
            self.problem(place, &key, "unknown key".to_owned(), hint);
        }
        self.problems.sort_by_key(|problem| problem.place);
        self.problems
    }

    fn has(&self, key: &str) -> bool {
        self.table.keys().any(|name| name.get_ref() == key)
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.asked.push(key);
        let name = self.table.keys().find(|name| name.get_ref() == key)?.clone();
        self.table.remove(&name)
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_table_is_reported_with_its_line() {
        let text = "count = \"many\"\n\ncuont = 3\n";
        let mut fields = Fields::parse("a.toml", text).unwrap();
        assert!(fields.required::<u32>("count", "a number").is_none());
        assert!(fields.required::<String>("name", "a text").is_none());
        let lines: Vec<String> = fields.finish().iter().map(|p| format!("{p} | {}", p.hint)).collect();
        assert_eq!(
            lines,
            [
                "a.toml:1:1: name: the key is missing | add `name = …`: a text",
                "a.toml:1:9: count: invalid type: string \"many\", expected u32 | expected a number",
                "a.toml:3:1: cuont: unknown key | did you mean `count`?",
            ]
        );
    }

    #[test]
    fn a_file_that_is_not_toml_says_where() {
        let problems = Fields::parse("a.toml", "lifetime = \n").map(|_| ()).unwrap_err();
        assert_eq!(problems[0].place, Some(Place { line: 1, column: 12 }));
        assert!(problems[0].message.starts_with("not valid TOML: "), "{}", problems[0]);
    }
}
