//! What `putxml` takes: commands, or settings, in XML without a document type.
//!
//! `<Command><A><B><C command="True"><Parameter>…</Parameter><body>…</body></C></B></A></Command>`, or `<Configuration><A><B>value</B></A></Configuration>`.
//! Bounded in nodes, depth and number. What a command may have is not looked at here.

use roxmltree::{Document as Xml, Node as Element, ParsingOptions};
use zeroize::Zeroizing;

use crate::room::xapi::path::is_word;
use crate::room::xapi::{Call, Path, Step, schema};

/// Most elements, attributes and texts.
const MOST_NODES: u32 = 2_000;
/// Most commands or settings of one request.
const MOST_ACTIONS: usize = 20;
/// Deepest element.
const DEEPEST: usize = 16;

/// Why a text is nothing for `putxml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPutXml {
    /// Not XML, or with a document type.
    #[error("the body is not XML, or has a document type")]
    Xml,
    /// Another root than `Command` or `Configuration`.
    #[error("the root is neither Command nor Configuration")]
    Root,
    /// Too deep, or too many.
    #[error("the document is too deep, or has too many commands")]
    Large,
    /// A name that nothing has.
    #[error("an element has a name that nothing of the xAPI has")]
    Name,
    /// Nothing is in it.
    #[error("the document holds no command and no setting")]
    Empty,
}

/// What is to be done.
#[derive(Debug)]
pub enum Document {
    /// Commands, in order.
    Commands(Vec<Call>),
    /// Settings and their values, in order.
    Settings(Vec<(Path, String)>),
}

/// Reads a document.
///
/// # Errors
/// [`NotPutXml`]
pub fn parse(text: &str) -> Result<Document, NotPutXml> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let xml = Xml::parse_with_options(text, options).map_err(|_| NotPutXml::Xml)?;
    let mut root = xml.root_element();
    if root.tag_name().name() == "XmlDoc" {
        root = root.first_element_child().ok_or(NotPutXml::Empty)?;
    }
    let document = match root.tag_name().name() {
        "Command" => {
            let mut calls = Vec::new();
            gather_commands(root, &mut Vec::new(), &mut calls)?;
            Document::Commands(calls)
        }
        "Configuration" => {
            let mut settings = Vec::new();
            gather_settings(root, &mut vec![Step::Name("Configuration".to_owned())], &mut settings)?;
            Document::Settings(settings)
        }
        _ => return Err(NotPutXml::Root),
    };
    let empty = match &document {
        Document::Commands(calls) => calls.is_empty(),
        Document::Settings(settings) => settings.is_empty(),
    };
    if empty { Err(NotPutXml::Empty) } else { Ok(document) }
}

fn children<'a, 'i>(of: Element<'a, 'i>) -> impl Iterator<Item = Element<'a, 'i>> {
    of.children().filter(Element::is_element)
}

fn name_of<'a>(element: Element<'a, '_>) -> Result<&'a str, NotPutXml> {
    let name = element.tag_name().name();
    if is_word(name) { Ok(name) } else { Err(NotPutXml::Name) }
}

fn gather_commands(
    element: Element<'_, '_>,
    words: &mut Vec<String>,
    calls: &mut Vec<Call>,
) -> Result<(), NotPutXml> {
    for child in children(element) {
        if words.len() >= DEEPEST || calls.len() >= MOST_ACTIONS {
            return Err(NotPutXml::Large);
        }
        words.push(name_of(child)?.to_owned());
        let marked = child.attribute("command").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        // Without the mark: what is known as a command, or has nothing below it.
        if marked || schema::find(words).is_some() || children(child).next().is_none() {
            calls.push(call(child, words)?);
        } else {
            gather_commands(child, words, calls)?;
        }
        words.pop();
    }
    Ok(())
}

fn call(element: Element<'_, '_>, words: &[String]) -> Result<Call, NotPutXml> {
    let mut call = Call { words: words.to_vec(), ..Call::default() };
    for child in children(element) {
        if children(child).next().is_some() {
            return Err(NotPutXml::Name);
        }
        let value = Zeroizing::new(text_of(child));
        match name_of(child)? {
            "body" if call.body.is_some() => return Err(NotPutXml::Name),
            "body" => call.body = Some(value),
            name => call.parameters.push((name.to_owned(), value)),
        }
    }
    // `<Add command="True">PEM</Add>`: nobody writes so, and no command takes it.
    Ok(call)
}

fn gather_settings(
    element: Element<'_, '_>,
    steps: &mut Vec<Step>,
    settings: &mut Vec<(Path, String)>,
) -> Result<(), NotPutXml> {
    for child in children(element) {
        if steps.len() >= DEEPEST || settings.len() >= MOST_ACTIONS {
            return Err(NotPutXml::Large);
        }
        let before = steps.len();
        steps.push(Step::Name(name_of(child)?.to_owned()));
        if let Some(item) = child.attribute("item").and_then(|item| item.parse().ok()) {
            steps.push(Step::Item(item));
        }
        if children(child).next().is_some() {
            gather_settings(child, steps, settings)?;
        } else {
            let path = Path::of(steps.clone()).ok_or(NotPutXml::Name)?;
            settings.push((path, text_of(child)));
        }
        steps.truncate(before);
    }
    Ok(())
}

/// Every piece of text in an element.
fn text_of(element: Element<'_, '_>) -> String {
    element.children().filter(Element::is_text).filter_map(|piece| piece.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_its_words_parameters_and_body() {
        let text = "<Command><Security><Certificates><Services><Add command=\"True\"><IsEncrypted>True</IsEncrypted>\
            <body>a&#10;<![CDATA[<b>]]></body></Add></Services></Certificates></Security></Command>";
        let Ok(Document::Commands(calls)) = parse(text) else { panic!("it is one") };
        assert_eq!(calls[0].words.join(" "), "Security Certificates Services Add");
        assert_eq!(calls[0].parameter("isencrypted").unwrap().as_str(), "True");
        assert_eq!(calls[0].body.as_ref().unwrap().as_str(), "a\n<b>");
    }

    #[test]
    fn settings_are_paths_and_values() {
        let text = "<Configuration><A><B item=\"2\"><C>on</C></B></A></Configuration>";
        let Ok(Document::Settings(settings)) = parse(text) else { panic!("they are") };
        assert_eq!(settings[0].0.to_string(), "Configuration/A/B[2]/C");
        assert_eq!(settings[0].1, "on");
    }
}
