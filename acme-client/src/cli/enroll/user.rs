//! `enroll user`: an address that is proven by signing in.
//!
//! Ctrl-C ends the wait and keeps the order: the same command goes on with it.

use super::{Session, enroll, settings, tell};
use crate::{
    cli::{CliError, Ending, UserArguments, person::TerminalPerson},
    state::{IdentityName, PersonSettings, Subject},
};

/// Enrols a person.
pub(in crate::cli) async fn user(session: &Session, arguments: &UserArguments) -> Result<Ending, CliError> {
    let name = match &arguments.common.identity {
        Some(name) => IdentityName::parse(name)?,
        None => IdentityName::for_email(&arguments.email)?,
    };
    let subject = PersonSettings { email: arguments.email.clone(), provider: arguments.provider.clone() };
    let settings = settings(&arguments.common, Subject::Person(subject))?;
    let person = TerminalPerson::new(session.output, arguments.sign_in);
    let _lock = session.lock()?;
    let progress = session.progress(true);
    let agent = session.agent(progress.as_ref(), Some(&person));
    let view = tokio::select! {
        view = enroll(session, agent, &arguments.common, &settings, &name) => view?,
        _ = tokio::signal::ctrl_c() => return Err(CliError::Interrupted),
    };
    tell(session, progress, &view)
}
