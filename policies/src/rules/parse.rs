//! From rule files to [`Rules`]: syntax, ids and annotations, then strict validation against the schema, then literals that
//! could never match. All problems of all files are collected; there are rules only if there is no problem.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Authorizer, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::fault::RuleFault;
use super::index::Index;
use super::literals;
use super::operate;
use super::request::Action;
use super::vocabulary::Vocabulary;
use super::words;
use super::{OPERATORS_SCHEMA, SCHEMA};
use crate::problem::{Place, Problem, nearest};

/// The name of a rule, from its `@id`. Refusals and the journal name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(String);

impl RuleId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, RuleFault> {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err(RuleFault::BadId(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a rule does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows, unless a forbid applies too.
    Permit,
    /// It denies.
    Forbid,
}

/// One rule as it was read.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its `@id`.
    pub id: RuleId,
    /// What it does.
    pub effect: Effect,
    /// Its `@reason`, shown to clients that it refuses.
    pub reason: Option<String>,
    /// The file it stands in.
    pub file: String,
    /// Where it begins.
    pub place: Place,
    /// The profiles that it names, each with its place.
    pub(crate) profiles: Vec<(String, Place)>,
}

/// Rules that are valid and ready to judge.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) authorizer: Authorizer,
    pub(super) words: Vocabulary,
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
    order: Index,
    issue: Index,
    revoke: Index,
    operate: Index,
}

impl Rules {
    /// Reads rule files: pairs of name and text.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn parse<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self, Vec<Problem>> {
        let built_in = |message: String| vec![Finder::built_in().problem(None, &RuleFault::Schema(message))];
        let schema = |text: &str| {
            let read = Schema::from_cedarschema_str(text).map(|(schema, _warnings)| schema);
            read.map_err(|error| built_in(error.to_string()))
        };
        let (certificates, operators) = (schema(SCHEMA)?, schema(&format!("{SCHEMA}{OPERATORS_SCHEMA}"))?);
        let words = Vocabulary::new().map_err(|error| built_in(error.to_string()))?;

        let mut reading = Reading::default();
        for (name, text) in files {
            reading.file(&Finder { file: name.as_ref(), text: text.as_ref() });
        }
        let texts: HashMap<&str, &str> =
            files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
        let (about_operators, others): (Vec<_>, Vec<_>) =
            reading.policies.iter().cloned().partition(|policy| operate::is_named_by(policy, &words));
        reading.validate(certificates, others, &texts);
        reading.validate(operators, about_operators, &texts);
        reading.finish(words)
    }

    /// Every rule, in the order of the files.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn rule_named(&self, id: &str) -> Option<(usize, &Rule)> {
        let order = *self.by_id.get(id)?;
        self.rules.get(order).map(|rule| (order, rule))
    }

    /// The rules about the operators' console.
    pub(super) const fn operators(&self) -> &Index {
        &self.operate
    }

    /// The rules that can apply to an action: the others are not even looked at.
    pub(super) fn index(&self, action: Action) -> &Index {
        match action {
            Action::Order => &self.order,
            Action::Issue => &self.issue,
            Action::Revoke => &self.revoke,
        }
    }
}

/// A file, to turn offsets into places.
struct Finder<'a> {
    file: &'a str,
    text: &'a str,
}

impl Finder<'_> {
    const fn built_in() -> Self {
        Finder { file: "schema.cedarschema", text: SCHEMA }
    }

    fn problem(&self, offset: Option<usize>, fault: &RuleFault) -> Problem {
        self.problem_of(offset.map(|offset| Place::at(self.text, offset)), None, fault)
    }

    fn problem_of(&self, place: Option<Place>, rule: Option<&RuleId>, fault: &RuleFault) -> Problem {
        Problem {
            file: self.file.to_owned(),
            place,
            key: rule.map(|id| format!("rule `{id}`")),
            message: on_one_line(&fault.to_string()),
            hint: fault.hint(),
        }
    }
}

/// The text with its control characters written out: an id or a literal may hold any.
fn on_one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, letter| {
        if letter.is_control() {
            line.extend(letter.escape_default())
        } else {
            line.push(letter)
        }
        line
    })
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    rules: Vec<Rule>,
    policies: Vec<Policy>,
    by_id: HashMap<String, usize>,
    problems: Vec<Problem>,
}

impl Reading {
    fn file(&mut self, at: &Finder<'_>) {
        let set = match PolicySet::from_str(at.text) {
            Ok(set) => set,
            Err(errors) => {
                for error in errors.iter() {
                    let detail = DetailedError::from(error);
                    let offset = detail.source_locations.first().map(|label| label.loc.start);
                    let fault =
                        RuleFault::Syntax { message: words::message(&detail), help: words::help(&detail) };
                    self.problems.push(at.problem(offset, &fault));
                }
                return;
            }
        };
        for template in set.templates() {
            let offset = at.text.find(&template.to_cedar());
            self.problems.push(at.problem(offset, &RuleFault::Template));
        }
        let mut from = 0;
        for policy in as_written(&set) {
            let text = policy.to_cedar().unwrap_or_default();
            let offset =
                at.text.get(from..).and_then(|rest| rest.find(&text)).map_or(from, |found| from + found);
            from = offset + text.len();
            self.rule(at, policy, &text, offset);
        }
    }

    fn rule(&mut self, at: &Finder<'_>, policy: &Policy, text: &str, offset: usize) {
        let place = Place::at(at.text, offset);
        for (name, _) in policy.annotations() {
            if !matches!(name, "id" | "reason") {
                let meant = nearest(name, ["id", "reason"]);
                let meant = meant.map(|meant| if meant == "id" { "id" } else { "reason" });
                let fault = RuleFault::UnknownAnnotation { name: name.to_owned(), meant };
                self.problems.push(at.problem_of(Some(place), None, &fault));
            }
        }
        let id = match policy.annotation("id").ok_or(RuleFault::NoId).and_then(RuleId::parse) {
            Ok(id) => id,
            Err(fault) => return self.problems.push(at.problem_of(Some(place), None, &fault)),
        };
        if let Some(first) = self.by_id.get(id.as_str()).and_then(|order| self.rules.get(*order)) {
            let fault = RuleFault::DuplicateId { first: format!("{}:{}", first.file, first.place) };
            return self.problems.push(at.problem_of(Some(place), Some(&id), &fault));
        }
        let found = literals::inspect(policy, text, offset);
        for (where_it_is, fault) in &found.dead {
            let place = Place::at(at.text, *where_it_is);
            self.problems.push(at.problem_of(Some(place), Some(&id), fault));
        }
        self.by_id.insert(id.as_str().to_owned(), self.rules.len());
        self.policies.push(policy.new_id(PolicyId::new(id.as_str())));
        self.rules.push(Rule {
            effect: match policy.effect() {
                cedar_policy::Effect::Permit => Effect::Permit,
                cedar_policy::Effect::Forbid => Effect::Forbid,
            },
            reason: policy.annotation("reason").filter(|text| !text.is_empty()).map(str::to_owned),
            file: at.file.to_owned(),
            place,
            profiles: found
                .profiles
                .into_iter()
                .map(|(name, offset)| (name, Place::at(at.text, offset)))
                .collect(),
            id,
        });
    }

    /// Strict validation. Cedar's warnings count too: each names a rule that can never apply or text made to deceive a reader.
    fn validate(&mut self, schema: Schema, policies: Vec<Policy>, texts: &HashMap<&str, &str>) {
        let Ok(set) = PolicySet::from_policies(policies) else {
            return; // impossible: the ids are unique; `finish` would say so again
        };
        let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
        let errors =
            result.validation_errors().map(|error| (error.policy_id(), DetailedError::from(error), true));
        let warnings = result
            .validation_warnings()
            .map(|warning| (warning.policy_id(), DetailedError::from(warning), false));
        let mut wrong: Vec<String> = Vec::new();
        let mut problems = Vec::new();
        for (policy, detail, is_error) in errors.chain(warnings) {
            let id: &str = policy.as_ref();
            let Some(rule) = self.by_id.get(id).and_then(|order| self.rules.get(*order)) else { continue };
            let (message, help) = (words::message(&detail), words::help(&detail));
            let fault = if is_error {
                wrong.push(id.to_owned());
                RuleFault::Validation { message, help }
            } else if wrong.iter().any(|other| other == id) {
                continue; // what is wrong with the rule is said already; that it never applies follows from it
            } else {
                RuleFault::Suspicious { message, help }
            };
            let text = texts.get(rule.file.as_str()).copied().unwrap_or_default();
            let label = detail.source_locations.first();
            let place = label.map_or(rule.place, |label| Place::at(text, label.loc.start));
            problems.push(Finder { file: &rule.file, text }.problem_of(Some(place), Some(&rule.id), &fault));
        }
        self.problems.append(&mut problems);
    }

    fn finish(self, words: Vocabulary) -> Result<Rules, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(sorted(self.problems));
        }
        let index = |wanted: &dyn Fn(&Policy) -> bool| {
            Index::new(self.policies.iter().filter(|policy| wanted(policy))).map_err(|error| {
                let fault = RuleFault::Syntax { message: error.to_string(), help: None };
                vec![Finder::built_in().problem(None, &fault)]
            })
        };
        let set = |action: Action| index(&|policy| concerns(policy, words.action(action)));
        let (order, issue, revoke) = (set(Action::Order)?, set(Action::Issue)?, set(Action::Revoke)?);
        let operate = index(&|policy| operate::is_named_by(policy, &words))?;
        let authorizer = Authorizer::new();
        Ok(Rules { authorizer, words, rules: self.rules, by_id: self.by_id, order, issue, revoke, operate })
    }
}

fn concerns(policy: &Policy, action: &cedar_policy::EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(one) => one == *action,
        ActionConstraint::In(several) => several.contains(action),
    }
}

/// Policies in the order of the file: the parser numbers them `policy0`, `policy1`, …
fn as_written(set: &PolicySet) -> Vec<&Policy> {
    let number = |policy: &Policy| -> usize {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(usize::MAX)
    };
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| number(policy));
    policies
}

/// By file and place; the order of the files is kept.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut files: Vec<String> = Vec::new();
    for problem in &problems {
        if !files.contains(&problem.file) {
            files.push(problem.file.clone());
        }
    }
    let file = |problem: &Problem| files.iter().position(|file| *file == problem.file);
    problems.sort_by(|left, right| {
        let key = |problem: &Problem| (file(problem), problem.place);
        key(left).cmp(&key(right)).then_with(|| left.message.cmp(&right.message))
    });
    problems
}
