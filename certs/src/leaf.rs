//! Leaf certificates: what a profile may say, what a request adds, and the bytes that get signed.
//!
//! Everything in a leaf comes from the profile and the order; of a certificate request only the public key is taken. The to-be-signed bytes
//! are made once and seen in a *twin* with the signature of a throwaway key, so they can be linted and recorded before the real key is asked.

mod build;
mod profile;
mod proof;
mod request;

pub(crate) use build::alternative_name;
pub use build::leaf_tbs;
pub use profile::{
    ExtendedKeyUsage, LeafProfile, MAX_BACKDATE, PolicyRule, ProfileError, ProfileName, SubjectRule,
};
pub use proof::{PROOF_ARC, Proof, ProofError};
pub use request::{LeafError, LeafRequest, LeafUrls, Validity, ValidityError};
