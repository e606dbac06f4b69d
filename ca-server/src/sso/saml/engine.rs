//! The XML library under our rules: which algorithms, which limits, and aws-lc-rs behind every primitive.
//!
//! The policy is xml-sec's `SecureSaml` profile, narrowed: RSA and ECDSA with SHA-2, exclusive canonical XML without comments, keys that we
//! name and nothing a document brings along. Both parsers of the library read each document, and a difference between them is a refusal.
//! The library does no I/O, and neither do we.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aws_lc_rs::digest;
use xml_sec::api::{Operation, XmlSecurity};
use xml_sec::policy::{
    CompiledPolicies, KeySourceKind, KeySourcePolicy, PolicyCompileContext, PolicyCompiler, PolicyProfile,
    PolicySet, PolicyViolation, RsaPssPermission,
};
use xml_sec::provider::{
    CryptoProvider, DigestState, KdfParameters, ProviderCapability, ProviderError, ProviderOperation,
};
use xml_sec::xmldsig::{
    DigestAlgorithm, DsigError, SignatureAlgorithm, SignatureContext, SigningKey, SigningKeyError,
    UriTypeSet, VerifyingKey,
};
use xml_sec::{ParseError, XmlBackend, XmlDocument, XmlDocumentError, XmlSecError};

use super::envelope::EnvelopeFault;

/// The signature algorithms that count.
pub(super) const SIGNATURES: [SignatureAlgorithm; 5] = [
    SignatureAlgorithm::RsaSha256,
    SignatureAlgorithm::RsaSha384,
    SignatureAlgorithm::RsaSha512,
    SignatureAlgorithm::EcdsaSha256,
    SignatureAlgorithm::EcdsaSha384,
];

/// The digest algorithms that count.
pub(super) const DIGESTS: [DigestAlgorithm; 3] =
    [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];

/// A signature over what it is part of.
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Exclusive canonical XML, comments left out.
pub(super) const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Nodes of one document. Responses are bounded more narrowly, as text, before they come here.
const MAX_NODES: usize = 30_000;
const MAX_DEPTH: usize = 32;
const MAX_NAMESPACES: usize = 32;

static PROVIDER: AwsLc = AwsLc;

#[expect(clippy::expect_used, reason = "the policy is constant; a test compiles it")]
static POLICIES: LazyLock<CompiledPolicies> = LazyLock::new(|| compile().expect("the policy is consistent"));

fn compile() -> Result<CompiledPolicies, PolicyViolation> {
    let compiler = PolicyCompiler::new(PolicyProfile::SecureSaml, &PROVIDER, None)?;
    let Some(mut narrow) = compiler.policies().verification.clone() else {
        return Err(PolicyViolation::Configuration { reason: "the profile verifies nothing" });
    };
    narrow.signature_algorithms = Some(SIGNATURES.into_iter().collect());
    narrow.digest_algorithms = Some(DIGESTS.into_iter().collect());
    narrow.parameterized_rsa_pss = RsaPssPermission::ExactOnly;
    narrow.key_trust.parameterized_rsa_pss = RsaPssPermission::ExactOnly;
    narrow.transforms.allowed_algorithms =
        Some(BTreeSet::from([ENVELOPED.to_owned(), EXCLUSIVE_C14N.to_owned()]));
    narrow.key_sources = KeySourcePolicy::from([KeySourceKind::PresetKey]);
    narrow.uris.retrieval_methods = UriTypeSet::new(false, false, false);
    narrow.uris.key_info_references = UriTypeSet::new(false, false, false);
    let resources = &mut narrow.resources;
    resources.max_xml_nodes = MAX_NODES;
    resources.max_xml_depth = MAX_DEPTH;
    resources.max_xml_namespace_bindings = MAX_NAMESPACES;
    resources.max_references = 2;
    resources.max_signatures = 2;
    resources.max_transforms_per_reference = 2;
    let layer = PolicySet { verification: Some(narrow), ..PolicySet::default() };
    compiler
        .restrict(&layer)?
        .compile(&PolicyCompileContext { external_resources: false, target_evidence: true })
}

/// The library, bound to the policy, the provider and both parsers.
pub(super) fn security() -> Result<XmlSecurity<'static>, XmlSecError> {
    Ok(XmlSecurity::new(&POLICIES, &PROVIDER)?.xml_backend(XmlBackend::Differential))
}

/// Parses a text once; every later step reads this document and no other (check 3).
pub(super) fn parse(text: &str) -> Result<XmlDocument, EnvelopeFault> {
    let parsed = security().and_then(|security| security.parse_document(text, Operation::Verify));
    parsed.map_err(|refusal| match refusal {
        XmlSecError::Document(XmlDocumentError::Parse(fault)) => match fault {
            ParseError::BackendDivergence { .. } => EnvelopeFault::ParsersDisagree,
            ParseError::Backend { .. } | ParseError::SourceMapMismatch { .. } => EnvelopeFault::Malformed,
            _ => EnvelopeFault::TooComplex,
        },
        XmlSecError::Document(XmlDocumentError::DocumentTooDeep { .. } | XmlDocumentError::Policy(_)) => {
            EnvelopeFault::TooComplex
        }
        _ => EnvelopeFault::Malformed,
    })
}

/// aws-lc-rs as the library's provider: digests, and verification by the key itself. It can do nothing else.
struct AwsLc;

fn digest_algorithm(algorithm: DigestAlgorithm) -> Option<&'static digest::Algorithm> {
    match algorithm {
        DigestAlgorithm::Sha256 => Some(&digest::SHA256),
        DigestAlgorithm::Sha384 => Some(&digest::SHA384),
        DigestAlgorithm::Sha512 => Some(&digest::SHA512),
        _ => None,
    }
}

fn unsupported(operation: ProviderOperation, algorithm: &str) -> ProviderError {
    ProviderError::Unsupported { operation, algorithm: Some(algorithm.to_owned()) }
}

struct Digest(digest::Context);

impl DigestState for Digest {
    fn update(&mut self, data: &[u8]) -> Result<(), ProviderError> {
        self.0.update(data);
        Ok(())
    }

    fn finalize(self: Box<Self>) -> Result<Vec<u8>, ProviderError> {
        Ok(self.0.finish().as_ref().to_vec())
    }
}

impl CryptoProvider for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn supports(&self, capability: ProviderCapability<'_>) -> bool {
        match capability {
            ProviderCapability::Digest(algorithm) => digest_algorithm(algorithm).is_some(),
            ProviderCapability::Verify(algorithm) => SIGNATURES.contains(&algorithm),
            _ => false,
        }
    }

    fn fill_random(&self, _output: &mut [u8]) -> Result<(), ProviderError> {
        Err(unsupported(ProviderOperation::Random, "random"))
    }

    fn derive_key(&self, parameters: &KdfParameters<'_>, _secret: &[u8]) -> Result<Vec<u8>, ProviderError> {
        let capability = ProviderCapability::Kdf(parameters);
        Err(unsupported(capability.operation(), "key derivation"))
    }

    fn begin_digest(&self, algorithm: DigestAlgorithm) -> Result<Box<dyn DigestState + '_>, ProviderError> {
        let native = digest_algorithm(algorithm)
            .ok_or_else(|| unsupported(ProviderOperation::Digest, algorithm.uri()))?;
        Ok(Box::new(Digest(digest::Context::new(native))))
    }

    fn sign(
        &self,
        _key: &dyn SigningKey,
        algorithm: SignatureAlgorithm,
        _data: &[u8],
    ) -> Result<Vec<u8>, SigningKeyError> {
        Err(unsupported(ProviderOperation::Sign, algorithm.uri()).into())
    }

    fn verify(
        &self,
        key: &dyn VerifyingKey,
        algorithm: SignatureAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, DsigError> {
        key.verify_with_context(algorithm, &SignatureContext::default(), data, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_compiles_and_permits_what_it_says() {
        let policy = POLICIES.verification().unwrap();
        assert_eq!(policy.signature_algorithms.as_ref().map(BTreeSet::len), Some(SIGNATURES.len()));
        assert_eq!(policy.transforms.allowed_algorithms.as_ref().map(BTreeSet::len), Some(2));
        assert!(POLICIES.signing().is_none());
        assert!(XmlBackend::Differential.is_available());
    }
}
