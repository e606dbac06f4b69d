//! Cookies as browsers keep them (RFC 6265bis §5): host, path, `Secure`, the `__Host-` prefix, `SameSite`, and removal.

use http::header::SET_COOKIE;
use http::{HeaderMap, Method};
use url::{Host, Url};

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    host: String,
    /// Whether hosts below get it too.
    domain: bool,
    path: String,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
}

/// How far a request is from the site of its page, and which requests a cookie goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SameSite {
    /// From the same site, or typed in.
    Strict,
    /// From another site by going there.
    Lax,
    /// From another site by sending a form.
    None,
}

impl SameSite {
    /// How far a request to `to` is from the page at `from`.
    pub(super) fn of(method: &Method, from: Option<&Url>, to: &Url) -> Self {
        match from {
            None => Self::Strict,
            Some(from) if site(from) == site(to) => Self::Strict,
            Some(_) if *method == Method::GET => Self::Lax,
            Some(_) => Self::None,
        }
    }
}

/// Scheme and registrable domain: the last two labels, which is true of the names in tests. Ports do not count.
fn site(url: &Url) -> (String, String) {
    let host = match url.host() {
        Some(Host::Domain(name)) => {
            let labels: Vec<_> = name.rsplitn(3, '.').take(2).collect();
            labels.into_iter().rev().collect::<Vec<_>>().join(".")
        }
        Some(address) => address.to_string(),
        None => String::new(),
    };
    (url.scheme().to_owned(), host)
}

/// What a browser keeps.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    pub(super) fn all(&self) -> &[Cookie] {
        &self.0
    }

    /// The `Cookie` header of a request.
    pub(super) fn header(&self, url: &Url, reach: SameSite) -> Option<String> {
        let pairs: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.goes_to(url) && reach <= cookie.same_site)
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Keeps, replaces and removes what an answer says.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((cookie, gone)) = parse(url, line) else { continue };
            self.0.retain(|kept| {
                (&kept.name, &kept.host, &kept.path) != (&cookie.name, &cookie.host, &cookie.path)
            });
            if !gone {
                self.0.push(cookie);
            }
        }
    }
}

impl Cookie {
    /// Whether scripts cannot read it.
    #[must_use]
    pub fn is_http_only(&self) -> bool {
        self.http_only
    }

    /// Whether it only travels encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    fn goes_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let below = || host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'));
        let path = url.path();
        let within = path
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        (host == self.host || (self.domain && below())) && within && (!self.secure || url.scheme() == "https")
    }
}

/// The cookie of a `Set-Cookie` line and whether it is to be removed; `None` if browsers refuse it.
fn parse(url: &Url, line: &str) -> Option<(Cookie, bool)> {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let host = url.host_str()?.to_owned();
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        host,
        domain: false,
        path: url.path().rsplit_once('/').map_or("/", |(folder, _)| folder).to_owned(),
        secure: false,
        http_only: false,
        same_site: SameSite::Lax,
    };
    if cookie.path.is_empty() {
        "/".clone_into(&mut cookie.path);
    }
    let mut gone = false;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "domain" => (cookie.host, cookie.domain) = (value.trim_start_matches('.').to_owned(), true),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "max-age" => gone = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "expires" => gone |= value.contains(" 1970 "),
            "samesite" => {
                cookie.same_site = match value.to_ascii_lowercase().as_str() {
                    "none" => SameSite::None,
                    "strict" => SameSite::Strict,
                    _ => SameSite::Lax,
                }
            }
            _ => {}
        }
    }
    let encrypted = url.scheme() == "https";
    let host_only = cookie.secure && !cookie.domain && cookie.path == "/";
    let refused = (cookie.secure && !encrypted)
        || (cookie.same_site == SameSite::None && !cookie.secure)
        || (cookie.name.starts_with("__Host-") && !host_only)
        || (cookie.name.starts_with("__Secure-") && !cookie.secure);
    (!refused).then_some((cookie, gone))
}
