//! An emulator with a still clock that trusts an authority of the test.

use std::sync::Arc;
use std::time::Duration;

use ca_server::clock::{Clock as _, FixedClock};
use certs::key::Secret as Password;
use rollcall_tests::room::device::Spoil;
use rollcall_tests::room::xapi::schema::Role;
use rollcall_tests::room::{Builder, Emulator};
use time::OffsetDateTime;

use crate::faces::Face;
use crate::material::Authority;

/// What the clock shows at first.
pub(crate) const START: i64 = 1_790_000_000;
/// The password of `admin`.
pub(crate) const ADMIN: &str = "correct horse \"battery\" staple";
/// The password of `user`.
pub(crate) const USER: &str = "only looking";

/// An emulator, its clock, and the authority whose identities it believes.
pub(crate) struct Room {
    pub(crate) emulator: Emulator,
    pub(crate) clock: FixedClock,
    pub(crate) authority: Authority,
}

/// The present of these tests.
pub(crate) fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(START).unwrap()
}

impl Room {
    /// Without limits of rate.
    pub(crate) async fn start() -> Self {
        Self::start_with(Builder::without_limits).await
    }

    /// With something that goes wrong.
    pub(crate) async fn spoiled(spoil: Spoil) -> Self {
        Self::start_with(|builder| builder.without_limits().spoil(spoil)).await
    }

    /// With other settings.
    pub(crate) async fn start_with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (clock, authority) = (FixedClock::at(start()), Authority::new("External root"));
        let builder = Emulator::builder()
            .clock(Arc::new(clock.clone()))
            .admin_password(Password::new(ADMIN.to_owned()))
            .account("user", Password::new(USER.to_owned()), Role::User)
            .trust_external(&authority.root_pem())
            .unwrap();
        let emulator = change(builder).start().await.unwrap();
        Self { emulator, clock, authority }
    }

    /// The present.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Every face, signed in as `admin`.
    pub(crate) async fn faces(&self) -> Vec<Face> {
        vec![Face::web(self, "admin", ADMIN), Face::socket(self).await, Face::shell(self).await]
    }

    /// One of them; the number says which.
    pub(crate) async fn face(&self, number: usize) -> Face {
        match number % 3 {
            0 => Face::socket(self).await,
            1 => Face::shell(self).await,
            _ => Face::web(self, "admin", ADMIN),
        }
    }
}

/// Longest that a test waits for what the emulator does by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What comes of something that has to happen soon.
#[track_caller]
pub(crate) fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("nothing happened, waited for at {caller}"),
        }
    }
}
