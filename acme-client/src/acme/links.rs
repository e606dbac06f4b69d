//! `Link` headers (RFC 8288): alternate chains, the next page of orders, the way up. Total, bounded, relative targets resolved.

use http::HeaderMap;
use http::header::LINK;

use super::resource_url::ResourceUrl;

/// Most links read from one answer.
const MAX_LINKS: usize = 64;

/// The targets of all links with the relation `rel`, resolved against `base`, in order and without repeats.
#[must_use]
pub fn targets(headers: &HeaderMap, base: &ResourceUrl, rel: &str) -> Vec<ResourceUrl> {
    let mut found = Vec::new();
    for value in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
        for (target, relations) in parse(value) {
            let wanted = relations.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(rel));
            if let Some(url) = wanted.then(|| base.join(target).ok()).flatten()
                && !found.contains(&url)
                && found.len() < MAX_LINKS
            {
                found.push(url);
            }
        }
    }
    found
}

/// Splits a `Link` value into targets and their `rel` texts. What does not follow the grammar ends the list.
#[must_use]
pub fn parse(value: &str) -> Vec<(&str, &str)> {
    let mut links = Vec::new();
    let mut rest = value;
    while links.len() < MAX_LINKS {
        let Some((target, after)) =
            rest.trim_start_matches([' ', '\t', ',']).strip_prefix('<').and_then(|text| text.split_once('>'))
        else {
            break;
        };
        let (parameters, next) = split_unquoted(after, ',');
        links.push((target, relation(parameters)));
        rest = next;
    }
    links
}

/// The value of the first `rel` parameter, or nothing.
fn relation(parameters: &str) -> &str {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, next) = split_unquoted(rest, ';');
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            return value.trim().trim_matches('"');
        }
        rest = next;
    }
    ""
}

/// Cuts at the first `separator` outside quotes; both parts are without it.
fn split_unquoted(text: &str, separator: char) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (position, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            found if found == separator && !quoted => {
                let (before, after) = text.split_at(position);
                return (before, after.get(separator.len_utf8()..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (LINK, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn found(values: &[&str], rel: &str) -> Vec<String> {
        let base = "https://ca.example/cert/1".parse().unwrap();
        targets(&headers(values), &base, rel).into_iter().map(String::from).collect()
    }

    #[test]
    fn alternates_are_found_among_other_links() {
        // RFC 8555 §7.4.2
        let values = [
            r#"<https://example.com/acme/directory>;rel="index""#,
            r#"<https://ca.example/cert/1/a>; rel="alternate", </cert/1/b>;title="x, y; rel=no";rel=alternate"#,
        ];
        assert_eq!(
            found(&values, "alternate"),
            ["https://ca.example/cert/1/a", "https://ca.example/cert/1/b"]
        );
        assert_eq!(found(&values, "index"), ["https://example.com/acme/directory"]);
        assert!(found(&values, "next").is_empty());
    }

    #[test]
    fn a_link_may_carry_several_relations_and_repeats_count_once() {
        let value = r#"<https://ca.example/n>; rel="next up", <https://ca.example/n>; rel=next"#;
        assert_eq!(found(&[value], "next"), ["https://ca.example/n"]);
    }

    #[test]
    fn broken_links_and_foreign_schemes_are_left_out() {
        for value in [
            "",
            "<",
            "<https://a",
            "https://a; rel=next",
            "<file:///etc/passwd>; rel=next",
            r#"<https://a>; rel="#,
        ] {
            assert!(found(&[value], "next").is_empty(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_to_a_bounded_list(text in ".*") {
            prop_assert!(parse(&text).len() <= MAX_LINKS);
        }
    }
}
