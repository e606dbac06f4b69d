//! What can be wrong with a rules file. Each fault knows its own hint; [`crate::Problem`] adds the place.

/// One fault of a schema or of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// The schema that is built in cannot be read; no release has this.
    #[error("the built-in schema is not valid: {0}")]
    Schema(String),
    /// The text is not Cedar.
    #[error("not a valid rule: {message}")]
    Syntax {
        /// Cedar's words.
        message: String,
        /// Cedar's advice, if it has any.
        help: Option<String>,
    },
    /// The rule is not true to the schema.
    #[error("the schema does not allow this: {message}")]
    Validation {
        /// Cedar's words.
        message: String,
        /// Cedar's advice, if it has any.
        help: Option<String>,
    },
    /// A rule that can never apply, or text that looks like something else than it is.
    #[error("this rule does not say what it seems to: {message}")]
    Suspicious {
        /// Cedar's words.
        message: String,
        /// Cedar's advice, if it has any.
        help: Option<String>,
    },
    /// A rule without `@id`.
    #[error("the rule has no id")]
    NoId,
    /// An id that is empty, too long or not of the allowed letters.
    #[error("`{0}` is not an id for a rule")]
    BadId(String),
    /// An id that was already used.
    #[error("the id is used twice, first at {first}")]
    DuplicateId {
        /// `file:line:column` of the first.
        first: String,
    },
    /// An annotation that has no meaning here.
    #[error("unknown annotation `@{name}`")]
    UnknownAnnotation {
        /// Its name.
        name: String,
        /// What it was probably meant to be.
        meant: Option<&'static str>,
    },
    /// A template with `?principal` or `?resource`.
    #[error("a template with `?principal` or `?resource` is never linked, so it never applies")]
    Template,
    /// `Domain::"Example.com."` and the like: no name can ever be in it.
    #[error("`{type_name}::\"{written}\"` matches nothing: {because}")]
    DeadLiteral {
        /// The entity type.
        type_name: String,
        /// What was written.
        written: String,
        /// Why nothing can match.
        because: String,
    },
    /// A profile that is not among the profile files.
    #[error("there is no profile `{written}`")]
    UnknownProfile {
        /// What was written.
        written: String,
        /// The profiles that there are, for the hint.
        known: String,
    },
}

impl RuleFault {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Schema(_) => "this build is damaged: the schema is part of the program".to_owned(),
            Self::Syntax { help, .. } | Self::Validation { help, .. } | Self::Suspicious { help, .. } => {
                help.clone().unwrap_or_else(|| "docs/policy.md lists what a rule may say".to_owned())
            }
            Self::NoId => "write @id(\"a-name-of-your-own\") above the rule; refusals name it".to_owned(),
            Self::BadId(_) => "use 1 to 64 letters, digits, `-`, `_` or `.`".to_owned(),
            Self::DuplicateId { .. } => "give one of the two another @id".to_owned(),
            Self::UnknownAnnotation { meant, .. } => meant.map_or_else(
                || "only @id and @reason have a meaning; use a // comment for the rest".to_owned(),
                |meant| format!("did you mean `@{meant}`?"),
            ),
            Self::Template => "write the account or the domain into the rule".to_owned(),
            Self::DeadLiteral { .. } => {
                "write names in lower case, in their A-label form, without a trailing dot".to_owned()
            }
            Self::UnknownProfile { known, .. } => format!("the profiles are: {known}"),
        }
    }
}
