//! All scenarios of one deployment, against one Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tollgate_mock_llm::{MockLlm, Received};
use tollgate_testbed::Gateway;

use crate::access_log::AccessLog;
use crate::chat::Chat;
use crate::client::{self, Answer, End, Framing, Http1, Http2, Request, Stay};
use crate::deployment::{self, COUNTER, Deployment, QUOTA, ROUTER};
use crate::findings::Findings;
use crate::heard::Heard;
use crate::scenario::{Scenario, Seen, Want};
use crate::scenarios::passing::OtherPath;
use crate::{metrics, planted, scenarios};

/// A deployment that runs, and what was found so far.
pub struct Run {
    pub deployment: Deployment,
    pub gateway: Gateway,
    pub mock: MockLlm,
    pub findings: Findings,
    pub log: AccessLog,
    /// What the access log has to say at the end, by path.
    records: BTreeMap<String, Record>,
    /// Paths of requests that did not reach an upstream.
    stopped: BTreeSet<String>,
    /// A hundred more were sent before.
    heard_hundred: bool,
    /// Virtual machines that Envoy had made when it was ready.
    machines: u64,
    next: u32,
}

/// What a request was about, and the fields that its access log entry has to have.
type Record = (String, Vec<(&'static str, Want)>);

impl Run {
    /// Starts Envoy and the mock.
    pub fn start(deployment: Deployment) -> Run {
        let mock = deployment::mock();
        let gateway = deployment.start(&mock);
        let log = AccessLog::open(&gateway.access_log_path());
        let machines = machines(&gateway);
        let findings = Findings::new(deployment.name);
        Run {
            deployment,
            gateway,
            mock,
            findings,
            log,
            records: BTreeMap::new(),
            stopped: BTreeSet::new(),
            heard_hundred: false,
            machines,
            next: 0,
        }
    }

    /// Tries a scenario in all its framings.
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

    /// Forgets what the mock has received, after a look at whether something came that was thought to have been stopped.
    fn forget(&mut self) {
        for late in self.mock.received() {
            if self.stopped.contains(&late.path) {
                self.findings.add(format_args!("a refused request did reach the upstream: {}", late.path));
            }
        }
        self.mock.clear();
    }

    /// Sends one request on a path of its own and gathers what was seen of it.
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

    /// A path that no other request of the run has.
    pub fn path(&mut self) -> String {
        self.next += 1;
        format!("/r{}/v1/chat/completions", self.next)
    }

    /// Has the access log checked, at the end, for one entry of this path with these fields.
    pub fn expect(&mut self, path: &str, record: &[(&'static str, Want)]) {
        self.records.insert(path.to_owned(), (self.findings.context(), record.to_vec()));
    }

    /// Sends one request and gathers what was seen of it; a complaint if there was no answer.
    pub async fn ask_at(&mut self, path: &str, chat: &Chat, framing: Framing, stay: Stay) -> Option<Seen> {
        let request = chat.at(path);
        match client::exchange(self.gateway.address(), &request, framing, stay).await {
            Ok(answer) => {
                let heard = Heard::of(&answer);
                let received = self.received(path);
                self.invariants(&received);
                Some(Seen { framing, path: path.to_owned(), sent: request.body, answer, heard, received })
            }
            Err(error) => {
                self.findings.add(error);
                None
            }
        }
    }

    /// Sends what is no LLM call: where there is a route, it has to come back as if there were no filters; where there is
    /// none, nothing of it goes anywhere.
    pub async fn pass_other_paths(&mut self) {
        for OtherPath { method, path, body, routed } in scenarios::passing::other_paths() {
            for &framing in Framing::ALL {
                self.findings.about(format_args!("{method} {path} / {framing}"));
                self.next += 1;
                let path = format!("{path}?n={}", self.next);
                let headers = Chat::new().header("x-tollgate-route", "local").at("").headers;
                let request = Request { method, path: path.clone(), headers, body: body.clone() };
                let answer = client::exchange(self.gateway.address(), &request, framing, Stay::ToTheEnd).await;
                let received = self.received(&path);
                self.invariants(&received);
                if !routed {
                    let status = answer.map(|answer| answer.status).map_err(|error| error.to_string());
                    self.findings.same("status", status, Ok::<_, String>(404));
                    self.findings.same("requests at the upstream", received.len(), 0);
                    continue;
                }
                let upstream = self.mock.address("openai").unwrap();
                let direct = client::exchange(upstream, &request, Framing::Http1Length, Stay::ToTheEnd).await;
                let (answer, direct) = match (answer, direct) {
                    (Ok(answer), Ok(direct)) => (answer, direct),
                    (answer, direct) => {
                        self.findings.add(format_args!("{answer:?}, directly {direct:?}"));
                        continue;
                    }
                };
                self.findings.same("status and body", (answer.status, answer.text()), (direct.status, direct.text()));
                self.findings.same("requests at the upstream", received.len(), 1);
                for received in received {
                    self.findings.same("the upstream", received.upstream.as_str(), "openai");
                    self.findings.holds(received.body == body, "the body was changed");
                    let forged = received.header("x-tollgate-route");
                    self.findings.holds(forged.is_none(), "the client's x-tollgate-route reached the upstream");
                }
            }
        }
    }

    /// Clients that leave before they have said all.
    pub async fn abandon_requests(&mut self) {
        for &framing in Framing::ALL {
            self.findings.about(format_args!("a client that leaves while it asks / {framing}"));
            let path = self.path();
            self.expect(&path, &[("usage_source", Want::Null), ("cost_nano_usd", Want::Null), ("verdict", Want::Null)]);
            if let Err(error) = client::abandon(self.gateway.address(), &Chat::new().at(&path), framing).await {
                self.findings.add(error);
            }
            if self.log.entry(&path).is_none() {
                self.findings.add("no access log entry within 10 s");
            }
            self.findings.same("requests at the upstream", self.received(&path).len(), 0);
        }
        self.findings.about("clients that leave while they ask / a hundred more requests");
        self.hundred_more().await;
        self.forget();
    }

    /// A call is a call under every spelling of its path that some server behind Envoy may take for it.
    pub async fn spell_paths(&mut self) {
        let paths = [
            "/v1/chat/completions/",
            "//v1//chat///completions",
            "/v1/chat/completions?api-version=1&x=/",
            "/v1/x/../chat/./completions",
            "/v1/%63hat/completion%73",
            "/V1/Chat/COMPLETIONS",
            "/v1/chat/completions;a=b",
            "/v1/chat%2fcompletions",
            "/v1/chat%5ccompletions",
            "/v1/chat\\completions",
            "/openai/deployments/gpt-4o/chat/completions",
        ];
        for path in paths {
            for &framing in Framing::PLAIN {
                self.findings.about(format_args!("POST {path} / {framing}"));
                // Refused by every filter, so that it shows that one has read it; some spellings Envoy itself refuses.
                let request = Chat::raw(r#"{"model":"gpt-4o","model":"b","messages":[]}"#).at(path);
                let answer = client::exchange(self.gateway.address(), &request, framing, Stay::ToTheEnd).await;
                self.findings.same("status", answer.map(|answer| answer.status), Ok(400));
            }
        }
        let received = self.mock.received().into_iter().map(|received| received.path).collect::<Vec<_>>();
        self.findings.about("spellings of the path");
        self.findings.holds(received.is_empty(), format_args!("the upstream received {received:?}"));
    }

    /// What upstreams have received on a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.mock.received().into_iter().filter(|received| received.path == path).collect()
    }

    /// What has to hold of everything that goes upstream.
    fn invariants(&mut self, received: &[Received]) {
        for received in received {
            let lengths: Vec<_> = received.header_values("content-length").collect();
            let length = received.body_bytes.to_string();
            if received.body_complete && !(lengths.is_empty() || lengths == [length.as_bytes()]) {
                self.findings
                    .add(format_args!("the upstream was told a length of {lengths:?}, and got {length} bytes"));
            }
            let both = !lengths.is_empty() && received.header("transfer-encoding").is_some();
            self.findings.holds(!both, "the upstream was told two ways to find the end of the body");
        }
    }

    /// A hundred ordinary requests, half of them one after the other on one connection, half of them at once on another.
    pub async fn hundred_more(&mut self) {
        // They are all the same: what wasm says of the first hundred is enough to search.
        let quiet = std::mem::replace(&mut self.heard_hundred, true);
        if quiet {
            self.log_level("warning");
        }
        self.send_hundred().await;
        if quiet {
            self.log_level("trace");
        }
    }

    /// Changes what Envoy logs of wasm.
    fn log_level(&mut self, level: &str) {
        let path = format!("/logging?wasm={level}");
        let post = tollgate_testbed::http::Request::post(&path, &[], b"");
        let status = post.send(self.gateway.admin(), Duration::from_secs(10)).map(|answer| answer.status);
        self.findings.same("status of a change of the log level", status, Ok(200));
    }

    async fn send_hundred(&mut self) {
        let chat = Chat::new().knob("answer", "pong");
        let request = chat.at("/v1/chat/completions");
        let to = self.gateway.address();
        let sequential = async {
            let mut connection = Http1::connect(to).await?;
            let mut answers = Vec::new();
            for _ in 0..50 {
                answers.push(connection.exchange(&request, Framing::Http1Length, Stay::ToTheEnd).await?);
            }
            Ok::<_, String>(answers)
        };
        let at_once = async {
            let connection = Http2::connect(to).await?;
            let requests = (0..50).map(|_| connection.exchange(&request, Framing::Http2Whole, Stay::ToTheEnd));
            futures_util::future::try_join_all(requests).await
        };
        let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(sequential, at_once) }).await;
        let Ok((sequential, at_once)) = both else {
            return self.findings.add("not all answered within 30 s");
        };
        for answers in [sequential, at_once] {
            match answers {
                Err(error) => self.findings.add(error),
                Ok(answers) => {
                    let pong = |answer: &&Answer| {
                        answer.status == 200 && answer.end == End::Clean && Heard::of(answer).text() == "pong"
                    };
                    let right = answers.iter().filter(pong).count();
                    self.findings.same("right answers of 50", right, 50);
                    if let Some(wrong) = answers.iter().find(|answer| !pong(answer)) {
                        self.findings.add(format_args!("one of them: {} {:?}", wrong.status, wrong.text()));
                    }
                }
            }
        }
    }

    /// Ends the run: checks what Envoy has written down and that it is as well as it was at the beginning.
    pub async fn finish(mut self) {
        self.findings.about("at the end");
        let requests: u64 = self.gateway.stats("http.gateway.downstream_rq_total").unwrap().into_values().sum();
        let entries = match self.log.all(requests) {
            Ok(entries) => entries.clone(),
            Err(count) => panic!("{}: {count} access log entries of {requests} requests", self.deployment.name),
        };
        let records = std::mem::take(&mut self.records);
        for (path, (context, record)) in &records {
            self.findings.about(context);
            match entries.get(path).map(Vec::as_slice) {
                None => self.findings.add(format_args!("no access log entry for {path}")),
                Some([entry]) => {
                    for (field, want) in record {
                        if !want.fits(&entry[field]) {
                            self.findings.add(format_args!("{field} is logged as {}, should be {want}", entry[field]));
                        }
                    }
                }
                Some(several) => self.findings.add(format_args!("{} access log entries for {path}", several.len())),
            }
        }
        self.findings.about("at the end");
        let prometheus = self.gateway.admin_get("/stats/prometheus").unwrap();
        let entries: Vec<_> = entries.into_values().flatten().collect();
        self.complete(&entries);
        metrics::check(&self.deployment, &prometheus, &entries, &mut self.findings);
        self.health();
        let stats = self.gateway.admin_get("/stats").unwrap() + &prometheus;
        let Run { gateway, mut findings, .. } = self;
        let (log, access_log) = gateway.stop().unwrap();
        for (what, text) in [("Envoy's log", &log), ("the access log", &access_log), ("the statistics", &stats)] {
            for found in planted::found_in(what, text) {
                findings.add(found);
            }
        }
        findings.holds(log.contains("[trace][wasm]"), "the log has no trace of wasm: searching it proves nothing");
        for line in log.lines().filter(|line| line.contains("[critical]") || line.contains("[error]")) {
            findings.add(format_args!("Envoy's log: {line}"));
        }
        findings.settle();
    }

    /// An entry of a call that was answered has every field that a filter of the chain knows, one of another path has none.
    fn complete(&mut self, entries: &[Value]) {
        let mut fields = vec!["dialect", "model", "stream", "verdict"];
        for (filter, of_filter) in [
            (
                COUNTER,
                &["input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens", "usage_source"]
                    [..],
            ),
            (QUOTA, &["consumer", "cost_nano_usd", "cost_micro_usd"]),
            (ROUTER, &["route", "provider"]),
        ] {
            if self.deployment.has(filter) {
                fields.extend(of_filter);
            }
        }
        let others = scenarios::passing::other_paths();
        for entry in entries {
            let is = |other: &&OtherPath| entry["method"] == other.method && entry["path"] == other.path;
            if let Some(other) = others.iter().find(is) {
                let there = |field: &&&str| !entry[**field].is_null() && **field != "unscanned";
                let there: Vec<_> = TOLLGATE_FIELDS.iter().filter(there).collect();
                self.findings.holds(there.is_empty(), format_args!("{there:?} of what is no LLM call: {entry}"));
                // An empty body is one all the same if it comes in a frame of its own.
                let unread =
                    entry["unscanned"] == "unknown_path" || (other.body.is_empty() && entry["unscanned"].is_null());
                self.findings.holds(unread, format_args!("unscanned is {}: {entry}", entry["unscanned"]));
            } else if entry["details"] == "via_upstream" {
                // A body without a model has none to be logged.
                let missing = |field: &&&str| entry[**field].is_null() && **field != "model";
                let missing: Vec<_> = fields.iter().filter(missing).collect();
                self.findings.holds(missing.is_empty(), format_args!("{missing:?} missing in {entry}"));
            }
        }
    }

    /// No virtual machine was lost on the way.
    fn health(&mut self) {
        let running = self.gateway.is_running();
        self.findings.holds(running, "Envoy has ended");
        self.findings.same("virtual machines made", machines(&self.gateway), self.machines);
        for (name, count) in self.gateway.stats("wasm.").unwrap() {
            if name.contains("vm_reload") || name.contains("vm_failed") {
                self.findings.same(&name, count, 0);
            }
        }
    }
}

/// What only the filters can know.
const TOLLGATE_FIELDS: &[&str] = &[
    "dialect",
    "model",
    "served_model",
    "provider",
    "route",
    "consumer",
    "stream",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
    "usage_source",
    "cost_nano_usd",
    "cost_micro_usd",
    "verdict",
    "rules",
    "ttft_ms",
    "unscanned",
];

fn machines(gateway: &Gateway) -> u64 {
    gateway.stats("wasm.envoy.wasm.runtime.v8.created").unwrap().into_values().sum()
}

/// A body that is short enough to be shown.
struct Short<'a>(&'a [u8]);

impl std::fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = self.0.len().min(600);
        write!(f, "{:?}", String::from_utf8_lossy(self.0.get(..most).unwrap_or_default()))
    }
}
