//! A person's access token of the npm package `oidc-provider`: signed in for in a browser (authorization code with PKCE, RFC 7636), for this server as a resource
//! (RFC 8707), a JWT (RFC 9068). Certificates of the internal authority are issued on it at both of its doors.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::RawQuery;
use axum::response::Html;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use certs::chain::{TrustSetName, TrustSets};
use certs::inspect::inspect_certificate;
use certs::leaf::Proof;
use certs::verdict::{State, verdict};
use rollcall_tests::foreign::Account;
use rollcall_tests::foreign::oidc_provider::{CLIENT_ID, OidcProvider};
use rollcall_tests::internal::est::Answer;
use rollcall_tests::internal::{chain, csr, new_key};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use crate::oidc_provider::sign_in;
use crate::setting::{AUDIENCE, BOB, EVE, PROVIDER, SECRET, Setting};

/// A client of the provider's, to which the browser comes back.
struct Client {
    redirect: String,
    answers: UnboundedReceiver<String>,
}

impl Client {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let redirect = format!("http://{}/callback", listener.local_addr().unwrap());
        let (send, answers) = unbounded_channel();
        let page = move |RawQuery(query): RawQuery| {
            // Nobody may be waiting any more.
            let _ = send.send(query.unwrap_or_default());
            async { Html("<h1>Back at the client</h1>") }
        };
        let router = Router::new().route("/callback", get(page));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { redirect, answers }
    }

    /// Has the person sign in, and exchanges the code: the provider's answer. With `resource` the access token is for it alone.
    async fn tokens(
        &mut self,
        (setting, provider): (&Setting, &OidcProvider),
        person: &Account<'_>,
        resource: Option<&str>,
    ) -> Option<Value> {
        let browser = setting.browser()?;
        let verifier = format!("{:0<43}", person.login);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut url = Url::parse(&format!("{}/auth", provider.issuer)).unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", CLIENT_ID)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", "openid email certificates")
            .append_pair("state", person.login)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(resource) = resource {
            url.query_pairs_mut().append_pair("resource", resource);
        }
        browser.go(url.as_str()).unwrap();
        sign_in(&browser, person);
        browser.heading("Back at the client").unwrap();
        let answer = self.answers.recv().await.unwrap();
        let of = |name: &str| parse(answer.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
        assert_eq!(of("state").as_deref(), Some(person.login), "{answer}");
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", &of("code").unwrap_or_else(|| panic!("{answer}\n{}", provider.log())))
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", &verifier);
        if let Some(resource) = resource {
            form.append_pair("resource", resource);
        }
        let sent = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{}/token", provider.issuer))
            .basic_auth(CLIENT_ID, Some(SECRET.replace(' ', "+")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish())
            .send();
        let text = sent.await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["access_token"].is_string(), "{text}\n{}", provider.log());
        Some(answer)
    }
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// What a JWT says.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Asks for a certificate: the status, what is to be shown instead, and the body.
async fn certify(setting: &Setting, token: &str) -> (u16, String, String) {
    let request = setting.http().post(format!("{}/internal/certificates", setting.server.url));
    let body = json!({"csr": csr(&new_key(), &[])}).to_string();
    let sent = request.bearer_auth(token).header("content-type", "application/json").body(body).send();
    let answer = sent.await.unwrap();
    let shown = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), shown.unwrap_or_default(), answer.text().await.unwrap())
}

/// Enrols over EST: the names of the certificate.
async fn enroll(setting: &Setting, token: &str) -> Vec<String> {
    let request = setting.http().post(format!("{}/.well-known/est/simpleenroll", setting.server.url));
    let body = csr(&new_key(), &[]);
    let sent = request.bearer_auth(token).header("content-type", "application/pkcs10").body(body).send();
    let answer = sent.await.unwrap();
    let status = answer.status().as_u16();
    let answer = Answer { status, head: String::new(), body: answer.text().await.unwrap() };
    assert_eq!(status, 200, "{answer:?}");
    assert!(STANDARD.decode(&answer.body).is_ok());
    let certificates = answer.certificates();
    assert_eq!(certificates.len(), 1);
    inspect_certificate(&certificates[0]).unwrap().names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_signed_in_at_oidc_provider_is_certified_on_the_access_token_at_both_doors() {
    let mut client = Client::listen().await;
    let Some(both) = Setting::with_access_tokens(&client.redirect).await else { return };
    let (setting, provider) = (&both.0, &both.1);
    let Some(tokens) = client.tokens((setting, provider), &BOB, Some(AUDIENCE)).await else { return };
    let token = text(&tokens, "access_token");
    let said = claims(token);
    assert_eq!((&said["sub"], &said["email"]), (&json!(BOB.login), &json!(BOB.email)), "{said}");
    assert_eq!((&said["email_verified"], &said["aud"]), (&json!(true), &json!(AUDIENCE)), "{said}");

    let (status, _, pem) = certify(setting, token).await;
    assert_eq!(status, 200, "{pem}\n{}", setting.log());
    let mut trust = TrustSets::new();
    let root = std::fs::read_to_string(setting.server.root("internal")).unwrap();
    trust.insert_pem(TrustSetName::internal(), &root).unwrap();
    let judged = verdict(&chain(&pem), &trust, None, &[], OffsetDateTime::now_utc());
    assert_eq!((judged.state.clone(), judged.display.as_str()), (State::Internal, BOB.email), "{judged}");
    assert_eq!(judged.proofs.iter().collect::<Vec<_>>(), [&Proof::Token]);
    let leaf = inspect_certificate(&chain(&pem)[0]).unwrap();
    let shown = setting.ask(&["certificates", "show", &leaf.serial]);
    assert_eq!(shown["profile"], "internal-user", "{shown:#}");
    assert_eq!(shown["holder"]["credential"], format!("access-token {PROVIDER} {}", BOB.login), "{shown:#}");
    assert_eq!(shown["holder"]["display_name"], BOB.name, "{shown:#}");
    assert_eq!(enroll(setting, token).await, leaf.names, "the same person at the other door");

    // What else came out of the same sign-in is no access token for this server.
    let (status, shown, said) = certify(setting, text(&tokens, "id_token")).await;
    assert_eq!(status, 401, "{said}");
    assert!(shown.contains("error_description=\"type\""), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_oidc_provider_has_not_verified_is_left_out() {
    let mut client = Client::listen().await;
    let Some(both) = Setting::with_access_tokens(&client.redirect).await else { return };
    let (setting, provider) = (&both.0, &both.1);
    let Some(tokens) = client.tokens((setting, provider), &EVE, Some(AUDIENCE)).await else { return };
    let token = text(&tokens, "access_token");
    assert_eq!(claims(token)["email"], EVE.email);
    let (status, _, pem) = certify(setting, token).await;
    assert_eq!(status, 200, "{pem}");
    let names = inspect_certificate(&chain(&pem)[0]).unwrap().names;
    assert!(names.len() == 1 && names[0].starts_with("uri:urn:uuid:"), "{names:?}");
    assert_eq!(enroll(setting, token).await, names);

    // One that she gets without asking for this server is for the provider alone.
    let Some(tokens) = client.tokens((setting, provider), &EVE, None).await else { return };
    let (status, shown, said) = certify(setting, text(&tokens, "access_token")).await;
    assert_eq!(status, 401, "{said}");
    assert!(shown.contains("error_description=\"malformed\""), "{shown}");
}
