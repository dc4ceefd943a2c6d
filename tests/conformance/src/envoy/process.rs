//! One Envoy process, and what can be asked of it while it runs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_testbed::child::{Child, ChildBuilder};
use tollgate_testbed::scratch::Scratch;
use tollgate_testbed::{Context, Envoy, Error, Result};

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running Envoy. Dropping it kills it and removes its files.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    scratch: Scratch,
    admin: SocketAddr,
    /// Where clients connect.
    pub(super) address: SocketAddr,
}

/// An Envoy that did not start has written this.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

impl Process {
    /// Starts Envoy; `Err(Refused)` if it ends before it is ready.
    pub(super) async fn start(
        envoy: &Envoy,
        bootstrap: &Value,
        workers: u32,
    ) -> Result<std::result::Result<Process, Refused>> {
        let scratch = Scratch::new("conformance")?;
        let (config, log, admin) =
            (scratch.path().join("envoy.json"), scratch.path().join("log"), scratch.path().join("admin"));
        fs::write(&config, bootstrap.to_string()).context(|| "cannot write the bootstrap".into())?;
        let file = File::create(&log).context(|| "cannot create a log".into())?;
        let too = file.try_clone().context(|| "cannot share the log".into())?;
        let mut child = ChildBuilder::new(envoy.path())
            .arg("-c")
            .arg(&config)
            .args(["--concurrency", &workers.to_string(), "-l", "warn", "--log-format", "%v"])
            .arg("--admin-address-path")
            .arg(&admin)
            .args(["--disable-hot-restart", "--use-dynamic-base-id"])
            .files(scratch.path())
            .stdout(file)
            .stderr(too)
            .spawn()?;
        let end = Instant::now() + START_LIMIT;
        let unset = SocketAddr::from(([127, 0, 0, 1], 0));
        loop {
            if child.try_wait()?.is_some() {
                return Ok(Err(Refused(read(&log)?)));
            }
            if let Ok(Ok(address)) = fs::read_to_string(&admin).map(|text| text.trim().parse::<SocketAddr>()) {
                let mut process = Process { child, scratch, admin: address, address: unset };
                loop {
                    if process.child.try_wait()?.is_some() {
                        return Ok(Err(Refused(read(&log)?)));
                    }
                    if process.get("/ready").await.is_ok_and(|text| text.contains("LIVE"))
                        && let Some(address) = listener(&process.get("/listeners?format=json").await?)
                    {
                        process.address = address;
                        return Ok(Ok(process));
                    }
                    if Instant::now() > end {
                        return Err(Error::new(format!("Envoy is not ready: {}", read(&log)?)));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            if Instant::now() > end {
                return Err(Error::new(format!("Envoy does not start: {}", read(&log)?)));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All that Envoy has logged so far.
    pub(super) fn log(&self) -> Result<String> {
        read(&self.scratch.path().join("log"))
    }

    /// Whether it still runs.
    pub(super) async fn is_running(&self) -> bool {
        self.get("/ready").await.is_ok()
    }

    /// Counters and gauges whose names fit a regular expression.
    pub(super) async fn stats(&self, filter: &str) -> Result<BTreeMap<String, u64>> {
        Ok(numbers(&self.get(&format!("/stats?filter={filter}")).await?).collect())
    }

    /// All counters and gauges; there may be one of each of the same name.
    pub(super) async fn all_stats(&self) -> Result<Vec<(String, u64)>> {
        let mut stats: Vec<_> = numbers(&self.get("/stats").await?).collect();
        stats.sort();
        Ok(stats)
    }

    async fn get(&self, path: &str) -> Result<String> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.admin).await?;
            let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = exchange.await.context(|| format!("admin {path}"))?;
        let answer = String::from_utf8_lossy(&answer);
        // Whether it comes in chunks or not: what is wanted are whole lines in it.
        Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

/// `name: 7`, a line each.
fn numbers(text: &str) -> impl Iterator<Item = (String, u64)> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
}

fn read(path: &PathBuf) -> Result<String> {
    let bytes = fs::read(path).context(|| "cannot read Envoy's log".into())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The address of the only listener.
fn listener(text: &str) -> Option<SocketAddr> {
    let json = text.get(text.find('{')?..=text.rfind('}')?)?;
    let value: Value = serde_json::from_str(json).ok()?;
    let socket = value.pointer("/listener_statuses/0/local_address/socket_address")?;
    let port = socket.get("port_value")?.as_u64().and_then(|port| u16::try_from(port).ok())?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}
