//! Which authority a path means (RFC 7030 §3.2.2): none named is the internal one.
//!
//! The label may stand in its place or in front of `/.well-known`, where clients that know no labels put the path that they are configured with.
//! Every authority gives its certificates; only the internal one enrols.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::Refusal;
use crate::app::App;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::Authority;

/// The label of a path, if it has one.
#[derive(Clone, Debug)]
pub struct Label(Option<String>);

impl FromRequestParts<App> for Label {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let parameters = RawPathParams::from_request_parts(parts, app).await;
        let parameters =
            parameters.map_err(|_| Problem::new(Kind::NotFound, "the path is not understood"))?;
        let label = parameters.iter().find(|(name, _)| *name == "label");
        Ok(Self(label.map(|(_, value)| value.to_owned())))
    }
}

impl Label {
    /// The authority it means.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn authority(&self, app: &App) -> Result<Arc<Authority>, Refusal> {
        match &self.0 {
            None => Ok(app.internal_authority()?),
            Some(name) => app.authorities.named(name).ok_or_else(|| {
                let detail = "no authority has the name that the path gives; leave the label out";
                Problem::new(Kind::NotFound, detail).into()
            }),
        }
    }

    /// The authority it means, if EST enrols there.
    ///
    /// # Errors
    /// If there is none, or it has other ways.
    pub fn enrolling(&self, app: &App) -> Result<Arc<Authority>, Refusal> {
        let internal = app.internal_authority()?;
        let named = self.authority(app)?;
        if named.name() != internal.name() {
            let detail = format!("{} enrols over ACME; EST enrols at {}", named.name(), internal.name());
            return Err(Problem::new(Kind::NotFound, detail).into());
        }
        Ok(internal)
    }
}
