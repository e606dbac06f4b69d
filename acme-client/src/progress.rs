//! How the library tells a person what is going on, without knowing how it is shown.
//!
//! Carries no data that a caller would need: everything reported here may be dropped.

/// Receives the steps of a longer operation, as they happen.
pub trait Progress: Send + Sync {
    /// A step begins: "waiting for the record".
    fn step(&self, message: &str);
    /// Something worth knowing within the step.
    fn note(&self, message: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _message: &str) {}

    fn note(&self, _message: &str) {}
}
