//! `renew`: one pass, told per identity and summed up in the exit code.

use std::time::Duration;

use aws_lc_rs::rand;
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    CliError, Ending, RenewArguments, Session,
    failure::enroll_hint,
    output::{distance, moment},
    person::TerminalPerson,
    sign_in::SignInView,
};
use crate::{
    clock::{Clock, SystemClock},
    deploy::Deployment,
    enroll::Person,
    renew::{Attempt, Options, PassReport, renew_all},
    state::{IdentityName, StateError},
};

/// A deployment as JSON.
#[derive(Debug, Serialize)]
pub(super) struct DeploymentView {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

impl DeploymentView {
    pub(super) fn new(deployment: &Deployment) -> Self {
        let (status, message) = match deployment {
            Deployment::NotConfigured => ("not_configured", None),
            Deployment::AlreadyDone => ("already_done", None),
            Deployment::Succeeded => ("succeeded", None),
            Deployment::Failed(message) => ("failed", Some(message.clone())),
            Deployment::HeldBack(_) => ("held_back", None),
        };
        Self { status, message }
    }

    fn of(outcome: &Result<Deployment, StateError>) -> Self {
        match outcome {
            Ok(deployment) => Self::new(deployment),
            Err(error) => Self { status: "failed", message: Some(error.to_string()) },
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.message.is_some()
    }
}

#[derive(Debug, Serialize)]
struct Pass {
    result: &'static str,
    identities: Vec<IdentityView>,
}

#[derive(Debug, Serialize)]
pub(super) struct IdentityView {
    identity: IdentityName,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    not_after: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    next: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    since: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<SignInView>,
    deployment: DeploymentView,
}

/// Makes one pass.
pub(super) async fn renew(session: &Session, arguments: &RenewArguments) -> Result<Ending, CliError> {
    if let Some(longest) = arguments.jitter {
        tokio::time::sleep(part_of(longest)).await;
    }
    let _lock = session.lock()?;
    let progress = session.progress(true);
    let options = Options { only: arguments.names.clone(), force: arguments.force };
    let person = arguments.interactive.then(|| TerminalPerson::new(session.output, arguments.sign_in));
    let person = person.as_ref().map(|person| person as &dyn Person);
    let reports = renew_all(session.agent(progress.as_ref(), person), &options).await?;
    drop(progress);
    let ending = ending(&reports);
    let result = match ending {
        Ending::Done => "renewed",
        Ending::NothingDue => "nothing_due",
        Ending::Failed => "failed",
        Ending::PartlyFailed => "partly_failed",
        Ending::SignInNeeded => "sign_in_needed",
        Ending::ApprovalNeeded => "approval_needed",
        // `renew` judges nobody.
        Ending::Unverified => "unverified",
    };
    let pass = Pass { result, identities: reports.iter().map(view).collect() };
    session.output.result(&pass, || pass.identities.iter().map(line).collect())?;
    Ok(ending)
}

/// Sums up a pass. An identity that is due and held back has failed, though not this time; a failed deploy hook leaves a good
/// certificate, so it is a partial failure; a person who has to sign in, or an administrator who has to approve, is none, but nobody should overlook it.
pub(super) fn ending(reports: &[PassReport]) -> Ending {
    let failed = reports
        .iter()
        .filter(|report| match report.attempt {
            Attempt::Failed { .. } | Attempt::HeldBack { .. } => true,
            Attempt::Renewed { .. }
            | Attempt::NotDue { .. }
            | Attempt::SignInNeeded { .. }
            | Attempt::ApprovalNeeded { .. } => false,
        })
        .count();
    let hook_failed =
        reports.iter().any(|report| matches!(report.deployment, Ok(Deployment::Failed(_)) | Err(_)));
    let waits = reports.iter().any(|report| matches!(report.attempt, Attempt::SignInNeeded { .. }));
    let approval = reports.iter().any(|report| matches!(report.attempt, Attempt::ApprovalNeeded { .. }));
    let did_something = reports.iter().any(|report| {
        matches!(report.attempt, Attempt::Renewed { .. })
            || matches!(report.deployment, Ok(Deployment::Succeeded))
    });
    if failed > 0 && failed == reports.len() {
        Ending::Failed
    } else if failed > 0 || hook_failed {
        Ending::PartlyFailed
    } else if waits {
        Ending::SignInNeeded
    } else if approval {
        Ending::ApprovalNeeded
    } else if did_something {
        Ending::Done
    } else {
        Ending::NothingDue
    }
}

pub(super) fn view(report: &PassReport) -> IdentityView {
    let empty = IdentityView {
        identity: report.identity.clone(),
        status: "failed",
        reason: None,
        generation: None,
        not_after: None,
        next: None,
        error: None,
        hint: None,
        since: None,
        sign_in: SignInView::new(report.outlook),
        deployment: DeploymentView::of(&report.deployment),
    };
    match &report.attempt {
        Attempt::Renewed { generation, not_after, why } => IdentityView {
            status: "renewed",
            reason: Some(why.as_str()),
            generation: Some(generation.number()),
            not_after: Some(*not_after),
            ..empty
        },
        Attempt::NotDue { at, why } => {
            IdentityView { status: "not_due", reason: Some(why.as_str()), next: Some(*at), ..empty }
        }
        Attempt::HeldBack { until } => IdentityView { status: "held_back", next: Some(*until), ..empty },
        Attempt::ApprovalNeeded { since, next } => {
            IdentityView { status: "approval_needed", since: Some(*since), next: Some(*next), ..empty }
        }
        Attempt::SignInNeeded { .. } => IdentityView { status: "sign_in_needed", ..empty },
        Attempt::Failed { error, next } => {
            IdentityView { error: Some(error.to_string()), hint: enroll_hint(error), next: *next, ..empty }
        }
    }
}

fn line(view: &IdentityView) -> String {
    let now = SystemClock.now();
    let when = |at: Option<OffsetDateTime>| {
        at.map(|at| format!("{} ({})", moment(at), distance(now, at))).unwrap_or_default()
    };
    let name = &view.identity;
    let mut text = match view.status {
        "renewed" => format!("{name}: renewed until {}\n", when(view.not_after)),
        "not_due" => {
            format!("{name}: not due before {}, {}\n", when(view.next), view.reason.unwrap_or_default())
        }
        "sign_in_needed" => format!("{name}: not renewed\n"),
        "approval_needed" => {
            format!("{name}: waits for an administrator's approval, next question {}\n", when(view.next))
        }
        "held_back" => format!("{name}: failed before, next attempt {}\n", when(view.next)),
        _ => format!("{name}: failed: {}\n", view.error.as_deref().unwrap_or_default()),
    };
    if let Some(sign_in) = &view.sign_in {
        text.push_str(&format!("  {}\n", sign_in.sentence(now)));
    }
    if let Some(hint) = &view.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    if let Some(problem) = &view.deployment.message {
        text.push_str(&format!("  deploy hook failed, it will run again next time: {problem}\n"));
    }
    text
}

/// A random part of `longest`.
fn part_of(longest: Duration) -> Duration {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => longest.mul_f64(f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)),
        Err(_) => Duration::ZERO,
    }
}
