//! What a document may hold as text, before a parser sees it.
//!
//! A response is elements, attributes, text and the five named entities, in UTF-8. Everything on which parsers are known to differ or that
//! costs more than it is long (document types, entities, comments, CDATA, processing instructions, relative namespace names) is refused
//! here, by octets alone. Since the first `<!` or `<?` ends the scan, it cannot itself be hidden inside one of these.

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LexicalFault {
    /// Not UTF-8, or with a byte order mark.
    #[error("it is not plain UTF-8")]
    NotUtf8,
    /// The XML declaration is unreadable or names another encoding or version.
    #[error("its XML declaration is not for XML 1.0 in UTF-8")]
    Declaration,
    /// A document type.
    #[error("it has a document type")]
    DocumentType,
    /// A processing instruction.
    #[error("it has a processing instruction")]
    ProcessingInstruction,
    /// A comment.
    #[error("it has a comment")]
    Comment,
    /// A CDATA section.
    #[error("it has a CDATA section")]
    CharacterData,
    /// An entity that XML itself does not define.
    #[error("it refers to an entity")]
    Entity,
    /// A character that XML does not allow.
    #[error("it has a control character")]
    ControlCharacter,
    /// More markup than a document of this kind has.
    #[error("it has too much markup")]
    TooMuchMarkup,
    /// A namespace name that is not absolute.
    #[error("it declares a namespace that is not an absolute URI")]
    RelativeNamespace,
}

impl LexicalFault {
    /// The stable word.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not-utf8",
            Self::Declaration => "xml-declaration",
            Self::DocumentType => "document-type",
            Self::ProcessingInstruction => "processing-instruction",
            Self::Comment => "comment",
            Self::CharacterData => "cdata",
            Self::Entity => "entity",
            Self::ControlCharacter => "control-character",
            Self::TooMuchMarkup => "too-much-markup",
            Self::RelativeNamespace => "relative-namespace",
        }
    }
}

/// How much of what a document of a kind may have. What remains parses in a few milliseconds, whatever it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Elements, end tags and so on.
    tags: usize,
    /// `=`: a bound on all attributes.
    equal_signs: usize,
    /// `=` between one `<` and the next: a bound on the attributes of one element.
    equal_signs_of_one: usize,
    /// `&`: a bound on references to characters and entities.
    references: usize,
    /// Whether comments may stand there: in metadata they do, in a response nobody writes them.
    comments: bool,
}

impl Limits {
    /// A response with a group on each of its lines, twice over.
    pub(super) const RESPONSE: Self =
        Self { tags: 1_200, equal_signs: 2_500, equal_signs_of_one: 40, references: 1_000, comments: false };

    /// The metadata of one provider, which the operator placed.
    pub(super) const METADATA: Self =
        Self { tags: 8_000, equal_signs: 16_000, equal_signs_of_one: 64, references: 4_000, comments: true };
}

/// How much was found.
#[derive(Default)]
struct Count {
    tags: usize,
    equal_signs: usize,
    equal_signs_of_one: usize,
    references: usize,
}

impl Count {
    fn exceeds(&self, limits: &Limits) -> bool {
        self.tags > limits.tags
            || self.equal_signs > limits.equal_signs
            || self.equal_signs_of_one > limits.equal_signs_of_one
            || self.references > limits.references
    }
}

/// Reads octets as the text of a document (check 2).
pub(super) fn scan<'a>(octets: &'a [u8], limits: &Limits) -> Result<&'a str, LexicalFault> {
    let text = std::str::from_utf8(octets).map_err(|_| LexicalFault::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(LexicalFault::NotUtf8);
    }
    let body = after_declaration(text)?;
    let mut count = Count::default();
    let mut comment_ends = 0;
    for (at, octet) in body.bytes().enumerate() {
        if at < comment_ends {
            continue;
        }
        match octet {
            b'<' => {
                let rest = body.get(at..).unwrap_or_default();
                if limits.comments && rest.starts_with("<!--") {
                    comment_ends = at + rest.find("-->").unwrap_or(rest.len());
                } else {
                    check_tag(rest)?;
                }
                count.tags += 1;
                count.equal_signs_of_one = 0;
            }
            b'=' => {
                count.equal_signs += 1;
                count.equal_signs_of_one += 1;
            }
            b'&' => {
                check_reference(body.get(at + 1..).unwrap_or_default())?;
                count.references += 1;
            }
            0..=8 | 11 | 12 | 14..=31 | 127 => return Err(LexicalFault::ControlCharacter),
            _ => continue,
        }
        if count.exceeds(limits) {
            return Err(LexicalFault::TooMuchMarkup);
        }
    }
    check_namespaces(body)?;
    Ok(text)
}

/// Skips `<?xml …?>`, which may only say XML 1.0 and UTF-8.
fn after_declaration(text: &str) -> Result<&str, LexicalFault> {
    let Some(rest) = text.strip_prefix("<?xml").filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']))
    else {
        return Ok(text);
    };
    let (inside, body) = rest.split_once("?>").ok_or(LexicalFault::Declaration)?;
    let mut words = inside.split_ascii_whitespace();
    let value = |word: &str, name: &str| {
        let quoted = word.strip_prefix(name)?.strip_prefix('=')?;
        let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        Some(quoted.strip_prefix(quote)?.strip_suffix(quote)?.to_ascii_lowercase())
    };
    if words.next().and_then(|word| value(word, "version")).as_deref() != Some("1.0") {
        return Err(LexicalFault::Declaration);
    }
    for word in words {
        let known = value(word, "encoding").is_some_and(|name| name == "utf-8")
            || value(word, "standalone").is_some_and(|name| matches!(name.as_str(), "yes" | "no"));
        if !known {
            return Err(LexicalFault::Declaration);
        }
    }
    Ok(body)
}

fn check_tag(rest: &str) -> Result<(), LexicalFault> {
    match rest.as_bytes() {
        [b'<', b'?', ..] => Err(LexicalFault::ProcessingInstruction),
        [b'<', b'!', b'-', ..] => Err(LexicalFault::Comment),
        [b'<', b'!', b'[', ..] => Err(LexicalFault::CharacterData),
        [b'<', b'!', ..] => Err(LexicalFault::DocumentType),
        _ => Ok(()),
    }
}

fn check_reference(rest: &str) -> Result<(), LexicalFault> {
    let known = ["lt;", "gt;", "amp;", "quot;", "apos;", "#"].iter().any(|name| rest.starts_with(name));
    if known { Ok(()) } else { Err(LexicalFault::Entity) }
}

/// Canonical XML has no meaning for a relative namespace name, and libraries part ways over it.
fn check_namespaces(body: &str) -> Result<(), LexicalFault> {
    for (at, _) in body.match_indices("xmlns") {
        let rest = body.get(at + "xmlns".len()..).unwrap_or_default();
        let name_ends =
            rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '<' | '>' | '"' | '\''));
        let rest = rest.get(name_ends.unwrap_or(rest.len())..).unwrap_or_default().trim_ascii_start();
        let Some(quoted) = rest.strip_prefix('=').map(str::trim_ascii_start) else {
            continue;
        };
        let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        let value = quoted.get(1..).unwrap_or_default().split(quote).next().unwrap_or_default();
        if !value.is_empty() && !is_absolute(value) {
            return Err(LexicalFault::RelativeNamespace);
        }
    }
    Ok(())
}

fn is_absolute(name: &str) -> bool {
    name.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> &'static str {
        scan(text.as_bytes(), &Limits::RESPONSE).unwrap_err().reason()
    }

    #[test]
    fn ordinary_markup_passes_whole() {
        let text = "<?xml version=\"1.0\" encoding='utf-8' standalone=\"no\"?>\n<a xmlns=\"urn:x\" xmlns:b='http://b' c=\"&lt;&#xD;\">t</a>";
        assert_eq!(scan(text.as_bytes(), &Limits::RESPONSE), Ok(text));
    }

    #[test]
    fn what_parsers_differ_on_is_refused_by_its_own_word() {
        assert_eq!(refused("<!DOCTYPE a><a/>"), "document-type");
        assert_eq!(refused("<a><!-- --></a>"), "comment");
        assert_eq!(refused("<a><![CDATA[x]]></a>"), "cdata");
        assert_eq!(refused("<a><?x y?></a>"), "processing-instruction");
        assert_eq!(refused("<?xml-stylesheet href=\"x\"?><a/>"), "processing-instruction");
        assert_eq!(refused("<a>&e;</a>"), "entity");
        assert_eq!(refused("<a>& </a>"), "entity");
        assert_eq!(refused("<a>\0</a>"), "control-character");
        assert_eq!(refused("\u{feff}<a/>"), "not-utf8");
        assert_eq!(refused("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>"), "xml-declaration");
        assert_eq!(refused("<?xml version=\"1.1\"?><a/>"), "xml-declaration");
        assert_eq!(refused("<a xmlns:ns=\"1\"/>"), "relative-namespace");
        assert_eq!(refused("<a xmlns:ns = '&#104;ttp:x'/>"), "relative-namespace");
    }

    #[test]
    fn a_byte_order_mark_of_another_encoding_is_not_utf8() {
        assert_eq!(scan(b"\xff\xfe<\0a\0", &Limits::RESPONSE), Err(LexicalFault::NotUtf8));
    }

    #[test]
    fn comments_may_stand_in_metadata_only() {
        assert!(scan(b"<a><!-- by <gen> & co --></a>", &Limits::METADATA).is_ok());
        assert_eq!(scan(b"<a><!ELEMENT a></a>", &Limits::METADATA), Err(LexicalFault::DocumentType));
    }

    #[test]
    fn markup_without_end_is_refused_early() {
        assert_eq!(refused(&format!("<a>{}</a>", "&#97;".repeat(2_000))), "too-much-markup");
        assert_eq!(refused(&"<a b='1' c='2' d='3'/>".repeat(1_000)), "too-much-markup");
        assert_eq!(refused(&"<a>".repeat(10_000)), "too-much-markup");
        let attributes: String = (0..100).map(|n| format!(" a{n}='x>'")).collect();
        assert_eq!(refused(&format!("<a{attributes}/>")), "too-much-markup");
    }
}
