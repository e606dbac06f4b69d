//! Every resource that takes a POST × every fault: each error answer is a correct problem document with a fresh nonce that then works, and
//! nothing changed. The resources are real ones, reached through the front door.

use std::collections::BTreeSet;

use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{AccountKey, Device, Draft, Reply};
use serde_json::json;

use crate::envelope::{FAULTS, METHODS, Surroundings, faults_of};
use crate::resources::{Resource, Signer, all, routes_with_post};
use crate::support::{assert_helpful, assert_unchanged};

/// A device with its resources, and what the faults need.
struct Bench {
    ca: TestCa,
    device: Device,
    resources: Vec<Resource>,
    around: Surroundings,
}

impl Bench {
    async fn set_up() -> Self {
        let ca = TestCa::start().await;
        let device = ca.register("alice").await;
        let resources = all(&ca, &device).await;
        let used_nonce = ca.http().nonce(&device.resource("new-nonce")).await;
        let spent = device.draft_read(device.url()).header("nonce", used_nonce.as_str()).send().await;
        assert!(spent.status.is_success(), "{spent}");
        let around = Surroundings {
            stranger: AccountKey::p256(),
            other_curve: AccountKey::p384(),
            used_nonce,
            base: ca.url("/acme/external"),
        };
        Self { ca, device, resources, around }
    }

    /// A proper request to the resource.
    fn draft(&self, resource: &Resource) -> Draft<'_> {
        let draft = match &resource.payload {
            Some(payload) => self.device.draft(&resource.url, payload),
            None => self.device.draft_read(&resource.url),
        };
        match resource.signer {
            Signer::Account | Signer::Either => draft,
            Signer::Key => draft
                .without("kid")
                .header("jwk", self.around.stranger.jwk())
                .signed_by(&self.around.stranger),
        }
    }

    /// The answer is this problem, helps, and changed nothing.
    async fn assert_refused(&self, reply: Reply, expected: (u16, &str), what: &str) {
        assert!(!reply.status.is_success(), "{what}: {reply}");
        let problem = reply.problem();
        assert_eq!((problem.status, problem.kind.as_str()), expected, "{what}: {}", problem.document);
        assert_helpful(&self.device, &problem, what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bench_has_a_real_resource_for_every_route_that_takes_a_post() {
    let bench = Bench::set_up().await;
    let mut routes: Vec<_> = bench.resources.iter().map(|resource| resource.route).collect();
    routes.sort_unstable();
    assert_eq!(routes, routes_with_post());
    for resource in bench.resources.iter().filter(|resource| !resource.writes) {
        let reply = bench.draft(resource).send().await;
        assert!(reply.status.is_success(), "{}: {reply}", resource.route);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_the_envelope_on_every_resource_is_the_right_problem() {
    let bench = Bench::set_up().await;
    let before = bench.ca.snapshot().await;
    let mut nonces = BTreeSet::new();
    for resource in &bench.resources {
        for fault in FAULTS.iter().copied().chain(faults_of(resource.signer)) {
            let what = format!("{} with {}", resource.route, fault.name);
            let reply = (fault.spoil)(bench.draft(resource), &bench.around).send().await;
            assert!(nonces.insert(reply.header("replay-nonce").to_owned()), "{what}: a nonce given twice");
            bench.assert_refused(reply, fault.expected, &what).await;
        }
        assert_unchanged(&bench.ca, &before, resource.route).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_that_a_resource_does_not_take_are_malformed_everywhere() {
    let bench = Bench::set_up().await;
    let before = bench.ca.snapshot().await;
    for resource in &bench.resources {
        for payload in ["{", "[]", "\"x\"", "null", "7", "{\"a\":1}}", "\u{fffd}"] {
            let what = format!("{} with payload {payload}", resource.route);
            let reply = bench.draft(resource).payload(payload).send().await;
            bench.assert_refused(reply, (400, "malformed"), &what).await;
        }
        // What is read by POST-as-GET takes the empty payload only, and what is written never takes it.
        let other = match (&resource.payload, resource.route) {
            (None, _) => Some("{}"),
            (Some(_), route) if can_be_read(route) => None,
            (Some(_), _) => Some(""),
        };
        if let Some(payload) = other {
            let what = format!("{} with payload {payload:?}", resource.route);
            let reply = bench.draft(resource).payload(payload).send().await;
            bench.assert_refused(reply, (400, "malformed"), &what).await;
        }
        assert_unchanged(&bench.ca, &before, resource.route).await;
    }
}

/// Resources that are read and written at one URL.
fn can_be_read(route: &str) -> bool {
    ["/account/{account}", "/authz/{authorization}", "/{challenge}"].iter().any(|end| route.ends_with(end))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_store_is_an_internal_error_everywhere_and_leaves_nothing_half_done() {
    let bench = Bench::set_up().await;
    let before = bench.ca.snapshot().await;
    for resource in &bench.resources {
        bench.ca.store_faults.fail_reads(true);
        let reply = bench.draft(resource).send().await;
        bench.ca.store_faults.fail_reads(false);
        let what = format!("{} while nothing can be read", resource.route);
        bench.assert_refused(reply, (500, "serverInternal"), &what).await;
        assert_unchanged(&bench.ca, &before, &what).await;
    }
    for resource in bench.resources.iter().filter(|resource| resource.writes) {
        bench.ca.store_faults.fail_all_commits(true);
        let reply = bench.draft(resource).send().await;
        bench.ca.store_faults.fail_all_commits(false);
        let what = format!("{} while nothing can be written", resource.route);
        bench.assert_refused(reply, (500, "serverInternal"), &what).await;
        assert_eq!(bench.ca.snapshot().await, before, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_name_nothing_are_not_found_and_another_accounts_objects_are_not_shown() {
    let bench = Bench::set_up().await;
    let bob = bench.ca.register("bob").await;
    let before = bench.ca.snapshot().await;
    for resource in bench.resources.iter().filter(|resource| resource.route.matches('{').count() > 1) {
        let spoiled = |id: &str| {
            let (front, last) = resource
                .url
                .trim_end_matches("/finalize")
                .trim_end_matches("/orders")
                .rsplit_once('/')
                .unwrap();
            resource.url.replace(&format!("{front}/{last}"), &format!("{front}/{id}"))
        };
        for id in ["AAAAAAAAAAAAAAAAAAAAAA", "x", "..", "%00", "9", &"A".repeat(300)] {
            let url = spoiled(id);
            let reply = match &resource.payload {
                Some(payload) => bench.device.post(&url, payload).await,
                None => bench.device.get(&url).await,
            };
            let what = format!("{} with id {id}", resource.route);
            let problem = reply.problem();
            let taken = [(404, "malformed"), (403, "unauthorized"), (400, "malformed")];
            let got = (problem.status, problem.kind.as_str());
            assert!(taken.contains(&got), "{what}: {}", problem.document);
            assert_ne!(problem.reply.nonce(), None, "{what}");
        }
        let reply = match &resource.payload {
            Some(payload) => bob.post(&resource.url, payload).await,
            None => bob.get(&resource.url).await,
        };
        let what = format!("{} of another account", resource.route);
        bench.assert_refused(reply, (403, "unauthorized"), &what).await;
        assert_unchanged(&bench.ca, &before, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_authorities_and_paths_are_not_found_and_other_methods_not_allowed() {
    let bench = Bench::set_up().await;
    let before = bench.ca.snapshot().await;
    for resource in &bench.resources {
        let url = resource.url.replace("/external/", "/nobody/");
        let reply = bench.device.draft(&url, &json!({})).send().await;
        bench.assert_refused(reply, (404, "malformed"), &format!("{} of nobody", resource.route)).await;
        for url in [format!("{}/", resource.url), format!("{}x/y/z", resource.url)] {
            let reply = bench.draft(resource).header("url", url.as_str()).to(&url).send().await;
            bench.assert_refused(reply, (404, "malformed"), &url).await;
        }
        for method in METHODS {
            let reply = bench.draft(resource).method(method.clone()).send().await;
            assert_ne!(reply.header("allow"), "", "{} {method}", resource.route);
            let problem = reply.problem();
            assert_eq!(
                (problem.status, problem.kind.as_str()),
                (405, "malformed"),
                "{} {method}",
                resource.route
            );
        }
        if !["/directory", "/new-nonce"].iter().any(|end| resource.route.ends_with(end)) {
            let problem = bench.ca.http().get(&resource.url).await.problem();
            assert_eq!((problem.status, problem.kind.as_str()), (405, "malformed"), "{}", resource.route);
            assert!(problem.detail.contains("POST-as-GET"), "{}", problem.detail);
        }
    }
    assert_unchanged(&bench.ca, &before, "a wrong path or method").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_account_is_refused_everywhere() {
    let bench = Bench::set_up().await;
    let bob = bench.ca.register("bob").await;
    let _ = bench.device.post(bench.device.url(), &json!({"status": "deactivated"})).await;
    for resource in bench.resources.iter().filter(|resource| resource.signer != Signer::Key) {
        let problem = bench.draft(resource).send().await.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (401, "unauthorized"), "{}", resource.route);
        assert_helpful(&bob, &problem, resource.route).await;
    }
}
