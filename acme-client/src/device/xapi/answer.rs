//! What a device says: a result, or a refusal with its words; and what a refusal can mean.
//!
//! Codes count before words, since words differ with the software. Nothing here is believed further than that: whatever a person may come to see is cut short and made tame,
//! without control characters and without those that turn the direction of writing.

use serde_json::Value;

/// Longest words of a device that are kept.
const LONGEST: usize = 300;

/// The device understood and did not do it. Whatever it was about is as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("the device refused: {reason}")]
pub struct Refusal {
    /// Its words, tame and short.
    pub reason: String,
    /// A word for programs, where it gives one.
    pub code: Option<String>,
    /// Whether a parameter was the trouble, not what it said.
    pub parameter: bool,
}

impl Refusal {
    /// From the words of a device.
    pub fn new(reason: &str) -> Self {
        Self { reason: tame(reason), code: None, parameter: false }
    }

    /// With the code of a JSON-RPC error, and what came with it.
    pub(super) fn of_rpc(code: i64, message: &str, data: Option<&Value>) -> Self {
        let inner = data.and_then(|data| judge(data.clone()).err());
        let (reason, word) = match inner {
            Some(inner) => (inner.reason, inner.code),
            None => (tame(message), None),
        };
        let reason = if reason.is_empty() { format!("error {code}") } else { reason };
        let word = word.or(match code {
            -31_999 => Some("permission".to_owned()),
            -32_601 => Some("unknown-command".to_owned()),
            _ => None,
        });
        Self { reason, code: word, parameter: matches!(code, 4 | -32_602) }
    }

    /// Whether this command, or this path, is none that the device has.
    pub fn is_unknown(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with("unknown-"))
            || ["unknown command", "no match on"]
                .iter()
                .any(|word| self.reason.to_ascii_lowercase().contains(word))
    }

    /// Whether the account may not do this.
    pub fn is_permission(&self) -> bool {
        match self.code.as_deref() {
            Some(code) => code == "permission",
            None => self.reason.to_ascii_lowercase().contains("permission"),
        }
    }

    /// Whether something sealed may have been refused because the device has no client secret. Real devices do not say.
    pub fn may_lack_secret(&self) -> bool {
        self.code.as_deref() == Some("secret-missing") || self.is_vague()
    }

    /// Whether something sealed may have been refused because the device has another client secret.
    pub fn may_be_other_secret(&self) -> bool {
        self.code.as_deref() == Some("jwe-not-opened") || self.is_vague()
    }

    /// No code, and no words that mean something of their own.
    fn is_vague(&self) -> bool {
        self.code.is_none() && !self.parameter && !self.is_permission() && !self.is_unknown()
    }
}

/// A result, unless its `status` says that it is none.
pub(super) fn judge(result: Value) -> Result<Value, Refusal> {
    let status = result.get("status").and_then(Value::as_str).unwrap_or_default();
    let parameter = status.eq_ignore_ascii_case("ParameterError");
    if !parameter && !status.eq_ignore_ascii_case("Error") {
        return Ok(result);
    }
    let said = ["Reason", "Error"].iter().find_map(|name| said(result.get(name)?));
    let path = result.get("XPath").and_then(said_at).map(|path| format!(" ({path})")).unwrap_or_default();
    let reason =
        said.unwrap_or_else(|| if parameter { "a parameter".into() } else { "no reason given".into() });
    let code = result.get("Code").and_then(Value::as_str).map(tame);
    Err(Refusal { reason: tame(&format!("{reason}{path}")), code, parameter })
}

fn said(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("Value").and_then(Value::as_str))?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn said_at(value: &Value) -> Option<String> {
    said(value)
}

/// What stands at a path of an answer; absent is `null`.
pub fn descend(mut value: Value, path: &[&str]) -> Value {
    for step in path {
        value = match &mut value {
            Value::Object(members) => {
                let name = members.keys().find(|name| name.eq_ignore_ascii_case(step)).cloned();
                name.and_then(|name| members.remove(&name)).unwrap_or_default()
            }
            Value::Array(items) if items.len() == 1 => descend(items.remove(0), &[step]),
            _ => Value::Null,
        };
    }
    value
}

/// The text of a member, whatever its case.
pub fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    let members = value.as_object()?;
    members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
}

/// One line that a terminal shows as it is, of 300 characters at most.
pub fn tame(text: &str) -> String {
    let turning = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean = text.chars().map(|c| if c.is_control() || turning(c) { ' ' } else { c });
    clean.take(LONGEST).collect::<String>().trim().to_owned()
}
