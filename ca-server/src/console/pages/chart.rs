//! Charts as inline SVG that the server draws: shapes only, no text that would shrink with them. Each has its message in words above, its figures
//! as a table below, and a title at every bar.

use std::fmt::Write as _;

use maud::{Markup, html};
use time::OffsetDateTime;

use super::parts::clock;
use crate::console::figures::Count;
use crate::console::latencies::Shown;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 100.0;

/// Certificates by the hour, as bars.
pub(super) fn issued(hours: &[(OffsetDateTime, Count)]) -> Markup {
    let most = hours.iter().map(|(_, count)| count.count).max().unwrap_or_default();
    let all: u64 = hours.iter().map(|(_, count)| count.count).sum();
    let present = hours.last().map(|(_, count)| written(*count)).unwrap_or_default();
    let message = format!(
        "{all} in {} hours, {present} in the present one; the most in one hour: {most}.",
        hours.len()
    );
    let slot = WIDTH / whole(hours.len().max(1));
    let bars = hours.iter().enumerate().map(|(at, (hour, count))| {
        let tall = HEIGHT * 0.92 * share(count.count, most);
        let label = format!("{}: {}", clock(*hour), written(*count));
        (
            number(slot * whole(at) + slot * 0.12),
            number(HEIGHT - tall),
            number(slot * 0.76),
            number(tall),
            label,
        )
    });
    let rows: Vec<_> = hours.iter().map(|(hour, count)| vec![clock(*hour), written(*count)]).collect();
    html! {
        figure {
            figcaption { strong { "Certificates issued" } span.soft { (message) } }
            svg viewBox=(view()) preserveAspectRatio="none" role="img" aria-label={ "Certificates issued by the hour: " (message) } {
                @for (x, y, width, height, label) in bars {
                    rect.bar x=(x) y=(y) width=(width) height=(height) rx="1" { title { (label) } }
                }
            }
            (axis(hours.first().map(|(hour, _)| *hour), "now (UTC)"))
            (figures("issued-figures", "Certificates issued in the hour that began then (UTC)", &["Hour", "Issued"], &rows))
        }
    }
}

/// How long requests took by the minute, as lines.
pub(super) fn latency(minutes: &[Shown]) -> Markup {
    let slowest = minutes.iter().filter_map(|minute| minute.p95).fold(0.0, f64::max);
    let requests: u64 = minutes.iter().map(|minute| minute.requests).sum();
    let last = minutes.iter().rev().find(|minute| minute.requests > 0);
    let message = match last {
        None => "Nobody asked for anything in the last hour.".to_owned(),
        Some(last) => format!(
            "{requests} requests in an hour. Lately half took at most {}, 95 of 100 at most {}; the slowest minute: {}.",
            millis(last.median),
            millis(last.p95),
            millis(Some(slowest))
        ),
    };
    let line = |value: &dyn Fn(&Shown) -> Option<f64>| path(minutes, value, slowest);
    let rows = minutes.iter().filter(|minute| minute.requests > 0);
    let rows: Vec<_> = rows
        .map(|minute| {
            vec![clock(minute.at), minute.requests.to_string(), millis(minute.median), millis(minute.p95)]
        })
        .collect();
    html! {
        figure {
            figcaption { strong { "Time to answer" } span.soft { (message) } }
            svg viewBox=(view()) preserveAspectRatio="none" role="img" aria-label={ "Time to answer by the minute: " (message) } {
                path.line d=(line(&|minute| minute.median)) {}
                path.line.second d=(line(&|minute| minute.p95)) {}
            }
            (axis(minutes.first().map(|minute| minute.at), "now (UTC)"))
            p.soft { span.key {} "half of the requests " span.key.second {} "95 of 100" }
            (figures("latency-figures", "Time to answer in the minute that began then (UTC)", &["Minute", "Requests", "Half within", "95 % within"], &rows))
        }
    }
}

fn axis(begin: Option<OffsetDateTime>, end: &str) -> Markup {
    html! { p.axis { span { (begin.map(clock).unwrap_or_default()) } span { (end) } } }
}

fn figures(id: &str, caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        details id=(id) {
            summary { "Figures" }
            div.scroll tabindex="0" role="region" aria-label=(caption) {
                table {
                    caption { (caption) }
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                }
            }
        }
    }
}

/// A line through what is there, broken where nothing is.
fn path(minutes: &[Shown], value: &dyn Fn(&Shown) -> Option<f64>, most: f64) -> String {
    let step = WIDTH / whole(minutes.len().max(1));
    let (mut path, mut drawing) = (String::new(), false);
    for (at, minute) in minutes.iter().enumerate() {
        let Some(value) = value(minute).filter(|_| most > 0.0) else {
            drawing = false;
            continue;
        };
        let (x, y) = (step * whole(at), HEIGHT - HEIGHT * 0.92 * (value / most));
        // A point of its own is a short stroke, or nobody would see it. Writing to a String cannot fail.
        let letter = if drawing { 'L' } else { 'M' };
        let _ = write!(path, "{letter}{x:.1} {y:.1}h{step:.1}");
        drawing = true;
    }
    path
}

fn view() -> String {
    format!("0 0 {WIDTH} {HEIGHT}")
}

fn written(count: Count) -> String {
    let more = if count.more { "at least " } else { "" };
    format!("{more}{}", count.count)
}

fn millis(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.1} ms"),
        Some(value) if value < 10_000.0 => format!("{value:.0} ms"),
        Some(value) => format!("{:.1} s", value / 1000.0),
    }
}

fn share(count: u64, most: u64) -> f64 {
    if most == 0 { 0.0 } else { float(count) / float(most) }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

fn whole(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

fn float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
