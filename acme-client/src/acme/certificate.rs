//! Certificates (RFC 8555 §7.4.2, §7.6): download with alternate chains, revocation by account or by the certificate's own key.
//!
//! A downloaded chain is a claim: here it is only checked to be PEM certificates and nothing else. Whether it is the right one,
//! for the right key, is the caller's to check before it replaces anything.

use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject, SectionKind};
use serde::Serialize;

use super::account::Account;
use super::client::Client;
use super::directory::{NotOffered, Resource};
use super::jws::{JwsError, Payload, Signer};
use super::key::JwsKey;
use super::problem::ProblemKind;
use super::request::{Accept, RequestError};
use super::resource_url::ResourceUrl;

/// Most certificates in a chain, and most alternate chains.
const MAX_CHAIN: usize = 16;

/// A certificate and its issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    /// Where it was downloaded.
    pub url: ResourceUrl,
    /// The text as the authority sent it.
    pub pem: String,
    /// The certificates, the leaf first.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Where other chains for the same leaf are.
    pub alternates: Vec<ResourceUrl>,
}

/// What a downloaded text is instead of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// It is not PEM text.
    #[error("it is not PEM text")]
    NotPem,
    /// It holds something else than certificates.
    #[error("it holds something else than certificates")]
    NotCertificates,
    /// It holds no certificate.
    #[error("it holds no certificate")]
    Empty,
    /// It holds too many.
    #[error("it holds over {MAX_CHAIN} certificates")]
    TooLong,
}

/// A certificate could not be downloaded or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The authority refused or could not be reached.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// What was downloaded is no chain.
    #[error("{url} is no certificate chain: {why}")]
    Chain {
        /// Where it was downloaded.
        url: ResourceUrl,
        /// What is wrong.
        #[source]
        why: ChainError,
    },
    /// The authority has no `revokeCert`.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
}

/// Why a certificate is revoked (RFC 5280 §5.3.1), as far as a client may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
pub enum RevocationReason {
    /// 0: not said.
    Unspecified,
    /// 1: somebody else has the key.
    KeyCompromise,
    /// 3: the name's holder has changed.
    AffiliationChanged,
    /// 4: there is a newer certificate.
    Superseded,
    /// 5: no longer needed.
    CessationOfOperation,
}

impl From<RevocationReason> for u8 {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::Unspecified => 0,
            RevocationReason::KeyCompromise => 1,
            RevocationReason::AffiliationChanged => 3,
            RevocationReason::Superseded => 4,
            RevocationReason::CessationOfOperation => 5,
        }
    }
}

/// How a revocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The certificate is revoked by this request.
    Revoked,
    /// It was already.
    AlreadyRevoked,
}

#[derive(Serialize)]
struct RevocationRequest {
    certificate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<RevocationReason>,
}

/// Reads a chain. Total: any bytes give certificates or an error. The certificates themselves are not looked into.
///
/// # Errors
/// If it is anything but PEM certificates, one to sixteen.
pub fn parse_chain(bytes: &[u8]) -> Result<(String, Vec<CertificateDer<'static>>), ChainError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ChainError::NotPem)?;
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>) as PemObject>::pem_slice_iter(bytes) {
        match section.map_err(|_: pem::Error| ChainError::NotPem)? {
            (SectionKind::Certificate, der) => certificates.push(CertificateDer::from(der)),
            _ => return Err(ChainError::NotCertificates),
        }
        if certificates.len() > MAX_CHAIN {
            return Err(ChainError::TooLong);
        }
    }
    // What begins within a line is passed over here, but not by everybody.
    if text.matches("-----BEGIN ").count() != certificates.len() {
        return Err(ChainError::NotPem);
    }
    if certificates.is_empty() { Err(ChainError::Empty) } else { Ok((text.to_owned(), certificates)) }
}

impl Account {
    /// Downloads the chain at `url`, which a valid order names.
    ///
    /// # Errors
    /// If the authority refuses, cannot be reached, or sends something else than a chain.
    pub async fn certificate(&self, url: &ResourceUrl) -> Result<CertificateChain, CertificateError> {
        let answer =
            self.client.post(self.signer(), url, &Payload::Empty, Accept::PemCertificateChain).await?;
        let (pem, certificates) =
            parse_chain(answer.body()?).map_err(|why| CertificateError::Chain { url: url.clone(), why })?;
        let mut alternates = answer.links("alternate");
        alternates.truncate(MAX_CHAIN);
        Ok(CertificateChain { url: url.clone(), pem, certificates, alternates })
    }

    /// Downloads the chain at `url` and every alternate it links to. An alternate that cannot be read is an error.
    ///
    /// # Errors
    /// As [`certificate`](Self::certificate).
    pub async fn certificate_chains(
        &self,
        url: &ResourceUrl,
    ) -> Result<Vec<CertificateChain>, CertificateError> {
        let default = self.certificate(url).await?;
        let alternates = default.alternates.clone();
        let mut chains = vec![default];
        for alternate in &alternates {
            chains.push(self.certificate(alternate).await?);
        }
        Ok(chains)
    }

    /// Revokes a certificate (DER) that this account ordered, or for whose names it holds authorizations.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn revoke(
        &self,
        certificate: &[u8],
        reason: Option<RevocationReason>,
    ) -> Result<Revocation, CertificateError> {
        self.client.revoke(self.signer(), certificate, reason).await
    }
}

impl Client {
    /// Revokes a certificate (DER) with its own key; needs no account.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn revoke_with_certificate_key(
        &self,
        certificate_key: &JwsKey,
        certificate: &[u8],
        reason: Option<RevocationReason>,
    ) -> Result<Revocation, CertificateError> {
        self.revoke(Signer::Jwk(certificate_key), certificate, reason).await
    }

    async fn revoke(
        &self,
        signer: Signer<'_>,
        certificate: &[u8],
        reason: Option<RevocationReason>,
    ) -> Result<Revocation, CertificateError> {
        let url = self.directory().resource(Resource::RevokeCertificate)?;
        let request = RevocationRequest { certificate: BASE64URL_NOPAD.encode(certificate), reason };
        let payload = Payload::json(&request).map_err(|error| self.unsendable(url, JwsError::Json(error)))?;
        match self.post(signer, url, &payload, Accept::Json).await {
            Ok(_) => Ok(Revocation::Revoked),
            Err(error) if error.is_problem(&ProblemKind::AlreadyRevoked) => Ok(Revocation::AlreadyRevoked),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
