//! The commands there are: their words, who may give them, what they take. As the public schema of RoomOS 26.4 has them; `IsEncrypted` and the short
//! `Security Certificates Add` stand in the deployment guide alone.
//!
//! A [`Command`] is made by [`check`] only: its role, its parameters and their values were looked at.

use super::call::Call;
use super::path::is_word;
use super::refusal::Refusal;
use super::tree::Node;

/// Who may give a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May look at certificates and status.
    User,
    /// May do everything.
    Admin,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `Security ClientSecret Populate`
    SecretPopulate,
    /// `Security Certificates Services Add`
    CertificateAdd,
    /// `Security Certificates Services Show`
    CertificateShow,
    /// `Security Certificates Services Activate`
    CertificateActivate,
    /// `Security Certificates Services Deactivate`
    CertificateDeactivate,
    /// `Security Certificates Services Delete`
    CertificateDelete,
    /// `Security Certificates WebexIdentity Show`
    RootsShow,
    /// `Security Certificates CSR Create`
    RequestCreate,
    /// `Security Certificates CSR Link`
    RequestLink,
}

/// What certificates are for.
pub const PURPOSES: [&str; 8] =
    ["802.1X", "HTTPS", "Audit", "SIP", "Pairing", "WebexIdentity", "HttpClient", "HttpProxy"];

/// The purpose that this is about.
pub const WEBEX_IDENTITY: &str = "WebexIdentity";

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A text of at most so many octets, and of at least one if it has to say something.
    Text { longest: usize, filled: bool },
    /// One of these, in any case.
    OneOf(&'static [&'static str]),
}

/// A parameter of a command.
#[derive(Debug)]
struct Parameter {
    name: &'static str,
    kind: Kind,
    required: bool,
    /// How many times it may be given.
    most: usize,
}

const fn text(name: &'static str, longest: usize) -> Parameter {
    Parameter { name, kind: Kind::Text { longest, filled: false }, required: false, most: 1 }
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Kind::OneOf(values), required: false, most: 1 }
}

const fn filled(name: &'static str, longest: usize) -> Parameter {
    Parameter { name, kind: Kind::Text { longest, filled: true }, required: false, most: 1 }
}

const fn required(parameter: Parameter) -> Parameter {
    Parameter { required: true, ..parameter }
}

const fn several(parameter: Parameter) -> Parameter {
    Parameter { most: 5, ..parameter }
}

/// One command.
#[derive(Debug)]
pub struct Spec {
    /// Its words.
    pub words: &'static [&'static str],
    /// What it does.
    pub verb: Verb,
    /// Who may give it, at least.
    pub role: Role,
    /// Whether a body follows.
    pub multiline: bool,
    parameters: &'static [Parameter],
}

impl Spec {
    /// Whether it has a parameter of this name.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }
}

const BOOLEAN: &[&str] = &["True", "False"];
const PURPOSE: Parameter = required(one_of("Purpose", &PURPOSES));

/// Every command.
pub const COMMANDS: &[Spec] = &[
    Spec {
        words: &["Security", "ClientSecret", "Populate"],
        verb: Verb::SecretPopulate,
        role: Role::Admin,
        multiline: false,
        parameters: &[required(text("Secret", 1_024))],
    },
    Spec {
        words: &["Security", "Certificates", "Services", "Add"],
        verb: Verb::CertificateAdd,
        role: Role::Admin,
        multiline: true,
        parameters: &[text("PrivateKeyPassword", 128), one_of("IsEncrypted", BOOLEAN)],
    },
    Spec {
        words: &["Security", "Certificates", "Add"],
        verb: Verb::CertificateAdd,
        role: Role::Admin,
        multiline: true,
        parameters: &[text("PrivateKeyPassword", 128), one_of("IsEncrypted", BOOLEAN)],
    },
    Spec {
        words: &["Security", "Certificates", "Services", "Show"],
        verb: Verb::CertificateShow,
        role: Role::User,
        multiline: false,
        parameters: &[
            one_of("Filter", &PURPOSES),
            one_of("FingerprintAlgorithm", &["SHA-1", "SHA-256"]),
            one_of("Format", &["Text", "PEM"]),
        ],
    },
    Spec {
        words: &["Security", "Certificates", "Services", "Activate"],
        verb: Verb::CertificateActivate,
        role: Role::Admin,
        multiline: false,
        parameters: &[required(text("Fingerprint", 1_024)), PURPOSE],
    },
    Spec {
        words: &["Security", "Certificates", "Services", "Deactivate"],
        verb: Verb::CertificateDeactivate,
        role: Role::Admin,
        multiline: false,
        parameters: &[required(text("Fingerprint", 1_024)), PURPOSE],
    },
    Spec {
        words: &["Security", "Certificates", "Services", "Delete"],
        verb: Verb::CertificateDelete,
        role: Role::Admin,
        multiline: false,
        parameters: &[required(text("Fingerprint", 128))],
    },
    Spec {
        words: &["Security", "Certificates", "WebexIdentity", "Show"],
        verb: Verb::RootsShow,
        role: Role::Admin,
        multiline: false,
        parameters: &[one_of("Filter", &["Internal", "External"]), one_of("Format", &["Text", "PEM"])],
    },
    Spec {
        words: &["Security", "Certificates", "CSR", "Create"],
        verb: Verb::RequestCreate,
        role: Role::Admin,
        multiline: false,
        parameters: &[
            required(filled("CommonName", 64)),
            text("CountryName", 2),
            text("LocalityName", 64),
            text("OrganizationName", 64),
            text("OrganizationalUnit", 64),
            text("StateOrProvinceName", 64),
            several(text("SanDns", 64)),
            several(text("SanEmail", 64)),
            several(text("SanIp", 64)),
            several(text("SanUri", 64)),
        ],
    },
    Spec {
        words: &["Security", "Certificates", "CSR", "Link"],
        verb: Verb::RequestLink,
        role: Role::Admin,
        multiline: true,
        parameters: &[],
    },
];

/// A command that may be given, with parameters that it may have.
pub struct Command {
    spec: &'static Spec,
    call: Call,
}

impl Command {
    /// What it does.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.spec.verb
    }

    /// How it was given.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The value of a parameter that has a list of values, spelled as in the list.
    #[must_use]
    pub fn choice(&self, name: &str) -> Option<&'static str> {
        let parameter = self.spec.parameters.iter().find(|parameter| parameter.name == name)?;
        let Kind::OneOf(values) = parameter.kind else { return None };
        let given = self.call.parameter(name)?;
        values.iter().find(|value| value.eq_ignore_ascii_case(given)).copied()
    }

    /// What the result is called: `ServicesShowResult`.
    #[must_use]
    pub fn result_name(&self) -> String {
        result_name(self.spec.words)
    }
}

/// The last two words and `Result`.
#[must_use]
pub fn result_name<W: AsRef<str>>(words: &[W]) -> String {
    let from = words.len().saturating_sub(2);
    let last: String = words.iter().skip(from).map(AsRef::as_ref).collect();
    format!("{last}Result")
}

/// The command with these words, if there is one.
#[must_use]
pub fn find<W: AsRef<str>>(words: &[W]) -> Option<&'static Spec> {
    let same = |spec: &&Spec| {
        spec.words.len() == words.len()
            && spec.words.iter().zip(words).all(|(one, two)| one.eq_ignore_ascii_case(two.as_ref()))
    };
    COMMANDS.iter().find(same)
}

/// Whether a word looks like the compact form of a JWE: five parts with dots between (RFC 7516 §3.1).
#[must_use]
pub fn is_compact(word: &str) -> bool {
    let octet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    word.starts_with("eyJ")
        && word.bytes().filter(|octet| *octet == b'.').count() == 4
        && word.bytes().all(octet)
}

/// Takes a command that somebody with this role may give.
///
/// # Errors
/// [`Refusal`]
pub fn check(mut call: Call, role: Role) -> Result<Command, Refusal> {
    take_inline_body(&mut call);
    let Some(spec) = find(&call.words) else {
        let path = call.words.iter().take(8).map(|word| if is_word(word) { word.as_str() } else { "?" });
        return Err(Refusal::UnknownCommand { path: path.map(|word| format!("/{word}")).collect() });
    };
    if role < spec.role {
        return Err(Refusal::Permission);
    }
    let missing = |name: &str| Refusal::Parameter { name: name.to_owned() };
    for (name, value) in &call.parameters {
        let known = spec.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        let parameter = known.ok_or_else(|| missing(if is_word(name) { name } else { "?" }))?;
        let fits = match parameter.kind {
            Kind::Text { longest, filled } => {
                value.len() <= longest && !(filled && value.is_empty()) && !value.contains(['\n', '\r', '\0'])
            }
            Kind::OneOf(values) => values.iter().any(|known| known.eq_ignore_ascii_case(value)),
        };
        if !fits || call.values(name).count() > parameter.most {
            return Err(missing(parameter.name));
        }
    }
    // The schema calls `Populate` a command of several lines, yet its flag says it is none: both ways are taken.
    let in_body = spec.verb == Verb::SecretPopulate && call.body.is_some();
    if let Some(absent) = spec.parameters.iter().find(|p| p.required && call.parameter(p.name).is_none())
        && !in_body
    {
        return Err(missing(absent.name));
    }
    if spec.multiline && call.body.is_none() {
        return Err(missing("body"));
    }
    if !spec.multiline && !in_body && call.body.is_some() {
        return Err(missing("body"));
    }
    Ok(Command { spec, call })
}

/// `Services Add eyJ…`: the guide's inline form.
fn take_inline_body(call: &mut Call) {
    let Some((last, before)) = call.words.split_last() else { return };
    if call.body.is_none() && is_compact(last) && find(before).is_some_and(|spec| spec.multiline) {
        call.body = call.words.pop().map(Into::into);
    }
}

/// The schema, as `xDocument` and `xDoc` show it.
#[must_use]
pub fn document() -> Node {
    let values = COMMANDS.iter().map(|spec| {
        let mut node = Node::branch([
            ("command", Node::leaf("True")),
            ("multiline", Node::leaf(if spec.multiline { "True" } else { "False" })),
            ("role", Node::leaf(if spec.role == Role::User { "Admin,User" } else { "Admin" })),
        ]);
        for parameter in spec.parameters {
            let (kind, limit) = match parameter.kind {
                Kind::Text { longest, .. } => ("String", longest.to_string()),
                Kind::OneOf(values) => ("Literal", values.join(",")),
            };
            let shown = Node::leaves([
                ("required", if parameter.required { "True" } else { "False" }.to_owned()),
                ("ValueSpace", format!("{kind} {limit}")),
            ]);
            node.push(parameter.name, shown);
        }
        (spec.words, node)
    });
    let mut root = Node::empty();
    for (words, node) in values {
        merge(&mut root, words, node);
    }
    Node::branch([("Command", root)])
}

fn merge(into: &mut Node, words: &[&str], node: Node) {
    let (Node::Branch(children), Some((first, rest))) = (into, words.split_first()) else { return };
    let at = match children.iter().position(|(name, _)| name == first) {
        Some(at) => at,
        None => {
            children.push(((*first).to_owned(), Node::empty()));
            children.len() - 1
        }
    };
    let Some((_, child)) = children.get_mut(at) else { return };
    if rest.is_empty() { *child = node } else { merge(child, rest, node) }
}
