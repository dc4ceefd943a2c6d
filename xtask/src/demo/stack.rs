//! Processes of the demo: a mock provider, and Envoy with the bundle.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::child::{Child, ChildBuilder};
use tollgate_envoy_harness::{Context, Envoy, Error, Gateway, Result, gateway};
use tollgate_workspace::{self as workspace, BUNDLE};

use crate::{cargo, progress};

/// Header with the consumer's name, as in envoy/envoy.yaml.
pub(crate) const CONSUMER_HEADER: &str = "x-tollgate-consumer";

/// Clusters of envoy/envoy.yaml that the mock stands in for.
const UPSTREAMS: [&str; 4] = ["openai", "local", "anthropic", "gemini"];

/// Timeout of every request to the stack.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Running gateway with its provider.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) gateway: Gateway,
    mock: Child,
    addresses: BTreeMap<String, SocketAddr>,
}

/// Builds the mock and returns the path of the program.
pub(crate) fn build_mock() -> Result<PathBuf> {
    progress::step("building the mock provider");
    cargo::run(&["build", "--package", "tollgate-mock-llm", "--bin", "mock-llm"])?;
    Ok(workspace::target_dir().join("debug/mock-llm"))
}

impl Stack {
    /// Starts both processes on free loopback ports.
    pub(crate) fn start(envoy: &Envoy, mock: &Path) -> Result<Stack> {
        let listen = UPSTREAMS.iter().flat_map(|name| ["--listen".to_owned(), format!("{name}=127.0.0.1:0")]);
        let mut mock = ChildBuilder::new(mock).args(listen).stdout(Stdio::piped()).spawn()?;
        let addresses = announced(&mut mock).context(|| "the mock provider did not start".into())?;

        let mut bootstrap = workspace::reference_bootstrap()?.module(&workspace::module(BUNDLE)?)?;
        for name in UPSTREAMS {
            let address =
                addresses.get(name).ok_or_else(|| Error::new(format!("the mock has no address for {name}")))?;
            bootstrap = bootstrap.upstream(name, *address)?;
        }
        let options = gateway::Options { concurrency: 2, ..gateway::Options::default() };
        let gateway = Gateway::start(envoy, bootstrap, &options)?;
        Ok(Stack { gateway, mock, addresses })
    }

    /// Returns the address at which the mock stands in for an upstream.
    pub(crate) fn mock_address(&self, upstream: &str) -> SocketAddr {
        self.addresses.get(upstream).copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Returns the requests that the mock has received since it started.
    pub(crate) fn received(&self) -> Result<Vec<Value>> {
        let text = Request::get("/received").send(self.mock_address("openai"), PATIENCE)?.text()?;
        serde_json::from_str(&text).context(|| "cannot parse the requests that the mock received".into())
    }

    /// Returns an error if one of the two processes has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if !self.gateway.is_running() {
            return Err(Error::new(format!("Envoy has ended\n{}", self.gateway.log_tail())));
        }
        match self.mock.try_wait()? {
            Some(status) => Err(Error::new(format!("the mock provider has ended with {status}"))),
            None => Ok(()),
        }
    }
}

/// Reads the addresses that the mock prints as its first line: `{"openai":"127.0.0.1:1234",..}`.
fn announced(mock: &mut Child) -> Result<BTreeMap<String, SocketAddr>> {
    let out = mock.take_stdout().ok_or_else(|| Error::new("it has no output"))?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).context(|| "it printed no address".into())?;
    let addresses: BTreeMap<String, String> = serde_json::from_str(&line).context(|| format!("it printed {line:?}"))?;
    addresses.into_iter().map(|(name, address)| Ok((name, address.parse().context(|| address.clone())?))).collect()
}
