//! Signatures of deliveries, as Standard Webhooks 1.0 has them: HMAC-SHA-256 over id, time and body, with one secret or, while one is replaced, two.
//!
//! A secret is written `whsec_` and base64, has 24 to 64 octets, and has neither a text form here nor a place in any message.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// How many octets a secret may have.
const OCTETS: std::ops::RangeInclusive<usize> = 24..=64;
/// How many secrets may be in force at the same time.
const MOST: usize = 2;

/// What is wrong with a file of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is none, or more than two.
    #[error("holds {0} secrets, not one or two")]
    Count(usize),
    /// A line is none.
    #[error("line {0} is not whsec_ and 24 to 64 octets in base64")]
    Line(usize),
}

/// The secrets of one webhook.
pub struct Secrets(Vec<hmac::Key>);

impl Secrets {
    /// The secrets of a file: one on a line; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`SecretFault`], which never shows a secret.
    pub fn parse(text: &str) -> Result<Self, SecretFault> {
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let octets = line.strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
            let octets = octets.map(Zeroizing::new).filter(|octets| OCTETS.contains(&octets.len()));
            let octets = octets.ok_or(SecretFault::Line(number))?;
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, &octets));
        }
        if keys.is_empty() || keys.len() > MOST {
            Err(SecretFault::Count(keys.len()))
        } else {
            Ok(Self(keys))
        }
    }

    /// The header `webhook-signature`: one signature for each secret.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = |key: &hmac::Key| {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{timestamp}.").as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
        };
        self.0.iter().map(signed).collect::<Vec<_>>().join(" ")
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} of them)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secrets = Secrets::parse(SECRET).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_both_sign_and_the_first_stays_first() {
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        let both = Secrets::parse(&format!("# old\n{SECRET}\n\n{other}\n")).unwrap();
        let signed = both.sign("id", 1, b"{}");
        let (first, second) = signed.split_once(' ').unwrap();
        assert_eq!(first, Secrets::parse(SECRET).unwrap().sign("id", 1, b"{}"));
        assert_eq!(second, Secrets::parse(&other).unwrap().sign("id", 1, b"{}"));
    }

    #[test]
    fn a_file_that_is_not_right_is_refused_by_its_line_and_no_secret_is_ever_shown() {
        assert_eq!(Secrets::parse("# nothing\n").unwrap_err(), SecretFault::Count(0));
        let three = [SECRET; 3].join("\n");
        assert_eq!(Secrets::parse(&three).unwrap_err(), SecretFault::Count(3));
        for bad in ["whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!"] {
            assert_eq!(Secrets::parse(&format!("\n{bad}")).unwrap_err(), SecretFault::Line(2), "{bad}");
        }
        assert_eq!(format!("{:?}", Secrets::parse(SECRET).unwrap()), "Secrets(1 of them)");
    }
}
