//! What the client reads: problem documents, views of resources, certificates.
//!
//! Internal detail never leaves: a failure of ours is logged here once and shown as `serverInternal`.

pub mod answer;
pub mod document;
pub mod html;
pub mod kinds;
pub mod problem;
pub mod views;

pub use answer::Answer;
