//! `form-action` of a content security policy (CSP level 3 §6.4.1), as Chromium applies it: to the form's address and to every redirect after it.

use http::HeaderMap;
use http::header::CONTENT_SECURITY_POLICY;
use url::Url;

/// Where the forms of one page may go.
pub(super) struct FormAction {
    page: Url,
    sources: Vec<String>,
}

impl FormAction {
    /// The policy of a page; `None` if it has none for forms.
    pub(super) fn of(headers: &HeaderMap, page: &Url) -> Option<Self> {
        let policy = headers.get(CONTENT_SECURITY_POLICY)?.to_str().ok()?;
        let directive = policy.split(';').find_map(|part| part.trim().strip_prefix("form-action"))?;
        let sources = directive.split_whitespace().map(str::to_owned).collect();
        Some(Self { page: page.clone(), sources })
    }

    pub(super) fn page(&self) -> &Url {
        &self.page
    }

    pub(super) fn allows(&self, url: &Url) -> bool {
        self.sources.iter().any(|source| match source.as_str() {
            "'self'" => url.origin() == self.page.origin(),
            "*" => true,
            scheme if scheme.ends_with(':') => format!("{}:", url.scheme()) == scheme,
            source => Self::origin_fits(source, url),
        })
    }

    fn origin_fits(source: &str, url: &Url) -> bool {
        // `http://127.0.0.1:*` allows every port.
        if let Some(host) = source.strip_suffix(":*") {
            return format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()) == host;
        }
        Url::parse(source).is_ok_and(|source| {
            source.origin() == url.origin()
                && (source.path() == "/" || url.path() == source.path() || {
                    source.path().ends_with('/') && url.path().starts_with(source.path())
                })
        })
    }
}
