//! One request against servers that stumble, are overloaded, or lie.

use std::time::Duration;

use serde_json::json;

use crate::acme::account::AccountStatus;
use crate::acme::script::{Reply, Script, at};
use crate::acme::{Account, Patience, ProblemKind, RequestError, RequestFailure, RetryPolicy};

fn valid_account() -> Reply {
    Reply::json(200, &json!({"status": "valid"}))
}

/// Asks for the account document, the simplest signed request.
async fn ask(script: &Script) -> Result<AccountStatus, RequestError> {
    script.account().await.document().await.map(|document| document.status)
}

#[tokio::test]
async fn a_bad_nonce_is_answered_at_once_with_the_nonce_that_came_with_it() {
    let script = Script::new([Reply::problem(400, "badNonce"), valid_account()]);
    assert_eq!(ask(&script).await.unwrap(), AccountStatus::Valid);
    let seen = script.seen();
    assert_eq!(seen.len(), 2);
    // nonce-1 came from newNonce, nonce-2 with the refusal.
    assert_eq!(seen[1].protected["nonce"], "nonce-2");
    assert_eq!(script.nonce_requests(), 1, "no second newNonce was needed");
    assert!(script.sleeps().is_empty(), "no pause");
}

#[tokio::test]
async fn a_bad_nonce_without_a_new_one_asks_for_one() {
    let script = Script::new([Reply::problem(400, "badNonce").without_nonce(), valid_account()]);
    ask(&script).await.unwrap();
    assert_eq!(script.nonce_requests(), 2);
}

#[tokio::test]
async fn a_storm_of_bad_nonces_ends() {
    let script = Script::new((0..100).map(|_| Reply::problem(400, "badNonce")));
    let error = ask(&script).await.unwrap_err();
    assert!(error.is_problem(&ProblemKind::BadNonce));
    assert_eq!((script.seen().len(), error.tries), (11, 11), "ten more tries, not a loop");
    assert!(error.hint().unwrap().contains("share nonce keys"));
}

#[tokio::test]
async fn ten_bad_nonces_and_then_success_is_success() {
    let storm = (0..10).map(|_| Reply::problem(400, "badNonce")).chain([valid_account()]);
    let script = Script::new(storm);
    ask(&script).await.unwrap();
    assert_eq!(script.left(), 0);
}

#[tokio::test]
async fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    let script = Script::new([
        Reply::problem(429, "rateLimited").with("retry-after", "7"),
        Reply::problem(503, "serverInternal").with("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
        valid_account(),
    ]);
    ask(&script).await.unwrap();
    // The date is 60 s after the clock's start, of which 7 s have passed.
    assert_eq!(script.sleeps(), [Duration::from_secs(7), Duration::from_secs(53)]);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_returned_instead_of_cut_short() {
    let script = Script::new([Reply::problem(429, "rateLimited").with("retry-after", "86400")]);
    let error = ask(&script).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(86_400)));
    assert!(error.is_passing());
    assert_eq!(error.hint().unwrap(), "try again in 1day");
    assert!(script.sleeps().is_empty());
}

#[tokio::test]
async fn server_errors_and_broken_connections_are_tried_again_with_growing_pauses() {
    let script = Script::new([
        Reply::problem(500, "serverInternal"),
        Reply::broken(),
        Reply::raw(502, "text/html", "<html>bad gateway"),
        valid_account(),
    ]);
    ask(&script).await.unwrap();
    let sleeps = script.sleeps();
    assert_eq!(sleeps.len(), 3);
    for (pause, (least, most)) in sleeps.iter().zip([(250, 500), (500, 1_000), (1_000, 2_000)]) {
        assert!((least..=most).contains(&pause.as_millis()), "{sleeps:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_recovers_is_given_up_with_the_last_reason() {
    let script = Script::new((0..100).map(|_| Reply::raw(503, "text/plain", "busy")));
    let error = ask(&script).await.unwrap_err();
    assert_eq!(error.tries, 6);
    assert_eq!(
        error.to_string(),
        "POST https://ca.example/acct/1 failed after 6 tries: status 503 without a problem document (text/plain)"
    );
}

#[tokio::test]
async fn the_deadline_ends_the_tries_before_their_number_does() {
    let retry = RetryPolicy { deadline: Duration::from_secs(10), ..RetryPolicy::default() };
    let script =
        Script::new((0..100).map(|_| Reply::problem(503, "serverInternal").with("retry-after", "4")));
    let client = script.patient_client(Patience { retry, ..Patience::default() }).await;
    let account = client.account(crate::acme::JwsKey::generate().unwrap(), at("/acct/1"));
    account.document().await.unwrap_err();
    assert_eq!(script.seen().len(), 3, "at 0, 4 and 8 seconds");
}

#[tokio::test]
async fn what_the_client_did_wrong_is_not_tried_again() {
    for (status, kind) in
        [(403, "unauthorized"), (400, "malformed"), (400, "badCSR"), (501, "serverInternal")]
    {
        let script = Script::new([Reply::problem(status, kind)]);
        let error = ask(&script).await.unwrap_err();
        assert_eq!((error.tries, error.is_passing()), (1, false), "{kind}");
    }
}

#[tokio::test]
async fn a_rate_limit_counts_as_passing_under_any_status() {
    let script = Script::new([Reply::problem(403, "rateLimited").with("retry-after", "1"), valid_account()]);
    ask(&script).await.unwrap();
}

#[tokio::test]
async fn an_error_names_what_was_asked_and_what_the_server_said() {
    let script = Script::new([Reply::problem(403, "unauthorized")]);
    let error = ask(&script).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST https://ca.example/acct/1 failed: unauthorized: scripted unauthorized (status 403)"
    );
}

#[tokio::test]
async fn a_redirect_is_refused_and_named() {
    for status in [301, 302, 307, 308] {
        let script = Script::new([Reply::raw(status, "", "").with("location", "https://evil.example/")]);
        let error = ask(&script).await.unwrap_err();
        assert!(
            matches!(&*error.cause, RequestFailure::Redirected { location: Some(l), .. } if l == "https://evil.example/")
        );
        assert_eq!(script.seen().len(), 1, "nobody else was asked");
    }
}

#[tokio::test]
async fn a_captive_portal_is_not_taken_for_the_authority() {
    let script = Script::new([Reply::raw(200, "text/html; charset=utf-8", "<html>log in")]);
    let error = ask(&script).await.unwrap_err();
    assert!(
        error.to_string().ends_with("the answer is text/html; charset=utf-8, not application/json"),
        "{error}"
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn json_with_parameters_and_capitals_in_its_type_is_still_json() {
    let script = Script::new([Reply::raw(200, "Application/JSON; charset=utf-8", r#"{"status":"valid"}"#)]);
    ask(&script).await.unwrap();
}

#[tokio::test]
async fn cut_off_and_wrongly_shaped_documents_are_errors_that_say_where() {
    for body in
        ["", "{", r#"{"status":"val"#, r#"{"status":"valid"} trailing"#, r#"{"status":7}"#, "[]", "null"]
    {
        let script = Script::new([Reply::raw(200, "application/json", body)]);
        let error = ask(&script).await.unwrap_err();
        assert!(matches!(*error.cause, RequestFailure::Document { what: "account", .. }), "{body}: {error}");
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn a_refusal_with_a_body_that_is_no_problem_keeps_its_status() {
    for body in ["", "[]", "{\"type\"", "\u{1b}[2J"] {
        let script = Script::new([Reply::raw(404, "application/problem+json", body)]);
        let error = ask(&script).await.unwrap_err();
        assert!(error.to_string().contains("status 404 without a problem document"), "{error}");
    }
}

#[tokio::test]
async fn hostile_text_in_headers_and_problems_reaches_no_terminal() {
    let script = Script::new([Reply::raw(
        400,
        "application/problem+json",
        r#"{"type":"x","detail":"\u001b[31m\nowned"}"#,
    )]);
    assert!(!ask(&script).await.unwrap_err().to_string().chars().any(char::is_control));
}

#[tokio::test]
async fn success_without_a_nonce_only_costs_another_new_nonce() {
    let script = Script::new([valid_account().without_nonce(), valid_account()]);
    let account: Account = script.account().await;
    account.document().await.unwrap();
    account.document().await.unwrap();
    assert_eq!(script.nonce_requests(), 2);
}

#[tokio::test]
async fn nonces_from_answers_are_used_so_that_new_nonce_is_asked_once() {
    let script = Script::new((0..20).map(|_| valid_account()));
    let account = script.account().await;
    for _ in 0..20 {
        account.document().await.unwrap();
    }
    assert_eq!(script.nonce_requests(), 1);
}

#[tokio::test]
async fn a_server_whose_new_nonce_gives_none_is_reported_and_not_asked_for_ever() {
    let mut directory = crate::acme::script::directory();
    directory["newNonce"] = json!(at("/lying-nonce"));
    let script = Script::with_directory(directory, [Reply::raw(200, "", "").without_nonce()]);
    let error = ask(&script).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST https://ca.example/acct/1 failed: no nonce from https://ca.example/lying-nonce: \
         the answer has no usable Replay-Nonce header"
    );
}

#[tokio::test]
async fn an_overloaded_new_nonce_is_waited_for() {
    let mut directory = crate::acme::script::directory();
    directory["newNonce"] = json!(at("/busy-nonce"));
    let busy = Reply::raw(503, "", "").without_nonce().with("retry-after", "2");
    let script = Script::with_directory(directory, [busy, Reply::raw(204, "", ""), valid_account()]);
    ask(&script).await.unwrap();
    assert_eq!(script.sleeps(), [Duration::from_secs(2)]);
}

#[tokio::test]
async fn one_refused_nonce_discards_the_others_that_are_as_old() {
    let window = json!({"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"}});
    let unsigned = || Reply::json(200, &window);
    let refused = Reply::problem(400, "badNonce").without_nonce();
    let script = Script::new([unsigned(), unsigned(), unsigned(), refused, valid_account()]);
    let account = script.account().await;
    let id = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap();
    for _ in 0..3 {
        account.client().renewal_info(&id).await.unwrap(); // each answer brings a nonce
    }
    account.document().await.unwrap();
    assert_eq!(script.seen()[3].protected["nonce"], "nonce-3", "gathered from an unsigned answer");
    assert_eq!(script.nonce_requests(), 1, "the two left in the pool were not tried");
}
