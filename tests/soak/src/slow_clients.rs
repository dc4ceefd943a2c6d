//! Clients that stall: how much memory each of them occupies in a real Envoy, and what they leave for others.
//!
//! Bounded numbers are compared with [`Load::max_held_bytes`]: the bytes that stalled requests have sent and that Envoy still holds.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_envoy_harness::blocking::Request;
use tollgate_envoy_harness::{Context as _, Envoy, Error, Gateway, Result, gateway};
use tollgate_mock_llm::{MockLlm, Options};
use tollgate_workspace as workspace;

/// Kind of stalled client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// It sends all of its body but the last byte.
    Request,
    /// It does not read its response, of as many bytes.
    Response,
}

/// Stalled clients of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Part of the exchange in which the clients stall.
    pub stall: Stall,
    /// Number of clients.
    pub clients: usize,
    /// Size of a body, in bytes.
    pub bytes: usize,
    /// `limits.max_held_bytes` of the policy.
    pub max_held_bytes: usize,
    /// `false`: Envoy has no filter, for comparison.
    pub is_filtered: bool,
}

/// Result of a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Clients that got 503 with `retry-after`.
    pub refused: usize,
    /// Clients that got anything else.
    pub failed: usize,
    /// Clients that wait.
    pub stalled: usize,
    /// Resident memory of Envoy before the clients came, in bytes.
    pub before: u64,
    /// Resident memory while they wait.
    pub during: u64,
    /// Ordinary calls while they wait that got 200.
    pub served: usize,
}

/// Ordinary calls while the clients wait.
pub const ORDINARY_CALLS: usize = 50;

const PATIENCE: Duration = Duration::from_secs(30);
const CLUSTERS: [&str; 4] = ["openai", "local", "anthropic", "gemini"];
const PATH: &str = "/v1/chat/completions";
const HCM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Starts Envoy with one worker, lets the clients come, and measures.
///
/// # Errors
/// Envoy does not start or ends, or an ordinary call gets no response.
pub fn run(load: &Load) -> Result<Measured> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { record_body_bytes: 0, ..Options::new(vec![("mock".to_owned(), any)]) };
    let mock = MockLlm::start(options).context(|| "cannot start the mock".into())?;
    let upstream = mock.address("mock").ok_or_else(|| Error::new("the mock has no address"))?;
    let gateway = start(load, upstream)?;
    let to = gateway.address();
    // The first calls compile code and define metrics.
    ordinary_calls(to, load)?;
    let mut measured = Measured { before: resident(&gateway)?, ..Measured::default() };
    let mut clients = Vec::new();
    for _ in 0..load.clients {
        clients.push(Client::connect(to, load)?);
    }
    // Some bytes are still on their way.
    std::thread::sleep(Duration::from_secs(2));
    measured.during = resident(&gateway)?;
    measured.served = ordinary_calls(to, load)?;
    for client in &mut clients {
        match client.response() {
            Seen::Refused => measured.refused += 1,
            Seen::Nothing => measured.stalled += 1,
            Seen::Other if load.stall == Stall::Response => measured.stalled += 1,
            Seen::Other => measured.failed += 1,
        }
    }
    drop(clients);
    // What they held is free again.
    let deadline = Instant::now() + PATIENCE;
    while gateway.stats("http.gateway.downstream_rq_active")?.values().sum::<u64>() > 0 {
        if Instant::now() > deadline {
            return Err(Error::new("streams of clients that have left are still active"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let room = Client::connect(to, &Load { bytes: load.bytes.min(load.max_held_bytes / 2), ..*load })?;
    std::thread::sleep(Duration::from_millis(300));
    let mut room = room;
    if room.response() == Seen::Refused {
        return Err(Error::new("the bytes of clients that have left are still counted"));
    }
    Ok(measured)
}

fn start(load: &Load, upstream: SocketAddr) -> Result<Gateway> {
    let mut bootstrap = workspace::reference_bootstrap()?;
    for cluster in CLUSTERS {
        bootstrap = bootstrap.upstream(cluster, upstream)?;
    }
    if load.is_filtered {
        bootstrap = bootstrap.module(&workspace::module(workspace::BUNDLE)?)?;
        let policy = &mut bootstrap.plugin(workspace::BUNDLE)?["configuration"]["value"];
        policy["limits"] = json!({"max_held_bytes": load.max_held_bytes});
        if let Some(policy) = policy.as_object_mut() {
            policy.remove("budgets");
        }
    } else {
        bootstrap = bootstrap.only(&[])?;
    }
    let document = bootstrap.document_mut();
    if let Some(manager) = document.pointer_mut(HCM) {
        manager["request_timeout"] = json!("0s");
        manager["access_log"] = json!([]);
        let routes =
            manager.pointer_mut("/route_config/virtual_hosts/0/routes").and_then(|routes| routes.as_array_mut());
        if let (false, Some(routes)) = (load.is_filtered, routes) {
            routes.insert(0, json!({"match": {"prefix": "/"}, "route": {"cluster": "openai", "timeout": "0s"}}));
        }
    }
    let options = gateway::Options { access_log: false, ..gateway::Options::default() };
    Gateway::start(&Envoy::find_or_install()?, bootstrap, &options).map_err(|error| Error::new(error.to_string()))
}

/// Sends ordinary calls one after the other; returns the number of those that got 200.
fn ordinary_calls(to: SocketAddr, load: &Load) -> Result<usize> {
    let headers = [("content-type", "application/json"), ("x-tollgate-consumer", "alice")];
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
    let mut served = 0;
    for _ in 0..ORDINARY_CALLS {
        let mut response = Request::post(PATH, &headers, body).send(to, PATIENCE)?;
        let status = response.status;
        response.text()?;
        served += usize::from(status == 200);
    }
    debug_assert!(load.clients > 0, "a load has clients");
    Ok(served)
}

/// Returns the resident memory of Envoy in bytes.
fn resident(gateway: &Gateway) -> Result<u64> {
    let path = format!("/proc/{}/status", gateway.pid()?);
    let text = std::fs::read_to_string(&path).context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| Error::new(format!("{path} has no VmRSS")))
}

/// Beginning of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// 503 with `retry-after`.
    Refused,
    Other,
}

/// Client that stalls.
struct Client {
    stream: TcpStream,
    head: Vec<u8>,
}

impl Client {
    fn connect(to: SocketAddr, load: &Load) -> Result<Client> {
        let io = |error: std::io::Error| Error::new(format!("a stalled client: {error}"));
        let stream = TcpStream::connect(to).map_err(io)?;
        stream.set_nonblocking(true).map_err(io)?;
        let mut client = Client { stream, head: Vec::new() };
        let opening = r#"{"model":"gpt-4o","messages":[{"role":"user","content":""#;
        let (body, length, knob) = match load.stall {
            Stall::Request => {
                let body = format!("{opening}{}", "x".repeat(load.bytes.saturating_sub(opening.len())));
                (body.clone(), body.len() + 1, String::new())
            }
            Stall::Response => {
                let body = format!("{opening}hi\"}}]}}");
                (body.clone(), body.len(), format!("x-mock-words: {}\r\n", load.bytes / 6))
            }
        };
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\nx-tollgate-consumer: alice\r\n{knob}\
             content-length: {length}\r\n\r\n"
        );
        client.write(head.as_bytes());
        client.write(body.as_bytes());
        Ok(client)
    }

    /// Writes bytes, unless a response has come or the other side reads no more.
    fn write(&mut self, mut bytes: &[u8]) {
        let mut idle = 0;
        while !bytes.is_empty() && idle < 200 {
            match self.stream.write(bytes.get(..bytes.len().min(64 << 10)).unwrap_or_default()) {
                Ok(written) => (bytes, idle) = (bytes.get(written..).unwrap_or_default(), 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    idle += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return,
            }
            let mut head = [0; 4096];
            if let Ok(read) = self.stream.peek(&mut head)
                && read > 0
            {
                return;
            }
        }
    }

    /// Reads the beginning of the response, if there is one.
    fn response(&mut self) -> Seen {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(read) if read > 0 => self.head.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Seen::Nothing,
            _ => return Seen::Other,
        }
        let head = String::from_utf8_lossy(&self.head);
        match head.starts_with("HTTP/1.1 503") && head.contains("\r\nretry-after: 5\r\n") {
            true => Seen::Refused,
            false => Seen::Other,
        }
    }
}

impl fmt::Display for Measured {
    /// Writes a row of a table: what the clients got, memory in MiB, KiB for each that waits, and ordinary calls.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grown = self.during.saturating_sub(self.before);
        let each = grown / 1024 / self.stalled.max(1) as u64;
        let Measured { stalled, refused, failed, served, .. } = self;
        let mib = |bytes: u64| bytes >> 20;
        write!(
            f,
            "{stalled} | {refused} | {failed} | {} | {} | {each} | {served} of {ORDINARY_CALLS}",
            mib(self.before),
            mib(grown)
        )
    }
}
