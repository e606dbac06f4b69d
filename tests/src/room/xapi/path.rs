//! A path in the xAPI: words, and numbers of list items, such as `Status/Conference/EndToEndEncryption/ExternalIdentity/CertificateChain/Certificate[1]`.
//!
//! Decides what can be a path at all; whether there is anything at it, the tree knows. Compared without regard to case, as the devices do. Bounded, so that
//! nobody makes us walk for long.

use std::fmt;

/// Most steps of a path.
const MOST_STEPS: usize = 32;
/// Longest word.
const LONGEST_WORD: usize = 64;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a branch.
    Name(String),
    /// To an item of a list, from 1.
    Item(u32),
}

impl Step {
    /// Whether both mean the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::Item(one), Self::Item(two)) => one == two,
            (Self::Name(_), Self::Item(_)) | (Self::Item(_), Self::Name(_)) => false,
        }
    }
}

/// A path, from the root of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// Of these steps.
    #[must_use]
    pub fn of(steps: Vec<Step>) -> Option<Self> {
        let fits = steps.len() <= MOST_STEPS
            && steps.iter().all(|step| match step {
                Step::Name(word) => is_word(word),
                Step::Item(_) => true,
            });
        fits.then_some(Self(steps))
    }

    /// Of words: `Certificate`, `Certificate[1]`, or a number that stands alone.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut steps = Vec::new();
        for word in words {
            if steps.len() > MOST_STEPS {
                return None;
            }
            let (name, items) = word.find('[').map_or((word, ""), |at| word.split_at(at));
            if !name.is_empty() {
                steps.push(number(name).map_or_else(|| Step::Name(name.to_owned()), Step::Item));
            }
            let mut rest = items;
            while !rest.is_empty() {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                steps.push(Step::Item(number(inside)?));
                rest = after;
            }
        }
        Self::of(steps)
    }

    /// Of a text with slashes, such as the `location` of `getxml`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MOST_STEPS * (LONGEST_WORD + 1) {
            return None;
        }
        Self::of_words(text.split('/').map(str::trim).filter(|word| !word.is_empty()))
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With one step more.
    #[must_use]
    pub fn and(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Whether `self` is `other` or below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.len() >= other.0.len() && self.0.iter().zip(&other.0).all(|(one, two)| one.is(two))
    }
}

/// As errors name it: `Status/Conference/Call[1]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if at == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, "/{name}")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether this can be the name of a node or of a parameter.
#[must_use]
pub fn is_word(text: &str) -> bool {
    let inside = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
    (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_a_path_give_the_same() {
        let path = Path::parse("/Status/Conference/Call[2]/Id").unwrap();
        assert_eq!(Path::of_words(["Status", "Conference", "Call", "2", "Id"]).unwrap(), path);
        assert_eq!(path.to_string(), "Status/Conference/Call[2]/Id");
        assert!(path.is_within(&Path::parse("status/conference").unwrap()));
        assert!(!Path::parse("Status").unwrap().is_within(&path));
    }

    #[test]
    fn what_is_no_path_is_none() {
        for text in ["a b", "A[", "A[x]", "A[1]b", "A[99999999999]", "A/\u{e4}", &"A/".repeat(40)] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
        assert!(Path::parse("/").unwrap().is_empty());
    }
}
