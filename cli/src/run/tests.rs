use std::path::Path;

use super::*;
use crate::delivery::Frames;
use crate::file::{BackendName, ResponseEnd};

/// A filter with a fault, used instead of a real one. It redacts `secret`, as the policy requires.
struct Faulty {
    fault: Fault,
    /// Returns `true` if the announced content-length is one byte too large.
    lies: Fault,
}

/// Returns `true` if the filter fails to redact.
type Fault = fn(&Sending) -> bool;

/// Frames of one exchange.
struct Sending {
    delivery: Delivery,
    request: Frames,
    response: Frames,
    /// Position of the secret in the response.
    secret: std::ops::Range<usize>,
}

impl Backend for Faulty {
    fn name(&self) -> BackendName {
        BackendName::Wasm
    }

    fn deliveries(&self, _: &Case, all: Vec<Delivery>) -> Vec<Delivery> {
        all
    }

    fn run(&self, case: &Case, cut_points: &[CutPoints], delivery: &Delivery) -> Result<RunOutput, String> {
        let seen = case.exchanges().enumerate().map(|(number, exchange)| {
            let body = exchange.response.plain.clone();
            let at = body.windows(6).position(|window| window == b"secret").unwrap_or_default();
            let sending = Sending {
                delivery: delivery.clone(),
                request: delivery.request(number, exchange, &cut_points[number]),
                response: delivery.response(number, exchange, &body, &cut_points[number]),
                secret: at..at + 6,
            };
            let leaks = (self.fault)(&sending);
            let body = String::from_utf8(body).unwrap();
            let body = if leaks { body } else { body.replace("secret", "[word]") };
            let length = (body.len() + usize::from((self.lies)(&sending))).to_string();
            let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
            Observation {
                status: Some(200),
                headers: vec![header("content-type", "application/json"), header("content-length", &length)],
                body: body.into_bytes(),
                trailers: Vec::new(),
                end: ResponseEnd::Complete,
                note: None,
                details: String::new(),
                upstream: Vec::new(),
                properties: [("tollgate.rules".to_owned(), "word".to_owned())].into(),
                counters: Default::default(),
                log: Vec::new(),
                real_clock: false,
            }
        });
        Ok(RunOutput { seen: seen.collect(), stopped: None })
    }
}

const TESTS: &str = r#"
version: 1
chain:
- {filter: prompt-inspector, config: {rules: [{id: word, match: {regex: secret}, action: redact}]}}
tests:
- name: a word is redacted
  request: {chat: {user: hi}}
  response: {text: "it is secret, they say"}
  expect: {rules: [word], client: {text: "it is [word], they say"}}
"#;

fn result(tests: &str, fault: Fault) -> TestResult {
    result_of(tests, Faulty { fault, lies: |_| false })
}

fn result_of(tests: &str, backend: Faulty) -> TestResult {
    let suite = Suite::parse(Path::new("a.test.yaml"), tests).unwrap();
    let jobs = [Job { suite: &suite, case: &suite.cases[0], backend: &backend }];
    all(&jobs, 2).remove(0)
}

#[test]
fn a_filter_without_a_fault_passes_in_all_ways() {
    let result = result(TESTS, |_| false);
    assert_eq!(result.status, TestStatus::Passed);
    assert!(result.ways >= 16, "{}", result.ways);
    assert_eq!(result.matched, ["word"]);
}

#[test]
fn a_fault_is_shown_in_the_plainest_way_of_sending_and_without_the_secret() {
    let cut_inside = |sending: &Sending| {
        let Sending { response, secret, .. } = sending;
        response.cuts.iter().any(|cut| *cut > secret.start && *cut < secret.end)
    };
    let faults: [(Fault, &str); 4] = [
        (|sending| sending.request.trailers, "HTTP/1, whole, request with trailers"),
        (|sending| sending.response.empty_last, "HTTP/2, whole, empty last frames"),
        (|sending| sending.delivery.framing == crate::delivery::Framing::Http2, "HTTP/2, whole"),
        (cut_inside, "HTTP/1, response cut at byte "),
    ];
    for (fault, smallest) in faults {
        let TestStatus::Failed(failure) = result(TESTS, fault).status else { panic!("{smallest}: passed") };
        let delivery = failure.delivery.clone().unwrap();
        assert!(delivery.starts_with(smallest), "{delivery}, not {smallest}");
        let text = failure.to_string();
        assert!(text.contains("‹word, bytes") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn a_fault_that_shows_in_one_piece_needs_no_split() {
    let TestStatus::Failed(failure) = result(TESTS, |_| true).status else { panic!() };
    assert_eq!((failure.delivery, failure.line), (None, 6));
    assert!(failure.mismatches.iter().any(|mismatch| mismatch.what.starts_with("client.text")));
}

#[test]
fn a_length_that_lies_fails_every_test() {
    let lies: [(Fault, Option<&str>); 2] = [
        (|_| true, None),
        (|sending| sending.delivery.framing == crate::delivery::Framing::Http2, Some("HTTP/2, whole")),
    ];
    for (lies, delivery) in lies {
        let faulty = Faulty { fault: |_| false, lies };
        let TestStatus::Failed(failure) = result_of(TESTS, faulty).status else { panic!("{delivery:?}: passed") };
        assert_eq!(failure.delivery.as_deref(), delivery);
        assert_eq!(failure.mismatches.len(), 1);
        assert_eq!(failure.mismatches[0].what, "client.headers.content-length");
    }
}

#[test]
fn split_whole_opts_out() {
    let tests = TESTS.replace("  request:", "  split: whole\n  request:");
    let result = result(&tests, |sending| sending.delivery != Delivery::default());
    assert_eq!((result.status, result.ways), (TestStatus::Passed, 1));
}

#[test]
fn known_failures_are_strict() {
    let tests = format!("{TESTS}known_failures: [{{test: a word is redacted, reason: issue 12}}]");
    assert_eq!(result(&tests, |_| true).status, TestStatus::KnownFailure("issue 12".into()));
    let passed = result(&tests, |_| false).status;
    assert_eq!(passed, TestStatus::KnownFailurePassed("issue 12".into()));
    assert!(passed.fails());
    // A failure known on another backend does not count here.
    let elsewhere = tests.replace("issue 12", "issue 12, backend: envoy");
    assert!(matches!(result(&elsewhere, |_| true).status, TestStatus::Failed(_)));
}

#[test]
fn a_rule_that_matches_and_is_not_listed_fails() {
    let tests = TESTS.replace("rules: [word], ", "");
    let TestStatus::Failed(failure) = result(&tests, |_| false).status else { panic!() };
    assert_eq!(failure.mismatches[0].to_string(), "rules: expected none, found word");
}
