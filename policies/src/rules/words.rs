//! Cedar's diagnostics, put so that they fit behind `error:` and `hint:`: one line, the rule not named once more, and advice that
//! knows what this schema means where Cedar can only guess at a misspelling.

use cedar_policy::ffi::DetailedError;

/// The message, with what its arrow would point at.
pub(super) fn message(detail: &DetailedError) -> String {
    let label = detail.source_locations.first().and_then(|location| location.label.as_deref());
    let message = one_line(&detail.message);
    label.map_or_else(|| message.clone(), |label| format!("{message} ({label})"))
}

/// The advice, if there is any.
pub(super) fn help(detail: &DetailedError) -> Option<String> {
    our_advice(&detail.message).or_else(|| detail.help.as_deref().map(one_line))
}

fn our_advice(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("attribute `")?;
    let (attribute, rest) = rest.split_once('`')?;
    if !rest.ends_with("not found") {
        return None;
    }
    match attribute {
        "proofs" | "keyKind" if rest.contains("in context for Action::") => Some(format!(
            "`{attribute}` is known only when a certificate is issued: write `action == Action::\"issue\"`"
        )),
        "name" | "labels" | "wildcard" => Some(ask_first("Dns")),
        "address" | "local" | "domain" => Some(ask_first("Email")),
        "uri" => Some(ask_first("Uri")),
        _ => None,
    }
}

fn ask_first(kind: &str) -> String {
    format!(
        "only {kind} has this: write `resource is {kind}` in the head of the rule, or `resource is {kind} && …` before it"
    )
}

/// One line, without the preamble that names the rule.
fn one_line(text: &str) -> String {
    let behind_id =
        text.strip_prefix("for policy `").and_then(|rest| rest.split_once('`')).map(|(_, rest)| rest);
    let text = behind_id
        .and_then(|rest| rest.strip_prefix(", ").or_else(|| rest.strip_prefix(": ")))
        .unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
