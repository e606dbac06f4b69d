//! `GET /backup`: everything the store holds at this moment, as a backup that is made while it is read.
//!
//! Reads one page at a time and only as fast as the operator's program takes it. What stands in it is as secret as the store itself. If it
//! cannot be brought to its end, the last block says why.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;

use super::refusal::Refusal;
use crate::app::App;
use crate::backup::Head;
use crate::backup::encode::{EncodeError, Encoder};
use crate::log::act::Act;
use crate::respond::problem::causes;
use crate::store::{Batch, Snapshot, StoreError};

/// Why a page does not come.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// What is still to be sent.
enum Step {
    Rows(Box<dyn Snapshot>, Encoder),
    Done,
}

/// Gives it out.
///
/// # Errors
/// [`Refusal`] if another backup is being read, or the store fails.
pub async fn backup(State(app): State<App>) -> Result<Response, Refusal> {
    let made = app.clock.now();
    let mut batch = Batch::new();
    batch.record(made, Act::Operation { what: "backup begun".to_owned() });
    app.store.commit(batch).await?;
    let snapshot = app.store.snapshot().await?;
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let head = Head { program, made, url: app.config.url.to_string() };
    let (encoder, octets) = Encoder::begin(&head).map_err(StoreError::from)?;
    tracing::info!("a backup is being read");
    let first = stream::once(async move { Ok::<_, BrokenOff>(Bytes::from(octets)) });
    let rest = stream::try_unfold(Step::Rows(snapshot, encoder), next);
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    Ok(([(CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

async fn next(step: Step) -> Result<Option<(Bytes, Step)>, BrokenOff> {
    let Step::Rows(mut snapshot, mut encoder) = step else { return Ok(None) };
    // Reading never waits for anything; others on this thread get their turn here.
    tokio::task::yield_now().await;
    let page = match snapshot.next().await {
        Ok(page) => page,
        Err(error) => {
            let why = causes(&error);
            tracing::error!(error = %why, "a backup was broken off");
            return Ok(Some((encoder.broken_off(&why)?.into(), Step::Done)));
        }
    };
    match page {
        Some((table, rows)) => {
            let octets = encoder.rows(table, &rows)?;
            Ok(Some((octets.into(), Step::Rows(snapshot, encoder))))
        }
        None => {
            tracing::info!("a backup was read to its end");
            Ok(Some((encoder.end()?.0.into(), Step::Done)))
        }
    }
}
