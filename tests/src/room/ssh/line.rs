//! What is typed into a TShell: lines, and bodies of several lines.
//!
//! A body comes in one of two ways: `{length}` alone on a line and then so many octets, which begin with the command's own line; or, where a command takes one, as
//! lines up to a lone `.`. Lines and bodies are bounded; what is in them can be a secret and is wiped.

use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::room::bounds::LONGEST;
use crate::room::xapi::path::is_word;
use crate::room::xapi::{Call, Path, Step};

/// Most tokens of a line.
const MOST_TOKENS: usize = 128;

/// What came.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// A line, without its end.
    Line(Zeroizing<String>),
    /// A command's line and its body, as announced by a length.
    Framed(Zeroizing<String>),
}

/// Nothing more is taken from this peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A line or body is too long.
    #[error("a line or a body has more than {LONGEST} octets")]
    TooLong,
    /// Not UTF-8.
    #[error("what came is not UTF-8")]
    NotText,
}

/// Cuts what comes into pieces. Each octet is copied and looked at a bounded number of times, however small or many the pieces are.
#[derive(Default)]
pub struct Reader {
    buffer: Zeroizing<Vec<u8>>,
    /// How much of the buffer was taken.
    taken: usize,
    /// How much of what was not taken holds no end of a line.
    searched: usize,
    /// How many octets a length announced.
    announced: Option<usize>,
    /// A line ended in a carriage return: a line feed right after it, however late it comes, belongs to that end.
    returned: bool,
}

impl Reader {
    /// Takes octets as they came.
    pub fn feed(&mut self, octets: &[u8]) {
        if self.buffer.capacity() - self.buffer.len() < octets.len() {
            // The old buffer is wiped, which growing in place would not do.
            let rest = self.rest();
            let mut grown = Zeroizing::new(Vec::with_capacity((rest.len() + octets.len()) * 2));
            grown.extend_from_slice(rest);
            self.buffer = grown;
            self.taken = 0;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// What was not taken yet.
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// The next piece, if it is there.
    ///
    /// # Errors
    /// [`Unreadable`]
    pub fn next_piece(&mut self) -> Result<Option<Piece>, Unreadable> {
        loop {
            if self.returned && !self.rest().is_empty() {
                self.returned = false;
                if self.rest().first() == Some(&b'\n') {
                    self.skip(1);
                }
            }
            if let Some(length) = self.announced {
                if self.rest().len() < length {
                    return Ok(None);
                }
                self.announced = None;
                return self.take(length).map(|text| Some(Piece::Framed(text)));
            }
            let unsearched = self.rest().get(self.searched..).unwrap_or_default();
            let found = unsearched.iter().position(|octet| matches!(octet, b'\n' | b'\r'));
            let end = self.searched + found.unwrap_or(unsearched.len());
            if end > LONGEST {
                return Err(Unreadable::TooLong);
            }
            if found.is_none() {
                self.searched = end;
                return Ok(None);
            }
            let line = self.take(end)?;
            self.returned = self.rest().first() == Some(&b'\r');
            self.skip(1);
            match announced(&line) {
                Some(length) if length > LONGEST => return Err(Unreadable::TooLong),
                Some(length) => self.announced = Some(length),
                None => return Ok(Some(Piece::Line(line))),
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<Zeroizing<String>, Unreadable> {
        let octets = self.rest().get(..length).unwrap_or_default();
        let text = std::str::from_utf8(octets).map_err(|_| Unreadable::NotText)?;
        let text = Zeroizing::new(text.to_owned());
        self.skip(length);
        Ok(text)
    }

    fn skip(&mut self, length: usize) {
        self.taken += length;
        self.searched = 0;
        if self.taken >= self.buffer.len() {
            // Only what was in use: the room behind it was wiped before.
            self.buffer.as_mut_slice().zeroize();
            self.buffer.clear();
            self.taken = 0;
        }
    }
}

/// `{123}`
fn announced(line: &str) -> Option<usize> {
    let digits = line.trim().strip_prefix('{')?.strip_suffix('}')?;
    let number = (1..=9).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
    if number { digits.parse().ok() } else { None }
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Lines for people.
    Terminal,
    /// JSON.
    Json,
    /// XML.
    Xml,
}

/// What a line says.
pub enum Order {
    /// Nothing.
    Nothing,
    /// `xCommand …`
    Command(Call),
    /// `xStatus …`, `xConfiguration …`
    Get(Path),
    /// `xConfiguration …: value`
    Set(Path, Zeroizing<String>),
    /// `xFeedback Register /…`
    Register(Path),
    /// `xFeedback Deregister /…`
    Deregister(Path),
    /// `xFeedback DeregisterAll`
    DeregisterAll,
    /// `xFeedback List`
    Subscriptions,
    /// `xGetXml /…`
    GetXml(Path),
    /// `xDocument Path: …`
    Document(Path),
    /// `echo on|off`
    Echo(bool),
    /// `xPreferences outputmode …`
    Preferences(Output),
    /// `help`
    Help,
    /// `bye`
    Bye,
    /// None of these.
    Unknown,
}

/// A line, read.
pub struct Line {
    /// What it says.
    pub order: Order,
    /// What its answer is to be marked with.
    pub result_id: Option<String>,
}

enum Token {
    Word(Zeroizing<String>),
    Key(String),
}

/// Reads a line. What cannot be read is [`Order::Unknown`].
#[must_use]
pub fn parse(line: &str) -> Line {
    let (tokens, result_id) = match tokens(line) {
        Some(read) => read,
        None => return Line { order: Order::Unknown, result_id: None },
    };
    Line { order: order(tokens).unwrap_or(Order::Unknown), result_id }
}

fn tokens(line: &str) -> Option<(Vec<Token>, Option<String>)> {
    let (mut found, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        if found.len() >= MOST_TOKENS {
            return None;
        }
        if let Some(options) = rest.strip_prefix('|') {
            return Some((found, result_id(options)));
        }
        if rest.starts_with('"') {
            let end = quoted_end(rest)?;
            let (quoted, after) = rest.split_at_checked(end)?;
            found.push(Token::Word(Zeroizing::new(serde_json::from_str(quoted).ok()?)));
            rest = after.trim_start();
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        let value = matches!(found.last(), Some(Token::Key(_)));
        match word.find(':').filter(|_| !value) {
            Some(at) => {
                let (key, glued) = word.split_at_checked(at)?;
                found.push(Token::Key(key.to_owned()));
                // `Purpose:HTTPS`, or `Key:"quoted value"`: what follows is read as a value.
                rest = rest.get(at + 1..)?;
                if glued.len() == 1 {
                    rest = rest.trim_start();
                }
            }
            None => {
                found.push(Token::Word(Zeroizing::new(word.to_owned())));
                rest = after.trim_start();
            }
        }
    }
    Some((found, None))
}

/// Where a quoted text ends, after its closing quote.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, octet) in text.bytes().enumerate().skip(1) {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// ` resultId="7"`
fn result_id(options: &str) -> Option<String> {
    let (name, value) = options.trim().split_once('=')?;
    let value = value.trim();
    let text = serde_json::from_str::<Value>(value).ok();
    let text = text.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| value.to_owned());
    (name.trim().eq_ignore_ascii_case("resultid") && text.len() <= 128).then_some(text)
}

fn order(tokens: Vec<Token>) -> Option<Order> {
    let mut tokens = tokens.into_iter();
    let Some(first) = tokens.next() else { return Some(Order::Nothing) };
    let Token::Word(first) = first else { return None };
    let rest: Vec<Token> = tokens.collect();
    match first.to_ascii_lowercase().as_str() {
        "xcommand" => command(rest).map(Order::Command),
        "xstatus" => path("Status", &rest).map(Order::Get),
        "xconfiguration" => configuration(rest),
        "xfeedback" => feedback(&rest),
        "xgetxml" => path("", &rest).map(Order::GetXml),
        "xdocument" => document(&rest),
        "xpreferences" => preferences(&rest),
        "echo" => match words(&rest)?.as_slice() {
            [how] if how.eq_ignore_ascii_case("on") => Some(Order::Echo(true)),
            [how] if how.eq_ignore_ascii_case("off") => Some(Order::Echo(false)),
            _ => None,
        },
        "help" | "?" => Some(Order::Help),
        "bye" | "exit" | "quit" => Some(Order::Bye),
        _ => None,
    }
}

fn words(tokens: &[Token]) -> Option<Vec<&str>> {
    let mut words = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Word(word) => words.push(word.as_str()),
            Token::Key(_) => return None,
        }
    }
    Some(words)
}

fn path(root: &str, tokens: &[Token]) -> Option<Path> {
    let words = words(tokens)?;
    let words = words.iter().flat_map(|word| word.split('/')).filter(|word| !word.is_empty());
    Path::of_words(std::iter::once(root).filter(|root| !root.is_empty()).chain(words))
}

fn command(tokens: Vec<Token>) -> Option<Call> {
    let mut call = Call::default();
    let mut key: Option<String> = None;
    for token in tokens {
        match (token, key.take()) {
            (Token::Key(name), None) if is_word(&name) => key = Some(name),
            (Token::Key(_), _) => return None,
            (Token::Word(value), Some(name)) => call.parameters.push((name, value)),
            (Token::Word(word), None) if call.parameters.is_empty() => {
                call.words.extend(word.split('/').filter(|word| !word.is_empty()).map(str::to_owned));
            }
            // A word after the parameters belongs to nothing, except for what the guide writes inline.
            (Token::Word(word), None) if call.body.is_none() => call.body = Some(word),
            (Token::Word(_), None) => return None,
        }
    }
    (key.is_none() && !call.words.is_empty()).then_some(call)
}

fn configuration(mut tokens: Vec<Token>) -> Option<Order> {
    let value = match tokens.pop() {
        Some(Token::Word(value)) if matches!(tokens.last(), Some(Token::Key(_))) => value,
        Some(token) => {
            tokens.push(token);
            return path("Configuration", &tokens).map(Order::Get);
        }
        None => return path("Configuration", &[]).map(Order::Get),
    };
    let Some(Token::Key(last)) = tokens.pop() else { return None };
    let last = Path::of_words([last.as_str()])?;
    let mut steps = path("Configuration", &tokens)?.steps().to_vec();
    steps.extend(last.steps().iter().cloned());
    Some(Order::Set(Path::of(steps)?, value))
}

fn feedback(tokens: &[Token]) -> Option<Order> {
    let what = words(tokens)?;
    let (verb, _) = what.split_first()?;
    let target = || tokens.get(1..).and_then(|rest| path("", rest)).filter(|path| !path.is_empty());
    match verb.to_ascii_lowercase().as_str() {
        "register" => target().map(Order::Register),
        "deregister" => target().map(Order::Deregister),
        "deregisterall" => Some(Order::DeregisterAll),
        "list" => Some(Order::Subscriptions),
        _ => None,
    }
}

fn preferences(tokens: &[Token]) -> Option<Order> {
    let [name, mode] = words(tokens)?.try_into().ok()?;
    let mode = match mode.to_ascii_lowercase().as_str() {
        "terminal" => Output::Terminal,
        "json" => Output::Json,
        "xml" => Output::Xml,
        _ => return None,
    };
    name.eq_ignore_ascii_case("outputmode").then_some(Order::Preferences(mode))
}

/// `xDocument Format: "JSON" Path: "Status/Conference" Schema: "True"`
fn document(tokens: &[Token]) -> Option<Order> {
    let mut tokens = tokens.iter();
    let mut wanted = None;
    let mut schema = false;
    while let Some(Token::Key(name)) = tokens.next() {
        let Some(Token::Word(value)) = tokens.next() else { return None };
        match name.to_ascii_lowercase().as_str() {
            "path" => wanted = Some(Path::parse(value)?),
            "schema" => schema = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    let wanted = wanted.unwrap_or_default();
    let renamed = match wanted.steps().split_first() {
        Some((Step::Name(root), rest)) if schema && root.eq_ignore_ascii_case("status") => {
            let mut steps = vec![Step::Name("StatusSchema".to_owned())];
            steps.extend_from_slice(rest);
            Path::of(steps)?
        }
        _ => wanted,
    };
    Some(Order::Document(renamed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_short_lines_are_cut_from_one_buffer_that_is_never_moved() {
        let mut reader = Reader::default();
        reader.feed("a\n".repeat(10_000).as_bytes());
        let place = reader.buffer.as_ptr();
        for _ in 0..9_999 {
            assert!(matches!(reader.next_piece(), Ok(Some(Piece::Line(line))) if line.as_str() == "a"));
            assert_eq!(reader.buffer.as_ptr(), place);
        }
        assert!(matches!(reader.next_piece(), Ok(Some(_))));
        assert!(reader.buffer.is_empty() && reader.taken == 0, "nothing of it is kept");
    }

    #[test]
    fn a_line_that_comes_octet_by_octet_is_searched_once_and_seldom_copied() {
        let mut reader = Reader::default();
        let mut moved = 0;
        for number in 1..=100_000 {
            let place = reader.buffer.as_ptr();
            reader.feed(b"a");
            moved += u32::from(reader.buffer.as_ptr() != place);
            assert!(matches!(reader.next_piece(), Ok(None)));
            assert_eq!(reader.searched, number);
        }
        assert!(moved < 40, "{moved}");
    }
}
