//! Which metrics and labels a PromQL expression asks for, and whether all of them exist.
//!
//! Not a grammar: a tokenizer that knows where names of metrics, labels and functions stand. What it lets through is checked by `promtool` in the
//! interop suite.

use std::collections::BTreeSet;

use super::Catalogue;

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A metric, label, function or keyword.
    Name(String),
    /// A number or duration.
    Number(String),
    /// What stands in quotes.
    Text(String),
    /// Anything else.
    Sign(String),
}

const AGGREGATES: &[&str] =
    &["sum", "min", "max", "avg", "count", "topk", "bottomk", "quantile", "stddev", "group", "count_values"];
const FUNCTIONS: &[&str] = &[
    "rate",
    "irate",
    "increase",
    "histogram_quantile",
    "time",
    "clamp_min",
    "clamp_max",
    "abs",
    "absent",
    "changes",
    "delta",
    "resets",
    "max_over_time",
    "min_over_time",
    "avg_over_time",
    "sum_over_time",
    "label_replace",
    "vector",
    "scalar",
];
const LISTS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
const WORDS: &[&str] = &["and", "or", "unless", "bool", "offset", "inf", "nan", "e"];
/// Labels that Prometheus gives to everything, and that of buckets.
const GIVEN: &[&str] = &["job", "instance", "le"];

/// The pieces; an error is what cannot be one.
///
/// # Errors
/// The place and the character.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    while let Some((at, c)) = rest.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut piece = c.to_string();
        if c == '"' || c == '\'' {
            piece.clear();
            loop {
                match rest.next() {
                    None => return Err(format!("a text that begins at {at} does not end")),
                    Some((_, '\\')) => piece.extend(rest.next().map(|(_, c)| c)),
                    Some((_, end)) if end == c => break,
                    Some((_, other)) => piece.push(other),
                }
            }
            found.push(Token::Text(piece));
        } else if is_name(c) || c == '.' {
            while let Some((_, next)) = rest.next_if(|(_, next)| is_name(*next) || *next == '.') {
                piece.push(next);
            }
            let number = c.is_ascii_digit() || c == '.';
            found.push(if number { Token::Number(piece) } else { Token::Name(piece) });
        } else if "(){}[],+-*/%^=!<>~@".contains(c) {
            if "=!<>".contains(c) {
                piece.extend(rest.next_if(|(_, next)| *next == '=' || *next == '~').map(|(_, c)| c));
            }
            found.push(Token::Sign(piece));
        } else {
            return Err(format!("{c:?} at {at}"));
        }
    }
    Ok(found)
}

/// What is wrong with an expression: metrics that do not exist, labels that theirs do not have, functions that nobody knows, brackets that do not
/// fit. `catalogue` has families; of histograms the parts are known.
#[must_use]
pub fn faults(expression: &str, catalogue: &Catalogue, histograms: &BTreeSet<String>) -> Vec<String> {
    let tokens = match tokens(expression) {
        Ok(tokens) => tokens,
        Err(error) => return vec![error],
    };
    let mut reading = Reading {
        tokens: &tokens,
        at: 0,
        open: Vec::new(),
        known: BTreeSet::new(),
        listed: BTreeSet::new(),
        faults: Vec::new(),
    };
    reading.run(catalogue, histograms);
    reading.faults
}

struct Reading<'t> {
    tokens: &'t [Token],
    at: usize,
    open: Vec<char>,
    /// Labels of the metrics that were asked for.
    known: BTreeSet<String>,
    /// Labels that were grouped by.
    listed: BTreeSet<String>,
    faults: Vec<String>,
}

impl Reading<'_> {
    fn peek(&self, sign: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if found == sign)
    }

    fn run(&mut self, catalogue: &Catalogue, histograms: &BTreeSet<String>) {
        let mut metrics = 0;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Sign(sign) => self.bracket(sign),
                Token::Number(_) | Token::Text(_) => {}
                Token::Name(name) if LISTS.contains(&name.as_str()) => self.list(),
                Token::Name(name)
                    if AGGREGATES.contains(&name.as_str()) || WORDS.contains(&name.as_str()) => {}
                Token::Name(name) if self.peek("(") => {
                    if !FUNCTIONS.contains(&name.as_str()) {
                        self.faults.push(format!("no function {name} is known"));
                    }
                }
                Token::Name(name) => {
                    metrics += 1;
                    self.metric(name, catalogue, histograms);
                }
            }
        }
        if !self.open.is_empty() {
            self.faults.push("a bracket is not closed".to_owned());
        }
        if metrics == 0 {
            self.faults.push("it asks for no metric".to_owned());
        }
        for label in self.listed.difference(&self.known) {
            self.faults.push(format!("no metric in it has the label {label}"));
        }
    }

    fn bracket(&mut self, sign: &str) {
        let fits = match sign {
            "(" | "[" | "{" => {
                self.open.extend(sign.chars());
                true
            }
            ")" => self.open.pop() == Some('('),
            "]" => self.open.pop() == Some('['),
            "}" => self.open.pop() == Some('{'),
            _ => true,
        };
        if !fits {
            self.faults.push(format!("{sign} closes nothing"));
        }
    }

    /// The labels in the brackets that come next.
    fn list(&mut self) {
        if !self.peek("(") {
            return;
        }
        self.at += 1;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Name(label) => drop(self.listed.insert(label.clone())),
                Token::Sign(sign) if sign == ")" => return,
                _ => {}
            }
        }
    }

    fn metric(&mut self, name: &str, catalogue: &Catalogue, histograms: &BTreeSet<String>) {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
        let family = parts.into_iter().find(|family| histograms.contains(*family));
        let labels = match (catalogue.get(family.unwrap_or(name)), family) {
            (Some(_), None) if histograms.contains(name) => {
                self.faults.push(format!(
                    "{name} is a histogram, and has no values without _bucket, _sum or _count"
                ));
                return;
            }
            (Some(labels), _) => labels,
            (None, _) => {
                self.faults.push(format!("there is no metric {name}"));
                return;
            }
        };
        self.known.extend(labels.iter().cloned().chain(GIVEN.iter().map(|label| (*label).to_owned())));
        if !self.peek("{") {
            return;
        }
        self.at += 1;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Name(label) if !labels.contains(label) && !GIVEN.contains(&label.as_str()) => {
                    self.faults.push(format!("{name} has no label {label}"));
                }
                Token::Sign(sign) if sign == "}" => return,
                _ => {}
            }
        }
        self.faults.push("a bracket is not closed".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expression: &str) -> Vec<String> {
        let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let catalogue = Catalogue::from([
            ("requests_total".to_owned(), labels(&["status", "route"])),
            ("request_seconds".to_owned(), labels(&["route"])),
            ("ends_seconds".to_owned(), labels(&[])),
        ]);
        faults(expression, &catalogue, &labels(&["request_seconds"]))
    }

    #[test]
    fn what_exists_is_let_through() {
        for fine in [
            "sum by (status) (rate(requests_total{status=~\"5..\", job=\"x\"}[5m])) / sum(rate(requests_total[5m])) > 0.01",
            "histogram_quantile(0.99, sum by (le, route) (rate(request_seconds_bucket[1h])))",
            "ends_seconds - time() < 60 * 86400",
            "max(requests_total) without (route) offset 5m and on (instance) ends_seconds == 1e3",
        ] {
            assert_eq!(found(fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn what_does_not_exist_is_named() {
        for (wrong, expected) in [
            ("sum(rate(request_total[5m]))", "there is no metric request_total"),
            ("sum by (code) (requests_total)", "no metric in it has the label code"),
            ("requests_total{code=\"500\"}", "requests_total has no label code"),
            ("average(requests_total)", "no function average"),
            ("request_seconds > 1", "is a histogram"),
            ("request_seconds_count{status=\"200\"}", "has no label status"),
            ("ends_seconds_sum", "there is no metric ends_seconds_sum"),
            ("sum(rate(requests_total[5m])", "a bracket is not closed"),
            ("sum(requests_total))", "closes nothing"),
            ("requests_total{status=\"200}", "does not end"),
            ("1 + 1", "no metric"),
        ] {
            let said = found(wrong);
            assert!(said.iter().any(|fault| fault.contains(expected)), "{wrong}: {said:?}");
        }
    }
}
