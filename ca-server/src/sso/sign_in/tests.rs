use super::*;
use crate::sso::person::Protocol;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn evidence() -> Evidence {
    Evidence {
        provider: "corp".to_owned(),
        protocol: Protocol::Saml,
        issuer: "https://idp.example.com/metadata".to_owned(),
        subject: "alice@example.com".to_owned(),
        assertion: "_a1".to_owned(),
        authenticated: OffsetDateTime::UNIX_EPOCH,
        context: None,
        methods: Vec::new(),
        groups: Vec::new(),
        display_name: None,
    }
}

fn asked() -> Asked {
    let text = || "x".to_owned();
    Asked {
        browser: text(),
        relay: text(),
        nonce: text(),
        commitment: text(),
        verifier: PkceVerifier::from_entropy(&[7; 32]),
        since: OffsetDateTime::UNIX_EPOCH,
    }
}

fn events() -> Vec<SignInEvent> {
    vec![
        SignInEvent::Ask(asked()),
        SignInEvent::Vouch {
            secret: "s".to_owned(),
            evidence: evidence(),
            at: OffsetDateTime::UNIX_EPOCH,
            from: HERE,
        },
        SignInEvent::Try,
        SignInEvent::Complete,
        SignInEvent::Fail(Reason::Declined),
    ]
}

fn vouched(tries: u32) -> Stage {
    let text = || "x".to_owned();
    Stage::Vouched(Vouched {
        browser: text(),
        secret: text(),
        evidence: evidence(),
        nonce: text(),
        commitment: text(),
        tries,
        vouched_at: OffsetDateTime::UNIX_EPOCH,
        from: HERE,
    })
}

/// What each event makes of a stage, in the order of [`events`].
fn row(stage: &Stage) -> Vec<&'static str> {
    events().into_iter().map(|event| stage.step(event).map_or("-", |next| next.name())).collect()
}

#[test]
fn a_sign_in_only_moves_forward_and_ends_once() {
    assert_eq!(row(&Stage::Offered), ["asked", "-", "-", "-", "failed"]);
    assert_eq!(row(&Stage::Asked(asked())), ["-", "vouched", "-", "-", "failed"]);
    assert_eq!(row(&vouched(0)), ["-", "-", "vouched", "completed", "failed"]);
    assert_eq!(row(&Stage::Completed { evidence: evidence() }), ["-"; 5]);
    assert_eq!(row(&Stage::Failed { reason: Reason::Declined }), ["-"; 5]);
}

#[test]
fn after_the_fifth_try_there_is_no_other() {
    let mut stage = vouched(0);
    for _ in 0..MOST_TRIES {
        stage = stage.step(SignInEvent::Try).unwrap();
        assert_eq!(stage.name(), "vouched");
    }
    let stage = stage.step(SignInEvent::Try).unwrap();
    assert!(stage == Stage::Failed { reason: Reason::WrongCodes });
}

#[test]
fn no_secret_is_shown_by_debug() {
    let sign_in = SignIn {
        id: SignInId::from_bytes([1; 16]),
        account: AccountId::from_bytes([2; 16]),
        authorization: AuthorizationId::from_bytes([3; 16]),
        challenge: ChallengeId::from_bytes([4; 16]),
        provider: "corp".to_owned(),
        client: "192.0.2.1".parse().unwrap(),
        completion: Completion::Code { code: "SECR-ETXX".to_owned() },
        created: OffsetDateTime::UNIX_EPOCH,
        expires: OffsetDateTime::UNIX_EPOCH,
        stage: Stage::Asked(Asked { nonce: "hidden".to_owned(), ..asked() }),
    };
    let shown = format!("{sign_in:?}");
    assert!(!shown.contains("SECR") && !shown.contains("hidden"), "{shown}");
}
