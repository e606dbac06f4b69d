//! `device pin`: somebody looks once by what a device can be recognised, and that is kept.
//!
//! Trust on first use, but never silent: a person compares and says yes, or a fingerprint that was told beforehand is given. Nothing but a handshake goes to the device.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;

use super::{DeviceFailure, Session};
use crate::{
    cli::{CliError, Ending, PinArguments},
    clock::{Clock as _, SystemClock},
    device::{
        connect::{Limits, look},
        place::Pin,
    },
};

#[derive(Serialize)]
struct View {
    host: String,
    pin: Pin,
    /// Whether it is kept now.
    kept: bool,
    /// Whether it was before.
    known: bool,
}

/// Looks, asks, keeps.
pub(super) async fn pin(session: &Session, arguments: &PinArguments) -> Result<Ending, CliError> {
    let place = &arguments.host;
    let found = look(place, arguments.over, Limits::default()).await.map_err(DeviceFailure::from)?;
    let folder = session.state.device(place);
    let known = folder.record()?.pins.contains(&found);
    let accepted = match &arguments.accept {
        Some(wanted) if *wanted != found => {
            return Err(
                DeviceFailure::OtherPin { place: place.clone(), found, wanted: wanted.clone() }.into()
            );
        }
        Some(_) => true,
        None => {
            known
                || ask(&format!(
                    "{place} shows {found}\nIs that what the device itself says? Type yes to keep it: "
                ))?
        }
    };
    if !accepted {
        return Err(DeviceFailure::NotAccepted { place: place.clone(), found }.into());
    }
    if !known {
        let _lock = folder.lock()?;
        let mut record = folder.record()?;
        let same_kind = |pin: &Pin| matches!(pin, Pin::HostKey(_)) == matches!(found, Pin::HostKey(_));
        record.pins.retain(|pin| !same_kind(pin));
        record.pins.push(found.clone());
        record.at = Some(SystemClock.now());
        folder.store_record(&record)?;
    }
    let view = View { host: place.to_string(), pin: found, kept: true, known };
    session.output.result(&view, || {
        let kept = if view.known { "is known by it" } else { "is kept" };
        format!("{} of {place} {kept}\n", view.pin)
    })?;
    Ok(Ending::Done)
}

/// Whether a person says yes. Where there is none, nobody does.
fn ask(question: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut err = io::stderr().lock();
    write!(err, "{question}").and_then(|()| err.flush()).map_err(CliError::Output)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(CliError::Output)?;
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}
