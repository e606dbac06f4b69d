//! The blob: JWE compact serialization (RFC 7516 §7.1) with an empty encrypted key, sealed and opened by aws-lc-rs.
//!
//! The parser is strict and cheap: no key is derived for what does not look like a blob in every detail. The published example of the devices' guide has one
//! character on the wrong side of the dots; that is recognised, told, and refused like anything else that is malformed.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::action::{Action, Encryption};
use crate::header::{Header, HeaderProblem};
use crate::key::{ContentKey, KeyError, Salt};
use crate::secret::Secret;

/// The longest blob that is read: a chain and a key are a tenth of it.
pub const MAX_BLOB: usize = 64 * 1024;

/// The longest blob that devices take as a parameter, which is how all but `add` travel.
pub const MAX_PARAMETER: usize = 1024;

/// The longest payload that is sealed.
pub const MAX_PAYLOAD: usize = 32 * 1024;

const IV: usize = 12;
const TAG: usize = 16;

/// A part of a blob that is base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first.
    Header,
    /// The third.
    Iv,
    /// The fourth.
    Ciphertext,
    /// The fifth.
    Tag,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Iv => "initialization vector",
            Self::Ciphertext => "ciphertext",
            Self::Tag => "tag",
        })
    }
}

/// Why a text is no blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than anything that is sent.
    #[error("the blob has more than {limit} characters")]
    TooLong {
        /// What would do.
        limit: usize,
    },
    /// Not five parts.
    #[error("the blob has {parts} parts between dots, a JWE has 5")]
    Parts {
        /// How many there are.
        parts: usize,
    },
    /// `dir` has no encrypted key.
    #[error("the second part, the encrypted key, is not empty")]
    EncryptedKey,
    /// The last character of the header stands before the initialization vector, as in the published example.
    #[error("the last character of the header, `{character}`, stands at the start of the third part")]
    Transposed {
        /// Which.
        character: char,
    },
    /// A part is not base64url, or not in its one spelling.
    #[error("the {0} is not base64url without padding")]
    Base64(Part),
    /// The header breaks a rule.
    #[error("the header is wrong: {0}")]
    Header(#[from] HeaderProblem),
    /// A part has the wrong length.
    #[error("the {part} has {octets} octets, {expected} are needed")]
    Length {
        /// Which.
        part: Part,
        /// What came.
        octets: usize,
        /// What would do.
        expected: usize,
    },
}

impl Malformed {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Transposed { character } => Some(format!(
                "move the `{character}` from behind the two dots to before them: the example in the device guide is printed with this fault"
            )),
            Self::Parts { .. } => Some("pass the blob whole, on one line, with its four dots".to_owned()),
            Self::EncryptedKey | Self::Base64(_) | Self::Header(_) | Self::Length { .. } => Some(
                "it was changed on its way, or is for something else than a room device: seal it anew"
                    .to_owned(),
            ),
            Self::TooLong { .. } => {
                Some("no certificate chain is that long: see that this is the right file".to_owned())
            }
        }
    }
}

/// Why a payload was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The payload or the blob would be too long.
    #[error("the blob would be longer than a device takes ({limit})")]
    TooLong {
        /// What would do.
        limit: usize,
    },
    /// No key or no ciphertext.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a blob was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is for something else.
    #[error("the blob is for `{found}`, not for `{expected}`")]
    Action {
        /// What was asked for.
        expected: Action,
        /// What it is for.
        found: Action,
    },
    /// The key was derived for another blob.
    #[error("the key was derived for another blob")]
    OtherKey,
    /// The tag does not match.
    #[error("the secret is another one, or the blob was changed")]
    Unauthentic,
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What must be drawn anew for each blob. Not `Clone`, and used up by sealing.
pub struct Fresh {
    salt: Salt,
    iv: [u8; IV],
}

impl Fresh {
    /// Octets of a drawn salt.
    pub const SALT: usize = 16;

    /// Draws a salt and an initialization vector.
    pub fn draw() -> Result<Self, KeyError> {
        let (mut salt, mut iv) = ([0; Self::SALT], [0; IV]);
        crate::fill(&mut salt)?;
        crate::fill(&mut iv)?;
        Ok(Self { salt: Salt::drawn(salt), iv })
    }

    /// Takes both as they are: for test vectors. A pair that serves twice under one secret gives the plaintext away.
    pub fn from_vector(salt: Salt, iv: [u8; IV]) -> Self {
        Self { salt, iv }
    }
}

/// A blob that keeps every rule. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    header: Header,
    /// As it came: it is what the tag covers (RFC 7516 §5.1, step 14).
    protected: String,
    iv: [u8; IV],
    ciphertext: Vec<u8>,
    tag: [u8; TAG],
}

impl Blob {
    /// Encrypts a payload for a device with this secret.
    pub fn seal(
        secret: &Secret,
        action: Action,
        payload: &[u8],
        encryption: Encryption,
        fresh: Fresh,
    ) -> Result<Self, SealError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(SealError::TooLong { limit: MAX_PAYLOAD });
        }
        let key = ContentKey::derive(secret, &fresh.salt, encryption)?;
        let header = Header { action, encryption, salt: fresh.salt };
        let protected = BASE64URL_NOPAD.encode(header.to_json().as_bytes());
        let mut content = Zeroizing::new(payload.to_vec());
        let tag = aead(&key)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(fresh.iv),
                Aad::from(protected.as_bytes()),
                &mut content,
            )
            .map_err(|_| KeyError::Library { act: "encrypt" })?;
        let tag = tag.as_ref().try_into().map_err(|_| KeyError::Library { act: "encrypt" })?;
        // From here on it is ciphertext.
        let blob = Self { header, protected, iv: fresh.iv, ciphertext: content.to_vec(), tag };
        match blob.limit() {
            limit if blob.to_string().len() > limit => Err(SealError::TooLong { limit }),
            _ => Ok(blob),
        }
    }

    /// Reads a compact serialization. White space is not part of it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_BLOB {
            return Err(Malformed::TooLong { limit: MAX_BLOB });
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [protected, key, iv, ciphertext, tag] = parts.as_slice() else {
            return Err(Malformed::Parts { parts: parts.len() });
        };
        if !key.is_empty() {
            return Err(Malformed::EncryptedKey);
        }
        let header =
            read_header(protected).map_err(|problem| transposed(protected, iv).unwrap_or(problem))?;
        let blob = Self {
            header,
            protected: (*protected).to_owned(),
            iv: exactly(Part::Iv, iv)?,
            ciphertext: decode(Part::Ciphertext, ciphertext)?,
            tag: exactly(Part::Tag, tag)?,
        };
        match blob.limit() {
            limit if text.len() > limit => Err(Malformed::TooLong { limit }),
            _ => Ok(blob),
        }
    }

    /// Decrypts it, if it is for `action` and was made under `secret`.
    pub fn open(&self, secret: &Secret, action: Action) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.demand(action)?;
        self.open_with(&ContentKey::derive(secret, self.salt(), self.encryption())?, action)
    }

    /// Decrypts it with a key that was derived for it.
    pub fn open_with(&self, key: &ContentKey, action: Action) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.demand(action)?;
        if key.salt() != self.salt() || key.encryption() != self.encryption() {
            return Err(OpenError::OtherKey);
        }
        let mut content = Zeroizing::new(Vec::with_capacity(self.ciphertext.len() + TAG));
        content.extend_from_slice(&self.ciphertext);
        content.extend_from_slice(&self.tag);
        let nonce = Nonce::assume_unique_for_key(self.iv);
        let length = aead(key)?
            .open_in_place(nonce, Aad::from(self.protected.as_bytes()), &mut content)
            .map_err(|_| OpenError::Unauthentic)?
            .len();
        content.truncate(length);
        Ok(content)
    }

    /// What it is for, as the header says; true only once it was opened.
    pub fn action(&self) -> Action {
        self.header.action
    }

    /// How it is encrypted.
    pub fn encryption(&self) -> Encryption {
        self.header.encryption
    }

    /// The salt of its key.
    pub fn salt(&self) -> &Salt {
        &self.header.salt
    }

    fn demand(&self, expected: Action) -> Result<(), OpenError> {
        match self.action() {
            found if found != expected => Err(OpenError::Action { expected, found }),
            _ => Ok(()),
        }
    }

    fn limit(&self) -> usize {
        match self.action() {
            Action::Add => MAX_BLOB,
            Action::Populate | Action::Activate | Action::Deactivate => MAX_PARAMETER,
        }
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |octets: &[u8]| BASE64URL_NOPAD.encode(octets);
        let (iv, ciphertext, tag) = (encode(&self.iv), encode(&self.ciphertext), encode(&self.tag));
        write!(f, "{}..{iv}.{ciphertext}.{tag}", self.protected)
    }
}

fn aead(key: &ContentKey) -> Result<LessSafeKey, KeyError> {
    let algorithm = match key.encryption() {
        Encryption::A128Gcm => &AES_128_GCM,
        Encryption::A256Gcm => &AES_256_GCM,
    };
    let key =
        UnboundKey::new(algorithm, key.octets()).map_err(|_| KeyError::Library { act: "take the key" })?;
    Ok(LessSafeKey::new(key))
}

fn read_header(protected: &str) -> Result<Header, Malformed> {
    Ok(Header::parse(&decode(Part::Header, protected)?)?)
}

/// Whether the first character of the third part is the one that the header lacks.
fn transposed(protected: &str, iv: &str) -> Option<Malformed> {
    let mut rest = iv.chars();
    let character = rest.next()?;
    read_header(&format!("{protected}{character}")).ok()?;
    exactly::<IV>(Part::Iv, rest.as_str()).ok()?;
    Some(Malformed::Transposed { character })
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, Malformed> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Malformed::Base64(part))
}

fn exactly<const N: usize>(part: Part, text: &str) -> Result<[u8; N], Malformed> {
    let octets = decode(part, text)?;
    octets.as_slice().try_into().map_err(|_| Malformed::Length { part, octets: octets.len(), expected: N })
}
