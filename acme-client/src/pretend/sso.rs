//! `sso-01` at the authority in memory, and a person who does what the test wants.

use std::{
    io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use time::{Duration, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{CA, Ledger, Pretend, endpoints::problem};
use crate::enroll::{Invitation, Person};

type Answer = (u16, Option<String>, Value);

/// A sign-in as the authority keeps it.
#[derive(Clone, Debug)]
pub(crate) struct PretendSignIn {
    provider: usize,
    pub(crate) redirect: Option<String>,
    number: u32,
}

impl PretendSignIn {
    fn completion_code(&self) -> String {
        format!("completion-{}", self.number)
    }
}

impl Ledger {
    pub(super) fn sso_authorization(&self, number: usize, status: &str) -> Value {
        let order = &self.orders[number];
        let expires = (self.now + Duration::hours(12)).format(&Rfc3339).unwrap();
        let challenges: Vec<Value> =
            (0..self.providers.len()).map(|provider| self.sso_challenge(number, provider, status)).collect();
        json!({ "identifier": order.identifiers[0], "status": status, "expires": expires, "challenges": challenges })
    }

    fn sso_challenge(&self, number: usize, provider: usize, status: &str) -> Value {
        let order = &self.orders[number];
        let mut challenge = json!({
            "type": "sso-01", "url": format!("{CA}/challenge/{number}/{provider}"), "status": "pending",
            "sso_provider": self.providers[provider],
        });
        if let Some(sign_in) = order.sign_in.as_ref().filter(|sign_in| sign_in.provider == provider) {
            challenge["status"] = json!(if status == "pending" { "processing" } else { status });
            challenge["sso_url"] = json!(format!("{CA}/sso/start/{}", sign_in.number));
            if sign_in.redirect.is_none() {
                challenge["sso_code"] = json!("7KQ2-M4XN");
            }
            if order.refused {
                challenge["error"] = problem(403, "unauthorized").2;
            }
        }
        challenge
    }

    pub(super) fn sso_response(&mut self, number: usize, provider: usize, payload: &Value) -> Answer {
        let (refuse, renews, fresh) = (self.refuse_proofs, self.renews_links, self.requests);
        if !self.takes_redirects && payload["redirect_uri"].is_string() {
            return problem(400, "malformed");
        }
        let order = &mut self.orders[number];
        match (payload["completion_code"].as_str(), &order.sign_in) {
            (Some(code), Some(sign_in)) if code == sign_in.completion_code() => {
                (order.proven, order.refused) = (!refuse, refuse);
            }
            (Some(_), _) => return problem(403, "unauthorized"),
            (None, Some(_)) if !renews => {}
            (None, _) => {
                let redirect = payload["redirect_uri"].as_str().map(str::to_owned);
                order.sign_in = Some(PretendSignIn { provider, redirect, number: fresh });
            }
        }
        let status = if self.orders[number].proven { "valid" } else { "pending" };
        (200, None, self.sso_challenge(number, provider, status))
    }
}

/// What a person does when asked to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Signs in, wherever the sign-in comes back.
    SignIn,
    /// Nothing.
    Leave,
    /// Fails at the provider; the server says so too if `true`.
    Fail(bool),
    /// Comes back with another code than the server gave.
    BringWrongCode,
}

/// The link and the code of an invitation.
pub(crate) type Invited = (String, Option<String>);

/// A person at a terminal.
pub(crate) struct PretendPerson {
    pub(crate) authority: Pretend,
    pub(crate) browser: bool,
    pub(crate) deed: Deed,
    pub(crate) choice: Option<usize>,
    invited: Arc<Mutex<Vec<Invited>>>,
}

impl PretendPerson {
    pub(crate) fn new(authority: &Pretend, browser: bool, deed: Deed) -> Self {
        Self { authority: authority.clone(), browser, deed, choice: None, invited: Arc::default() }
    }

    pub(crate) fn invitations(&self) -> Vec<Invited> {
        self.invited.lock().unwrap().clone()
    }
}

#[async_trait]
impl Person for PretendPerson {
    fn has_browser(&self) -> bool {
        self.browser
    }

    async fn choose(&self, _email: &str, _providers: &[String]) -> io::Result<Option<usize>> {
        Ok(self.choice)
    }

    async fn invite(&self, invitation: &Invitation) {
        self.invited.lock().unwrap().push((invitation.link.as_str().to_owned(), invitation.code.clone()));
        let sign_in = self.authority.with(|ledger| {
            let order = ledger.orders.last_mut().unwrap();
            if self.deed == Deed::SignIn && invitation.code.is_some() {
                order.proven = true;
            }
            order.refused |= self.deed == Deed::Fail(true);
            order.sign_in.clone().unwrap()
        });
        let Some(redirect) = sign_in.redirect.clone() else { return };
        let query = match self.deed {
            Deed::SignIn => format!("code={}", sign_in.completion_code()),
            Deed::BringWrongCode => "code=another".to_owned(),
            Deed::Fail(_) => "error=access_denied".to_owned(),
            Deed::Leave => return,
        };
        tokio::spawn(visit(redirect, query));
    }
}

/// Goes where the browser is sent.
async fn visit(redirect: String, query: String) {
    let (host, path) = redirect.strip_prefix("http://").unwrap().split_once('/').unwrap();
    // A run that was cut off listens no more.
    let Ok(mut stream) = TcpStream::connect(host).await else { return };
    let request = format!("GET /{path}?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).await;
    let mut page = String::new();
    let _ = stream.read_to_string(&mut page).await;
}
