//! The lines that a person can paste into another terminal while the server goes on.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use certs::name::DnsName;

use super::{Authority, Failure, NameServer, People, Place};

/// The lines.
pub(super) fn text(
    authority: &Authority,
    names: &NameServer,
    people: &People,
    place: &Place,
    domain: &DnsName,
) -> Result<String, Failure> {
    let quoted = |path: &Path| shell_word(&path.display().to_string());
    let client = program("acme-client");
    let (dns, root) = (names.address(), quoted(&authority.root));
    let certbot = quoted(&place.join("certbot"));
    let mut text =
        format!("\nThe server goes on at {} until Ctrl-C. Try it from another terminal:\n", authority.url);
    let _ = write!(
        text,
        "\n  {client} --state {} enroll device --ca {} --root {root} \\\n    \
         --name room-2.{domain} --dns rfc2136 --dns-server {dns} --dns-resolver {dns} --dns-key-file {}\n",
        quoted(&place.join("second-device")),
        authority.url,
        quoted(&names.key_file),
    );
    let alice = &people.alice;
    let _ = write!(
        text,
        "\n  {client} --state {} enroll user --ca {} --root {root} \\\n    --email {}\n",
        quoted(&place.join("second-person")),
        authority.url,
        alice.email,
    );
    let _ = write!(
        text,
        "\n  REQUESTS_CA_BUNDLE={root} certbot certonly --non-interactive --agree-tos --register-unsafely-without-email \\\n    \
         --config-dir {certbot} --work-dir {certbot} --logs-dir {certbot} --server {} \\\n    \
         --dns-rfc2136 --dns-rfc2136-credentials {} --dns-rfc2136-propagation-seconds 1 -d room-3.{domain}\n",
        authority.directory,
        quoted(&names.certbot_file),
    );
    let _ = write!(
        text,
        "\nWhat the server knows:\n\n  {} certificates list --config {}\n\n({} signs in as `{}` with the password `{}`; your browser has to be told that it may show the \
         server's pages, since it does not know the root. certbot needs its plugin: python3-certbot-dns-rfc2136.)",
        program("ca-server"),
        quoted(&authority.config),
        alice.email,
        alice.login,
        alice.password,
    );
    Ok(text)
}

/// How to start one of our programs: where it lies beside this one, else through cargo.
fn program(name: &str) -> String {
    let beside =
        std::env::current_exe().ok().map(|own| own.with_file_name(name)).filter(|path| path.is_file());
    match beside {
        Some(path) => shell_word(&shortest(path).display().to_string()),
        None => format!("cargo run --release --quiet --bin {name} --"),
    }
}

/// Relative to the folder we were started in, where that is above it.
fn shortest(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned)).unwrap_or(path)
}

/// A word that a shell leaves alone.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@+=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_or_quotes_stays_one_word() {
        assert_eq!(shell_word("/tmp/rollcall-1/ca"), "/tmp/rollcall-1/ca");
        assert_eq!(shell_word("/home/a b"), "'/home/a b'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
