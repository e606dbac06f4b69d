//! Guests: people who have not signed in get a temporary id and a token of hours. Nothing about them is known, and their certificates say so.

use certs::key::Secret;
use time::OffsetDateTime;

use super::holder::GuestId;
use super::opaque::{self, Bearer, MakeError};
use crate::app::App;
use crate::clock;
use crate::store::Batch;

/// A guest that was let in.
#[derive(Debug)]
pub struct Admitted {
    /// The temporary id.
    pub id: GuestId,
    /// The token, shown this once.
    pub token: Secret,
    /// When it ends.
    pub expires: OffsetDateTime,
}

/// Lets a guest in. Whether guests are wanted, and how many, was decided before.
///
/// # Errors
/// If there is no entropy or the store fails.
pub async fn admit(app: &App) -> Result<Admitted, MakeError> {
    let (now, lifetime) = (app.clock.now(), app.config.internal.guest_token_lifetime);
    let id = GuestId::fresh()?;
    let mut batch = Batch::new();
    let token = opaque::make(&mut batch, Bearer::Guest { guest: id }, lifetime, now)?;
    app.store.commit(batch).await?;
    Ok(Admitted { id, token, expires: clock::after(now, lifetime) })
}
