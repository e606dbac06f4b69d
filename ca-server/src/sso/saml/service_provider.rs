//! This side of SAML: who we are, where answers are posted, and the metadata that tells providers so (SAML metadata §2.4.4).

use url::Url;

use super::encrypted::DecryptionKey;
use super::xml::{METADATA, PROTOCOL, SIGNATURE, escape};

/// The format in which we ask for people's names.
pub(super) const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

pub(super) const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// This service provider, as one identity provider sees it.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    entity_id: String,
    assertion_consumer: Url,
    decryption: Option<DecryptionKey>,
}

impl ServiceProvider {
    /// Names the service provider and where answers are posted.
    #[must_use]
    pub fn new(entity_id: String, assertion_consumer: Url, decryption: Option<DecryptionKey>) -> Self {
        Self { entity_id, assertion_consumer, decryption }
    }

    /// Our entity id: the audience of every assertion that counts.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where answers are posted.
    #[must_use]
    pub fn assertion_consumer(&self) -> &Url {
        &self.assertion_consumer
    }

    /// The key for encrypted assertions.
    #[must_use]
    pub fn decryption(&self) -> Option<&DecryptionKey> {
        self.decryption.as_ref()
    }

    /// The metadata document for the identity provider's operator.
    #[must_use]
    pub fn metadata(&self) -> String {
        let entity = escape(&self.entity_id);
        let consumer = escape(self.assertion_consumer.as_str());
        let key = self.decryption.as_ref().map(key_descriptor).unwrap_or_default();
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="{METADATA}" entityID="{entity}">
  <md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" protocolSupportEnumeration="{PROTOCOL}">
{key}    <md:NameIDFormat>{EMAIL_FORMAT}</md:NameIDFormat>
    <md:AssertionConsumerService Binding="{POST}" Location="{consumer}" index="0" isDefault="true"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"#
        )
    }
}

fn key_descriptor(key: &DecryptionKey) -> String {
    use base64::Engine as _;
    let certificate = base64::engine::general_purpose::STANDARD.encode(key.certificate());
    format!(
        r#"    <md:KeyDescriptor use="encryption">
      <ds:KeyInfo xmlns:ds="{SIGNATURE}"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>
      <md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/>
      <md:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/>
      <md:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>
    </md:KeyDescriptor>
"#
    )
}
