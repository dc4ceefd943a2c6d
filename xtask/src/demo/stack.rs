//! What runs in the demo: a mock provider and Envoy with the bundle.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tollgate_testbed::child::{Child, ChildBuilder};
use tollgate_testbed::http::Request;
use tollgate_testbed::workspace::{self, BUNDLE};
use tollgate_testbed::{Bootstrap, Context, Envoy, Error, Gateway, Result, gateway};

use crate::{cargo, progress};

/// The header that says who pays, as envoy/envoy.yaml has it.
pub(crate) const CONSUMER_HEADER: &str = "x-tollgate-consumer";

/// The clusters of envoy/envoy.yaml, which the mock plays.
const UPSTREAMS: [&str; 4] = ["openai", "local", "anthropic", "gemini"];

/// Longest wait for anything that comes from the stack.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway with its provider.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) gateway: Gateway,
    mock: Child,
    addresses: BTreeMap<String, SocketAddr>,
}

/// Builds the mock; gives the program.
pub(crate) fn build_mock() -> Result<PathBuf> {
    progress::step("building the mock provider");
    cargo::run(&["build", "--package", "tollgate-mock-llm", "--bin", "mock-llm"])?;
    Ok(workspace::target_dir().join("debug/mock-llm"))
}

impl Stack {
    /// Starts both on free ports of loopback.
    pub(crate) fn start(envoy: &Envoy, mock: &Path) -> Result<Stack> {
        let listen = UPSTREAMS.iter().flat_map(|name| ["--listen".to_owned(), format!("{name}=127.0.0.1:0")]);
        let mut mock = ChildBuilder::new(mock).args(listen).stdout(Stdio::piped()).spawn()?;
        let addresses = announced(&mut mock).context(|| "the mock provider did not start".into())?;

        let mut bootstrap = Bootstrap::reference()?.module(&workspace::module(BUNDLE)?)?;
        for name in UPSTREAMS {
            let address = addresses.get(name).ok_or_else(|| Error::new(format!("the mock does not play {name}")))?;
            bootstrap = bootstrap.upstream(name, *address)?;
        }
        let options = gateway::Options { concurrency: 2, ..gateway::Options::default() };
        let gateway = Gateway::start(envoy, bootstrap, &options)?;
        Ok(Stack { gateway, mock, addresses })
    }

    /// Where the mock plays an upstream.
    pub(crate) fn mock_address(&self, upstream: &str) -> SocketAddr {
        self.addresses.get(upstream).copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// What the mock has received since the start, as it tells it.
    pub(crate) fn received(&self) -> Result<Vec<Value>> {
        let text = Request::get("/received").send(self.mock_address("openai"), PATIENCE)?.text()?;
        serde_json::from_str(&text).context(|| "what the mock received".into())
    }

    /// An error if one of the two has ended.
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

/// The addresses that the mock prints as its first line: `{"openai":"127.0.0.1:1234",..}`.
fn announced(mock: &mut Child) -> Result<BTreeMap<String, SocketAddr>> {
    let out = mock.take_stdout().ok_or_else(|| Error::new("it has no output"))?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).context(|| "it says nothing".into())?;
    let addresses: BTreeMap<String, String> = serde_json::from_str(&line).context(|| format!("it says {line:?}"))?;
    addresses.into_iter().map(|(name, address)| Ok((name, address.parse().context(|| address.clone())?))).collect()
}
