//! That the checks of `page` see what is amiss: one page on which nothing is (`page.html`), and others with one fault each.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollcall_tests::foreign::chromium::{Chromium, Look};

use crate::page::faults;
use crate::served::serve;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-HASH'; \
    base-uri 'none'; frame-ancestors 'none'\r\nConnection: close\r\n";

const PAGE: &str = include_str!("page.html");

/// What is changed, into what.
type Change = (&'static str, &'static str);

const FORM: &str = "</form>";

/// Changes, and what must then be found.
const FAULTS: &[(&[Change], &str)] = &[
    // What a screen reader says.
    (&[("lang=\"en\"", "")], "language"),
    (&[("<title>A page</title>", "<title></title>")], "no title"),
    (&[("h1>", "h2>")], "headings"),
    (&[(FORM, "</form><h1>Another</h1>")], "headings"),
    (&[("<main>", "<main></main><main>")], "main parts"),
    (&[("<label for=\"code\">Code</label>", "")], "has no name"),
    (
        &[("<label for=\"code\">Code</label>", ""), ("<input", "<input placeholder=\"Code\"")],
        "without a label",
    ),
    (&[(">Send<", "><")], "has no name"),
    (&[(FORM, "</form><p id=\"code\">Again</p>")], "used twice"),
    // The keyboard.
    (&[("<button", "<button tabindex=\"-1\"")], "Tab goes to"),
    (&[("<button", "<button tabindex=\"1\"")], "controls have a number"),
    (&[("<input", "<input tabindex=\"1\"")], "Tab goes to"),
    (&[("outline: 2px solid", "outline: 0")], "has the focus"),
    (
        &[("</style>", " main { display: flex; flex-direction: column-reverse }</style>")],
        "stand above the last",
    ),
    // The eye and the finger.
    (&[("width=device-width", "width=1000")], "viewport"),
    (&[("initial-scale=1", "user-scalable=no")], "viewport"),
    (&[("</style>", " h1 { width: 1300px }</style>")], "desktop-light: 28 pixels wider than the window"),
    (&[("</style>", " h1 { width: 340px }</style>")], "narrow-light: 28 pixels wider than the window"),
    (&[("min-height: 30px", "height: 12px")], "hard to hit"),
    (&[("</style>", " h1 { font-size: 9px }</style>")], "size [9,\"A page\"]"),
    (&[("</style>", " h1 { color: #777 }</style>")], "desktop-light: contrast [4.4"),
    (&[("</style>", " h1 { color: #666 }</style>")], "phone-dark: contrast [3."),
    // What it loads and what it may do.
    (&[(FORM, "</form><p onclick=\"x()\">x</p>")], "1 scripts"),
    (&[(FORM, "</form><script>1</script>")], "1 scripts"),
    (&[(FORM, "</form><p style=\"color: red\">x</p>")], "console: "),
    (&[(FORM, "</form><img alt=\"\" src=\"/x.png\">")], "1 things to load"),
    (
        &[("'none';", "'none'; img-src *;"), (FORM, "</form><img alt=\"\" src=\"http://x.test/x.png\">")],
        "from elsewhere",
    ),
    (&[("base-uri 'none'; ", "")], "lacks \"base-uri 'none'\""),
    (&[("style-src", "style-src 'unsafe-inline'")], "is loose"),
    (&[("no-store", "private")], "no cache-control"),
    (&[("Referrer-Policy: no-referrer\r\n", "")], "no referrer-policy"),
    (&[("X-Content-Type-Options: nosniff\r\n", "")], "no x-content-type-options"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_pages_find_each_fault() {
    let Some(browser) = Chromium::start(&[] as &[&Path]).unwrap() else { return };
    browser.wear(&Look::DESKTOP).unwrap();
    assert_eq!(look(&browser, &[]), Vec::<String>::new());
    let mut missed = Vec::new();
    for (changes, wanted) in FAULTS {
        let found = look(&browser, changes);
        if !found.iter().any(|fault| fault.contains(wanted)) {
            missed.push(format!("{changes:?} should be {wanted:?}, found: {found:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What is found on the page with these changes.
fn look(browser: &Chromium, changes: &[Change]) -> Vec<String> {
    let [mut head, mut body] = [HEAD, PAGE].map(str::to_owned);
    for (what, instead) in changes {
        assert!(head.contains(what) || body.contains(what), "{what} stands nowhere");
        [head, body] = [head, body].map(|text| text.replacen(what, instead, 2));
    }
    let style = body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()).as_ref());
    let head = head.replace("HASH", &hash);
    let origin = serve(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
    browser.go(&format!("{origin}/")).unwrap();
    faults(browser, true, &origin, None)
}
