//! Who is at the console: a person whom an identity provider vouched for, or the holder of a one-time link. What the person may do, the rules
//! about `operate` say, each time anew; the holder of a link was let in by whoever owns the admin socket, who may do everything.

use std::net::IpAddr;

use certs::name::EmailAddress;
use policies::rules::{Decision, Operation, Person as Described, Task};

use crate::app::App;
use crate::sso::person::Evidence;

/// Somebody at the console.
#[derive(Debug)]
pub struct Operator(By);

#[derive(Debug)]
enum By {
    Link { name: String },
    Person { address: EmailAddress, evidence: Box<Evidence> },
}

/// The rules say no.
#[derive(Debug)]
pub struct NotPermitted {
    /// Who may not.
    pub operator: String,
    /// What was to be done.
    pub task: Task,
    /// The rules that forbid it; empty if merely none permits.
    pub rules: String,
    /// Why, fit to be shown to the person.
    pub reason: String,
}

impl Operator {
    /// The holder of a link made for somebody of this name.
    #[must_use]
    pub const fn by_link(name: String) -> Self {
        Self(By::Link { name })
    }

    /// Whom an identity provider vouched for.
    #[must_use]
    pub fn person(address: EmailAddress, evidence: Evidence) -> Self {
        Self(By::Person { address, evidence: Box::new(evidence) })
    }

    /// What the journal and the page call it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.0 {
            By::Link { name } => format!("{name} (one-time link)"),
            By::Person { address, .. } => address.to_string(),
        }
    }

    /// How it signed in.
    #[must_use]
    pub fn means(&self) -> String {
        match &self.0 {
            By::Link { .. } => "one-time link".to_owned(),
            By::Person { evidence, .. } => format!("{} {}", evidence.protocol.name(), evidence.provider),
        }
    }

    /// Whether the rules in force let it do this.
    ///
    /// # Errors
    /// If not.
    pub fn may(&self, task: Task, from: IpAddr, app: &App) -> Result<(), NotPermitted> {
        let (address, evidence) = match &self.0 {
            By::Link { .. } => return Ok(()),
            By::Person { address, evidence } => (address, evidence),
        };
        let person = Described {
            provider: &evidence.provider,
            protocol: evidence.protocol.name(),
            groups: &evidence.groups,
            authn_context: evidence.context.as_deref(),
            methods: &evidence.methods,
            display_name: evidence.display_name.as_deref(),
        };
        let operation = Operation { address, person, task, client_address: from };
        match app.policy.current().rules.operate(&operation) {
            Decision::Allowed { .. } => Ok(()),
            Decision::Denied { rules, reason } => {
                let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
                Err(NotPermitted { operator: self.name(), task, rules: rules.join(", "), reason })
            }
        }
    }
}
