//! Gateway and mock provider of a run.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_envoy_harness::client::{self, Request};
use tollgate_envoy_harness::message::{End, OutgoingBody, Protocol, RequestHead, Response};
use tollgate_envoy_harness::{Context as _, Envoy, Error, Gateway, Result, gateway};
use tollgate_mock_llm::{MockLlm, Options, Received};
use tollgate_workspace as workspace;

use crate::access_log::AccessLog;
use crate::call::{Call, Leave};
use crate::policy::{self, Consumer, Unit};

/// Clusters of the reference bootstrap, all of which are the mock.
const CLUSTERS: [&str; 4] = ["openai", "local", "anthropic", "gemini"];

/// Longest wait for a part of a response.
const PATIENCE: Duration = Duration::from_secs(30);

/// Running Envoy with the filter `tollgate`, in front of the mock.
#[derive(Debug)]
pub(crate) struct Stand {
    gateway: Gateway,
    pub(crate) mock: MockLlm,
    pub(crate) log: AccessLog,
}

/// Result of a call as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The response was received to its end, or to where the other side ended it.
    Status(u16),
    /// The client left as planned.
    Left,
    /// Anything else.
    Failed(String),
}

impl Stand {
    /// Starts Envoy and the mock.
    pub(crate) fn start() -> Result<Stand> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let options =
            Options { record_responses: true, record_body_bytes: 0, ..Options::new(vec![("mock".to_owned(), any)]) };
        let mock = MockLlm::start(options).context(|| "cannot start the mock".into())?;
        let address = mock.address("mock").ok_or_else(|| Error::new("the mock has no address"))?;
        let mut bootstrap = workspace::reference_bootstrap()?.module(&workspace::module(workspace::BUNDLE)?)?;
        for cluster in CLUSTERS {
            bootstrap = bootstrap.upstream(cluster, address)?;
        }
        policy::extend(&mut bootstrap.plugin(workspace::BUNDLE)?["configuration"]["value"]);
        let options = gateway::Options { concurrency: 2, ..gateway::Options::default() };
        let gateway = Gateway::start(&Envoy::find_or_install()?, bootstrap, &options)?;
        let log = AccessLog::open(&gateway.access_log_path())?;
        Ok(Stand { gateway, mock, log })
    }

    /// Sends a call and reads its response, or leaves.
    pub(crate) async fn send(&self, call: &Call) -> Outcome {
        let to = self.gateway.address();
        let request = call.request(to.to_string());
        let leave = |response: &Response| match &call.leave {
            Leave::After(marker) => contains(&response.body(), marker.as_bytes()),
            Leave::Never | Leave::BeforeResponse => false,
        };
        let exchange = client::exchange(to, call.protocol, &request, &leave, PATIENCE);
        let response = match call.leave {
            Leave::BeforeResponse => tokio::select! {
                response = exchange => response,
                () = self.arrival(call) => return Outcome::Left,
            },
            Leave::Never | Leave::After(_) => exchange.await,
        };
        match response {
            Ok(response) if matches!(call.leave, Leave::After(_)) => match response.end {
                End::Left => Outcome::Left,
                end => Outcome::Failed(format!("{end:?} before the client has seen what it waited for")),
            },
            Ok(response) if response.end == End::Stalled => Outcome::Failed("the response stalled".into()),
            Ok(response) => Outcome::Status(response.status),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    /// Waits until the mock has received a call completely.
    async fn arrival(&self, call: &Call) {
        let is_here =
            |received: &Received| received.body_complete && Call::number_in(&received.path) == Some(call.number);
        while self.mock.find(is_here).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the remaining budgets of a consumer while a call with one token of input and one of output is admitted.
    pub(crate) async fn remaining(&mut self, consumer: &Consumer) -> Result<Vec<u64>> {
        let to = self.gateway.address();
        let headers = [("x-tollgate-consumer", consumer.name), ("x-mock-usage", PROBE_USAGE)];
        let head = RequestHead {
            method: "POST".to_owned(),
            path: format!("/probe/{}/v1/chat/completions", consumer.name),
            authority: to.to_string(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        };
        let request = Request { head, body: OutgoingBody::whole(PROBE) };
        let response = client::exchange(to, Protocol::Http1, &request, &client::stay, PATIENCE).await;
        let response = response.context(|| "the probe of a budget".into())?;
        // The call is settled when it is logged.
        self.log.take(1)?;
        self.mock.clear();
        let remaining = |unit: Unit| response.header(unit.header()).and_then(|text| unit.parse(&text));
        let budgets = consumer.budgets.iter().map(|(unit, _)| {
            remaining(*unit).ok_or_else(|| Error::new(format!("no {} ({})", unit.header(), response.status)))
        });
        budgets.collect()
    }

    /// Returns the metrics in the format of Prometheus.
    pub(crate) fn metrics(&self) -> Result<String> {
        self.gateway.admin_get("/stats/prometheus")
    }

    /// Returns the number of virtual machines that Envoy has replaced.
    pub(crate) fn reloads(&self) -> Result<u64> {
        let stats = self.gateway.stats("wasm.")?;
        Ok(stats.iter().filter(|(name, _)| name.contains("vm_reload")).map(|(_, count)| count).sum())
    }
}

/// Model, usage and body of the calls that read remaining budgets.
pub(crate) const PROBE_MODEL: &str = "gpt-4o";
const PROBE_USAGE: &str = "1,1";
const PROBE: &str = r#"{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}
