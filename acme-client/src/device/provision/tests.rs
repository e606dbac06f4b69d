//! Provisioning against a device of few words, which can be cut off at any command: what is done, in which order, and what is left when it fails.

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
    /// Its account may only look.
    looks_only: bool,
    /// It says no without saying why, as real ones do.
    wordless: bool,
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
        if self.looks_only && *call.words().last().unwrap() != "Show" {
            let code = (!self.wordless).then(|| "permission".into());
            return Err(Refusal { reason: "Permission denied".into(), code, parameter: false });
        }
        self.obey(call).map_err(|refusal| match self.wordless {
            true => Refusal { reason: "Error".into(), code: None, ..refusal },
            false => refusal,
        })
    }

    fn populate(&mut self, given: &str) -> Result<(), Refusal> {
        self.secret = match (&self.secret, given.contains('.')) {
            (None, false) => Some(secret(given)),
            (Some(_), _) | (None, true) => {
                let Payload::NewSecret(new) = self.open(Some(given), Action::Populate)? else { panic!() };
                new
            }
        };
        Ok(())
    }

    fn obey(&mut self, call: &Call) -> Result<Value, Refusal> {
        let refused = |reason: &str| Refusal { reason: reason.into(), code: None, parameter: false };
        let parameters: BTreeMap<&str, &str> = call.parameters().collect();
        let given = parameters.get("Fingerprint").copied();
        match *call.words().last().unwrap() {
            "Populate" => self.populate(parameters["Secret"])?,
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
    assert_eq!(device.given, ["Show", "Add", "Populate", "Add", "Show", "Activate"]);
    assert_eq!(device.identity().unwrap(), first.fingerprint().as_str());
    assert_eq!(paper.0.last().unwrap().progress, DeviceProgress::Done);
    device.given.clear();
    let again = run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    assert!(again.plan.is_empty());
    assert_eq!(device.given, ["Show"]);
}

#[tokio::test]
async fn a_device_that_lost_its_secret_is_given_it_again_and_one_that_has_it_never_is() {
    for wordless in [false, true] {
        let (mut device, mut paper) = (Device { wordless, ..Device::default() }, Paper::default());
        let (first, own) = (material("room.test"), secret("b3duIHNlY3JldA"));
        run(&mut device, &mut paper, &first, &own, true).await.unwrap();
        device.given.clear();
        // Nothing is remembered here, and it has what it needs.
        let outcome =
            run(&mut device, &mut Paper::default(), &material("room.test"), &own, true).await.unwrap();
        assert!(!outcome.plan.secret);
        assert!(!device.given.contains(&"Populate".to_owned()), "{:?}", device.given);
        // A factory reset, which nobody here was told of.
        let mut device = Device { wordless, ..Device::default() };
        let outcome = run(&mut device, &mut paper, &first, &own, true).await.unwrap();
        assert!(outcome.plan.secret && device.identity().is_some());
        // The secret alone, its answer lost.
        (device.secret, device.given) = (None, Vec::new());
        let next = material("room.test");
        run(&mut device, &mut paper, &next, &own, true).await.unwrap();
        assert_eq!(device.given[..4], ["Show", "Add", "Populate", "Add"]);
    }
}

#[tokio::test]
async fn an_account_that_may_not_is_no_device_that_has_a_secret() {
    for wordless in [false, true] {
        let mut device = Device { looks_only: true, wordless, ..Device::default() };
        let (mut paper, first, own) = (Paper::default(), material("room.test"), secret("b3duIHNlY3JldA"));
        let error = run(&mut device, &mut paper, &first, &own, true).await.unwrap_err();
        assert!(error.hint().unwrap().contains("role Admin"), "{error}");
        assert_eq!(device.given, ["Show", "Add"], "nothing goes out in the clear that cannot be taken");
        device.looks_only = false;
        run(&mut device, &mut paper, &first, &own, true).await.unwrap();
        assert!(device.identity().is_some());
    }
}

#[tokio::test]
async fn a_device_of_no_words_that_has_another_secret_keeps_it() {
    let own = secret("b3duIHNlY3JldA");
    let mut device = Device { wordless: true, secret: Some(own.clone()), ..Device::default() };
    let error = run(&mut device, &mut Paper::default(), &material("room.test"), &secret("b3RoZXI"), true)
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("adding the certificate: the device refused"), "{error}");
    assert!(error.hint().unwrap().contains("--secret-file"));
    assert!(device.secret.is_some_and(|kept| kept == own));
    let mut empty = Device { wordless: true, ..Device::default() };
    let error =
        run(&mut empty, &mut Paper::default(), &material("room.test"), &own, false).await.unwrap_err();
    assert!(empty.secret.is_none() && error.hint().unwrap().contains("--set-secret"), "{error}");
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
async fn what_a_run_that_was_cut_off_took_out_of_use_comes_back_if_the_new_one_is_not_believed() {
    let (own, first, next) = (secret("b3duIHNlY3JldA"), material("room.test"), material("room.test"));
    // The next run may be about the same certificate, or about a newer one.
    for last in [&next, &material("room.test")] {
        let (mut device, mut paper) = (Device::default(), Paper::default());
        run(&mut device, &mut paper, &first, &own, true).await.unwrap();
        device.left = Some(5);
        assert!(run(&mut device, &mut paper, &next, &own, false).await.unwrap_err().is_away());
        assert_eq!(device.identity().unwrap(), next.fingerprint().as_str(), "cut off after it was activated");
        (device.left, device.distrusts) = (None, true);
        let error = run(&mut device, &mut paper, last, &own, false).await.unwrap_err();
        assert!(matches!(error, ProvisionError::Invalid { restored: true, .. }), "{error}");
        assert_eq!(device.identity().unwrap(), first.fingerprint().as_str());
    }
}

#[tokio::test]
async fn what_failed_before_is_forgotten_once_all_is_well() {
    let (mut device, mut paper) = (Device::default(), Paper::default());
    let (first, own) = (material("room.test"), secret("b3duIHNlY3JldA"));
    run(&mut device, &mut paper, &first, &own, true).await.unwrap();
    paper.0.last_mut().unwrap().problem = Some("cannot be reached".to_owned());
    assert!(run(&mut device, &mut paper, &first, &own, true).await.unwrap().plan.is_empty());
    assert_eq!(paper.0.last().unwrap().problem, None);
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

#[tokio::test]
async fn a_secret_that_is_not_changed_says_which_trouble_it_is() {
    let (old, new, sealer) = (secret("b2xk"), secret("bmV3"), Sealer::new(1));
    let change = || NewSecret::Secret(new.clone());
    let with = |own: Option<&Secret>| Device { secret: own.cloned(), wordless: false, ..Device::default() };
    let other = secret("b3RoZXI");
    let mut may_not = Device { looks_only: true, ..with(Some(&old)) };
    let error = change_secret(&mut may_not, &old, change(), &sealer).await.unwrap_err();
    assert!(error.hint().unwrap().contains("role Admin"), "{error}");
    assert_eq!(may_not.given.len(), 1, "asked once");
    let error = change_secret(&mut with(Some(&other)), &old, NewSecret::None, &sealer).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--secret-file"), "{error}");
    let mut wordless = Device { wordless: true, ..with(Some(&new)) };
    assert_eq!(change_secret(&mut wordless, &old, change(), &sealer).await.unwrap(), Changed::Before);
    let mut empty = with(None);
    let error = change_secret(&mut empty, &old, change(), &sealer).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--set-secret"), "{error}");
    assert_eq!(empty.given.len(), 1);
}

#[test]
fn what_a_lying_device_says_of_its_identity_is_short_and_tame() {
    let huge = "\u{1b}[2J\u{202e}\u{7}".to_owned() + &"x".repeat(100_000);
    let said = json!({ "Status": huge, "Identity": huge, "CertificateChain": { "Certificate": [{ "Fingerprint": huge, "Validity": huge }] } });
    for said in [look::read_identity(&said), look::read_identity(&json!({ "Valid": huge }))] {
        let shown = format!("{said:?} {}", said.says());
        assert!(shown.len() < 3_000, "{}", shown.len());
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']) && !shown.contains("\\u{"), "{shown}");
    }
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
