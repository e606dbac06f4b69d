//! The xAPI itself, whatever the face it is spoken through: paths, the tree, commands and their parameters, and what may be refused.
//!
//! One list of commands (`schema`) decides which there are, who may give them and what they take. Nothing here touches a socket.

pub mod call;
pub mod path;
pub mod query;
pub mod refusal;
pub mod schema;
pub mod text;
pub mod tree;

pub use call::{Call, Secretive};
pub use path::{Path, Step};
pub use refusal::{Fault, Refusal};
pub use tree::Node;
