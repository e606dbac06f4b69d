//! The name of a key or of a token: a `pkcs11:` URI (RFC 7512).
//!
//! Decides which attributes are understood; what is not understood is refused, since ignoring one would name more than was meant. A PIN in a
//! URI is refused and never shown: URIs stand in process lists, configurations and logs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The variable that names the module where a URI does not.
pub const MODULE_VARIABLE: &str = "ROLLCALL_PKCS11_MODULE";

const SCHEME: &str = "pkcs11:";

/// Why a text names no key and no token. Shows names of attributes, never their values: one of them could be a PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is something else.
    #[error("it does not begin with pkcs11:")]
    Scheme,
    /// A part is not `name=value`.
    #[error("it has a part that is not name=value")]
    Part,
    /// An attribute that is not understood here.
    #[error(
        "the attribute {0} is not supported; token, serial, manufacturer, model, object, id, type, module-path and pin-source are"
    )]
    Unknown(String),
    /// An attribute stands there twice.
    #[error("the attribute {0} is given twice")]
    Twice(&'static str),
    /// A percent sign without two hexadecimal digits, or octets that are no text.
    #[error("the value of {0} is not properly percent-encoded")]
    Encoding(&'static str),
    /// An empty value names nothing.
    #[error("the value of {0} is empty")]
    Empty(&'static str),
    /// A PIN in the URI itself.
    #[error("it holds a PIN (pin-value)")]
    PinValue,
    /// A path that depends on where the program was started.
    #[error("{0} is not an absolute path")]
    Relative(&'static str),
    /// A way to a PIN that this program does not go.
    #[error("pin-source is neither file:/path nor a path")]
    PinSource,
    /// An object that is no private key.
    #[error("type is not private: only private keys are named")]
    Type,
    /// Nothing says which token.
    #[error("nothing in it says which token: token, serial, manufacturer or model")]
    NoToken,
}

impl UriError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::PinValue => {
                "write the PIN into a file that only this user can read, name it by pin-source=file:/path, and change the PIN if others could have seen it"
            }
            Self::PinSource => "write the PIN into a file and name it by pin-source=file:/path",
            Self::Scheme
            | Self::Part
            | Self::Unknown(_)
            | Self::Twice(_)
            | Self::Encoding(_)
            | Self::Empty(_)
            | Self::Relative(_)
            | Self::Type
            | Self::NoToken => {
                "write it as pkcs11:token=NAME?module-path=/path/to/module.so&pin-source=file:/path/to/pin"
            }
        }
    }
}

/// A key in a token, or, without `object` and `id`, the token itself.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct TokenUri {
    token: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    module: Option<PathBuf>,
    pin_source: Option<PathBuf>,
}

impl TokenUri {
    /// Whether a text is meant to be such a URI. The scheme's letters may be of either case (RFC 3986 §3.1).
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.trim_start().get(..SCHEME.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(SCHEME))
    }

    /// The same token with no key named.
    #[must_use]
    pub fn store(&self) -> Self {
        Self { object: None, id: None, ..self.clone() }
    }

    /// A key in this token.
    #[must_use]
    pub fn key(&self, object: &str, id: &[u8]) -> Self {
        Self { object: Some(object.to_owned()), id: Some(id.to_vec()), ..self.clone() }
    }

    /// The key with this CKA_ID in this token, whatever it is called.
    #[must_use]
    pub fn key_by_id(&self, id: &[u8]) -> Self {
        Self { object: None, id: Some(id.to_vec()), ..self.clone() }
    }

    /// Whether it names a key, not a token alone.
    #[must_use]
    pub fn names_key(&self) -> bool {
        self.object.is_some() || self.id.is_some()
    }

    /// CKA_LABEL of the key.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// CKA_ID of the key.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// The shared library that speaks to the token; from the variable [`MODULE_VARIABLE`] if the URI names none.
    #[must_use]
    pub fn module(&self) -> Option<PathBuf> {
        let configured =
            || std::env::var_os(MODULE_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        self.module.clone().or_else(configured)
    }

    /// The file with the PIN.
    #[must_use]
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// Whether a token with these properties is the one that is meant.
    #[must_use]
    pub fn is_token(&self, label: &str, serial: &str, manufacturer: &str, model: &str) -> bool {
        let fits = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
        fits(&self.token, label)
            && fits(&self.serial, serial)
            && fits(&self.manufacturer, manufacturer)
            && fits(&self.model, model)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        match name {
            "token" => text(&mut self.token, "token", value),
            "serial" => text(&mut self.serial, "serial", value),
            "manufacturer" => text(&mut self.manufacturer, "manufacturer", value),
            "model" => text(&mut self.model, "model", value),
            "object" => text(&mut self.object, "object", value),
            "id" => once(&mut self.id, "id", octets("id", value)?),
            "type" => {
                if value == "private" {
                    Ok(())
                } else {
                    Err(UriError::Type)
                }
            }
            other => Err(UriError::Unknown(shown(other))),
        }
    }

    fn set_query(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        match name {
            "module-path" => {
                let path = absolute("module-path", &decoded("module-path", value)?)?;
                once(&mut self.module, "module-path", path)
            }
            "pin-source" => {
                let source = decoded("pin-source", value)?;
                let path = match source.split_once(':') {
                    Some(("file", path)) => path.strip_prefix("//").unwrap_or(path),
                    Some(_) if !source.starts_with('/') => return Err(UriError::PinSource),
                    Some(_) | None => source.as_str(),
                };
                if path.starts_with('|') {
                    return Err(UriError::PinSource);
                }
                once(&mut self.pin_source, "pin-source", absolute("pin-source", path)?)
            }
            "pin-value" => Err(UriError::PinValue),
            other => Err(UriError::Unknown(shown(other))),
        }
    }
}

/// A name from outside in an error: only as much as a name can be.
fn shown(name: &str) -> String {
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.len() <= 32 && name.chars().all(known) { name.to_owned() } else { "(unreadable)".to_owned() }
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), UriError> {
    match place.replace(value) {
        Some(_) => Err(UriError::Twice(name)),
        None => Ok(()),
    }
}

fn text(place: &mut Option<String>, name: &'static str, value: &str) -> Result<(), UriError> {
    once(place, name, decoded(name, value)?)
}

fn decoded(name: &'static str, value: &str) -> Result<String, UriError> {
    String::from_utf8(octets(name, value)?).map_err(|_| UriError::Encoding(name))
}

fn octets(name: &'static str, value: &str) -> Result<Vec<u8>, UriError> {
    if value.is_empty() {
        return Err(UriError::Empty(name));
    }
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(UriError::Encoding(name)) };
        octets.push(u8::try_from(high * 16 + low).map_err(|_| UriError::Encoding(name))?);
    }
    Ok(octets)
}

fn absolute(name: &'static str, path: &str) -> Result<PathBuf, UriError> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(UriError::Relative(name)) }
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = text.trim();
        let rest = if Self::is_meant(text) { text.get(SCHEME.len()..) } else { None };
        let (path, query) = match rest.ok_or(UriError::Scheme)?.split_once('?') {
            Some((path, query)) => (path, query),
            None => (rest.unwrap_or_default(), ""),
        };
        let mut uri = Self::default();
        for (part, is_query) in
            path.split(';').map(|part| (part, false)).chain(query.split('&').map(|part| (part, true)))
        {
            match part.split_once('=') {
                None if part.is_empty() => {}
                None => return Err(UriError::Part),
                // A PIN must not pass as a part of the path either.
                Some(("pin-value", _)) => return Err(UriError::PinValue),
                Some((name, value)) if is_query => uri.set_query(name, value)?,
                Some((name, value)) => uri.set(name, value)?,
            }
        }
        match uri.is_token("", "", "", "") {
            true => Err(UriError::NoToken),
            false => Ok(uri),
        }
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, serial, manufacturer, model, object, id, module, pin_source } = self;
        let texts = [
            ("token", token),
            ("serial", serial),
            ("manufacturer", manufacturer),
            ("model", model),
            ("object", object),
        ];
        let mut path: Vec<String> = texts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?.as_bytes()))))
            .collect();
        path.extend(
            id.iter().map(|id| {
                format!("id={}", id.iter().map(|octet| format!("%{octet:02x}")).collect::<String>())
            }),
        );
        let mut query = Vec::new();
        query.extend(module.iter().map(|path| format!("module-path={}", encoded(octets_of(path)))));
        query.extend(pin_source.iter().map(|path| format!("pin-source=file:{}", encoded(octets_of(path)))));
        write!(f, "{SCHEME}{}", path.join(";"))?;
        if query.is_empty() { Ok(()) } else { write!(f, "?{}", query.join("&")) }
    }
}

fn octets_of(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes()
}

/// What RFC 7512 §2.3 lets stand in both parts, and the slash of paths.
fn encoded(octets: &[u8]) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~/:@+".contains(&octet);
    octets
        .iter()
        .map(|octet| if plain(*octet) { char::from(*octet).to_string() } else { format!("%{octet:02X}") })
        .collect()
}

impl fmt::Debug for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenUri({self})")
    }
}

impl Serialize for TokenUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
