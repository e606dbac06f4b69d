//! What stands before every address: the name that the console was called by, who makes the browser ask, how much one client may ask, and for all
//! but the sign-in a session whose owner the rules still let in.
//!
//! A page of another site that makes this browser come here brings no cookie (`SameSite=Strict`), can send no form (see [`super::form`]), and
//! by a name of its own gets nothing at all, so that a name that is pointed at this machine is of no use. What it asks for behind a person's back
//! (see [`super::elsewhere`]) is refused before it counts, or it could lock the person out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, HOST, SET_COOKIE, USER_AGENT, X_CONTENT_TYPE_OPTIONS};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use policies::rules::Task;
use zeroize::Zeroizing;

use super::elsewhere::is_meddling;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::pages;
use crate::console::secret::Secret;
use crate::console::sessions::{Browser, NotSignedIn, SignedIn};
use crate::log::act::Act;
use crate::policy::{Refused, Subject};
use crate::request::frame::Apart;
use crate::request::sso::browser::cookie_named;
use crate::store::{Batch, StoreError};

/// Characters of the cookie: handle and secret.
const LENGTH: usize = 22 + 43;

/// The script's own questions say so, and keep no session awake.
const LIVE: HeaderName = HeaderName::from_static("rollcall-live");

/// Every request.
pub(super) async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let admitted = admitted(&app, &request);
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(fault) => pages::fault(&fault, None).into_response(),
    };
    response.extensions_mut().insert(Apart);
    // What is no page of ours, such as a word about a query that cannot be read, may do nothing in a browser.
    let headers = response.headers_mut();
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(nothing);
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

fn admitted(app: &App, request: &Request) -> Result<(), Fault> {
    let called = called(request.uri(), request.headers()).filter(|called| is_ours(app, called));
    if called.is_none() {
        return Err(Fault::OtherHost);
    }
    if is_meddling(request) {
        return Err(Fault::CrossSite);
    }
    app.limits.console(address(request), app.clock.now()).map_err(|wait| Fault::TooMany { wait })
}

/// What stands behind a sign-in.
pub(super) async fn signed_in(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let shown = Shown::of(&app, &request);
    let found = find(&app, shown).await;
    let (signed_in, fresh) = match found {
        Ok(found) => found,
        Err(Fault::NotSignedIn) if request.method() == Method::GET && !is_live(request.headers()) => {
            return super::see_other("/sign-in");
        }
        Err(fault) => {
            let mut response = pages::fault(&fault, None).into_response();
            if matches!(fault, Fault::Stolen(_)) {
                append(&mut response, forgotten(&app));
            }
            return response;
        }
    };
    let mut response = match allowed(&app, &signed_in, Task::Look).await {
        Ok(()) => {
            request.extensions_mut().insert(signed_in);
            next.run(request).await
        }
        Err(fault) => pages::fault(&fault, Some(&signed_in)).into_response(),
    };
    // With every answer: a secret that is never offered is never shown, and looks as if it were ignored.
    if let Some(fresh) = fresh
        && !response.headers().contains_key(SET_COOKIE)
    {
        append(&mut response, set_cookie(&app, &fresh));
    }
    response
}

/// What a request shows of who sent it.
struct Shown {
    cookie: Option<Zeroizing<String>>,
    browser: Browser,
    by_person: bool,
}

impl Shown {
    fn of(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        Self {
            cookie: cookie_named(name(app), LENGTH, headers).map(Zeroizing::new),
            browser: browser(headers, address(request)),
            by_person: !is_live(headers),
        }
    }
}

async fn find(app: &App, shown: Shown) -> Result<(SignedIn, Option<Secret>), Fault> {
    let Shown { cookie, browser, by_person } = shown;
    let cookie = cookie.ok_or(Fault::NotSignedIn)?;
    match app.console.sessions.find(&cookie, &browser, (app.clock.now(), by_person)) {
        Ok(found) => Ok(found),
        Err(NotSignedIn::Unknown | NotSignedIn::Over) => Err(Fault::NotSignedIn),
        Err(NotSignedIn::Stolen { operator, how }) => {
            tracing::warn!(operator = %operator.name(), client = %browser.address, how,
                "a session of the console was ended");
            let change = format!("session ended: {how}");
            record_end(app, operator.name(), change, browser.address).await;
            Err(Fault::Stolen(how))
        }
    }
}

/// Whether the rules let somebody do something; the journal knows if not.
pub(super) async fn allowed(app: &App, who: &SignedIn, task: Task) -> Result<(), Fault> {
    let denied = who.operator.may(task, who.from, app).err();
    let Some(fault) = denied.map(Fault::NotPermitted) else { return Ok(()) };
    refused(app, &fault).await;
    Err(fault)
}

/// Remembers that somebody was refused: in the journal, as far as the log of refusals lets it, and in the log.
pub(super) async fn refused(app: &App, fault: &Fault) {
    let (word, who) = (fault.word(), fault.who());
    tracing::warn!(operator = who, reason = %word, "the console refused somebody");
    let refused = Refused {
        action: "operate",
        account: None,
        order: None,
        identifiers: Vec::new(),
        rule: format!("console:{word}"),
    };
    let subject = match who {
        Some(name) => Subject::Known {
            id: format!("operator {name}"),
            credential: format!("operator {name}"),
            identifier: None,
        },
        None => Subject::Stranger,
    };
    if let Err(error) = app.refusals.record_of(&app.store, &subject, refused, app.clock.now()).await {
        tracing::error!(%error, "a refusal could not be journalled");
    }
}

/// Tells the journal of a session.
///
/// # Errors
/// If it cannot be told; then the session must not begin.
pub(super) async fn record(
    app: &App,
    operator: String,
    change: String,
    from: IpAddr,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.record(app.clock.now(), Act::Console { operator, change, client: from.to_string() });
    app.store.commit(batch).await
}

/// Tells the journal that a session has ended, which it has even if the journal cannot be told.
pub(super) async fn record_end(app: &App, operator: String, change: String, from: IpAddr) {
    if let Err(error) = record(app, operator, change, from).await {
        tracing::error!(%error, "the journal was not told of a session");
    }
}

/// Where a request comes from, as the frame found out.
pub(super) fn address(request: &Request) -> IpAddr {
    let client = request.extensions().get::<SocketAddr>();
    client.map_or(Ipv4Addr::UNSPECIFIED.into(), |client| client.ip().to_canonical())
}

/// The browser of a request.
pub(super) fn browser(headers: &HeaderMap, address: IpAddr) -> Browser {
    Browser::of(headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default(), address)
}

fn is_live(headers: &HeaderMap) -> bool {
    headers.contains_key(LIVE)
}

/// The name that the console was called by, with its port.
fn called(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    // HTTP/2 has it in the address.
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = headers.get_all(HOST).into_iter();
    let (first, second) = (hosts.next()?, hosts.next());
    second.is_none().then(|| first.to_str().ok()?.parse().ok()).flatten()
}

/// Whether the console is called so. In clear it is on this machine, and may be reached through a tunnel, by any port and name of loopback.
fn is_ours(app: &App, called: &Authority) -> bool {
    let Some(url) = app.console.url() else { return false };
    let host = called.host().trim_start_matches('[').trim_end_matches(']');
    let own = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = called.port_u16().or_else(|| if url.scheme() == "https" { Some(443) } else { Some(80) });
    if host.eq_ignore_ascii_case(own) && port == url.port_or_known_default() {
        return true;
    }
    let is_loopback = host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback && !app.console.is_https()
}

/// The origin that forms of the console come from.
pub(super) fn origin(app: &App, uri: &Uri, headers: &HeaderMap) -> String {
    let scheme = if app.console.is_https() { "https" } else { "http" };
    called(uri, headers).map(|authority| format!("{scheme}://{authority}")).unwrap_or_default()
}

/// The cookie's name: with TLS one that no neighbour can set.
fn name(app: &App) -> &'static str {
    if app.console.is_https() { "__Host-rollcall-console" } else { "rollcall-console" }
}

/// The header that sets the session's cookie. It goes with nothing that another site begins.
pub(super) fn set_cookie(app: &App, value: &Secret) -> Option<HeaderValue> {
    header(app, value.expose(), "")
}

/// The header that removes it.
pub(super) fn forgotten(app: &App) -> Option<HeaderValue> {
    header(app, "", "; Max-Age=0")
}

fn header(app: &App, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if app.console.is_https() { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/{secure}; HttpOnly; SameSite=Strict{more}", name(app));
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Adds a cookie to an answer.
pub(super) fn append(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
