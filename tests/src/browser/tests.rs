use super::*;

const PAGE: &str = r#"<!doctype html><html><head><title>Sign &amp; go</title><style>form{a:b}</style></head><body>
<!-- <form action="/hidden"> --><script>"<form action='/script'>"</script>
<h1>Hello&#33;</h1><form method="post" action="/x?a=1&amp;b=2"><input type=hidden name=ticket value='a"b>c'>
<label>Code <input name="code"></label><input type="checkbox" name="keep" value="yes"><input type="checkbox" name="on" value="1" checked/>
<select name="who"><option value="a">A</option><option value="b" selected>B</option></select><textarea name="note">x &lt; y</textarea>
<button name="action" value="go">Go on</button><button name="action" value="stop">Stop</button></form>
<form action="/search"><input name="q"></form></body></html>"#;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn headers(name: http::HeaderName, values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
}

#[test]
fn forms_are_found_with_what_they_send() {
    let forms = html::forms(PAGE);
    assert_eq!(forms.len(), 2);
    let form = &forms[0];
    assert_eq!((form.action.as_str(), &form.method), ("/x?a=1&b=2", &Method::POST));
    assert_eq!(form.field("ticket").unwrap().value, "a\"b>c");
    let sent = form.encode(&[("code", "A B"), ("keep", "yes")], Some("Stop"));
    assert_eq!(sent, "ticket=a%22b%3Ec&code=A+B&keep=yes&on=1&who=b&note=x+%3C+y&action=stop");
    assert!(form.encode(&[], None).ends_with("action=go"), "the first button is pressed");
    assert_eq!(forms[1].method, Method::GET);
    assert_eq!(html::title(PAGE), "Sign & go");
    assert!(html::text(PAGE).starts_with("Hello! Code"), "{}", html::text(PAGE));
}

#[test]
fn cookies_stay_with_their_host_and_path() {
    let mut jar = Jar::default();
    let set = ["a=1; Path=/sso; HttpOnly", "b=2; Domain=ca.test; Path=/", "c=3; Path=/; Secure", "d=4"];
    jar.keep(&url("https://www.ca.test/sso/start/x"), &headers(http::header::SET_COOKIE, &set));
    let sent = |to: &str| jar.header(&url(to), SameSite::Strict).unwrap_or_default();
    assert_eq!(sent("https://www.ca.test/sso/start/y"), "a=1; b=2; c=3; d=4");
    assert_eq!(sent("https://www.ca.test/sso"), "a=1; b=2; c=3");
    assert_eq!(sent("https://www.ca.test/ssot"), "b=2; c=3");
    assert_eq!(sent("http://www.ca.test/"), "b=2");
    assert_eq!(sent("https://ca.test/"), "b=2");
    assert_eq!(sent("https://evilca.test/"), "");
}

#[test]
fn cookies_that_browsers_refuse_are_refused() {
    let mut jar = Jar::default();
    let refused = [
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure",
        "__Host-a=1; Secure; Path=/; Domain=ca.test",
        "__Secure-a=1",
        "a=1; SameSite=None",
    ];
    jar.keep(&url("https://ca.test/sso/x"), &headers(http::header::SET_COOKIE, &refused));
    jar.keep(&url("http://ca.test/"), &headers(http::header::SET_COOKIE, &["a=1; Secure; Path=/"]));
    assert!(jar.all().is_empty(), "{:?}", jar.all());
    let fine = ["__Host-a=1; Secure; Path=/; HttpOnly; SameSite=None"];
    jar.keep(&url("https://ca.test/sso/x"), &headers(http::header::SET_COOKIE, &fine));
    assert!(jar.all()[0].is_http_only() && jar.all()[0].is_secure());
    jar.keep(
        &url("https://ca.test/"),
        &headers(http::header::SET_COOKIE, &["__Host-a=; Secure; Path=/; Max-Age=0"]),
    );
    assert!(jar.all().is_empty());
}

#[test]
fn a_form_from_another_site_carries_only_cookies_that_say_so() {
    let mut jar = Jar::default();
    let set =
        ["none=1; Secure; SameSite=None", "lax=1; SameSite=Lax", "strict=1; SameSite=Strict", "silent=1"];
    jar.keep(&url("https://ca.test/x"), &headers(http::header::SET_COOKIE, &set));
    let to = url("https://ca.test/acs");
    let sent = |method: Method, from: Option<&str>| {
        let reach = SameSite::of(&method, from.map(url).as_ref(), &to);
        jar.header(&to, reach).unwrap()
    };
    assert_eq!(sent(Method::POST, Some("https://idp.test/")), "none=1");
    assert_eq!(sent(Method::GET, Some("https://idp.test/")), "none=1; lax=1; silent=1");
    assert_eq!(sent(Method::POST, Some("https://www.ca.test/")), "none=1; lax=1; strict=1; silent=1");
    assert_eq!(sent(Method::GET, None), "none=1; lax=1; strict=1; silent=1");
}

#[test]
fn form_action_allows_what_it_names() {
    let page = url("https://ca.test/sso/start/x");
    let policy = |text: &str| policy::FormAction::of(&headers(CONTENT_SECURITY_POLICY, &[text]), &page);
    assert!(policy("default-src 'none'").is_none());
    let own = policy("default-src 'none'; form-action 'self'").unwrap();
    assert!(own.allows(&url("https://ca.test/y")) && !own.allows(&url("https://idp.test/")));
    assert!(!policy("form-action 'none'").unwrap().allows(&page));
    let both = policy("form-action 'self' https://idp.test http://127.0.0.1:*").unwrap();
    assert!(both.allows(&url("https://idp.test/any")) && both.allows(&url("http://127.0.0.1:4711/cb")));
    assert!(!both.allows(&url("http://idp.test/")) && !both.allows(&url("http://127.0.0.2/")));
}
