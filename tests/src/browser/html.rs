//! Just enough HTML: forms with their fields, text and title. For pages that this project makes, and plain ones of others.

use http::Method;
use url::form_urlencoded;

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it goes, as written.
    pub action: String,
    /// How.
    pub method: Method,
    /// What it sends, buttons included.
    pub fields: Vec<Field>,
}

/// One control of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name; empty for one that is not sent.
    pub name: String,
    /// Its value.
    pub value: String,
    /// `text`, `hidden`, `submit`, …
    pub kind: String,
    /// The text on a button.
    pub label: String,
    /// Whether a box or a choice is on.
    checked: bool,
}

impl Form {
    /// The field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name && !field.is_button())
    }

    pub(super) fn has(&self, fields: &[(&str, &str)]) -> bool {
        fields.iter().all(|(name, _)| self.field(name).is_some())
    }

    /// The button with this text or value.
    pub(super) fn button(&self, wanted: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_button() && (field.label == wanted || field.value == wanted))
    }

    /// What is sent when the fields are filled in and `button`, or else the first one, is pressed.
    pub(super) fn encode(&self, filled: &[(&str, &str)], button: Option<&str>) -> String {
        let pressed = match button {
            Some(wanted) => self.button(wanted),
            None => self.fields.iter().find(|field| field.is_button()),
        };
        let mut encoder = form_urlencoded::Serializer::new(String::new());
        for field in &self.fields {
            if field.name.is_empty() {
                continue;
            }
            if field.is_button() {
                if pressed == Some(field) {
                    encoder.append_pair(&field.name, &field.value);
                }
                continue;
            }
            let choice = matches!(field.kind.as_str(), "checkbox" | "radio");
            let given = filled.iter().find(|(name, _)| *name == field.name).map(|(_, value)| *value);
            match given {
                Some(value) if choice => {
                    if value == field.value {
                        encoder.append_pair(&field.name, value);
                    }
                }
                Some(value) => {
                    encoder.append_pair(&field.name, value);
                }
                None if choice && !field.checked => {}
                None => {
                    encoder.append_pair(&field.name, &field.value);
                }
            }
        }
        encoder.finish()
    }
}

impl Field {
    fn is_button(&self) -> bool {
        matches!(self.kind.as_str(), "submit" | "image")
    }
}

/// A tag: its name in lower case (with `/` before it at the end of an element), its attributes, and the text up to the next one.
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    text: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (inside, after) = split_tag(after);
        let (name, attributes) = read_tag(inside);
        // What stands in these elements is no markup.
        if name == "script" || name == "style" {
            let end = format!("</{name}");
            rest = after.find(&end).and_then(|at| after.get(at..)).unwrap_or_default();
            continue;
        }
        let text = after.split('<').next().unwrap_or_default();
        found.push(Tag { name, attributes, text });
        rest = after;
    }
    found
}

/// Up to the `>` that is not within quotes, and what comes after it.
fn split_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => {
                return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            }
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None | Some(_), _) => {}
        }
    }
    (text, "")
}

fn read_tag(inside: &str) -> (String, Vec<(String, String)>) {
    let inside = inside.trim().trim_end_matches('/');
    let end = inside.find(char::is_whitespace).unwrap_or(inside.len());
    let (name, mut rest) = inside.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return (name.to_ascii_lowercase(), attributes);
        }
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let value = match after.trim_start().strip_prefix('=').map(str::trim_start) {
            None => {
                rest = after;
                ""
            }
            Some(quoted) if quoted.starts_with(['"', '\'']) => {
                let (quote, text) = quoted.split_at(1);
                let (value, after) = text.split_once(quote).unwrap_or((text, ""));
                rest = after;
                value
            }
            Some(bare) => {
                let end = bare.find(char::is_whitespace).unwrap_or(bare.len());
                let (value, after) = bare.split_at(end);
                rest = after;
                value
            }
        };
        attributes.push((key.to_ascii_lowercase(), unescape(value)));
    }
}

pub(super) fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut within = false;
    let mut choosing: Option<String> = None;
    for tag in tags(html) {
        let attribute = |name: &str| tag.attribute(name).unwrap_or_default().to_owned();
        let field = |kind: &str, value: String| Field {
            name: attribute("name"),
            value,
            kind: kind.to_owned(),
            label: collapse(&unescape(tag.text)),
            checked: tag.attribute("checked").is_some(),
        };
        match tag.name.as_str() {
            "form" => {
                let post = attribute("method").eq_ignore_ascii_case("post");
                let method = if post { Method::POST } else { Method::GET };
                forms.push(Form { action: attribute("action"), method, fields: Vec::new() });
                within = true;
            }
            "/form" => within = false,
            _ if !within => {}
            "input" => {
                let kind = tag.attribute("type").unwrap_or("text").to_ascii_lowercase();
                add(&mut forms, field(&kind, attribute("value")));
            }
            "button" => {
                let kind = tag.attribute("type").unwrap_or("submit").to_ascii_lowercase();
                add(&mut forms, field(&kind, attribute("value")));
            }
            "textarea" => add(&mut forms, field("text", unescape(tag.text))),
            "select" => {
                choosing = Some(attribute("name"));
                add(&mut forms, field("select", String::new()));
            }
            "/select" => choosing = None,
            "option" => {
                let value = tag.attribute("value").map_or_else(|| unescape(tag.text), str::to_owned);
                choose(&mut forms, choosing.as_deref(), value, tag.attribute("selected").is_some());
            }
            _ => {}
        }
    }
    forms
}

fn add(forms: &mut [Form], field: Field) {
    if let Some(form) = forms.last_mut() {
        form.fields.push(field);
    }
}

/// The first option, or the selected one.
fn choose(forms: &mut [Form], select: Option<&str>, value: String, selected: bool) {
    let fields = forms.last_mut().map(|form| form.fields.iter_mut().rev());
    let field = fields.and_then(|mut fields| fields.find(|field| Some(field.name.as_str()) == select));
    if let Some(field) = field.filter(|field| selected || field.value.is_empty()) {
        field.value = value;
    }
}

pub(super) fn text(html: &str) -> String {
    let body = html.split_once("<body").map_or(html, |(_, body)| body);
    let body = format!("<body{body}");
    let pieces: Vec<_> = tags(&body).iter().map(|tag| unescape(tag.text)).collect();
    collapse(&pieces.join(" "))
}

pub(super) fn title(html: &str) -> String {
    let found = tags(html).into_iter().find(|tag| tag.name == "title");
    found.map(|tag| collapse(&unescape(tag.text))).unwrap_or_default()
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let decoded = after.split_once(';').and_then(|(name, after)| Some((entity(name)?, after)));
        match decoded {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
