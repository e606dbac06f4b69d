//! Following a CNAME from the challenge name to where the record really has to stand.
//!
//! Organisations delegate `_acme-challenge` by alias to a zone that a machine may update; the certificate authority's
//! resolver follows the alias, so the record must be put at its end.

use hickory_proto::rr::{Name, RData, RecordType};

use super::{DnsError, Resolvers};

const MOST_HOPS: usize = 8;

/// The name at the end of the alias chain that starts at `name`; `name` itself if it is no alias.
pub(super) async fn resolve(resolvers: &Resolvers, name: &Name) -> Result<Name, DnsError> {
    let mut current = name.clone();
    for _ in 0..MOST_HOPS {
        let answer = resolvers.ask(&current, RecordType::CNAME).await?;
        let next = answer.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == current => Some(target.0.clone()),
            _ => None,
        });
        match next {
            Some(target) => current = target,
            None => break,
        }
    }
    Ok(current)
}
