//! The library alone against SoftHSM: keys made, found, judged, used and destroyed; and everything that can be wrong with a token, said precisely.
//!
//! A module reads its configuration once in a process, so each test runs itself again in a process of its own.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use rollcall_tests::foreign::softhsm::{PIN, SoftHsm};
use tokens::{PinFault, TokenError, TokenKey, TokenUri, check, destroy, generate};

/// In the environment of a test that was started by itself: the folder of its tokens.
const FOLDER: &str = "ROLLCALL_TEST_TOKENS";

/// Runs a test in a process of its own that sees new tokens of these names.
fn with_tokens(test: &str, names: &[&str], body: impl FnOnce(&SoftHsm)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(&SoftHsm::of(folder).unwrap());
    }
    let Some(home) = SoftHsm::new(names).unwrap() else { return };
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([&format!("library::{test}"), "--exact", "--include-ignored", "--nocapture"]);
    again.env(FOLDER, home.folder()).env_remove(tokens::MODULE_VARIABLE).envs([home.environment()]);
    assert!(again.status().unwrap().success(), "{test} failed in its own process");
}

fn store(home: &SoftHsm, token: &str) -> TokenUri {
    home.store(token).parse().unwrap()
}

fn uri(home: &SoftHsm, token: &str, object: &str) -> TokenUri {
    home.uri(token, object).unwrap()
}

#[test]
fn a_key_is_made_in_the_token_signs_there_and_is_destroyed() {
    with_tokens("a_key_is_made_in_the_token_signs_there_and_is_destroyed", &["a"], |home| {
        let key = generate(&store(home, "a"), "first", &[1, 2, 3]).unwrap();
        assert_eq!(key.uri().to_string().parse::<TokenUri>().unwrap(), *key.uri());
        key.public().verify(b"text", &key.sign(b"text").unwrap()).unwrap();
        assert_eq!(key.sign_raw(b"text").unwrap().len(), 64);
        let said = home.tool("a", &["--list-objects"]).unwrap();
        assert!(
            said.contains("sensitive") && said.contains("never extractable") && said.contains("local"),
            "{said}"
        );
        let usage = said.lines().filter(|line| line.contains("Usage:")).collect::<Vec<_>>();
        assert!(
            usage.iter().any(|line| line.trim() == "Usage:      sign"),
            "it signs and does nothing else: {usage:?}"
        );
        // Another program's lookup finds the same key by either name.
        for name in ["object=first", "id=%01%02%03", "object=first;id=%01%02%03;type=private"] {
            assert_eq!(TokenKey::open(&uri(home, "a", name)).unwrap().public(), key.public(), "{name}");
        }
        assert_eq!(destroy(key.uri()).unwrap(), 2);
        assert_eq!(destroy(key.uri()).unwrap(), 0, "it is gone already");
        assert!(matches!(TokenKey::open(key.uri()), Err(TokenError::NoKey(_))));
        assert!(!home.tool("a", &["--list-objects"]).unwrap().contains("first"));
    });
}

#[test]
fn sixty_four_at_once_sign_with_few_sessions() {
    with_tokens("sixty_four_at_once_sign_with_few_sessions", &["a"], |home| {
        let key = Arc::new(generate(&store(home, "a"), "busy", &[7]).unwrap());
        let threads: Vec<_> = (0..64)
            .map(|number: u32| {
                let key = Arc::clone(&key);
                std::thread::spawn(move || {
                    for round in 0..8_u32 {
                        let text = [number.to_be_bytes(), round.to_be_bytes()].concat();
                        key.public().verify(&text, &key.sign(&text).unwrap()).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn what_does_not_name_one_key_is_refused_and_says_why() {
    with_tokens("what_does_not_name_one_key_is_refused_and_says_why", &["a", "b"], |home| {
        generate(&store(home, "a"), "twin", &[1]).unwrap();
        generate(&store(home, "a"), "twin", &[2]).unwrap();
        let error = |uri: &TokenUri| TokenKey::open(uri).unwrap_err();
        let several = error(&uri(home, "a", "object=twin"));
        assert!(matches!(several, TokenError::SeveralKeys { count: 2, .. }), "{several}");
        assert!(several.hint().contains("id="), "{several}");
        assert!(TokenKey::open(&uri(home, "a", "object=twin;id=%02")).is_ok());
        assert!(matches!(error(&uri(home, "a", "object=nobody")), TokenError::NoKey(_)));
        assert!(matches!(error(&store(home, "a")), TokenError::NotAKey(_)));
        let TokenError::NoToken { found, .. } = error(&uri(home, "c", "object=twin")) else { panic!() };
        assert_eq!(BTreeSet::from_iter(found), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        let nameless = format!("pkcs11:manufacturer=SoftHSM%20project;object=twin?{}", home.query("a"));
        assert!(matches!(error(&nameless.parse().unwrap()), TokenError::SeveralTokens { count: 2, .. }));
        assert!(
            matches!(destroy(&uri(home, "a", "object=twin")), Err(TokenError::NotAKey(_))),
            "others have that label"
        );
    });
}

#[test]
fn a_module_that_is_missing_or_none_is_refused() {
    with_tokens("a_module_that_is_missing_or_none_is_refused", &["a"], |home| {
        let text = home.path("text.so");
        std::fs::write(&text, "no library").unwrap();
        for module in [home.path("missing.so"), text] {
            let uri = format!("pkcs11:token=a;object=x?module-path={}", module.display());
            let error = TokenKey::open(&uri.parse().unwrap()).unwrap_err();
            assert!(matches!(&error, TokenError::Module { path, .. } if *path == module), "{error}");
        }
        let bare = TokenKey::open(&"pkcs11:token=a;object=x".parse().unwrap()).unwrap_err();
        assert!(matches!(bare, TokenError::NoModule(_)), "{bare}");
    });
}

#[test]
fn keys_that_could_leave_their_token_or_are_of_another_kind_are_refused() {
    with_tokens("keys_that_could_leave_their_token_or_are_of_another_kind_are_refused", &["a"], |home| {
        let error = |label: &str| TokenKey::open(&uri(home, "a", &format!("object={label}"))).unwrap_err();
        home.tool(
            "a",
            &[
                "--keypairgen",
                "--key-type",
                "EC:prime256v1",
                "--label",
                "open",
                "--id",
                "01",
                "--extractable",
            ],
        )
        .unwrap();
        assert!(matches!(error("open"), TokenError::Exportable { .. }), "{}", error("open"));
        home.tool("a", &["--keypairgen", "--key-type", "EC:secp521r1", "--label", "big", "--id", "02"])
            .unwrap();
        assert!(matches!(error("big"), TokenError::OtherKind { .. }), "{}", error("big"));
        home.tool("a", &["--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "03"]).unwrap();
        assert!(matches!(error("rsa"), TokenError::OtherKind { .. }), "{}", error("rsa"));
        home.tool("a", &["--keypairgen", "--key-type", "EC:prime256v1", "--label", "half", "--id", "04"])
            .unwrap();
        home.tool("a", &["--delete-object", "--type", "pubkey", "--id", "04"]).unwrap();
        assert!(matches!(error("half"), TokenError::NoPublicKey(_)), "{}", error("half"));
        home.tool("a", &["--keypairgen", "--key-type", "EC:secp384r1", "--label", "root", "--id", "05"])
            .unwrap();
        let larger = TokenKey::open(&uri(home, "a", "object=root")).unwrap();
        larger.public().verify(b"text", &larger.sign(b"text").unwrap()).unwrap();
    });
}

#[test]
fn a_wrong_pin_is_tried_once_and_a_right_one_opens_the_token_later() {
    with_tokens("a_wrong_pin_is_tried_once_and_a_right_one_opens_the_token_later", &["a"], |home| {
        let fault = || match check(&store(home, "a")) {
            Err(TokenError::Pin { fault, .. }) => fault,
            other => panic!("{other:?}"),
        };
        home.write_pin("a", "00000000").unwrap();
        assert_eq!(fault(), PinFault::Wrong);
        assert_eq!(fault(), PinFault::WrongBefore, "a token locks after few");
        home.write_pin("a", "").unwrap();
        assert!(matches!(fault(), PinFault::File { .. }));
        std::fs::remove_file(home.pin("a")).unwrap();
        assert!(matches!(fault(), PinFault::File { .. }));
        let nowhere: TokenUri = format!("pkcs11:token=a?module-path={}", home.module()).parse().unwrap();
        assert!(matches!(check(&nowhere), Err(TokenError::Pin { fault: PinFault::NoSource, .. })));
        home.write_pin("a", PIN).unwrap();
        check(&store(home, "a")).unwrap();
    });
}

#[test]
fn a_token_that_is_taken_away_fails_and_one_that_comes_back_signs_again() {
    with_tokens(
        "a_token_that_is_taken_away_fails_and_one_that_comes_back_signs_again",
        &["a", "b"],
        |home| {
            let key = generate(&store(home, "a"), "away", &[1]).unwrap();
            let other = generate(&store(home, "b"), "stays", &[2]).unwrap();
            home.take_away("a").unwrap();
            let error = key.sign(b"text").unwrap_err();
            assert!(error.may_pass(), "{error}");
            other.public().verify(b"text", &other.sign(b"text").unwrap()).unwrap();
            home.bring_back("a").unwrap();
            key.public().verify(b"text", &key.sign(b"text").unwrap()).unwrap();
            other.public().verify(b"text", &other.sign(b"text").unwrap()).unwrap();
        },
    );
}

#[test]
fn no_error_and_no_name_shows_a_pin() {
    with_tokens("no_error_and_no_name_shows_a_pin", &["a"], |home| {
        home.write_pin("a", "99887766").unwrap();
        let errors = [
            check(&store(home, "a")).unwrap_err(),
            check(&store(home, "a")).unwrap_err(),
            "pkcs11:token=a?pin-value=99887766".parse::<TokenUri>().unwrap_err().into(),
        ];
        for error in errors {
            let shown = format!("{error} {error:?} {}", error.hint());
            assert!(!shown.contains("99887766"), "{shown}");
        }
    });
}

#[test]
#[ignore = "a measurement; `cargo test --workspace --test tokens measure -- --ignored --nocapture`"]
fn measure_signatures() {
    with_tokens("measure_signatures", &["a"], |home| {
        let key = Arc::new(generate(&store(home, "a"), "fast", &[1]).unwrap());
        for threads in [1_u32, 2, 8, 64] {
            let began = std::time::Instant::now();
            let each = 4096 / threads;
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let key = Arc::clone(&key);
                    std::thread::spawn(move || (0..each).for_each(|_| drop(key.sign(b"text").unwrap())))
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            let rate = f64::from(threads * each) / began.elapsed().as_secs_f64();
            eprintln!("{threads} threads: {rate:.0} signatures/s");
        }
    });
}
