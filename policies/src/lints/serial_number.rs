//! The serial number is positive, minimally encoded, at most 20 octets, and long enough to hold 64 random bits. That it *is*
//! random cannot be seen in one certificate; the allocator answers for that.

use super::{Leaf, Lint, LintContext, Severity};

pub(super) const LINT: Lint =
    Lint { rule: "serial_number", citation: "RFC 5280 §4.1.2.2", severity: Severity::Error, check };

fn check(leaf: &Leaf<'_>, _context: &LintContext<'_>) -> Vec<String> {
    let octets = leaf.certificate.tbs_certificate.raw_serial();
    let mut faults = Vec::new();
    match octets {
        [] => faults.push("the serial number is empty".to_owned()),
        [first, ..] if *first & 0x80 != 0 => faults.push("the serial number is negative".to_owned()),
        [0, second, ..] if second & 0x80 == 0 => {
            faults.push("the serial number has a needless leading zero octet".to_owned());
        }
        _ => {}
    }
    if octets.len() > 20 {
        faults.push(format!("the serial number has {} octets, at most 20 are allowed", octets.len()));
    }
    let significant = octets.iter().skip_while(|octet| **octet == 0).count();
    if significant < 8 {
        faults.push(format!("the serial number has {significant} octets, too few for 64 random bits"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use rcgen::SerialNumber;

    use crate::lints::samples::{found, found_in_bytes, patch};

    #[test]
    fn short_long_and_negative_serial_numbers_are_found() {
        let with = |octets: &'static [u8]| {
            found("serial_number", move |params| {
                params.serial_number = Some(SerialNumber::from_slice(octets))
            })
        };
        assert_eq!(with(&[0x55; 8]), [""; 0]);
        assert_eq!(with(&[0x55; 7]), ["the serial number has 7 octets, too few for 64 random bits"]);
        assert_eq!(with(&[0]), ["the serial number has 0 octets, too few for 64 random bits"]);
        assert_eq!(with(&[0x55; 21]), ["the serial number has 21 octets, at most 20 are allowed"]);
        let sign =
            |to: [u8; 4]| found_in_bytes("serial_number", move |der| patch(der, &[2, 20, 0x55, 0x55], &to));
        assert_eq!(sign([2, 20, 0xd5, 0x55]), ["the serial number is negative"]);
        assert_eq!(sign([2, 20, 0, 0x55]), ["the serial number has a needless leading zero octet"]);
    }
}
