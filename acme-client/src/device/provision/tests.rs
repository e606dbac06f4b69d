use std::collections::BTreeMap;

use async_trait::async_trait;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::device::xapi::Refusal;
use crate::progress::Silent;

const NOW: time::OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn material(name: &str) -> Material {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = datetime!(2026-11-01 0:00 UTC);
    parameters.not_after = datetime!(2026-12-01 0:00 UTC);
    Material::new(&parameters.self_signed(&key).unwrap().pem(), &key.serialize_pem(), NOW).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::from_text(text).unwrap_or_else(|problem| panic!("{problem}"))
}

/// A device of few words. It does what it is told if that opens under its secret, and can be cut off at any command.
#[derive(Clone, Default)]
struct Device {
    secret: Option<Secret>,
    /// Fingerprint, DER of the leaf, uses.
    certificates: BTreeMap<String, (Vec<u8>, BTreeSet)>,
    given: Vec<String>,
    /// Commands until it is gone; the last is done and not answered.
    left: Option<usize>,
    distrusts: bool,
    unknown_parameter: bool,
}

type BTreeSet = std::collections::BTreeSet<String>;

impl Device {
    fn identity(&self) -> Option<&String> {
        self.certificates.iter().find(|(_, (_, uses))| uses.contains("WebexIdentity")).map(|(print, _)| print)
    }

    fn open(&self, blob: Option<&str>, action: Action) -> Result<Payload, Refusal> {
        let coded = |code: &str| Refusal { reason: "no".into(), code: Some(code.into()), parameter: false };
        let own = self.secret.as_ref().ok_or_else(|| coded("secret-missing"))?;
        let blob = Blob::parse(blob.unwrap_or_default()).map_err(|_| coded("jwe-malformed"))?;
        let opened = blob.open(own, action).map_err(|_| coded("jwe-not-opened"))?;
        Payload::read(action, &opened).map_err(|_| coded("jwe-malformed"))
    }

    fn run(&mut self, call: &Call) -> Result<Value, Refusal> {
        let refused = |reason: &str| Refusal { reason: reason.into(), code: None, parameter: false };
        let parameters: BTreeMap<&str, &str> = call.parameters().collect();
        let given = parameters.get("Fingerprint").copied();
        match *call.words().last().unwrap() {
            "Populate" if self.secret.is_none() => {
                self.secret = Some(secret(parameters["Secret"]));
            }
            "Populate" => {
                let Payload::NewSecret(new) = self.open(Some(parameters["Secret"]), Action::Populate)? else {
                    panic!()
                };
                self.secret = new;
            }
            "Add" if self.unknown_parameter && parameters.contains_key("IsEncrypted") => {
                return Err(Refusal { reason: "IsEncrypted".into(), code: None, parameter: true });
            }
            "Add" => {
                let Payload::Pem(pem) = self.open(call.body(), Action::Add)? else { panic!() };
                let certificate =
                    certs::pem::parse_certificates(pem.split("-----BEGIN PRIVATE").next().unwrap()).unwrap();
                assert!(pem.contains("PRIVATE KEY"));
                let print = Fingerprint::of(&certificate[0]).to_string();
                self.certificates.insert(print, (certificate[0].to_vec(), BTreeSet::new()));
            }
            "Show" => {
                let details: Vec<Value> = self
                    .certificates
                    .iter()
                    .enumerate()
                    .map(|(at, (print, (_, uses)))| {
                        let uses: Vec<&str> = uses.iter().map(String::as_str).collect();
                        json!({ "id": at.to_string(), "Fingerprint": print, "UsedFor": uses.join(", ") })
                    })
                    .collect();
                return Ok(json!({ "status": "OK", "Details": details }));
            }
            "Activate" => {
                let Payload::Certificate(print) = self.open(given, Action::Activate)? else { panic!() };
                self.certificates
                    .values_mut()
                    .for_each(|(_, uses)| uses.retain(|purpose| purpose != "WebexIdentity"));
                let found = self.certificates.get_mut(print.as_str()).ok_or_else(|| refused("none"))?;
                found.1.insert("WebexIdentity".to_owned());
            }
            "Deactivate" => {
                let Payload::Certificate(print) = self.open(given, Action::Deactivate)? else { panic!() };
                let found = self.certificates.get_mut(print.as_str()).ok_or_else(|| refused("none"))?;
                found.1.remove("WebexIdentity");
            }
            "Delete" => {
                let used =
                    !self.certificates.get(given.unwrap()).ok_or_else(|| refused("none"))?.1.is_empty();
                if used {
                    return Err(refused("in use"));
                }
                self.certificates.remove(given.unwrap());
            }
            other => panic!("{other}"),
        }
        Ok(json!({ "status": "OK" }))
    }

    fn step(&mut self) -> Result<bool, XapiError> {
        match &mut self.left {
            Some(0) => Err(gone()),
            Some(left) => {
                *left -= 1;
                Ok(*left == 0)
            }
            None => Ok(false),
        }
    }
}

fn gone() -> XapiError {
    XapiError::Closed { place: "room.test".parse().unwrap() }
}

#[async_trait]
impl Xapi for Device {
    async fn command(&mut self, call: &Call) -> Result<Value, XapiError> {
        let last = self.step()?;
        self.given.push((*call.words().last().unwrap()).to_owned());
        let done = self.run(call);
        if last { Err(gone()) } else { Ok(done?) }
    }

    async fn status(&mut self, _: &[&str]) -> Result<Value, XapiError> {
        if self.step()? {
            return Err(gone());
        }
        let status = if self.distrusts { "error" } else { "valid" };
        Ok(self.identity().map_or(Value::Null, |print| {
            json!({ "Status": status, "Identity": "room.test", "CertificateChain": { "Certificate": [{ "id": "1", "Fingerprint": print, "Validity": status }] } })
        }))
    }

    async fn configuration(&mut self, _: &[&str]) -> Result<Value, XapiError> {
        Ok(Value::Null)
    }

    async fn configure(&mut self, _: &[&str], _: &str) -> Result<(), XapiError> {
        Ok(())
    }

    async fn close(self: Box<Self>) {}
}

#[derive(Default)]
struct Paper(Vec<DeviceRecord>);

impl Memory for Paper {
    fn store(&mut self, record: &DeviceRecord) -> Result<(), StateError> {
        self.0.push(record.clone());
        Ok(())
    }
}

/// One run, from what was remembered last.
async fn run(
    device: &mut Device,
    paper: &mut Paper,
    material: &Material,
    own: &Secret,
    set: bool,
) -> Result<Outcome, ProvisionError> {
    let mut record = paper.0.last().cloned().unwrap_or_default();
    let sealer = Sealer::new(1);
    let wanted = Wanted {
        material,
        secret: own,
        set_secret: set,
        preferred_domain: None,
        dry_run: false,
        patience: Patience { limit: Duration::ZERO, pause: Duration::ZERO },
        sealer: &sealer,
    };
    provision(device, paper, &mut record, &wanted, &Silent).await
}

#[tokio::test]
async fn an_empty_device_gets_its_identity_and_a_second_run_changes_nothing() {
    let (mut device, mut paper) = (Device::default(), Paper::default());
    let (first, own) = (material("room.test"), secret("b3duIHNlY3JldA"));
    run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    assert_eq!(device.given, ["Show", "Populate", "Add", "Show", "Activate"]);
    assert_eq!(device.identity().unwrap(), first.fingerprint().as_str());
    assert_eq!(paper.0.last().unwrap().progress, DeviceProgress::Done);
    device.given.clear();
    let again = run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    assert!(again.plan.is_empty());
    assert_eq!(device.given, ["Show"]);
}

#[tokio::test]
async fn a_renewed_certificate_takes_the_place_of_the_old_one_which_goes() {
    let (mut device, mut paper) = (Device { unknown_parameter: true, ..Device::default() }, Paper::default());
    let own = secret("b3duIHNlY3JldA");
    run(&mut device, &mut paper, &material("room.test"), &own, true).await.unwrap();
    let next = material("room.test");
    let outcome = run(&mut device, &mut paper, &next, &own, false).await.unwrap();
    assert_eq!(outcome.plan.retire.len(), 1);
    assert_eq!(device.certificates.keys().collect::<Vec<_>>(), [next.fingerprint().as_str()]);
}

#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let own = secret("b3duIHNlY3JldA");
    let (first, next) = (material("room.test"), material("room.test"));
    let (mut whole, mut papers) = (Device::default(), Paper::default());
    run(&mut whole, &mut papers, &first, &own, true).await.unwrap();
    for after in 1..=9 {
        let (mut device, mut paper) = (whole.clone(), Paper(papers.0.clone()));
        device.left = Some(after);
        let cut = run(&mut device, &mut paper, &next, &own, false).await;
        device.left = None;
        assert!(device.identity().is_some(), "cut off after {after}: no identity at all");
        if let Err(error) = cut {
            assert!(error.is_away(), "{error}");
            run(&mut device, &mut paper, &next, &own, false).await.unwrap();
        }
        assert_eq!(
            device.certificates.keys().collect::<Vec<_>>(),
            [next.fingerprint().as_str()],
            "cut off after {after}"
        );
        assert_eq!(device.identity().unwrap(), next.fingerprint().as_str());
    }
}

#[tokio::test]
async fn a_device_that_does_not_call_it_valid_gets_its_old_identity_back() {
    let (mut device, mut paper) = (Device::default(), Paper::default());
    let (first, own) = (material("room.test"), secret("b3duIHNlY3JldA"));
    run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    device.distrusts = true;
    let error = run(&mut device, &mut paper, &material("room.test"), &own, false).await.unwrap_err();
    assert!(matches!(error, ProvisionError::Invalid { restored: true, .. }), "{error}");
    assert!(error.hint().is_some());
    assert_eq!(device.identity().unwrap(), first.fingerprint().as_str());
}

#[tokio::test]
async fn another_secret_changes_nothing_and_says_what_to_do() {
    let (mut device, mut paper) = (Device::default(), Paper::default());
    let (first, own) = (material("room.test"), secret("b3duIHNlY3JldA"));
    run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    let error =
        run(&mut device, &mut paper, &material("room.test"), &secret("b3RoZXI"), false).await.unwrap_err();
    assert!(error.to_string().starts_with("adding the certificate: the device refused"), "{error}");
    assert!(error.hint().unwrap().contains("--secret-file"));
    assert_eq!(device.certificates.keys().collect::<Vec<_>>(), [first.fingerprint().as_str()]);
    let mut bare = Device::default();
    let error = run(&mut bare, &mut Paper::default(), &first, &own, false).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--set-secret"), "{error}");
    assert!(bare.secret.is_none(), "nothing goes out in the clear that was not allowed to");
}

#[tokio::test]
async fn what_is_used_for_something_else_stays() {
    let (mut device, mut paper) = (Device::default(), Paper::default());
    let own = secret("b3duIHNlY3JldA");
    let (first, next) = (material("room.test"), material("room.test"));
    run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    device.certificates.get_mut(first.fingerprint().as_str()).unwrap().1.insert("HTTPS server".to_owned());
    let web = material("web.test");
    device
        .certificates
        .insert(web.fingerprint().to_string(), (Vec::new(), BTreeSet::from(["SIP".to_owned()])));
    let outcome = run(&mut device, &mut paper, &next, &own, false).await.unwrap();
    assert_eq!(outcome.kept, [first.fingerprint().clone()]);
    assert_eq!(device.certificates.len(), 3);
}

#[tokio::test]
async fn a_user_replaces_the_administrators_secret_and_may_repeat_it() {
    let (old, new) = (secret("b2xk"), secret("bmV3"));
    let sealer = Sealer::new(1);
    let mut device = Device { secret: Some(old.clone()), ..Device::default() };
    let change = |new: &Secret| NewSecret::Secret(new.clone());
    assert_eq!(change_secret(&mut device, &old, change(&new), &sealer).await.unwrap(), Changed::Now);
    assert!(device.secret.as_ref().is_some_and(|own| *own == new));
    assert_eq!(change_secret(&mut device, &old, change(&new), &sealer).await.unwrap(), Changed::Before);
    let neither = change_secret(&mut device, &old, change(&secret("eA")), &sealer).await.unwrap_err();
    assert!(matches!(neither, SecretError::Neither));
    assert_eq!(change_secret(&mut device, &new, NewSecret::None, &sealer).await.unwrap(), Changed::Now);
    assert!(device.secret.is_none());
}

#[test]
fn both_ways_to_say_that_an_identity_is_valid_are_read() {
    let own = material("room.test");
    let der = &own.leaf().der;
    let today = json!({ "Status": "Valid", "CertificateChain": { "Certificate": [{ "Fingerprint": own.fingerprint().as_str() }] } });
    let before = json!({ "Valid": "True", "Identity": "room.test", "CertInfo": { "Fingerprint": own.fingerprint().to_string().to_uppercase() } });
    for said in [today, before] {
        let identity = look::read_identity(&said);
        assert!(identity.valid && identity.is_of(der) == Some(true), "{said}");
    }
    for said in [
        json!(null),
        json!({ "Status": "error" }),
        json!({ "Valid": "False" }),
        json!({ "Status": "unknown error" }),
    ] {
        assert!(!look::read_identity(&said).valid, "{said}");
    }
    let other = look::read_identity(
        &json!({ "Status": "valid", "CertificateChain": { "Certificate": [{ "Fingerprint": "00" }] } }),
    );
    assert_eq!(other.is_of(der), Some(false));
    assert_eq!(look::read_identity(&json!({ "Valid": "True" })).is_of(der), None);
}
