//! An assertion and its response before they are signed: every part that a test may want to be wrong, and the XML of them.

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::identity_provider::pages::escape;

/// The `NameID` format of addresses.
pub const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What will be asserted. `None` leaves the part out.
#[derive(Clone, Debug)]
pub struct AssertionDraft {
    /// ID of the response.
    pub response_id: String,
    /// ID of the assertion.
    pub assertion_id: String,
    /// Issuer of the response.
    pub response_issuer: Option<String>,
    /// Issuer of the assertion.
    pub issuer: String,
    /// Destination of the response.
    pub destination: Option<String>,
    /// Status codes, the outer one first.
    pub status: Vec<String>,
    /// `InResponseTo` of the response.
    pub response_in_response_to: Option<String>,
    /// Issue time of both.
    pub issued: OffsetDateTime,
    /// Whom it is about.
    pub name_id: String,
    /// The form of that.
    pub name_id_format: Option<String>,
    /// `Recipient` of the confirmation.
    pub recipient: Option<String>,
    /// `InResponseTo` of the confirmation.
    pub in_response_to: Option<String>,
    /// `NotOnOrAfter` of the confirmation.
    pub confirmed_until: Option<OffsetDateTime>,
    /// `NotBefore` of the conditions.
    pub not_before: Option<OffsetDateTime>,
    /// `NotOnOrAfter` of the conditions.
    pub not_on_or_after: Option<OffsetDateTime>,
    /// Audiences; empty leaves the restriction out.
    pub audience: Vec<String>,
    /// When the person signed in; `None` leaves the statement out.
    pub authenticated: Option<OffsetDateTime>,
    /// How.
    pub context: String,
    /// Attributes and their values.
    pub attributes: Vec<(String, Vec<String>)>,
}

impl AssertionDraft {
    /// The assertion, with `signature` where it belongs (after the issuer).
    pub(super) fn assertion(&self, signature: &str) -> String {
        let Self { assertion_id, name_id, .. } = self;
        let issued = at(self.issued);
        let mut xml = format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{issued}\" \
             Version=\"2.0\"><saml:Issuer>{issuer}</saml:Issuer>{signature}<saml:Subject><saml:NameID{format}>{name}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData{in_response_to}{until}{recipient}/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions{not_before}{not_on_or_after}>",
            id = escape(assertion_id),
            issuer = escape(&self.issuer),
            format = optional("Format", self.name_id_format.as_deref()),
            name = escape(name_id),
            in_response_to = optional("InResponseTo", self.in_response_to.as_deref()),
            until = optional("NotOnOrAfter", self.confirmed_until.map(at).as_deref()),
            recipient = optional("Recipient", self.recipient.as_deref()),
            not_before = optional("NotBefore", self.not_before.map(at).as_deref()),
            not_on_or_after = optional("NotOnOrAfter", self.not_on_or_after.map(at).as_deref()),
        );
        if !self.audience.is_empty() {
            xml.push_str("<saml:AudienceRestriction>");
            for audience in &self.audience {
                element(&mut xml, "saml:Audience", audience);
            }
            xml.push_str("</saml:AudienceRestriction>");
        }
        xml.push_str("</saml:Conditions>");
        self.statements(&mut xml);
        xml.push_str("</saml:Assertion>");
        xml
    }

    fn statements(&self, xml: &mut String) {
        if let Some(authenticated) = self.authenticated {
            // Writing to a String cannot fail, here and below.
            let _ = write!(
                xml,
                "<saml:AuthnStatement AuthnInstant=\"{}\" SessionIndex=\"{}\"><saml:AuthnContext>",
                at(authenticated),
                escape(&self.assertion_id)
            );
            element(xml, "saml:AuthnContextClassRef", &self.context);
            xml.push_str("</saml:AuthnContext></saml:AuthnStatement>");
        }
        if self.attributes.is_empty() {
            return;
        }
        xml.push_str("<saml:AttributeStatement>");
        for (name, values) in &self.attributes {
            let _ = write!(
                xml,
                "<saml:Attribute Name=\"{}\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\">",
                escape(name)
            );
            for value in values {
                element(xml, "saml:AttributeValue", value);
            }
            xml.push_str("</saml:Attribute>");
        }
        xml.push_str("</saml:AttributeStatement>");
    }

    /// The response around `assertion`, with `signature` where it belongs.
    pub(super) fn response(&self, signature: &str, assertion: &str) -> String {
        let mut xml = format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"{destination} ID=\"{id}\"{in_response_to} \
             IssueInstant=\"{issued}\" Version=\"2.0\">",
            destination = optional("Destination", self.destination.as_deref()),
            id = escape(&self.response_id),
            in_response_to = optional("InResponseTo", self.response_in_response_to.as_deref()),
            issued = at(self.issued),
        );
        if let Some(issuer) = &self.response_issuer {
            let _ = write!(
                xml,
                "<saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:Issuer>",
                escape(issuer)
            );
        }
        xml.push_str(signature);
        xml.push_str("<samlp:Status>");
        for code in &self.status {
            let _ = write!(xml, "<samlp:StatusCode Value=\"{}\">", escape(code));
        }
        for _ in &self.status {
            xml.push_str("</samlp:StatusCode>");
        }
        xml.push_str("</samlp:Status>");
        xml.push_str(assertion);
        xml.push_str("</samlp:Response>");
        xml
    }
}

fn optional(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
}

fn element(xml: &mut String, name: &str, text: &str) {
    let _ = write!(xml, "<{name}>{}</{name}>", escape(text));
}

fn at(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
