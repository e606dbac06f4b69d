//! A TShell: what is typed goes in, what the device answers comes out, in the mode that was asked for. Events come out between answers.
//!
//! Knows nothing of SSH. The banner ends in a line `OK`; so does every answer at a terminal. In the modes for programs an answer is nothing but JSON or XML, which
//! `jsxapi` depends on.

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::line::{Line, Order, Output, Piece, Reader, Unreadable, parse};
use crate::room::bounds::{LONGEST, MOST_SUBSCRIPTIONS};
use crate::room::device::accounts::Who;
use crate::room::device::{Change, Device, Outcome};
use crate::room::xapi::schema::{self, Verb};
use crate::room::xapi::text::{lines, valued, xml};
use crate::room::xapi::{Call, Node, Path, Refusal, Step};

const HELP: &str = "xCommand xConfiguration xDocument xFeedback xGetXml xPreferences xStatus echo help bye";

/// What the connection is to do after some input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Go on.
    Stay,
    /// End.
    Leave,
}

/// A command that waits for the lines of its body.
struct Collecting {
    call: Call,
    result_id: Option<String>,
    body: Zeroizing<String>,
}

/// One shell.
pub(super) struct Shell {
    device: Device,
    who: Who,
    reader: Reader,
    collecting: Option<Collecting>,
    output: Output,
    echo: bool,
    subscriptions: Vec<Path>,
    /// How lines end: a terminal wants `\r\n`.
    terminal: bool,
}

impl Shell {
    /// A shell for somebody.
    #[must_use]
    pub(super) fn new(device: Device, who: Who, terminal: bool) -> Self {
        Self {
            device,
            who,
            reader: Reader::default(),
            collecting: None,
            output: Output::Terminal,
            echo: true,
            subscriptions: Vec::new(),
            terminal,
        }
    }

    /// What is shown first.
    #[must_use]
    pub(super) fn banner(&self) -> String {
        let name = self.device.name();
        self.ended(&format!("Welcome to {name}\nRollcall room emulator\n*r Login successful\n\nOK\n\n"))
    }

    /// Without what is typed, as for a single command.
    #[must_use]
    pub(super) fn silent(mut self) -> Self {
        self.echo = false;
        self
    }

    /// Takes what came; what is echoed of it.
    #[must_use]
    pub(super) fn feed(&mut self, octets: &[u8]) -> String {
        self.reader.feed(octets);
        if !self.echo {
            return String::new();
        }
        let shown = String::from_utf8_lossy(octets).replace("\r\n", "\n").replace('\r', "\n");
        self.ended(&shown)
    }

    /// Obeys the next line or body of what came, if there is one: what is to be answered, and whether to go on.
    ///
    /// # Errors
    /// [`Unreadable`]: the connection is to end.
    pub(super) async fn next(&mut self) -> Result<Option<(String, Next)>, Unreadable> {
        let Some(piece) = self.reader.next_piece()? else { return Ok(None) };
        let mut said = String::new();
        let next = match piece {
            Piece::Line(line) if self.collecting.is_some() => self.collect(&line, &mut said).await?,
            Piece::Line(line) => self.obey(parse(&line), &mut said).await,
            Piece::Framed(text) => self.framed(&text, &mut said).await,
        };
        Ok(Some((self.ended(&said), next)))
    }

    /// What is to be told of a change.
    #[must_use]
    pub(super) fn told(&self, change: &Change) -> String {
        let about = change
            .iter()
            .filter(|(changed, _)| self.subscriptions.iter().any(|path| changed.is_within(path)));
        let node = Node::of_values(about);
        if node == Node::empty() {
            return String::new();
        }
        self.ended(&match self.output {
            Output::Json => shown_json(&valued(&node)),
            Output::Xml => format!("{}\n", xml(&node)),
            Output::Terminal => format!("{}** end\n", lines("*s", &below_root(node))),
        })
    }

    async fn framed(&mut self, text: &str, said: &mut String) -> Next {
        let (line, body) = text.split_once('\n').unwrap_or((text, ""));
        let mut line = parse(line);
        if let Order::Command(call) = &mut line.order {
            let body = body.strip_suffix('\n').unwrap_or(body);
            call.body = Some(Zeroizing::new(body.replace("\r\n", "\n")));
        }
        self.obey(line, said).await
    }

    /// One line of a body.
    async fn collect(&mut self, line: &str, said: &mut String) -> Result<Next, Unreadable> {
        let Some(mut collecting) = self.collecting.take() else { return Ok(Next::Stay) };
        if line == "." {
            collecting.call.body = Some(collecting.body);
            let line = Line { order: Order::Command(collecting.call), result_id: collecting.result_id };
            return Ok(self.obey(line, said).await);
        }
        if collecting.body.len() + line.len() >= LONGEST {
            return Err(Unreadable::TooLong);
        }
        let needed = collecting.body.len() + line.len() + 1;
        if collecting.body.capacity() < needed {
            // The old one is wiped, which growing in place would not do; twice the room, so that it is not copied for each line.
            let mut grown = Zeroizing::new(String::with_capacity(needed * 2));
            grown.push_str(&collecting.body);
            collecting.body = grown;
        }
        collecting.body.push_str(line);
        collecting.body.push('\n');
        self.collecting = Some(collecting);
        Ok(Next::Stay)
    }

    async fn obey(&mut self, line: Line, said: &mut String) -> Next {
        let Line { order, result_id } = line;
        let id = result_id.as_deref();
        match order {
            Order::Nothing => {}
            Order::Bye => return Next::Leave,
            Order::Help => said.push_str(&format!("{HELP}\n\nOK\n\n")),
            Order::Echo(on) => {
                self.echo = on;
                said.push_str("\nOK\n");
            }
            Order::Preferences(output) => {
                self.output = output;
                if output == Output::Terminal {
                    said.push_str("\nOK\n");
                }
            }
            Order::Command(call) => return self.command(call, result_id, said).await,
            Order::Get(path) => said.push_str(&self.found(&path, id).await),
            Order::GetXml(path) => {
                let found = self.device.get(&path).await.map(|(path, node)| node.under(&path));
                let node = found.unwrap_or_else(|_| Node::branch([("EmptyResult", Node::leaf(""))]));
                said.push_str(&format!("<XmlDoc>{}</XmlDoc>\n", xml(&node)));
            }
            Order::Document(path) => said.push_str(&self.document(&path, id).await),
            Order::Set(path, value) => said.push_str(&self.set(&path, &value, id).await),
            Order::Register(path) => {
                let node = self.register(path);
                said.push_str(&self.shown(node, id));
            }
            Order::Deregister(path) => {
                self.subscriptions.retain(|known| *known != path);
                said.push_str(&self.shown(Ok(("FeedbackDeregisterResult".to_owned(), done())), id));
            }
            Order::DeregisterAll => {
                self.subscriptions.clear();
                said.push_str(&self.shown(Ok(("FeedbackDeregisterResult".to_owned(), done())), id));
            }
            Order::Subscriptions => {
                let paths =
                    self.subscriptions.iter().map(|path| Node::leaves([("Query", format!("/{path}"))]));
                let node = Node::branch([("status", Node::leaf("OK")), ("Registered", Node::list(paths))]);
                said.push_str(&self.shown(Ok(("FeedbackListResult".to_owned(), node)), id));
            }
            Order::Unknown => {
                let refusal = Refusal::UnknownCommand { path: "/".to_owned() };
                said.push_str(&self.shown(Err(("Result".to_owned(), refusal)), id));
            }
        }
        Next::Stay
    }

    async fn command(&mut self, call: Call, result_id: Option<String>, said: &mut String) -> Next {
        if wants_body(&call) {
            self.collecting = Some(Collecting { call, result_id, body: Zeroizing::default() });
            return Next::Stay;
        }
        let answer = match self.device.execute(&self.who.name, self.who.role, call).await {
            Outcome::Done { name, result } => Ok((name, result)),
            Outcome::Refused { refusal: refusal @ Refusal::UnknownCommand { .. }, .. } => {
                Err(("Result".to_owned(), refusal))
            }
            Outcome::Refused { name, refusal } => Err((name, refusal)),
            Outcome::CutOff => return Next::Leave,
        };
        said.push_str(&self.shown(answer, result_id.as_deref()));
        Next::Stay
    }

    fn register(&mut self, path: Path) -> Result<(String, Node), (String, Refusal)> {
        let name = "FeedbackRegisterResult".to_owned();
        if self.subscriptions.len() >= MOST_SUBSCRIPTIONS {
            return Err((name, Refusal::Subscriptions));
        }
        if !self.subscriptions.contains(&path) {
            self.subscriptions.push(path);
        }
        Ok((name, done()))
    }

    async fn found(&self, path: &Path, id: Option<&str>) -> String {
        let root = root_of(path);
        match self.device.get(path).await {
            Ok((path, node)) => {
                self.marked(node.under(&path), if root == "Status" { "*s" } else { "*c" }, id)
            }
            Err(refusal) => self.marked(Node::branch([(&*root, refusal.node())]), "*r", id),
        }
    }

    async fn set(&self, path: &Path, value: &str, id: Option<&str>) -> String {
        match self.device.set(&self.who.name, self.who.role, path, value).await {
            Ok(()) if self.output == Output::Terminal => "** end\n\nOK\n".to_owned(),
            Ok(()) => self.marked(Node::empty(), "*c", id),
            Err(refusal @ Refusal::IllegalValue { .. }) => {
                let wrong = Node::leaves([
                    ("error", "True".to_owned()),
                    ("Value", refusal.to_string()),
                    ("Code", refusal.code().to_owned()),
                ]);
                self.marked(wrong.under(path), "*c", id)
            }
            Err(refusal) => self.marked(Node::branch([("Configuration", refusal.node())]), "*r", id),
        }
    }

    async fn document(&self, path: &Path, id: Option<&str>) -> String {
        let whole = self.device.document().await;
        let schema = matches!(path.steps().first(), Some(Step::Name(root)) if root == "StatusSchema");
        let whole = match whole.find(&Path::parse("Status").unwrap_or_default()) {
            Some((_, status)) if schema => Node::branch([("StatusSchema", status.clone())]),
            _ => whole,
        };
        match whole.find(path) {
            Some((path, node)) => {
                let mut value = crate::room::xapi::text::collapsed(&node.clone().under(&path));
                add_id(&mut value, id);
                shown_json(&value)
            }
            None => {
                let refusal = Refusal::UnknownPath { path: path.to_string() };
                self.marked(Node::branch([("Document", refusal.node())]), "*r", id)
            }
        }
    }

    /// The answer to a command.
    fn shown(&self, answer: Result<(String, Node), (String, Refusal)>, id: Option<&str>) -> String {
        let (name, node) = match answer {
            Ok((name, node)) => (name, node),
            Err((name, refusal)) => (name, refusal.node()),
        };
        let result = Node::branch([(&*name, node)]);
        match self.output {
            Output::Json => self.marked(Node::branch([("CommandResponse", result)]), "*r", id),
            Output::Xml => self.marked(Node::branch([("Command", result)]), "*r", id),
            Output::Terminal => self.marked(result, "*r", id),
        }
    }

    /// A whole answer in the present mode.
    fn marked(&self, node: Node, mark: &str, id: Option<&str>) -> String {
        match self.output {
            Output::Json => {
                let mut value = valued(&node);
                add_id(&mut value, id);
                shown_json(&value)
            }
            Output::Xml => {
                let id = id.map(|id| format!(" resultId=\"{}\"", crate::room::xapi::text::escaped(id)));
                format!("<XmlDoc{}>{}</XmlDoc>\n", id.unwrap_or_default(), xml(&node))
            }
            Output::Terminal => {
                let node = if mark == "*r" { node } else { below_root(node) };
                let id = id.map(|id| format!("** resultId: {}\n", json!(id))).unwrap_or_default();
                format!("{}{id}** end\n\nOK\n", lines(mark, &node))
            }
        }
    }

    /// With the line ends that the peer wants.
    fn ended(&self, text: &str) -> String {
        if self.terminal { text.replace('\n', "\r\n") } else { text.to_owned() }
    }
}

/// Whether the command goes on until a lone `.`.
fn wants_body(call: &Call) -> bool {
    let inline = call.words.last().is_some_and(|word| schema::is_compact(word));
    let secret = |spec: &schema::Spec| spec.verb == Verb::SecretPopulate && call.parameters.is_empty();
    let takes = schema::find(&call.words).is_some_and(|spec| spec.multiline || secret(spec));
    takes && !inline && call.body.is_none()
}

fn done() -> Node {
    Node::branch([("status", Node::leaf("OK"))])
}

fn root_of(path: &Path) -> String {
    match path.steps().first() {
        Some(Step::Name(root)) => root.clone(),
        _ => "Status".to_owned(),
    }
}

/// At a terminal the mark says `Status` or `Configuration`.
fn below_root(node: Node) -> Node {
    match node {
        Node::Branch(mut children) if children.len() == 1 => match children.pop() {
            Some((_, child)) => child,
            None => Node::empty(),
        },
        other => other,
    }
}

fn add_id(value: &mut Value, id: Option<&str>) {
    if let (Value::Object(members), Some(id)) = (value, id) {
        members.insert("ResultId".to_owned(), Value::from(id));
    }
}

fn shown_json(value: &Value) -> String {
    let empty = Value::Object(Map::new());
    let text = serde_json::to_string_pretty(if value.is_null() { &empty } else { value }).unwrap_or_default();
    format!("{text}\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ca_server::clock::SystemClock;

    use super::*;
    use crate::room::device::accounts::Accounts;
    use crate::room::device::{Console, Parts, Trust};
    use crate::room::xapi::schema::Role;

    #[tokio::test]
    async fn a_body_of_many_lines_is_seldom_copied() {
        let device = Device::new(Parts {
            name: "Room 1".to_owned(),
            accounts: Accounts::default(),
            trust: Trust::default(),
            clock: Arc::new(SystemClock),
            spoils: Vec::new(),
            console: Console::default(),
        });
        let who = Who { name: "admin".to_owned(), role: Role::Admin };
        let mut shell = Shell::new(device, who, false).silent();
        let _ = shell.feed(b"xCommand Security Certificates Services Add\n");
        let _ = shell.feed("a\n".repeat(10_000).as_bytes());
        let (mut capacity, mut grown) = (0, 0);
        while let Ok(Some((said, Next::Stay))) = shell.next().await {
            assert!(said.is_empty(), "{said}");
            let now = shell.collecting.as_ref().map_or(0, |collecting| collecting.body.capacity());
            grown += u32::from(now != capacity);
            capacity = now;
        }
        assert_eq!(shell.collecting.as_ref().map(|collecting| collecting.body.len()), Some(20_000));
        assert!(grown < 20, "{grown}");
    }
}
