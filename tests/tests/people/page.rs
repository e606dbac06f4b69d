//! What holds for every page of ours: seen, read out, walked with the keyboard, with and without scripts, by day and by night, at a desk and on a phone.

use std::fs;
use std::path::{Path, PathBuf};

use rollcall_tests::foreign::chromium::{Answer, Chromium, Key, Look, Node};
use serde_json::Value;

/// What no page may do without.
const POLICY: [&str; 3] = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];

/// The lowest contrast of text (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;

/// The smallest text, in CSS pixels.
const TEXT: f64 = 12.0;

/// The lowest contrast between any text and what is behind it, and the text; the same of the smallest text; done by the browser itself.
const TEXTS: &str = r"
    const channel = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    const colour = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length === 3 ? [...n, 1] : n; };
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const found = colour(getComputedStyle(node).backgroundColor);
            if (found[3] > 0) return found;
        }
        return canvas;
    };
    let [contrast, size] = [[21, ''], [100, '']];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode.data.trim();
        const node = walk.currentNode.parentElement;
        if (!text || !node.checkVisibility()) continue;
        const [a, b] = [light(colour(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
        const found = [(a + 0.05) / (b + 0.05), Number.parseFloat(getComputedStyle(node).fontSize)];
        if (found[0] < contrast[0]) contrast = [found[0], text];
        if (found[1] < size[0]) size = [found[1], text];
    }
    return { contrast, size };";

/// What would be loaded or run, whether the page is wider than the window, and how its controls stand.
const PARTS: &str = r"
    const attributes = [...document.querySelectorAll('*')].flatMap((node) => [...node.attributes]);
    const ids = attributes.filter((a) => a.name === 'id').map((a) => a.value);
    const controls = [...document.querySelectorAll('a[href], button, input:not([type=hidden])')];
    const boxes = controls.map((node) => node.getBoundingClientRect());
    return {
        lang: document.documentElement.lang,
        scripts: document.scripts.length + attributes.filter((a) => a.name.startsWith('on')).length,
        live: document.querySelectorAll('[data-live]').length,
        loaded: document.querySelectorAll('[src], [srcset], link[href], object, embed, iframe').length,
        mains: document.querySelectorAll('main').length,
        viewport: document.querySelector('meta[name=viewport]')?.content ?? '',
        excess: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        small: controls.filter((node, i) => node.localName !== 'a' && boxes[i].height < 24).length,
        unlabelled: controls.filter((node) => node.labels?.length === 0 && node.localName === 'input').length,
        numbered: controls.filter((node) => node.tabIndex > 0).length,
        back: boxes.filter((box, i) => i > 0 && box.bottom <= boxes[i - 1].top).length,
        twice: ids.filter((id, i) => ids.indexOf(id) !== i),
    };";

/// Whether what has the focus looks as if it had.
const FOCUS_SHOWS: &str = r"
    const style = getComputedStyle(document.activeElement);
    return (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none';";

/// Looks at the page that is open, in every way; keeps pictures as `name-…`. `origin` is where our pages are.
#[track_caller]
pub(crate) fn check(browser: &Chromium, scripts: bool, origin: &str, name: &str) {
    let faults = faults(browser, scripts, origin, Some(name));
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// Looks at a page of the client, which has no style of its own: it is read out, loads nothing and is kept by nobody.
#[track_caller]
#[allow(dead_code, reason = "the pages of the console are looked at with this file too")]
pub(crate) fn check_plain(browser: &Chromium, name: &str) {
    let url = url::Url::parse(&browser.url().unwrap()).unwrap();
    browser.picture(&pictures().join(format!("{name}.png"))).unwrap();
    let mut faults = Vec::new();
    read_out(browser, &mut faults);
    let parts = browser.evaluate(PARTS).unwrap();
    plain_parts(&parts, &mut faults);
    traffic(browser, &url.origin().ascii_serialization(), url.as_str(), &mut faults);
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// What is wrong with the page that is open; keeps pictures if they are given a name.
pub(crate) fn faults(browser: &Chromium, scripts: bool, origin: &str, name: Option<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    let url = browser.url().unwrap();
    demand(&mut faults, url.starts_with(origin), || format!("{url} is no page of {origin}"));
    demand(&mut faults, !browser.title().unwrap().is_empty(), || "no title".to_owned());
    let (controls, others) = read_out(browser, &mut faults);
    walk(browser, &controls, others, &mut faults);
    // The walk has left the focus somewhere.
    browser.evaluate("document.activeElement?.blur();").unwrap();
    for (suffix, look) in [
        ("desktop-light", Look::DESKTOP),
        ("desktop-dark", Look::DESKTOP.with_dark(true)),
        ("phone-light", Look::PHONE),
        ("phone-dark", Look::PHONE.with_dark(true)),
        ("narrow-light", Look::NARROW),
    ] {
        browser.wear(&Look { scripts, ..look }).unwrap();
        if let Some(name) = name {
            browser.picture(&pictures().join(format!("{name}-{suffix}.png"))).unwrap();
        }
        let parts = browser.evaluate(PARTS).unwrap();
        plain_parts(&parts, &mut faults);
        styled_parts(&parts, suffix, &mut faults);
        let texts = browser.evaluate(TEXTS).unwrap();
        for (what, least) in [("contrast", CONTRAST), ("size", TEXT)] {
            let enough = texts[what][0].as_f64().is_some_and(|found| found >= least);
            demand(&mut faults, enough, || format!("{suffix}: {what} {}", texts[what]));
        }
    }
    browser.wear(&Look { scripts, ..Look::DESKTOP }).unwrap();
    traffic(browser, origin, &url, &mut faults);
    faults
}

/// Where pictures go.
fn pictures() -> PathBuf {
    let kept = std::env::var_os("ROLLCALL_ARTEFACTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/artefacts"), PathBuf::from);
    let folder = kept.join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn demand(faults: &mut Vec<String>, holds: bool, fault: impl FnOnce() -> String) {
    if !holds {
        faults.push(fault());
    }
}

fn plain_parts(parts: &Value, faults: &mut Vec<String>) {
    demand(faults, parts["lang"] == "en", || format!("language {}", parts["lang"]));
    // A page that keeps a part of itself up to date has one script for that, and no page has more.
    demand(faults, parts["scripts"] == parts["live"], || format!("{} scripts", parts["scripts"]));
    demand(faults, parts["loaded"] == 0, || format!("{} things to load", parts["loaded"]));
}

fn styled_parts(parts: &Value, suffix: &str, faults: &mut Vec<String>) {
    demand(faults, parts["mains"] == 1, || format!("{} main parts", parts["mains"]));
    let viewport = parts["viewport"].as_str().unwrap_or_default();
    let fits = viewport.contains("width=device-width");
    let zooms = !viewport.contains("user-scalable") && !viewport.contains("maximum-scale");
    demand(faults, fits && zooms, || format!("viewport {viewport:?}"));
    let excess = parts["excess"].as_i64().unwrap_or(i64::MAX);
    demand(faults, excess <= 0, || format!("{suffix}: {excess} pixels wider than the window"));
    // WCAG 2.2, 2.5.8.
    demand(faults, parts["small"] == 0, || format!("{suffix}: {} controls are hard to hit", parts["small"]));
    demand(faults, parts["back"] == 0, || {
        format!("{suffix}: {} controls stand above the last", parts["back"])
    });
    let without = &parts["unlabelled"];
    demand(faults, *without == 0, || format!("{without} fields without a label"));
    demand(faults, parts["numbered"] == 0, || format!("{} controls have a number", parts["numbered"]));
    let once = parts["twice"].as_array().is_some_and(Vec::is_empty);
    demand(faults, once, || format!("used twice as id: {}", parts["twice"]));
}

/// What a screen reader says: one heading of the first level before the rest, and a name for each control. Gives the controls, and how much else takes
/// the focus.
fn read_out(browser: &Chromium, faults: &mut Vec<String>) -> (Vec<(String, String)>, usize) {
    let nodes = browser.read_out().unwrap();
    let levels: Vec<_> = nodes.iter().filter(|node| node.role == "heading").map(|node| node.level).collect();
    let firsts = levels.iter().filter(|level| **level == Some(1)).count();
    let one = levels.first() == Some(&Some(1)) && firsts == 1;
    demand(faults, one, || format!("headings of the levels {levels:?}"));
    let controls: Vec<&Node> = nodes.iter().filter(|node| node.is_control()).collect();
    for control in &controls {
        demand(faults, !control.name.trim().is_empty(), || format!("{control:?} has no name"));
        demand(faults, control.focusable, || format!("{control:?} cannot be reached with the keyboard"));
    }
    let others = nodes.iter().filter(|node| node.focusable && !node.is_control()).count();
    (controls.iter().map(|node| (node.role.clone(), node.name.clone())).collect(), others)
}

/// Tab goes through the controls in the order in which they are read, and leaves none out.
fn walk(browser: &Chromium, controls: &[(String, String)], others: usize, faults: &mut Vec<String>) {
    let mut reached = Vec::new();
    // Once around takes one step more than there are controls, since the window itself is a stop.
    for _ in 0..=controls.len() + others {
        browser.press(Key::Tab).unwrap();
        let focused = browser.focused().unwrap();
        if controls.contains(&focused) {
            let shows = browser.evaluate(FOCUS_SHOWS).unwrap();
            demand(faults, shows == true, || format!("nobody sees that {focused:?} has the focus"));
            reached.push(focused);
        }
    }
    let round = [controls, controls].concat();
    let starts = (0..controls.len()).map(|from| &round[from..from + controls.len()]);
    let in_order = controls.is_empty() || starts.into_iter().any(|part| reached.starts_with(part));
    demand(faults, in_order, || format!("Tab goes to {reached:?}, but read out are {controls:?}"));
}

/// Nothing was asked for from elsewhere, the console is silent, and the page came with its policy.
fn traffic(browser: &Chromium, origin: &str, url: &str, faults: &mut Vec<String>) {
    let traffic = browser.traffic().unwrap();
    for request in traffic.requests.iter().filter(|request| request.page.starts_with(origin)) {
        demand(faults, request.url.starts_with(origin), || format!("from elsewhere: {request:?}"));
    }
    let Some(answer) = traffic.documents.iter().rev().find(|answer| answer.url == url) else {
        faults.push(format!("no answer for {url}: {traffic:?}"));
        return;
    };
    headers(answer, faults);
    // That the page itself came with an error's status is no complaint about it.
    let itself =
        format!("{url} - Failed to load resource: the server responded with a status of {}", answer.status);
    let ours = traffic.complaints.iter().filter(|text| text.contains(origin) && !text.contains(&itself));
    faults.extend(ours.map(|text| format!("console: {text}")));
}

fn headers(answer: &Answer, faults: &mut Vec<String>) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for wanted in POLICY {
        demand(faults, policy.contains(wanted), || format!("{policy:?} lacks {wanted:?}"));
    }
    let by_hash = policy.matches("script-src 'sha256-").count() == policy.matches("script-src").count();
    let loose = policy.contains("unsafe") || !by_hash;
    demand(faults, !loose, || format!("{policy:?} is loose"));
    for (header, wanted) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
        demand(faults, answer.header(header) == Some(wanted), || format!("no {header}: {wanted}"));
    }
    // Both keep the address from other sites; pages with a form let the browser tell their own.
    let referrer = answer.header("referrer-policy");
    demand(faults, matches!(referrer, Some("no-referrer" | "same-origin")), || {
        format!("no referrer-policy that keeps it: {referrer:?}")
    });
}
