//! A certificate over EST: on the certificate in use as long as it lasts, else on the token; then its checks and its installation.
//!
//! Each certificate has a new key, except on the token of a device, which is bound to one. The request is stored before it is sent, and sent again by later runs until
//! there is a certificate: what somebody approves is that request. Must never install a certificate that is not for our key, that is an authority's, that the
//! authority's own certificates do not vouch for, or that renews another's names.

use certs::{issued::chain_above, pem::encode_chain};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Agent, EnrollError, Leaf, LeafError, Obtained,
    csr::request,
    internal::{machine, succeeded},
    keys::{check_store, continuing, is_usable, new_key_for, ready, sweep},
    waiting::{decoded, earlier, fresh, unanswered},
};
use crate::{
    acme::{ClientIdentity, TransportError},
    internal::{EstServer, InternalAuthority, InternalError, Token, internal_beside},
    state::{
        Credential, CurrentPair, EstSettings, IdentityDir, IdentitySettings, Issued, Operation, Origin,
        PendingEnrolment, ServerLabel, StateError,
    },
};

/// Where an identity enrols over EST, and whom to trust for that server.
#[derive(Clone, Debug)]
pub struct EstAuthority {
    folder: Url,
    roots: Option<Vec<u8>>,
}

impl EstAuthority {
    /// The one that the settings name, with `roots` (PEM) if they were given, else those that are stored for it.
    ///
    /// # Errors
    /// If the stored roots cannot be read.
    pub fn new(
        agent: Agent<'_>,
        settings: &IdentitySettings,
        roots: Option<Vec<u8>>,
    ) -> Result<Self, EnrollError> {
        let roots = match roots {
            Some(roots) => Some(roots),
            None => agent.state.account(&ServerLabel::of(&settings.directory)).roots()?,
        };
        Ok(Self { folder: settings.directory.clone(), roots })
    }

    /// What gives a device its token, beside the EST operations.
    ///
    /// # Errors
    /// If the roots are unusable.
    pub fn tokens(&self, agent: Agent<'_>) -> Result<InternalAuthority, EnrollError> {
        let transport = agent.connector.transport_trusting(self.roots.as_deref())?;
        Ok(InternalAuthority::new(transport, internal_beside(&self.folder)))
    }

    fn server(&self, agent: Agent<'_>, shown: Option<ClientIdentity>) -> Result<EstServer, EnrollError> {
        let transport = agent.connector.transport_showing(self.roots.as_deref(), shown)?;
        Ok(EstServer::new(transport, self.folder.clone()))
    }
}

/// Obtains and installs a certificate.
///
/// # Errors
/// [`EnrollError`]; the present certificate is as it was. With [`InternalError::Pending`] the request waits for approval.
pub async fn obtain_est(
    agent: Agent<'_>,
    authority: &EstAuthority,
    identity: &IdentityDir,
    settings: &IdentitySettings,
    est: &EstSettings,
) -> Result<Obtained, EnrollError> {
    let now = agent.clock.now();
    let present = present(identity)?;
    let server = authority.server(agent, None)?;
    agent.progress.step("reading the authority's certificates");
    let vouching = server.certificates(now).await?;
    server.must_take_p256(now).await?;
    let run = Run { agent, authority, identity, settings, est, vouching, now };
    if run.waits_on_token(present.as_ref().map(|(leaf, _)| leaf))? {
        return run.by_token(present.as_ref().map(|(leaf, _)| leaf)).await;
    }
    let refusal = match present.as_ref().map(|(leaf, pair)| run.by_certificate(leaf, pair)) {
        None => return run.by_token(None).await,
        Some(renewal) => match renewal.await {
            Err(EnrollError::Internal(error)) if may_show_token(&error) => *error,
            other => return other,
        },
    };
    agent.progress.note("the certificate in use does not serve; showing the token");
    match run.by_token(present.as_ref().map(|(leaf, _)| leaf)).await {
        Err(EnrollError::Internal(token)) if !matches!(*token, InternalError::Pending { .. }) => {
            Err(InternalError::Neither { certificate: refusal.to_string(), token }.into())
        }
        other => other,
    }
}

/// Whether a renewal failed for a reason that a token could help with.
fn may_show_token(error: &InternalError) -> bool {
    use http::StatusCode;
    match error {
        InternalError::Refused { status, .. } => {
            matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        }
        // A server may refuse a certificate in the handshake already.
        InternalError::Transport(TransportError::Tls { .. }) | InternalError::Lapsed(_) => true,
        _ => false,
    }
}

fn present(identity: &IdentityDir) -> Result<Option<(Leaf, CurrentPair)>, EnrollError> {
    let Some(pair) = identity.current()? else { return Ok(None) };
    Ok(Some((Leaf::from_pem(&pair.certificate)?, pair)))
}

/// Everything that one run needs.
struct Run<'a> {
    agent: Agent<'a>,
    authority: &'a EstAuthority,
    identity: &'a IdentityDir,
    settings: &'a IdentitySettings,
    est: &'a EstSettings,
    vouching: Vec<CertificateDer<'static>>,
    now: OffsetDateTime,
}

impl Run<'_> {
    /// Whether the request that waits for approval, or was denied one, is one on a token: then that is gone on with.
    fn waits_on_token(&self, present: Option<&Leaf>) -> Result<bool, StateError> {
        let earlier = earlier(self.identity, self.settings, Operation::SimpleEnroll, present)?;
        Ok(earlier.is_some_and(|(pending, _)| pending.waiting.is_some()))
    }

    /// In the place of the certificate in use, if that is of this server and lasts.
    async fn by_certificate(&self, leaf: &Leaf, pair: &CurrentPair) -> Result<Obtained, EnrollError> {
        let is_from_here =
            pair.origin.as_ref().is_some_and(|origin| origin.directory == self.settings.directory);
        if !is_from_here || leaf.not_after <= self.now {
            return Err(InternalError::Lapsed(leaf.not_after).into());
        }
        let (pending, key) = self.request(Operation::SimpleReenroll, Some(leaf), None).await?;
        let chain = format!("{}{}", pair.certificate, pair.chain);
        ready(&pair.key).await?;
        let shown = ClientIdentity::from_pem(&chain, pair.key.clone()).map_err(InternalError::from)?;
        let server = self.authority.server(self.agent, Some(shown))?;
        self.agent.progress.step("asking for the certificate with the one in use");
        let answer = server.reenroll(&decoded(&pending), self.now).await;
        self.finish(pending, key, answer, Some(leaf)).await
    }

    /// On a token.
    async fn by_token(&self, present: Option<&Leaf>) -> Result<Obtained, EnrollError> {
        let (token, bound) = match &self.est.credential {
            Credential::TokenFile(path) => (Token::read(path).map_err(InternalError::from)?, None),
            Credential::MachineAccount => {
                let tokens = self.authority.tokens(self.agent)?;
                let (token, key) = machine(self.agent, &tokens, self.identity).await?;
                (token, Some(key))
            }
            Credential::Guest => return Err(InternalError::NotActivated.into()),
        };
        let (pending, key) = self.request(Operation::SimpleEnroll, present, bound).await?;
        let server = self.authority.server(self.agent, None)?;
        self.agent.progress.step("asking for the certificate with the token");
        let shown = (&token, self.est.user.as_deref());
        let answer = server.enroll(shown, &decoded(&pending), self.now).await;
        self.finish(pending, key, answer, None).await
    }

    /// The request of an earlier run, if it is the same; else a new one, stored before it is sent.
    async fn request(
        &self,
        operation: Operation,
        present: Option<&Leaf>,
        bound: Option<Zeroizing<String>>,
    ) -> Result<(PendingEnrolment, Zeroizing<String>), EnrollError> {
        if let Some((pending, key)) = earlier(self.identity, self.settings, operation, present)?
            && bound.as_ref().is_none_or(|bound| *bound == key)
            && is_usable(&key).await?
        {
            self.agent.progress.step("going on with the request of an earlier run");
            return Ok((pending, key));
        }
        let key = match bound {
            Some(bound) => bound,
            None => {
                check_store(self.settings).await?;
                new_key_for(self.identity, self.settings).await?
            }
        };
        let csr = match (operation, present) {
            (Operation::SimpleReenroll, Some(leaf)) => {
                continuing(&leaf.der, &key).await.map_err(InternalError::from)?
            }
            (Operation::SimpleEnroll | Operation::Certificates, _) | (Operation::SimpleReenroll, None) => {
                request(&[], &key).await?
            }
        };
        let pending = fresh(self.settings, operation, present, &csr, self.now);
        self.identity.store_enrolment(&pending, &key)?;
        Ok((pending, key))
    }

    /// Installs what was given. A request that led to something else is not sent again; one that waits, or that nobody answered, is.
    async fn finish(
        &self,
        pending: PendingEnrolment,
        key: Zeroizing<String>,
        answer: Result<Vec<CertificateDer<'static>>, InternalError>,
        renewed: Option<&Leaf>,
    ) -> Result<Obtained, EnrollError> {
        let resumed = pending.waiting.is_some();
        let certificates = match answer {
            Ok(certificates) => certificates,
            Err(error) => return Err(unanswered(self.identity, pending, error, self.now)?),
        };
        let (leaf, chain) = match self.accept(&certificates, &key, renewed) {
            Ok(accepted) => accepted,
            Err(error) => {
                self.identity.clear_pending()?;
                return Err(error.into());
            }
        };
        let origin = Origin { directory: self.settings.directory.clone(), profile: None };
        let issued = Issued::from_chain(&chain, key).ok_or(LeafError::Malformed)?.from_origin(origin);
        let generation = self.identity.install(&issued, self.settings.keep)?;
        succeeded(self.identity, self.now)?;
        sweep(self.identity).await;
        Ok(Obtained { generation, leaf, resumed, signed_in_until: None })
    }

    /// The certificate that is ours among those that were given, and it with what is above it, as PEM.
    fn accept(
        &self,
        certificates: &[CertificateDer<'static>],
        key: &str,
        renewed: Option<&Leaf>,
    ) -> Result<(Leaf, String), LeafError> {
        let mut fault = LeafError::Malformed;
        for der in certificates.iter().rev() {
            let checked = Leaf::from_der(der).and_then(|leaf| match renewed {
                Some(renewed) => leaf.check(&renewed.identifiers, key, self.now).map(|()| leaf),
                None => leaf.check_key(key, self.now).map(|()| leaf),
            });
            match checked {
                Ok(leaf) => {
                    // A clock that is a little behind ours must not make a good certificate one of the future.
                    let chain = chain_above(der, &self.vouching, self.now.max(leaf.not_before))?;
                    let whole: Vec<CertificateDer<'_>> = std::iter::once(der.clone()).chain(chain).collect();
                    return Ok((leaf, encode_chain(&whole)));
                }
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }
}
