//! Requests as no browser would send them: with the headers, the cookie and the address that the test says.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use rollcall_tests::browser::Browser;
use url::Url;

/// The browser's own word for itself, as the harness says it.
pub(crate) const AGENT: &str = "rollcall-tests (a browser)";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.headers.get("location").map_or("", |value| value.to_str().unwrap())
    }

    /// The cookies that it sets.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }
}

/// A request that is not sent yet.
pub(crate) struct Raw {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    form: String,
    from: IpAddr,
}

impl Raw {
    pub(crate) fn get(url: &str) -> Self {
        let headers = vec![("user-agent", AGENT.to_owned())];
        let from = "127.0.0.1".parse().unwrap();
        Self { method: Method::GET, url: url.parse().unwrap(), headers, form: String::new(), from }
    }

    pub(crate) fn post(url: &str, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let raw = Self { method: Method::POST, form: form.finish(), ..Self::get(url) };
        raw.with("content-type", "application/x-www-form-urlencoded")
    }

    /// With a header, instead of one of the same name.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With the cookies that a browser keeps.
    pub(crate) fn with_cookies_of(self, browser: &Browser) -> Self {
        let cookies: Vec<_> =
            browser.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        self.with("cookie", &cookies.join("; "))
    }

    /// From another address of this machine.
    pub(crate) fn from(self, address: &str) -> Self {
        Self { from: address.parse().unwrap(), ..self }
    }

    pub(crate) async fn send(self) -> Answer {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(self.from)
            .build()
            .unwrap();
        let mut request = client.request(self.method, self.url).body(self.form);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.unwrap() }
    }
}

/// The session's token, as the page's forms carry it.
pub(crate) fn form_token(browser: &Browser) -> String {
    let forms = browser.page().forms();
    let token = forms.iter().find_map(|form| form.field("form-token"));
    token.expect("a page behind the sign-in has a form").value.clone()
}
