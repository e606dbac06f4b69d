//! `xQuery`: a path in which `*` stands for one step and `**` for any number of them.

use super::path::{Path, Step};
use super::tree::Node;

/// Most `**` in one query: each multiplies what there is to look at.
const MOST_DEEP: usize = 2;

enum Part {
    One(Step),
    Any,
    Deep,
}

/// A query.
pub struct Query(Vec<Part>);

impl Query {
    /// Of words.
    #[must_use]
    pub fn of(words: &[String]) -> Option<Self> {
        let mut parts = Vec::new();
        for word in words.iter().filter(|word| !word.is_empty()) {
            match word.as_str() {
                "*" => parts.push(Part::Any),
                "**" => parts.push(Part::Deep),
                word => {
                    parts.extend(Path::of_words([word])?.steps().iter().cloned().map(Part::One));
                }
            }
        }
        let deep = parts.iter().filter(|part| matches!(part, Part::Deep)).count();
        (!parts.is_empty() && parts.len() <= 32 && deep <= MOST_DEEP).then_some(Self(parts))
    }

    /// What of a tree it is about.
    #[must_use]
    pub fn of_tree(&self, tree: &Node) -> Node {
        let values = tree.flatten();
        Node::of_values(values.iter().filter(|(path, _)| begins(&self.0, path.steps())))
    }
}

/// Whether the steps begin with what the parts say.
fn begins(parts: &[Part], steps: &[Step]) -> bool {
    let Some((part, rest)) = parts.split_first() else { return true };
    match (part, steps.split_first()) {
        (Part::Deep, None) => begins(rest, steps),
        (Part::Deep, Some((_, below))) => begins(rest, steps) || begins(parts, below),
        (Part::Any | Part::One(_), None) => false,
        (Part::Any, Some((_, below))) => begins(rest, below),
        (Part::One(wanted), Some((step, below))) => wanted.is(step) && begins(rest, below),
    }
}
