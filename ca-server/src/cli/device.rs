//! `ca-server device`: machine accounts of organisations' devices, and the codes by which a device takes one.

use std::time::Duration;

use clap::Subcommand;
use url::form_urlencoded::Serializer;

use super::{Asking, Failure, Paging, output, serve};
use crate::admin::internal_views::{DeviceView, NewCode};
use crate::admin::views::Page;
use crate::internal::DeviceId;

/// What to do with machine accounts.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Make a machine account and its activation code, which is typed once on the device
    ActivateCode {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// The organisation, by name or id.
        #[arg(long, value_name = "NAME", required_unless_present = "device")]
        organisation: Option<String>,
        /// What people call the device. Default: `device`.
        #[arg(long, value_name = "NAME", conflicts_with = "device")]
        name: Option<String>,
        /// A further code for an account there is, such as after a reset; the device that has it now loses it when the code is typed.
        #[arg(long, value_name = "ID", conflicts_with = "organisation")]
        device: Option<String>,
        /// For how long the code is good, such as 1day. Default: as ca.toml says.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
    },
    /// List machine accounts
    List {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a machine account
    Show {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, with or without `urn:uuid:` in front.
        id: String,
    },
    /// End a machine account for good: nothing is renewed for it from now on
    Deactivate {
        /// Where to ask.
        #[command(flatten)]
        asking: Asking,
        /// Its id, with or without `urn:uuid:` in front.
        id: String,
    },
}

/// Asks and prints.
pub(super) fn run(command: &Device) -> Result<(), Failure> {
    match command {
        Device::ActivateCode { asking, organisation, name, device, expires_in } => {
            let wanted = NewCode {
                organisation: organisation.clone(),
                name: name.clone(),
                device: device.as_deref().map(device_id).transpose()?.map(|id| id.to_string()),
                lifetime: expires_in.map(|time| time.as_secs()),
            };
            let view: DeviceView =
                serve::ask(&asking.file, async |client| client.post("/devices", &wanted).await)?;
            print(asking, &view);
            if !asking.json {
                output::note("the code is not shown again; it serves once");
            }
        }
        Device::List { asking, paging } => return list(asking, paging),
        Device::Show { asking, id } => {
            let path = format!("/devices/{}", device_id(id)?);
            print(asking, &serve::ask(&asking.file, async |client| client.get(&path).await)?);
        }
        Device::Deactivate { asking, id } => {
            let path = format!("/devices/{}/deactivate", device_id(id)?);
            let nothing = serde_json::json!({});
            print(asking, &serve::ask(&asking.file, async |client| client.post(&path, &nothing).await)?);
        }
    }
    Ok(())
}

/// An account id, as this program prints it or as certificates write it (`urn:uuid:…`).
fn device_id(text: &str) -> Result<DeviceId, Failure> {
    let wanted = "an account id, such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8; see `ca-server device list`";
    text.parse().map_err(|_| Failure::Value { value: text.to_owned(), wanted })
}

fn list(asking: &Asking, paging: &Paging) -> Result<(), Failure> {
    let mut query = Serializer::new(String::new());
    query.append_pair("limit", &paging.limit.to_string());
    if let Some(after) = &paging.after {
        query.append_pair("after", after);
    }
    let path = format!("/devices?{}", query.finish());
    let page: Page<DeviceView> = serve::ask(&asking.file, async |client| client.get(&path).await)?;
    if asking.json {
        output::json(&page);
        return Ok(());
    }
    let row =
        |view: &DeviceView| vec![view.id.clone(), status(view), view.organisation.clone(), view.name.clone()];
    output::table(&["ID", "STATUS", "ORGANISATION", "NAME"], &page.items.iter().map(row).collect::<Vec<_>>());
    if let Some(next) = page.next {
        output::note(&format!("more with --after {next}"));
    }
    Ok(())
}

fn status(view: &DeviceView) -> String {
    format!("{:?}", view.status).to_lowercase()
}

fn print(asking: &Asking, view: &DeviceView) {
    if asking.json {
        output::json(view);
        return;
    }
    let lines = [
        ("id", Some(view.id.clone())),
        ("name", Some(view.name.clone())),
        ("of", Some(view.organisation.clone())),
        ("status", Some(status(view))),
        ("key", view.key.clone()),
        ("code", view.code.clone()),
        ("until", view.code_expires.map(output::time)),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            output::line(&format!("{label:10} {value}"));
        }
    }
}
