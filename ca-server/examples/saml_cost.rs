//! What a SAML response costs: processor time of each case of the corpus in `tests/saml`, from the octets of the form to the answer.
//!
//! `saml_cost [repetitions] [folder]` prints the dearest cases, the dearest of all and the median; with a folder, those of its files, each a
//! response, such as fuzzing leaves. Run it in release; nothing else should run.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a measurement on top of the tests' corpus"
)]

#[path = "../tests/saml/case.rs"]
mod case;
#[path = "../tests/saml/encrypt.rs"]
mod encrypt;
#[path = "../tests/saml/parties.rs"]
mod parties;
#[path = "../tests/saml/pieces.rs"]
mod pieces;
#[path = "../tests/saml/sign.rs"]
mod sign;

use rustix::time::{ClockId, clock_gettime};

use case::{Canaries, Case, read};

/// How many of the dearest are shown.
const SHOWN: usize = 12;

struct Cost {
    milliseconds: f64,
    octets: usize,
    outcome: String,
    name: String,
}

fn main() {
    let repetitions = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(15);
    if let Some(folder) = std::env::args().nth(2) {
        return show("files", repetitions, files(&folder, repetitions));
    }
    for (folder, title) in [("attacks", "refused"), ("accepted", "believed")] {
        let of = |case: &Case| cost(case, &case.form(&Canaries::default()), &case.name, repetitions);
        show(title, repetitions, read(folder).iter().map(of).collect());
    }
}

/// Each file of a folder, read by the parties of the first honest case.
fn files(folder: &str, repetitions: usize) -> Vec<Cost> {
    use base64::Engine as _;

    let cases = read("accepted");
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let form = base64::engine::general_purpose::STANDARD.encode(std::fs::read(&path).unwrap());
        cost(&cases[0], form.as_bytes(), &path.display().to_string(), repetitions)
    };
    std::fs::read_dir(folder).unwrap().map(of).collect()
}

fn show(title: &str, repetitions: usize, mut costs: Vec<Cost>) {
    costs.sort_by(|one, other| other.milliseconds.total_cmp(&one.milliseconds));
    println!("{title}: {} cases, {repetitions} repetitions, processor ms (median of one case)", costs.len());
    for cost in costs.iter().take(SHOWN) {
        println!("{:9.3} ms {:8} octets  {:22} {}", cost.milliseconds, cost.octets, cost.outcome, cost.name);
    }
    let largest = costs.iter().map(|cost| cost.octets).max().unwrap_or_default();
    println!(
        "{:9.3} ms at most, {:.3} ms median, {largest} octets at most\n",
        costs[0].milliseconds,
        costs[costs.len() / 2].milliseconds
    );
}

fn cost(case: &Case, form: &[u8], name: &str, repetitions: usize) -> Cost {
    let relying = case.relying();
    let mut outcome = String::new();
    let mut samples: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = processor_time();
            let answer = case.verify_as(form, &relying);
            let end = processor_time();
            outcome = answer
                .map_or_else(|refusal| refusal.reason().to_owned(), |person| person.email().to_string());
            (end - start) * 1e3
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    Cost { milliseconds: samples[samples.len() / 2], octets: form.len(), outcome, name: name.to_owned() }
}

/// Seconds that this thread has run.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
