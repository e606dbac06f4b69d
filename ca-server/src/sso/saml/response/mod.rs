//! From the octets of a form to a person: the eighteen checks in their order (`docs/saml.md`).
//!
//! What is cheap and public comes first: text, shape, status, addresses. Then the signature. Only then is the assertion read, and only
//! through the node that the signature covered. One document, parsed once, is read from beginning to end.

pub mod confirmation;
pub mod subject;

mod attributes;
mod authentication;
mod conditions;
mod message;
mod replay;

use time::{Duration, OffsetDateTime};
use xml_sec::{DocumentView, XmlDocument};

use super::SamlIdentityProvider;
use super::encrypted;
use super::engine;
use super::envelope::{self, Statement};
use super::keys::TrustedKeys;
use super::lexical::{self, Limits};
use super::refusal::SamlRefusal;
use super::service_provider::ServiceProvider;
use super::signature::{self, Covered, Signed};
use super::xml::{self, Element};
use crate::sso::person::{Evidence, Person, Protocol};

/// Longest response that is looked at, in octets of XML.
pub const MAX_RESPONSE: usize = 256 * 1024;

/// What the answer has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The ID of the request of this browser's sign-in.
    pub request_id: &'a str,
    /// The time.
    pub now: OffsetDateTime,
    /// When the request was made: nobody authenticated for it before.
    pub requested: OffsetDateTime,
    /// By how much clocks may differ.
    pub skew: Duration,
    /// Ways of authenticating that suffice; empty: any.
    pub contexts: &'a [String],
}

impl Expected<'_> {
    /// Whether a time lies within this sign-in: not before the request, not in the future.
    fn is_within(&self, time: OffsetDateTime) -> bool {
        !self.is_before_request(time) && !self.is_future(time)
    }

    fn is_before_request(&self, time: OffsetDateTime) -> bool {
        time < self.requested.saturating_sub(self.skew)
    }

    fn is_future(&self, time: OffsetDateTime) -> bool {
        time > self.now.saturating_add(self.skew)
    }

    fn is_past(&self, time: OffsetDateTime) -> bool {
        time <= self.now.saturating_sub(self.skew)
    }
}

/// Verifies the `SAMLResponse` of a form: base64 of a response. Total: any octets give a person or a refusal.
pub fn verify(
    response: &[u8],
    idp: &SamlIdentityProvider,
    sp: &ServiceProvider,
    expected: &Expected<'_>,
) -> Result<Person, SamlRefusal> {
    let xml = decode(response)?;
    verify_document(&xml, idp, sp, expected)
}

/// Check 1: no more octets than a response has, before anything is done with them.
fn decode(form: &[u8]) -> Result<Vec<u8>, SamlRefusal> {
    let limit = MAX_RESPONSE.div_ceil(3) * 4;
    if form.len() > limit + limit / 32 {
        return Err(SamlRefusal::TooLarge { length: form.len(), limit });
    }
    xml::decode_base64(form).ok_or(SamlRefusal::NotBase64)
}

/// Verifies a response as XML.
pub fn verify_document(
    response: &[u8],
    idp: &SamlIdentityProvider,
    sp: &ServiceProvider,
    expected: &Expected<'_>,
) -> Result<Person, SamlRefusal> {
    if response.len() > MAX_RESPONSE {
        return Err(SamlRefusal::TooLarge { length: response.len(), limit: MAX_RESPONSE });
    }
    let document = engine::parse(lexical::scan(response, &Limits::RESPONSE)?)?;
    document.with_view(|view| {
        let verification = Verification { idp, sp, expected };
        verification.response(&document, view)
    })
}

/// One verification: what is asked of whom.
#[derive(Clone, Copy)]
struct Verification<'a> {
    idp: &'a SamlIdentityProvider,
    sp: &'a ServiceProvider,
    expected: &'a Expected<'a>,
}

impl Verification<'_> {
    fn response(self, document: &XmlDocument, view: DocumentView<'_>) -> Result<Person, SamlRefusal> {
        envelope::check_identifiers(view.document())?;
        let response = envelope::response(view.document())?;
        message::check_version(response, "Response")?;
        message::check_status(response)?;
        let statement = envelope::statement(response)?;
        let element = match statement {
            Statement::Plain(element) | Statement::Encrypted(element) => element,
        };
        let [own, inner] = envelope::signatures(view.document(), [Some(response), plain(statement)])?;
        message::check_issuer_of_response(response, self.idp, own.is_some())?;
        message::check_destination(response, self.sp, own.is_some())?;
        message::check_in_response_to(response, self.expected)?;
        self.check_metadata()?;

        let signed: Vec<_> = own
            .map(|signature| Signed { element: response, signature })
            .into_iter()
            .chain(inner.map(|signature| Signed { element, signature }))
            .collect();
        match statement {
            Statement::Plain(_) => {
                let keys = self.keys();
                self.assertion(&signature::verify(document, view, &signed, element, &keys)?)
            }
            Statement::Encrypted(_) => {
                let outer = (!signed.is_empty())
                    .then(|| signature::verify(document, view, &signed, element, &self.keys()))
                    .transpose()?;
                self.encrypted(element, outer.as_ref())
            }
        }
    }

    /// Check 16. The assertion inside must be signed unless the response around it is; if it is signed, that must hold too.
    fn encrypted(self, element: Element<'_>, outer: Option<&Covered<'_>>) -> Result<Person, SamlRefusal> {
        let text = encrypted::decrypt(element, self.sp.decryption())?;
        let document = engine::parse(lexical::scan(&text, &Limits::RESPONSE)?)?;
        document.with_view(|view| {
            let assertion = envelope::decrypted(view.document())?;
            let [own] = envelope::signatures(view.document(), [Some(assertion)])?;
            if let (None, Some(outer)) = (own, outer) {
                return self.assertion(&Covered::by_response(assertion, outer));
            }
            let signed = own.map(|signature| Signed { element: assertion, signature });
            self.assertion(&signature::verify(&document, view, signed.as_slice(), assertion, &self.keys())?)
        })
    }

    fn keys(&self) -> TrustedKeys<'_> {
        TrustedKeys::at(self.idp.metadata.signing_keys(), self.expected.now, self.expected.skew)
    }

    /// Check 18: metadata that has run out names no keys any more.
    fn check_metadata(self) -> Result<(), SamlRefusal> {
        match self.idp.metadata.valid_until() {
            Some(end) if self.expected.is_past(end) => Err(SamlRefusal::MetadataExpired(end)),
            _ => Ok(()),
        }
    }

    /// What the covered assertion says.
    fn assertion(self, covered: &Covered<'_>) -> Result<Person, SamlRefusal> {
        let (assertion, expected) = (covered.node(), self.expected);
        message::check_version(assertion, "Assertion")?;
        message::check_issuer(assertion, self.idp)?;
        message::check_issue_instant(assertion, expected)?;
        let confirmed_until = confirmation::check(assertion, self.sp, expected)?;
        let valid_until = conditions::check(assertion, self.sp, expected)?;
        let authentication = authentication::check(assertion, expected)?;
        let single_use = replay::single_use(assertion, expected, confirmed_until.max(valid_until))?;
        let claims = attributes::read(assertion, &self.idp.attributes)?;
        let subject = subject::check(assertion, claims.email.as_deref(), &self.idp.attributes)?;
        Ok(Person {
            email: subject.email,
            evidence: Evidence {
                provider: expected.provider.to_owned(),
                protocol: Protocol::Saml,
                issuer: self.idp.metadata.entity_id().to_owned(),
                subject: subject.name,
                assertion: assertion.attribute("ID").unwrap_or_default().to_owned(),
                authenticated: authentication.instant,
                context: authentication.context,
                methods: Vec::new(),
                groups: claims.groups,
                display_name: claims.display_name,
            },
            single_use,
        })
    }
}

fn plain(statement: Statement<'_>) -> Option<Element<'_>> {
    match statement {
        Statement::Plain(element) => Some(element),
        Statement::Encrypted(_) => None,
    }
}
