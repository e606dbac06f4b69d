//! What a device must refuse, as a table (`refusals.json`): each with its code, on some face, and the identity that it had stays in use.
//!
//! Each case begins with a device that has a secret (unless it says `none`), an identity in use and another certificate that is not.

use device_jwe::{Action, Fingerprint};
use serde::Deserialize;
use time::Duration;

use crate::faces::{Face, Refused};
use crate::material::{Identity, Sealer};
use crate::setting::Room;

const CASES: &str = include_str!("refusals.json");

/// As the deployment guide prints its example: the 9 has slipped behind the dots.
const MISPRINTED: &str = "eyJhbGciOiJkaXIiLCJjaXNjby1hY3Rpb24iOiJhZGQiLCJjaXNjby1rZGYiOnsic2FsdCI6IjVlWlRDQVA0TV9ZIiwidmVyc2lvbiI6IjEifSwiZW5jIjoiQTEyOEdDTSJ\
    ..9NLNd3V9Te68tkpWD.f5lLVuWNfKfmzYCo1YJfODhQ.PE-wDFWGXFFBeo928cfZ1Q";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    secret: String,
    #[serde(rename = "do")]
    verb: String,
    #[serde(default)]
    payload: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    spoil: String,
    code: String,
}

struct Scene {
    room: Room,
    face: Face,
    secret: Sealer,
    used: Identity,
    idle: Identity,
}

impl Scene {
    async fn set(number: usize, case: &Case) -> Self {
        let room = Room::start().await;
        let mut face = room.face(number).await;
        let secret = Sealer::new();
        let used = room.authority.identity(&["room-1.example.com"]);
        let idle = room.authority.identity(&["room-2.example.com"]);
        if case.secret != "none" {
            populate(&mut face, &secret.text()).await.unwrap();
            for identity in [&used, &idle] {
                // In the clear, which costs no derivation of keys.
                let words = "Security Certificates Services Add";
                face.command(words, &[], Some(&identity.pem())).await.unwrap();
            }
            switch(&mut face, "Activate", &secret.activate(&used.fingerprint())).await.unwrap();
        }
        Self { room, face, secret, used, idle }
    }

    /// A chain and key with one thing wrong.
    fn material(&self, payload: &str) -> String {
        let authority = &self.room.authority;
        let (now, names) = (self.room.now(), &["room-3.example.com"]);
        let (from, to) = (now - Duration::days(2), now + Duration::days(9));
        let good = authority.identity(names);
        let issue = |kind, from, to| {
            authority.issue(names, &rcgen::KeyPair::generate_for(kind).unwrap(), from, to).pem()
        };
        let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
        let garbage = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        match payload {
            "" => good.pem(),
            "no-key" => good.chain_pem,
            "no-certificate" => good.key_pem,
            "text" => "-----BEGIN nothing".to_owned(),
            "request" => format!("{}{}", good.pem(), garbage("CERTIFICATE REQUEST")),
            "other-key" => format!("{}{}", good.chain_pem, self.idle.key_pem),
            "two-keys" => format!("{}{}", good.pem(), self.idle.key_pem),
            "garbage-key" => format!("{}{}", good.chain_pem, garbage("PRIVATE KEY")),
            "garbage-certificate" => format!("{}{}", garbage("CERTIFICATE"), good.key_pem),
            "rsa" => issue(&rcgen::PKCS_RSA_SHA256, from, to),
            "p384" => issue(&rcgen::PKCS_ECDSA_P384_SHA384, from, to),
            "expired" => issue(p256, from, now - Duration::days(1)),
            "future" => issue(p256, now + Duration::days(1), to),
            other => panic!("{other}"),
        }
    }

    /// What is sealed, for an action of its own or of the case.
    fn seal(&self, case: &Case, own: Action, payload: &[u8]) -> String {
        let action = if case.action.is_empty() { own } else { case.action.parse().unwrap() };
        let other = Sealer::new();
        let by = if case.by == "other" { &other } else { &self.secret };
        // What is made for another action is small: only `add` carries much.
        let payload = if action == own { payload } else { &payload[..40] };
        by.seal(action, payload)
    }

    async fn fingerprint(&mut self, payload: &str) -> Fingerprint {
        match payload {
            "unknown" => self.room.authority.identity(&["room-9.example.com"]).fingerprint(),
            "used" => self.used.fingerprint(),
            "rsa" => {
                let pem = self.material("rsa");
                let added =
                    self.face.command("Security Certificates Services Add", &[], Some(&pem)).await.unwrap();
                added["Fingerprint"].as_str().unwrap().parse().unwrap()
            }
            _ => self.idle.fingerprint(),
        }
    }

    async fn attempt(&mut self, case: &Case) -> Result<(), Refused> {
        let blob = match case.verb.as_str() {
            "populate" => match case.payload.as_str() {
                "jwe" => self.seal(case, Action::Populate, Sealer::new().text().as_bytes()),
                "plain" => Sealer::new().text(),
                text if case.by == "own" => self.seal(case, Action::Populate, text.as_bytes()),
                text => text.to_owned(),
            },
            "add" => match case.payload.as_str() {
                "misprinted" => MISPRINTED.to_owned(),
                "clear" => self.material(""),
                payload => self.seal(case, Action::Add, self.material(payload).as_bytes()),
            },
            verb => {
                let fingerprint = self.fingerprint(&case.payload).await;
                let action = if verb == "deactivate" { Action::Deactivate } else { Action::Activate };
                match case.payload.as_str() {
                    "clear" => fingerprint.to_string(),
                    "text" => self.seal(case, action, b"not a fingerprint"),
                    _ if verb == "delete" => fingerprint.to_string(),
                    _ => self.seal(case, action, fingerprint.as_str().as_bytes()),
                }
            }
        };
        let blob = self.spoiled(&case.spoil, blob).await;
        if case.payload == "ended" {
            self.room.clock.advance(Duration::days(91));
        }
        match case.verb.as_str() {
            "populate" => populate(&mut self.face, &blob).await,
            "add" => add(&mut self.face, &blob).await,
            "activate" => switch(&mut self.face, "Activate", &blob).await,
            "deactivate" => switch(&mut self.face, "Deactivate", &blob).await,
            _ => {
                let words = "Security Certificates Services Delete";
                self.face.command(words, &[("Fingerprint", &blob)], None).await.map(drop)
            }
        }
    }

    async fn spoiled(&mut self, how: &str, blob: String) -> String {
        let mut parts: Vec<String> = blob.split('.').map(str::to_owned).collect();
        // Octets in the middle of a part: the last letter of base64url may hold bits that do not count.
        let flip = |part: &mut String| {
            let at = part.len() / 2;
            let letter = if part.as_bytes()[at] == b'A' { "B" } else { "A" };
            part.replace_range(at..=at, letter);
        };
        match how {
            "" => {}
            "ciphertext" => flip(&mut parts[3]),
            "tag" => flip(&mut parts[4]),
            // Another encryption, which the header may name.
            "header" => {
                use base64::Engine as _;
                let base = base64::engine::general_purpose::URL_SAFE_NO_PAD;
                let header = String::from_utf8(base.decode(&parts[0]).unwrap()).unwrap();
                parts[0] = base.encode(header.replace("A256GCM", "A128GCM"));
            }
            "cut" => drop(parts.pop()),
            "replay" => {
                let blob = self.secret.populate(Some(&Sealer::new()));
                populate(&mut self.face, &blob).await.unwrap();
            }
            other => panic!("{other}"),
        }
        parts.join(".")
    }
}

async fn populate(face: &mut Face, secret: &str) -> Result<(), Refused> {
    face.command("Security ClientSecret Populate", &[("Secret", secret)], None).await.map(drop)
}

async fn add(face: &mut Face, blob: &str) -> Result<(), Refused> {
    face.command("Security Certificates Services Add", &[("IsEncrypted", "True")], Some(blob)).await.map(drop)
}

async fn switch(face: &mut Face, verb: &str, blob: &str) -> Result<(), Refused> {
    let words = format!("Security Certificates Services {verb}");
    face.command(&words, &[("Fingerprint", blob), ("Purpose", "WebexIdentity")], None).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_has_its_code_and_leaves_the_identity_in_use() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() > 40);
    for (number, case) in cases.iter().enumerate() {
        let mut scene = Scene::set(number, case).await;
        let before = scene.face.command("Security Certificates Services Show", &[], None).await.unwrap();
        let refused = scene.attempt(case).await.expect_err(&case.name);
        assert_eq!(refused.code, case.code, "{}: {refused:?}", case.name);
        if let Face::Socket(_) = &scene.face {
            assert_eq!(refused.rpc, Some(1), "{}", case.name);
        }
        let after = scene.face.command("Security Certificates Services Show", &[], None).await.unwrap();
        // One case adds an RSA certificate in the clear before it tries to activate it.
        if case.payload != "rsa" {
            assert_eq!(after, before, "{}", case.name);
        }
        if case.verb == "populate" && case.secret != "none" {
            let blob = scene.secret.activate(&scene.idle.fingerprint());
            switch(&mut scene.face, "Activate", &blob).await.expect("the secret is as it was");
            let blob = scene.secret.activate(&scene.used.fingerprint());
            switch(&mut scene.face, "Activate", &blob).await.unwrap();
        }
        if case.secret != "none" {
            let first = "CertificateChain/Certificate[1]/Fingerprint";
            assert_eq!(scene.face.external(first).await, scene.used.fingerprint().as_str(), "{}", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_and_unknown_commands_are_told_apart() {
    let room = Room::start().await;
    for mut face in room.faces().await {
        let add = "Security Certificates Services Add";
        let show = "Security Certificates Services Show";
        let (create, unit) = ("Security Certificates CSR Create", "OrganizationalUnit");
        let long = "x".repeat(1_025);
        for (words, parameters, body, code, rpc) in [
            ("Security Nonsense", &[][..], None, "unknown-command", -32_601),
            (add, &[], None, "parameter", -32_602),
            (show, &[], Some("a body"), "parameter", -32_602),
            (show, &[("Filter", "Nobody")], None, "parameter", -32_602),
            (show, &[("Colour", "red")], None, "parameter", -32_602),
            (show, &[("Format", "PEM"), ("Format", "Text")], None, "parameter", -32_602),
            ("Security ClientSecret Populate", &[("Secret", long.as_str())], None, "parameter", -32_602),
            (create, &[], None, "parameter", -32_602),
            (create, &[("CommonName", "")], None, "parameter", -32_602),
            (create, &[("CommonName", "x"), (unit, "1"), (unit, "2")], None, "parameter", -32_602),
        ] {
            // A shell waits for the body of a command that takes one; an object cannot name a parameter twice.
            let waits = matches!(face, Face::Shell(_)) && words == add;
            let twice = matches!(face, Face::Socket(_)) && parameters.len() >= 2;
            if waits || twice {
                continue;
            }
            let refused = face.command(words, parameters, body).await.unwrap_err();
            assert_eq!(refused.code, code, "{words} {parameters:?}");
            assert!(refused.rpc.is_none_or(|found| found == rpc), "{refused:?}");
        }
    }
}
