//! A browser for tests: cookies as real browsers keep them, redirects, forms, and `form-action` of a page's content security policy.
//!
//! It runs no scripts, so what works here works without them. It reads just enough HTML to find forms, links and text.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a browser for tests: where it cannot go on, the test ends"
)]

mod cookies;
mod html;
mod policy;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, REFERRER_POLICY};
use http::{HeaderMap, Method, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

pub use cookies::Cookie;
pub use html::{Field, Form};

use cookies::{Jar, SameSite};

/// Most redirects in a row.
const MAX_REDIRECTS: usize = 20;

/// What is shown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// The status it came with.
    pub status: StatusCode,
    /// The headers it came with.
    pub headers: HeaderMap,
    /// Its source.
    pub body: String,
}

/// One browser with its cookies. Another one is another person, or another machine.
pub struct Browser {
    client: reqwest::Client,
    jar: Jar,
    page: Option<Page>,
    visited: Vec<Url>,
    stops: Vec<String>,
}

/// How a browser starts.
#[derive(Default)]
pub struct Builder {
    roots: Vec<String>,
    addresses: Vec<(String, SocketAddr)>,
    stops: Vec<String>,
}

impl Builder {
    /// Trusts this root (PEM) for servers.
    #[must_use]
    pub fn trusting(mut self, root: &str) -> Self {
        self.roots.push(root.to_owned());
        self
    }

    /// Reaches this host there, at whatever port its address has.
    #[must_use]
    pub fn reaching(mut self, host: &str, address: SocketAddr) -> Self {
        self.addresses.push((host.to_owned(), address));
        self
    }

    /// Does not go where the address begins so: the page before it stays, and the redirect can be looked at.
    #[must_use]
    pub fn stopping_at(mut self, prefix: &str) -> Self {
        self.stops.push(prefix.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If a root is none.
    #[must_use]
    pub fn start(self) -> Browser {
        let mut store = rustls::RootCertStore::empty();
        for root in &self.roots {
            let root = CertificateDer::from_pem_slice(root.as_bytes()).expect("the root is PEM");
            store.add(root).expect("the root is a certificate");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the protocol versions are supported")
            .with_root_certificates(store)
            .with_no_client_auth();
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("rollcall-tests (a browser)")
            .no_proxy();
        for (host, address) in &self.addresses {
            client = client.resolve(host, *address);
        }
        let client = client.build().expect("the client can be set up");
        Browser { client, jar: Jar::default(), page: None, visited: Vec::new(), stops: self.stops }
    }
}

/// One step on the way to a page.
struct Step {
    method: Method,
    url: Url,
    form: Option<String>,
    /// Where the step came from, unless the address was typed in.
    from: Option<Url>,
    /// The policy of the page whose form is being sent.
    policy: Option<policy::FormAction>,
    /// Whether that page does not let anybody know where the form came from.
    silent: bool,
}

impl Browser {
    /// How to start one.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Goes to an address as if it was typed in, and follows redirects.
    ///
    /// # Panics
    /// If nobody answers, or redirects do not end.
    pub async fn open(&mut self, url: &str) -> &Page {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        self.go(Step { method: Method::GET, url, form: None, from: None, policy: None, silent: false }).await
    }

    /// Follows a link of the page.
    ///
    /// # Panics
    /// As [`Browser::open`].
    pub async fn follow(&mut self, href: &str) -> &Page {
        let from = self.page().url.clone();
        let url = from.join(href).unwrap_or_else(|error| panic!("{href}: {error}"));
        self.go(Step { method: Method::GET, url, form: None, from: Some(from), policy: None, silent: false })
            .await
    }

    /// Fills in the one form of the page that has all these fields, and sends it with its first button.
    ///
    /// # Panics
    /// If there is no such form or more than one, or as [`Browser::open`].
    pub async fn submit(&mut self, fields: &[(&str, &str)]) -> &Page {
        let form = self.form_with(fields);
        self.send(form, fields, None).await
    }

    /// The same with the button that has this text or value.
    ///
    /// # Panics
    /// As [`Browser::submit`].
    pub async fn press(&mut self, button: &str, fields: &[(&str, &str)]) -> &Page {
        let mut forms = self.page().forms();
        forms.retain(|form| form.button(button).is_some() && form.has(fields));
        let form = match forms.len() {
            1 => forms.remove(0),
            count => panic!("{count} forms with {button:?} and {fields:?} in\n{}", self.page().body),
        };
        self.send(form, fields, Some(button)).await
    }

    /// The page that is shown.
    ///
    /// # Panics
    /// If there is none yet.
    #[must_use]
    pub fn page(&self) -> &Page {
        self.page.as_ref().expect("a page was opened")
    }

    /// Every address that was gone to, in order; the last may be one it stopped at.
    #[must_use]
    pub fn visited(&self) -> &[Url] {
        &self.visited
    }

    /// The cookies it keeps.
    #[must_use]
    pub fn cookies(&self) -> &[Cookie] {
        self.jar.all()
    }

    /// Forgets them all.
    pub fn clear_cookies(&mut self) {
        self.jar = Jar::default();
    }

    fn form_with(&self, fields: &[(&str, &str)]) -> Form {
        let mut forms = self.page().forms();
        forms.retain(|form| form.has(fields));
        match forms.len() {
            1 => forms.remove(0),
            count => panic!("{count} forms with {fields:?} in\n{}", self.page().body),
        }
    }

    async fn send(&mut self, form: Form, fields: &[(&str, &str)], button: Option<&str>) -> &Page {
        let from = self.page().url.clone();
        let policy = policy::FormAction::of(&self.page().headers, &from);
        let mut url = from.join(&form.action).unwrap_or_else(|error| panic!("{}: {error}", form.action));
        let encoded = form.encode(fields, button);
        if form.method == Method::GET {
            url.set_query(Some(&encoded));
        }
        let body = (form.method != Method::GET).then_some(encoded);
        let referrer = self.page().headers.get(REFERRER_POLICY).and_then(|value| value.to_str().ok());
        let silent = match referrer {
            Some("no-referrer") => true,
            Some("same-origin") => from.origin() != url.origin(),
            Some(_) | None => false,
        };
        self.go(Step { method: form.method, url, form: body, from: Some(from), policy, silent }).await
    }

    async fn go(&mut self, mut step: Step) -> &Page {
        for _ in 0..MAX_REDIRECTS {
            self.visited.push(step.url.clone());
            if self.stops.iter().any(|prefix| step.url.as_str().starts_with(prefix.as_str())) {
                return self.page();
            }
            if let Some(policy) = &step.policy {
                // Browsers apply it to every redirect of a form as well.
                assert!(policy.allows(&step.url), "form-action of {} forbids {}", policy.page(), step.url);
            }
            let page = self.ask(&step).await;
            let location = page.headers.get(LOCATION).filter(|_| page.status.is_redirection());
            let next = location.map(|value| value.to_str().expect("a location is text"));
            let Some(next) = next.map(|next| step.url.join(next).expect("a location is an address")) else {
                self.page = Some(page);
                return self.page();
            };
            let same_method =
                matches!(page.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !same_method {
                (step.method, step.form) = (Method::GET, None);
            }
            // The page that redirected is what is left to look at where it stops.
            self.page = Some(page);
            step.from = step.from.is_some().then(|| step.url.clone());
            step.url = next;
        }
        panic!("more than {MAX_REDIRECTS} redirects, the last to {}", step.url);
    }

    async fn ask(&mut self, step: &Step) -> Page {
        let reach = SameSite::of(&step.method, step.from.as_ref(), &step.url);
        let mut request = self.client.request(step.method.clone(), step.url.clone());
        if let Some(cookies) = self.jar.header(&step.url, reach) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(form) = &step.form {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone());
            if let Some(from) = &step.from {
                // The Fetch standard, "append a request Origin header"; `Sec-Fetch-Site` is left out, as by older browsers.
                let origin =
                    if step.silent { "null".to_owned() } else { from.origin().ascii_serialization() };
                request = request.header(ORIGIN, origin);
            }
        }
        let answer = request.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error:?}", step.url));
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.jar.keep(&step.url, &headers);
        let body = answer.text().await.unwrap_or_else(|error| panic!("{}: {error:?}", step.url));
        Page { url: step.url.clone(), status, headers, body }
    }
}

impl Page {
    /// Its forms.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.body)
    }

    /// Its text without tags, white space run together.
    #[must_use]
    pub fn text(&self) -> String {
        html::text(&self.body)
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> String {
        html::title(&self.body)
    }

    /// Its content security policy.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.headers.get(CONTENT_SECURITY_POLICY).and_then(|value| value.to_str().ok())
    }

    /// Where it redirects to.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).and_then(|value| value.to_str().ok())
    }
}

#[cfg(test)]
mod tests;
