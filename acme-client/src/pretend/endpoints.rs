//! The endpoints of the authority in memory.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use time::{Duration, format_description::well_known::Rfc3339};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

use super::{CA, Ledger, Opened, PretendOrder};

type Answer = (u16, Option<String>, Value);

pub(super) fn problem(status: u16, kind: &str) -> Answer {
    let body = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": format!("pretended {kind}") });
    (status, None, body)
}

/// The raw public key of a signing request.
pub(super) struct RequestKey(pub(super) Vec<u8>);

impl rcgen::PublicKeyData for RequestKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl Ledger {
    pub(super) fn directory(&self) -> Value {
        let at = |path: &str| format!("{CA}/{path}");
        let meta = self.terms.map_or_else(|| json!({}), |terms| json!({ "termsOfService": terms }));
        json!({
            "newNonce": at("new-nonce"), "newAccount": at("new-account"), "newOrder": at("new-order"),
            "revokeCert": at("revoke-cert"), "keyChange": at("key-change"), "renewalInfo": at("renewal-info"),
            "meta": meta,
        })
    }

    /// Whether the request is signed by the key of an account that is known, or by a key itself.
    fn is_known(&self, request: &Opened) -> bool {
        let Some(kid) = request.kid.as_str() else { return true };
        let number: usize = kid.rsplit('/').next().unwrap().parse().unwrap();
        (self.forgotten..self.forgotten + self.accounts.len()).contains(&number)
    }

    pub(super) fn signed(&mut self, parts: &[&str], request: &Opened) -> Answer {
        let number = parts.get(1).and_then(|part| part.parse::<usize>().ok()).unwrap_or_default();
        if !self.is_known(request) {
            return problem(400, "accountDoesNotExist");
        }
        match *parts {
            ["new-account"] => self.new_account(request),
            ["account", _] => {
                self.deactivated |= request.payload["status"] == "deactivated";
                if let Some(contacts) = request.payload.get("contact") {
                    self.contacts = contacts.clone();
                }
                (200, None, self.account_document())
            }
            ["new-order"] => self.new_order(request),
            ["order", _] if number >= self.orders.len() => problem(404, "malformed"),
            ["order", _] => (200, None, self.order_document(number)),
            ["order", _, "finalize"] => self.finalize(number, request),
            ["authorization", _] if request.payload["status"] == "deactivated" => {
                self.orders[number].refused = true;
                (200, None, self.authorization_document(number))
            }
            ["challenge", _, provider] => {
                self.sso_response(number, provider.parse().unwrap(), &request.payload)
            }
            ["authorization", _] => (200, None, self.authorization_document(number)),
            ["challenge", _] => {
                let refused = self.refuse_proofs;
                let order = &mut self.orders[number];
                (order.proven, order.refused) = (!refused, refused);
                (200, None, self.authorization_document(number)["challenges"][0].clone())
            }
            ["revoke-cert"] => {
                self.revoked.push(request.payload["certificate"].clone());
                (200, None, json!({}))
            }
            ["key-change"] => {
                let inner: Value = request.payload.clone();
                let protected =
                    BASE64URL_NOPAD.decode(inner["protected"].as_str().unwrap().as_bytes()).unwrap();
                let protected: Value = serde_json::from_slice(&protected).unwrap();
                self.accounts[0] = protected["jwk"].to_string();
                (200, None, self.account_document())
            }
            ref other => panic!("not an endpoint: {other:?}"),
        }
    }

    fn account_document(&self) -> Value {
        let contacts = if self.contacts.is_null() { json!([]) } else { self.contacts.clone() };
        json!({ "status": if self.deactivated { "deactivated" } else { "valid" }, "contact": contacts })
    }

    fn new_account(&mut self, request: &Opened) -> Answer {
        self.registrations.push(request.payload.clone());
        let key = request.key.to_string();
        let known = self.accounts.iter().position(|account| *account == key);
        let (status, index) = match known {
            Some(index) => (200, index),
            None if request.payload["onlyReturnExisting"] == true => {
                return problem(400, "accountDoesNotExist");
            }
            None => {
                self.accounts.push(key);
                self.contacts = request.payload["contact"].clone();
                (201, self.accounts.len() - 1)
            }
        };
        let index = self.forgotten + index;
        (status, Some(format!("{CA}/account/{index}")), self.account_document())
    }

    fn new_order(&mut self, request: &Opened) -> Answer {
        assert!(request.kid.as_str().unwrap().starts_with(CA), "orders are signed by an account");
        if let Some((status, kind)) = self.refuse_orders {
            return problem(status, kind);
        }
        let replaces = request.payload["replaces"].clone();
        if replaces.as_str().is_some_and(|id| !self.replaced.insert(id.to_owned())) {
            return problem(409, "alreadyReplaced");
        }
        let person = request.payload["identifiers"][0]["type"] == "email";
        self.orders.push(PretendOrder {
            proven: person && self.reuses_sign_ins && self.orders.iter().any(|order| order.proven),
            identifiers: request.payload["identifiers"].clone(),
            profile: request.payload["profile"].clone(),
            replaces,
            ..PretendOrder::default()
        });
        let number = self.orders.len() - 1;
        (201, Some(format!("{CA}/order/{number}")), self.order_document(number))
    }

    fn order_document(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let status = match order {
            PretendOrder { refused: true, .. } => "invalid",
            PretendOrder { certificate: Some(_), .. } => "valid",
            PretendOrder { proven: true, .. } => "ready",
            _ => "pending",
        };
        let mut document = json!({
            "status": status, "identifiers": order.identifiers,
            "authorizations": [format!("{CA}/authorization/{number}")],
            "finalize": format!("{CA}/order/{number}/finalize"),
        });
        if order.certificate.is_some() {
            document["certificate"] = json!(format!("{CA}/certificate/{number}"));
        }
        document
    }

    fn authorization_document(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let status = match (order.proven, order.refused) {
            (true, _) => "valid",
            (false, true) => "invalid",
            (false, false) => "pending",
        };
        if order.identifiers[0]["type"] == "email" {
            return self.sso_authorization(number, status);
        }
        let mut challenge = json!({
            "type": "dns-01", "url": format!("{CA}/challenge/{number}"), "status": status,
            "token": "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
        });
        if order.refused {
            challenge["error"] = problem(403, "incorrectResponse").2;
        }
        json!({ "identifier": order.identifiers[0], "status": status, "challenges": [challenge] })
    }

    fn finalize(&mut self, number: usize, request: &Opened) -> Answer {
        let csr = request.payload["csr"].as_str().unwrap().to_owned();
        let order = &self.orders[number];
        if !order.proven || order.csr.as_ref().is_some_and(|first| *first != csr) {
            return problem(403, "orderNotReady");
        }
        let certificate = self.issue(&csr);
        let order = &mut self.orders[number];
        order.csr = Some(csr);
        order.certificate.get_or_insert(certificate);
        (200, None, self.order_document(number))
    }

    fn issue(&self, csr: &str) -> String {
        let der = BASE64URL_NOPAD.decode(csr.as_bytes()).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&der).unwrap();
        let names = request.requested_extensions().unwrap().find_map(|extension| match extension {
            x509_parser::extensions::ParsedExtension::SubjectAlternativeName(names) => Some(names),
            _ => None,
        });
        let names = names.unwrap().general_names.iter().map(|name| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => {
                rcgen::SanType::DnsName((*name).try_into().unwrap())
            }
            x509_parser::extensions::GeneralName::RFC822Name(name) => {
                rcgen::SanType::Rfc822Name((*name).try_into().unwrap())
            }
            other => panic!("unexpected name {other}"),
        });
        let mut parameters = rcgen::CertificateParams::default();
        parameters.subject_alt_names = names.collect();
        parameters.not_before = self.now;
        parameters.not_after = self.now + Duration::days(30);
        parameters.use_authority_key_identifier_extension = true;
        let key = request.certification_request_info.subject_pki.subject_public_key.data.to_vec();
        let leaf = parameters.signed_by(&RequestKey(key), &*self.issuer).unwrap();
        format!("{}{}", leaf.pem(), AsRef::<rcgen::Certificate>::as_ref(&self.issuer).pem())
    }

    pub(super) fn renewal_info(&self) -> Answer {
        let Some((start, end)) = self.window else { return problem(404, "malformed") };
        let text = |at: time::OffsetDateTime| at.format(&Rfc3339).unwrap();
        (200, None, json!({ "suggestedWindow": { "start": text(start), "end": text(end) } }))
    }
}
