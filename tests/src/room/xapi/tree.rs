//! The tree of what a device says of itself: values, branches and numbered lists.
//!
//! One tree, from which every face makes its own text. Decides nothing; names keep the spelling they were given here, whatever the asker wrote.

use std::collections::BTreeMap;

use super::path::{Path, Step};

/// The mark of a list item that is gone.
pub const GHOST: &str = "ghost";

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A value.
    Leaf(String),
    /// Nodes by name, in order.
    Branch(Vec<(String, Self)>),
    /// Nodes by number, in order.
    List(Vec<(u32, Self)>),
}

impl Node {
    /// A value.
    pub fn leaf(value: impl Into<String>) -> Self {
        Self::Leaf(value.into())
    }

    /// Nodes by name.
    pub fn branch<const N: usize>(children: [(&str, Self); N]) -> Self {
        Self::Branch(children.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
    }

    /// Values by name.
    pub fn leaves<const N: usize>(children: [(&str, String); N]) -> Self {
        Self::Branch(children.into_iter().map(|(name, value)| (name.to_owned(), Self::Leaf(value))).collect())
    }

    /// Numbered from 1.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List((1..).zip(items).collect())
    }

    /// Nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::Branch(Vec::new())
    }

    /// One more child by name; a leaf or list takes none.
    pub fn push(&mut self, name: &str, node: Self) {
        if let Self::Branch(children) = self {
            children.push((name.to_owned(), node));
        }
    }

    /// The node at a path, with the path as it is spelled here.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<(Path, &Self)> {
        let mut found = (Path::default(), self);
        for step in path.steps() {
            let (next, node) = match found.1 {
                Self::Leaf(_) => return None,
                Self::Branch(children) => children.iter().find_map(|(name, node)| {
                    let name = Step::Name(name.clone());
                    name.is(step).then_some((name, node))
                })?,
                Self::List(items) => items.iter().find_map(|(item, node)| {
                    let item = Step::Item(*item);
                    item.is(step).then_some((item, node))
                })?,
            };
            found = (found.0.and(next), node);
        }
        Some(found)
    }

    /// Every value with its path.
    #[must_use]
    pub fn flatten(&self) -> BTreeMap<Path, String> {
        let mut found = BTreeMap::new();
        self.gather(&Path::default(), &mut found);
        found
    }

    fn gather(&self, at: &Path, found: &mut BTreeMap<Path, String>) {
        match self {
            Self::Leaf(value) => {
                found.insert(at.clone(), value.clone());
            }
            Self::Branch(children) => {
                for (name, node) in children {
                    node.gather(&at.and(Step::Name(name.clone())), found);
                }
            }
            Self::List(items) => {
                for (item, node) in items {
                    node.gather(&at.and(Step::Item(*item)), found);
                }
            }
        }
    }

    /// Nothing but this node, under the branches and items that lead to it.
    #[must_use]
    pub fn under(self, path: &Path) -> Self {
        path.steps().iter().rev().fold(self, |node, step| match step {
            Step::Name(name) => Self::Branch(vec![(name.clone(), node)]),
            Step::Item(item) => Self::List(vec![(*item, node)]),
        })
    }

    /// The tree of these values.
    #[must_use]
    pub fn of_values<'a>(values: impl IntoIterator<Item = (&'a Path, &'a String)>) -> Self {
        let mut root = Self::empty();
        for (path, value) in values {
            root.put(path.steps(), value);
        }
        root
    }

    fn put(&mut self, steps: &[Step], value: &str) {
        let Some((first, rest)) = steps.split_first() else {
            *self = Self::leaf(value);
            return;
        };
        match first {
            Step::Name(name) => {
                if !matches!(self, Self::Branch(_)) {
                    *self = Self::empty();
                }
                let Self::Branch(children) = self else { return };
                if let Some((_, node)) = children.iter_mut().find(|(known, _)| known == name) {
                    return node.put(rest, value);
                }
                let mut node = Self::empty();
                node.put(rest, value);
                children.push((name.clone(), node));
            }
            Step::Item(item) => {
                if !matches!(self, Self::List(_)) {
                    *self = Self::List(Vec::new());
                }
                let Self::List(items) = self else { return };
                if let Some((_, node)) = items.iter_mut().find(|(known, _)| known == item) {
                    return node.put(rest, value);
                }
                let mut node = Self::empty();
                node.put(rest, value);
                items.push((*item, node));
            }
        }
    }
}

/// What is in `new` and was not, or was another, in `old`. Items that are gone stand there as ghosts.
#[must_use]
pub fn changes(old: &BTreeMap<Path, String>, new: &BTreeMap<Path, String>) -> BTreeMap<Path, String> {
    let mut changed: BTreeMap<Path, String> = new
        .iter()
        .filter(|(path, value)| old.get(*path) != Some(*value))
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        // The outermost item of which nothing is left.
        let items = path.steps().iter().enumerate().filter(|(_, step)| matches!(step, Step::Item(_)));
        let prefixes = items.filter_map(|(at, _)| Path::of(path.steps().get(..=at)?.to_vec()));
        let gone = prefixes.into_iter().find(|item| !new.keys().any(|kept| kept.is_within(item)));
        if let Some(item) = gone {
            changed.insert(item.and(Step::Name(GHOST.to_owned())), "True".to_owned());
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> Node {
        let items = names.iter().map(|name| Node::leaves([("Name", (*name).to_owned())]));
        Node::branch([("Status", Node::branch([("Certificate", Node::list(items))]))])
    }

    #[test]
    fn a_path_finds_its_node_in_any_case() {
        let tree = tree(&["one", "two"]);
        let (path, node) = tree.find(&Path::parse("status/certificate[2]/name").unwrap()).unwrap();
        assert_eq!((path.to_string().as_str(), node), ("Status/Certificate[2]/Name", &Node::leaf("two")));
        assert!(tree.find(&Path::parse("Status/Certificate[3]").unwrap()).is_none());
        assert_eq!(Node::of_values(&tree.flatten()), tree);
    }

    #[test]
    fn what_changed_is_named_and_what_is_gone_is_a_ghost() {
        let changed = changes(&tree(&["one", "two"]).flatten(), &tree(&["1"]).flatten());
        let told: Vec<String> = changed.iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(told, ["Status/Certificate[1]/Name=1", "Status/Certificate[2]/ghost=True"]);
    }
}
