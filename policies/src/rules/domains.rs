//! The text of `domains.cedar`, which `ca-server init --domain D…` writes: which names may be certified.
//! The text is made from parsed names only, so nothing that a command line says can become a rule of its own.

use std::fmt::Write as _;

use certs::name::DnsName;

const HEAD: &str = "\
// domains.cedar: which names this authority certifies. Written by `ca-server init`; yours to edit. Check a change with
// `ca-server check --config ca.toml`, try it with `ca-server policy test FILE`, and make it take effect with a SIGHUP.
// What is not permitted here is refused. docs/policy.md explains the language with examples.
";

const NO_DOMAINS: &str = "
// No domain was given, so no name is certified yet. For example.com, remove the slashes below and put in your own domain:
//
// @id(\"devices-of-example.com\")
// permit (
//   principal,
//   action in [Action::\"order\", Action::\"issue\"],
//   resource in Domain::\"example.com\"
// ) when { resource is Dns && context.profile == Profile::\"device\" };
";

const FOOT: &str = "
// Wildcards (*.rooms.example.com) are permitted above, to whoever proves the domain by DNS. To refuse them, remove the
// slashes:
//
// @id(\"no-wildcards\")
// @reason(\"wildcard certificates are not issued here\")
// forbid (
//   principal,
//   action in [Action::\"order\", Action::\"issue\"],
//   resource is Dns
// ) when { context.wildcard };
";

/// The text of `domains.cedar` for these domains: devices by DNS proofs, people by single sign-on. A name given twice counts
/// once; a wildcard stands for its domain.
#[must_use]
pub fn shipped_rules_for_domains(domains: &[DnsName]) -> String {
    let mut text = HEAD.to_owned();
    let mut written: Vec<&str> = Vec::new();
    for name in domains {
        let domain = name.base_str();
        if !written.contains(&domain) {
            written.push(domain);
            // Writing to a string cannot fail.
            let _ = text.write_str(&rules_for(domain, written.len()));
        }
    }
    text.push_str(if written.is_empty() { NO_DOMAINS } else { FOOT });
    text
}

/// An id has at most 64 letters; a longer one is numbered instead of named.
fn rule_id(kind: &str, domain: &str, number: usize) -> String {
    let named = format!("{kind}-of-{domain}");
    if named.len() <= 64 { named } else { format!("{kind}-of-domain-{number}") }
}

fn rules_for(domain: &str, number: usize) -> String {
    let (devices, people) = (rule_id("devices", domain, number), rule_id("people", domain, number));
    format!(
        r#"
// Devices: any name in {domain} or below it. base.cedar demands that it was proven through DNS.
@id("{devices}")
permit (
  principal,
  action in [Action::"order", Action::"issue"],
  resource in Domain::"{domain}"
) when {{
  resource is Dns && context.profile == Profile::"device"
}};

// People: any address in {domain} or below it. base.cedar demands that it was proven by single sign-on.
@id("{people}")
permit (
  principal,
  action in [Action::"order", Action::"issue"],
  resource in Domain::"{domain}"
) when {{
  resource is Email && context.profile == Profile::"user"
}};
"#
    )
}
