//! All scenarios of one deployment, against one Envoy.

mod ending;
mod hundred;

use std::collections::{BTreeMap, BTreeSet};

use tollgate_envoy_harness::{Bootstrap, Gateway};
use tollgate_mock_llm::{MockLlm, Received};

use crate::access_log::AccessLog;
use crate::chat::Chat;
use crate::client::{self, Framing, Stay};
use crate::deployment::{self, Deployment};
use crate::findings::Findings;
use crate::scenario::{Scenario, Seen, Want};

/// Running deployment with the findings so far.
pub struct Run {
    pub deployment: Deployment,
    pub gateway: Gateway,
    pub mock: MockLlm,
    pub findings: Findings,
    pub log: AccessLog,
    /// `true` once every scenario was played.
    pub whole: bool,
    /// Expected access log entries, by path.
    records: BTreeMap<String, Record>,
    /// Paths of requests that did not reach an upstream.
    stopped: BTreeSet<String>,
    /// `true` once a hundred ordinary requests were sent with wasm traces on.
    traced_hundred: bool,
    /// Number of virtual machines that Envoy had created when it was ready.
    machines: u64,
    next: u64,
}

/// Context of a request, and the expected fields of its access log entry.
type Record = (String, Vec<(&'static str, Want)>);

impl Run {
    /// Starts Envoy and the mock provider.
    pub fn start(deployment: Deployment) -> Run {
        Run::start_with(deployment, |bootstrap| bootstrap)
    }

    /// As [`Run::start`], with an edited bootstrap.
    pub fn start_with(deployment: Deployment, edit: impl FnOnce(Bootstrap) -> Bootstrap) -> Run {
        let mock = deployment::mock();
        let gateway = deployment.start(edit(deployment.bootstrap(&mock)));
        let log = AccessLog::open(&gateway.access_log_path());
        let machines = ending::machines(&gateway);
        let findings = Findings::new(deployment.name);
        Run {
            deployment,
            gateway,
            mock,
            findings,
            log,
            whole: false,
            records: BTreeMap::new(),
            stopped: BTreeSet::new(),
            traced_hundred: false,
            machines,
            next: 0,
        }
    }

    /// Plays a scenario in all its framings.
    pub async fn play(&mut self, scenario: &Scenario) {
        for &framing in scenario.framings {
            let before = self.findings.len();
            self.findings.about(format_args!("{} / {framing}", scenario.name));
            if let Some(seen) = self.ask(&scenario.chat, framing, Stay::ToTheEnd, &scenario.record).await {
                for check in &scenario.checks {
                    check(&seen, &mut self.findings);
                }
                if seen.received.is_empty() {
                    self.stopped.insert(seen.path.clone());
                }
                if self.findings.len() > before {
                    self.findings.add(format_args!("(it sent {:?})", Short(&seen.sent)));
                }
            }
        }
        if scenario.awkward {
            self.findings.about(format_args!("{} / a hundred more requests", scenario.name));
            self.hundred_more().await;
        }
        self.forget();
    }

    /// Forgets what the mock has received, after checking that no refused request has arrived late.
    pub fn forget(&mut self) {
        for late in self.mock.received() {
            if self.stopped.contains(&late.path) {
                self.findings.add(format_args!("a refused request reached the upstream: {}", late.path));
            }
        }
        self.mock.clear();
    }

    /// Sends one request on a path of its own and returns what was observed.
    pub async fn ask(
        &mut self,
        chat: &Chat,
        framing: Framing,
        stay: Stay,
        record: &[(&'static str, Want)],
    ) -> Option<Seen> {
        let path = self.path();
        self.expect(&path, record);
        self.ask_at(&path, chat, framing, stay).await
    }

    /// Returns a path that no other request of the run has.
    pub fn path(&mut self) -> String {
        format!("/r{}/v1/chat/completions", self.number())
    }

    /// Returns a number that nothing else of the run has.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Expects one access log entry of this path with these fields, which is checked at the end of the run.
    pub fn expect(&mut self, path: &str, record: &[(&'static str, Want)]) {
        self.records.insert(path.to_owned(), (self.findings.context(), record.to_vec()));
    }

    /// Sends one request and returns what was observed; a finding if there was no response.
    pub async fn ask_at(&mut self, path: &str, chat: &Chat, framing: Framing, stay: Stay) -> Option<Seen> {
        let request = chat.at(path);
        match client::exchange(self.gateway.address(), &request, framing, stay).await {
            Ok(response) => {
                let decoded = response.decoded();
                let received = self.received(path);
                self.invariants(&received);
                Some(Seen { path: path.to_owned(), sent: request.body, response, decoded, received })
            }
            Err(error) => {
                self.findings.add(error);
                None
            }
        }
    }

    /// Returns the requests that upstreams have received on a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.mock.received().into_iter().filter(|received| received.path == path).collect()
    }

    /// Checks what must hold of every request to an upstream.
    pub fn invariants(&mut self, received: &[Received]) {
        for received in received {
            let lengths: Vec<_> = received.header_values("content-length").collect();
            let length = received.body_bytes.to_string();
            if received.body_complete && !(lengths.is_empty() || lengths == [length.as_bytes()]) {
                self.findings.add(format_args!("the upstream received content-length {lengths:?} and {length} bytes"));
            }
            let both = !lengths.is_empty() && received.header("transfer-encoding").is_some();
            self.findings.holds(!both, "the upstream received both content-length and transfer-encoding");
        }
    }
}

/// Body, truncated for display.
struct Short<'a>(&'a [u8]);

impl std::fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = self.0.len().min(600);
        write!(f, "{:?}", String::from_utf8_lossy(self.0.get(..most).unwrap_or_default()))
    }
}
