//! A running Envoy.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::child::{Child, ChildBuilder};
use crate::error::Context;
use crate::http::Request;
use crate::scratch::Scratch;
use crate::{Bootstrap, Envoy, Error, Result};

/// How Envoy is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads.
    pub concurrency: u32,
    /// `warn`, `info`, `debug`, ...
    pub log_level: String,
    /// Levels of single components over that, e.g. `wasm:trace`; may be empty.
    pub component_log_level: String,
    /// How long it may take to become ready.
    pub start_limit: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            concurrency: 1,
            log_level: "warn".into(),
            component_log_level: String::new(),
            start_limit: Duration::from_secs(60),
        }
    }
}

/// An Envoy on loopback ports of its own. Dropping it kills it and removes its files.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    scratch: Scratch,
    address: SocketAddr,
    admin: SocketAddr,
}

/// For a single question to the admin interface.
const ADMIN_LIMIT: Duration = Duration::from_secs(10);

/// For a line of the access log to be written: Envoy flushes it every [`FLUSH_MS`].
const LOG_LIMIT: Duration = Duration::from_secs(10);

const FLUSH_MS: &str = "50";

impl Gateway {
    /// Starts Envoy and waits until it is ready. `bootstrap` needs its modules and upstreams set; that listener and admin are
    /// on loopback and that the access log is a file is seen to here. On failure the error has the end of Envoy's log.
    pub fn start(envoy: &Envoy, bootstrap: Bootstrap, options: &Options) -> Result<Gateway> {
        let scratch = Scratch::new("gateway")?;
        let files = Files { dir: scratch.path() };
        let bootstrap = bootstrap.on_loopback()?.access_log(&files.access_log())?;
        fs::write(files.config(), bootstrap.to_json()).context(|| "cannot write the bootstrap".into())?;
        let log = File::create(files.log()).context(|| "cannot create a log file".into())?;
        let log_too = log.try_clone().context(|| "cannot share the log file".into())?;
        let mut child = ChildBuilder::new(envoy.path())
            .arg("-c")
            .arg(files.config())
            .args(["--concurrency", &options.concurrency.to_string(), "-l", &options.log_level])
            .args(["--component-log-level", &options.component_log_level])
            .arg("--admin-address-path")
            .arg(files.admin_address())
            .args(["--disable-hot-restart", "--use-dynamic-base-id", "--file-flush-interval-msec", FLUSH_MS])
            .pidfile(&files.pid())
            .files(scratch.path())
            .stdout(log)
            .stderr(log_too)
            .spawn()?;
        let ready = Files { dir: scratch.path() }.wait_until_ready(&mut child, options.start_limit);
        match ready {
            Ok((address, admin)) => Ok(Gateway { child, scratch, address, admin }),
            Err(error) => Err(Error::new(format!("Envoy did not start: {error}\n{}", files.log_tail()))),
        }
    }

    /// `http://127.0.0.1:<port>`: HTTP/1.1, and HTTP/2 with prior knowledge.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the listener is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin interface is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Envoy's process id.
    pub fn pid(&self) -> Result<u32> {
        let text = fs::read_to_string(self.files().pid()).context(|| "no process id".into())?;
        text.trim().parse().context(|| "no process id".into())
    }

    /// False once Envoy has ended, e.g. crashed.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What the admin interface answers to a GET.
    pub fn admin_get(&self, path: &str) -> Result<String> {
        let mut response = Request::get(path).send(self.admin, ADMIN_LIMIT)?;
        let text = response.text()?;
        if response.status == 200 { Ok(text) } else { Err(Error::new(format!("{path}: {}: {text}", response.status))) }
    }

    /// Counters and gauges whose name starts so, under their full names with tags in them. Histograms are not among them.
    pub fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let text = self.admin_get("/stats")?;
        let numbers =
            text.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.starts_with(prefix));
        Ok(numbers.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect())
    }

    /// Envoy's own log so far, standard error and output.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(self.files().log()).context(|| "cannot read Envoy's log".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The end of Envoy's own log, for a person to read.
    pub fn log_tail(&self) -> String {
        self.files().log_tail()
    }

    /// Where the access log is while Envoy runs.
    pub fn access_log_path(&self) -> PathBuf {
        self.files().access_log()
    }

    /// The access log so far as text.
    pub fn access_log_text(&self) -> Result<String> {
        let bytes = fs::read(self.files().access_log()).context(|| "cannot read the access log".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The access log so far, an object per request that has ended.
    pub fn access_log(&self) -> Result<Vec<Value>> {
        let text = self.access_log_text()?;
        // What comes after the last newline is still being written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).context(|| "the access log is not JSON".into())).collect()
    }

    /// The entry of a request by its id (the `x-request-id` of the answer); waits until the request has ended.
    pub fn access_log_entry(&self, request_id: &str) -> Result<Value> {
        self.access_log_find(|entry| entry["request_id"] == request_id)
            .context(|| format!("no access log entry for request {request_id}"))
    }

    /// The first entry that is wanted; waits up to ten seconds for it.
    pub fn access_log_find(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = Instant::now() + LOG_LIMIT;
        loop {
            if let Some(entry) = self.access_log()?.into_iter().find(&wanted) {
                return Ok(entry);
            }
            if Instant::now() >= end {
                return Err(Error::new(format!("nothing within {LOG_LIMIT:?}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks Envoy to end, so that everything is logged, and gives back its log and its access log.
    pub fn stop(mut self) -> Result<(String, String)> {
        Request::post("/quitquitquit", &[], b"").send(self.admin, ADMIN_LIMIT)?;
        let status = self.child.wait_for(Duration::from_secs(20)).context(|| "Envoy".into())?;
        let (log, access_log) = (self.log()?, self.access_log_text()?);
        if status.success() {
            Ok((log, access_log))
        } else {
            Err(Error::new(format!("Envoy ended with {status}\n{log}")))
        }
    }

    fn files(&self) -> Files<'_> {
        Files { dir: self.scratch.path() }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_log_of_failed_test(&self.files().log_tail());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows what Envoy had to say")]
fn show_log_of_failed_test(tail: &str) {
    if !tail.is_empty() {
        eprintln!("{tail}");
    }
}

/// The files of one run.
struct Files<'a> {
    dir: &'a Path,
}

impl Files<'_> {
    fn config(&self) -> PathBuf {
        self.dir.join("envoy.json")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("envoy.log")
    }

    fn access_log(&self) -> PathBuf {
        self.dir.join("access.log")
    }

    fn admin_address(&self) -> PathBuf {
        self.dir.join("admin.address")
    }

    fn pid(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// The last lines of Envoy's log, indented.
    fn log_tail(&self) -> String {
        let bytes = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.iter().skip(lines.len().saturating_sub(30));
        tail.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// The addresses of listener and admin once Envoy takes requests.
    fn wait_until_ready(&self, child: &mut Child, limit: Duration) -> Result<(SocketAddr, SocketAddr)> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                return Err(Error::new(format!("it ended with {status}")));
            }
            if let Some(addresses) = self.ready() {
                return Ok(addresses);
            }
            if Instant::now() >= end {
                return Err(Error::new(format!("it was not ready within {limit:?}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ready(&self) -> Option<(SocketAddr, SocketAddr)> {
        let admin: SocketAddr = fs::read_to_string(self.admin_address()).ok()?.trim().parse().ok()?;
        let ready = Request::get("/ready").send(admin, ADMIN_LIMIT).ok()?;
        if ready.status != 200 {
            return None;
        }
        let listeners = Request::get("/listeners?format=json").send(admin, ADMIN_LIMIT).ok()?.text().ok()?;
        let listeners: Value = serde_json::from_str(&listeners).ok()?;
        let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address")?;
        let ip = socket.get("address")?.as_str()?.parse().ok()?;
        let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
        Some((SocketAddr::new(ip, port), admin))
    }
}
