//! The operators' console, as whoever owns the socket lets people in and out: one-time links, and who is signed in.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::refusal::Refusal;
use super::views::Page;
use crate::app::App;
use crate::console::sessions::SessionView;
use crate::log::act::Act;
use crate::store::Batch;

/// Longest name of somebody who gets a link.
const LONGEST_NAME: usize = 64;

/// What `console open` asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// Whom the journal is to name.
    pub name: String,
}

/// A one-time link. The address is shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkView {
    /// The address.
    pub url: String,
    /// For whom.
    pub name: String,
    /// For how many seconds it is good.
    pub good_for: u64,
    /// When it is over.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

/// How many sessions ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClosedView {
    /// So many.
    pub ended: usize,
}

/// `POST /console/links`.
///
/// # Errors
/// [`Refusal`] if the console is off, the name cannot stand in the journal, or on a failing store.
pub async fn open(State(app): State<App>, Json(wanted): Json<NewLink>) -> Result<Json<LinkView>, Refusal> {
    let base = app.console.url().ok_or(Refusal::ConsoleOff)?;
    let name = wanted.name.trim();
    let is_name = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !is_name {
        let wanted = "a name of 1 to 64 characters";
        return Err(Refusal::Value { name: "name", value: name.to_owned(), wanted });
    }
    let (now, lifetime) = (app.clock.now(), app.config.console.link_lifetime);
    let (secret, expires) = app.console.links.make(name, lifetime, now)?;
    tell(&app, name, "one-time link made").await?;
    Ok(Json(LinkView {
        url: format!("{base}sign-in/link/{}", secret.expose()),
        name: name.to_owned(),
        good_for: lifetime.as_secs(),
        expires,
    }))
}

/// `GET /console/sessions`.
///
/// # Errors
/// [`Refusal`] if the console is off.
pub async fn sessions(State(app): State<App>) -> Result<Json<Page<SessionView>>, Refusal> {
    app.console.url().ok_or(Refusal::ConsoleOff)?;
    Ok(Json(Page { items: app.console.sessions.list(app.clock.now()), next: None }))
}

/// `POST /console/close`: everybody is signed out, and no link that was made is good any more.
///
/// # Errors
/// [`Refusal`] if the console is off, or on a failing store.
pub async fn close(State(app): State<App>) -> Result<Json<ClosedView>, Refusal> {
    app.console.url().ok_or(Refusal::ConsoleOff)?;
    app.console.links.clear();
    let ended = app.console.sessions.end_all(app.clock.now());
    tell(&app, "administrator", &format!("ended all sessions, {ended} of them")).await?;
    Ok(Json(ClosedView { ended }))
}

async fn tell(app: &App, operator: &str, change: &str) -> Result<(), Refusal> {
    let mut batch = Batch::new();
    let act = Act::Console {
        operator: operator.to_owned(),
        change: change.to_owned(),
        client: "admin socket".to_owned(),
    };
    batch.record(app.clock.now(), act);
    Ok(app.store.commit(batch).await?)
}
