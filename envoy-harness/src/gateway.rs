//! Running Envoy process.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::blocking::Request;
use crate::child::{Child, ChildBuilder};
use crate::client;
use crate::error::Context;
use crate::message::{End, Protocol, RequestHead};
use crate::scratch::Scratch;
use crate::{Bootstrap, Envoy, Error, Result};

/// Options of an Envoy process.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of worker threads.
    pub concurrency: u32,
    /// Log level: `warn`, `info`, `debug`, ...
    pub log_level: String,
    /// Log levels of single components that override `log_level`, e.g. `wasm:trace`; may be empty.
    pub component_log_level: String,
    /// Format of a log line, in Envoy's notation (`%v`: the message alone); `None` for Envoy's default.
    pub log_format: Option<String>,
    /// `true` if the bootstrap has an access log, which is then written to a file of this run.
    pub access_log: bool,
    /// Longest time until Envoy is ready.
    pub start_limit: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            concurrency: 1,
            log_level: "warn".into(),
            component_log_level: String::new(),
            log_format: None,
            access_log: true,
            start_limit: Duration::from_secs(60),
        }
    }
}

/// Running Envoy on loopback ports of its own. Dropping it kills the process and removes its files.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    scratch: Scratch,
    address: SocketAddr,
    admin: Admin,
    /// Number of listeners so far.
    listeners: u64,
    /// `true` if the bootstraps have an access log.
    access_log: bool,
    /// Smallest number of virtual machines of a listener so far. A metric ends with the last machine that has defined it, so a
    /// new listener is ready once those of the last one have ended.
    machines: Option<u64>,
}

/// Admin interface of an Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin(SocketAddr);

impl Admin {
    /// Sends a GET and returns the body; any status but 200 is an error.
    pub fn get(self, path: &str) -> Result<String> {
        let mut response = Request::get(path).send(self.0, ADMIN_LIMIT)?;
        let text = response.text()?;
        checked(path, response.status, text)
    }

    /// As [`Admin::get`], without blocking the runtime.
    pub async fn get_async(self, path: &str) -> Result<String> {
        let headers = vec![("connection".to_owned(), b"close".to_vec())];
        let (method, authority) = ("GET".to_owned(), self.0.to_string());
        let head = RequestHead { method, path: path.to_owned(), authority, headers };
        let request = client::Request { head, ..client::Request::default() };
        let response = client::exchange(self.0, Protocol::Http1, &request, &client::stay, ADMIN_LIMIT).await;
        let response = response.context(|| format!("GET {path} of the admin interface"))?;
        if response.end != End::Complete {
            return Err(Error::new(format!("{path}: incomplete: {:?}", response.end)));
        }
        checked(path, response.status, response.text())
    }

    /// Returns the address.
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

fn checked(path: &str, status: u16, text: String) -> Result<String> {
    if status == 200 { Ok(text) } else { Err(Error::new(format!("{path}: {status}: {text}"))) }
}

/// Timeout of a request to the admin interface.
const ADMIN_LIMIT: Duration = Duration::from_secs(10);

/// Longest wait for an access log entry. Envoy flushes the log every [`FLUSH_MS`].
const LOG_LIMIT: Duration = Duration::from_secs(10);

const FLUSH_MS: &str = "10";

/// Longest wait for the end of the virtual machines of a listener that was replaced, if the new one does not have more of them.
const END_LIMIT: Duration = Duration::from_secs(3);

/// Longest wait for a listener that replaces another.
const REPLACE_LIMIT: Duration = Duration::from_secs(60);

impl Gateway {
    /// Starts Envoy and waits until it is ready. The modules and upstreams of `bootstrap` must be set; this moves the listener
    /// and the admin interface to loopback and the access log to a file.
    ///
    /// # Errors
    /// [`StartError::Ended`] if Envoy rejects the bootstrap, else [`StartError::Failed`].
    pub fn start(envoy: &Envoy, bootstrap: Bootstrap, options: &Options) -> std::result::Result<Gateway, StartError> {
        let scratch = Scratch::new("gateway")?;
        let files = Files { dir: scratch.path() };
        let bootstrap = files.prepared(bootstrap, options.access_log)?;
        Gateway::spawn(envoy, scratch, &bootstrap, &[], options)
    }

    /// Starts Envoy as [`Gateway::start`] does, with the listener and the clusters in files, so that [`Gateway::replace`] works.
    ///
    /// # Errors
    /// As [`Gateway::start`]; Envoy keeps running without a listener that it rejects, which is [`StartError::Failed`].
    pub fn start_replaceable(
        envoy: &Envoy,
        bootstrap: Bootstrap,
        options: &Options,
    ) -> std::result::Result<Gateway, StartError> {
        let scratch = Scratch::new("gateway")?;
        let files = Files { dir: scratch.path() };
        let mut rest = files.prepared(bootstrap.clone(), options.access_log)?;
        take_resources(&mut rest);
        files.write_clusters(Vec::new(), 0)?;
        files.write_listeners(Vec::new(), 0)?;
        let from = |path: PathBuf| json!({"path_config_source": {"path": path}, "resource_api_version": "V3"});
        let (listeners, clusters) = (from(files.listeners()), from(files.clusters()));
        let document = rest.document_mut();
        set(document, "node", json!({"id": "gateway", "cluster": "gateway"}));
        set(document, "dynamic_resources", json!({"lds_config": listeners, "cds_config": clusters}));
        // A listener that was replaced ends at once, and with it its virtual machines.
        let arguments = ["--drain-time-s", "0", "--drain-strategy", "immediate"];
        let mut gateway = Gateway::spawn(envoy, scratch, &rest, &arguments, options)?;
        gateway.replace(bootstrap)?;
        Ok(gateway)
    }

    /// Replaces the listener and the clusters of a gateway that was [started](Gateway::start_replaceable) for it, by those of a
    /// bootstrap, and empties the access log. Much faster than a new process, because V8 keeps what it has compiled of a module.
    /// State of filters remains where they name the same virtual machine.
    ///
    /// # Errors
    /// Envoy rejects them.
    pub fn replace(&mut self, bootstrap: Bootstrap) -> Result<()> {
        self.listeners += 1;
        let files = self.files();
        let mut bootstrap = files.prepared(bootstrap, self.access_log)?;
        let number = self.listeners;
        let before = self.rejected_updates()?;
        let (listener, clusters) = take_resources(&mut bootstrap);
        // The listener has routes to the clusters.
        let clusters_before = self.updates_of_clusters()?;
        files.write_clusters(clusters, number)?;
        let end = Instant::now() + REPLACE_LIMIT;
        while self.updates_of_clusters().is_ok_and(|updates| updates == clusters_before) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        files.write_listeners(vec![listener], number)?;
        if let Ok(log) = File::options().write(true).open(files.access_log()) {
            log.set_len(0).context(|| "cannot empty the access log".into())?;
        }
        let mut ready_since = None;
        loop {
            if let Some(address) = ready_listener(self.admin.0, number) {
                let since = *ready_since.get_or_insert_with(Instant::now);
                let machines = self.machines()?;
                let known = self.machines.unwrap_or(machines);
                if machines <= known || since.elapsed() > END_LIMIT {
                    self.address = address;
                    self.machines = Some(known.min(machines));
                    return Ok(());
                }
            }
            // Its main thread does not respond while it compiles the module.
            if self.rejected_updates().is_ok_and(|rejected| rejected > before) {
                return Err(Error::new(format!("Envoy rejects the configuration\n{}", self.log_tail())));
            }
            if Instant::now() >= end {
                return Err(Error::new(format!("no new listener within {REPLACE_LIMIT:?}\n{}", self.log_tail())));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the number of listeners and clusters that Envoy has rejected so far.
    fn rejected_updates(&self) -> Result<u64> {
        let text = self.admin_get("/stats?filter=_manager.[lc]ds.update_rejected")?;
        Ok(parse_stats(&text).map(|(_, value)| value).sum())
    }

    /// Returns the number of virtual machines.
    fn machines(&self) -> Result<u64> {
        let text = self.admin_get("/stats?filter=^wasm[.].*[.]active$")?;
        Ok(parse_stats(&text).map(|(_, value)| value).sum())
    }

    /// Returns the number of updates of clusters so far.
    fn updates_of_clusters(&self) -> Result<u64> {
        let text = self.admin_get("/stats?filter=cluster_manager.cds.update_(success|rejected)")?;
        Ok(parse_stats(&text).map(|(_, value)| value).sum())
    }

    fn spawn(
        envoy: &Envoy,
        scratch: Scratch,
        bootstrap: &Bootstrap,
        arguments: &[&str],
        options: &Options,
    ) -> std::result::Result<Gateway, StartError> {
        let files = Files { dir: scratch.path() };
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
            .args(arguments)
            .args(["--disable-hot-restart", "--use-dynamic-base-id", "--file-flush-interval-msec", FLUSH_MS])
            .args(options.log_format.iter().flat_map(|format| ["--log-format", format]))
            .pidfile(&files.pid())
            .files(scratch.path())
            .stdout(log)
            .stderr(log_too)
            .spawn()?;
        let ready = files.wait_until_ready(&mut child, options.start_limit);
        match ready {
            Ok((address, admin)) => {
                let access_log = options.access_log;
                Ok(Gateway { child, scratch, address, admin: Admin(admin), listeners: 0, access_log, machines: None })
            }
            Err(NotReady::Ended(status)) => Err(StartError::Ended { status, log: files.log_text()? }),
            Err(NotReady::Other(error)) => {
                Err(Error::new(format!("Envoy did not start: {error}\n{}", tail(&files.log_text()?))).into())
            }
        }
    }

    /// Returns `http://127.0.0.1:<port>`, for HTTP/1.1 and for HTTP/2 with prior knowledge.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the admin interface.
    pub fn admin(&self) -> Admin {
        self.admin
    }

    /// Returns the process id of Envoy.
    pub fn pid(&self) -> Result<u32> {
        let text = fs::read_to_string(self.files().pid()).context(|| "no process id".into())?;
        text.trim().parse().context(|| "no process id".into())
    }

    /// Returns `false` once Envoy has ended, e.g. crashed.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a GET to the admin interface and returns the body; any status but 200 is an error.
    pub fn admin_get(&self, path: &str) -> Result<String> {
        self.admin.get(path)
    }

    /// Returns the counters and gauges whose names start with a prefix. Names include the tags. Histograms are left out.
    pub fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let text = self.admin_get("/stats")?;
        Ok(parse_stats(&text).filter(|(name, _)| name.starts_with(prefix)).collect())
    }

    /// Returns Envoy's own log so far: standard output and standard error.
    pub fn log(&self) -> Result<String> {
        self.files().log_text()
    }

    /// Returns the last lines of Envoy's own log, for a person to read.
    pub fn log_tail(&self) -> String {
        tail(&self.log().unwrap_or_default())
    }

    /// Returns the path of the access log. The file exists while Envoy runs.
    pub fn access_log_path(&self) -> PathBuf {
        self.files().access_log()
    }

    /// Returns the access log so far as text.
    pub fn access_log_text(&self) -> Result<String> {
        let bytes = fs::read(self.files().access_log()).context(|| "cannot read the access log".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the access log so far: one object per request that has ended.
    pub fn access_log(&self) -> Result<Vec<Value>> {
        let text = self.access_log_text()?;
        // Envoy is still writing what follows the last newline.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).context(|| "the access log is not JSON".into())).collect()
    }

    /// Returns the access log entry of a request, found by the `x-request-id` of its response. Waits until the request has
    /// ended.
    pub fn access_log_entry(&self, request_id: &str) -> Result<Value> {
        self.access_log_find(|entry| entry["request_id"] == request_id)
            .context(|| format!("no access log entry for request {request_id}"))
    }

    /// Returns the first access log entry that satisfies `wanted`; waits up to ten seconds for it.
    pub fn access_log_find(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let end = Instant::now() + LOG_LIMIT;
        loop {
            if let Some(entry) = self.access_log()?.into_iter().find(&wanted) {
                return Ok(entry);
            }
            if Instant::now() >= end {
                return Err(Error::new(format!("no entry within {LOG_LIMIT:?}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Shuts Envoy down gracefully, so that it logs everything, and returns its log and its access log.
    pub fn stop(mut self) -> Result<(String, String)> {
        Request::post("/quitquitquit", &[], b"").send(self.admin.0, ADMIN_LIMIT)?;
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
            show_log_of_failed_test(&self.log_tail());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows the log of its Envoy")]
fn show_log_of_failed_test(tail: &str) {
    if !tail.is_empty() {
        eprintln!("{tail}");
    }
}

/// Reason why Envoy did not start.
#[derive(Clone, Debug)]
pub enum StartError {
    /// Envoy ended before it was ready, which is how it rejects a bootstrap.
    Ended {
        /// Exit status.
        status: ExitStatus,
        /// Envoy's whole log.
        log: String,
    },
    /// Any other failure, such as a timeout.
    Failed(Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Ended { status, log } => {
                write!(f, "Envoy did not start: it ended with {status}\n{}", tail(log))
            }
            StartError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Error> for StartError {
    fn from(error: Error) -> StartError {
        StartError::Failed(error)
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Error {
        Error::new(error.to_string())
    }
}

enum NotReady {
    Ended(ExitStatus),
    Other(Error),
}

/// Returns the last lines of a log, indented.
fn tail(log: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines.iter().skip(lines.len().saturating_sub(LINES));
    tail.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Parses the counters and gauges of `/stats`, one `name: 7` a line. Several may have the same name.
pub fn parse_stats(text: &str) -> impl Iterator<Item = (String, u64)> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
}

/// Takes the listener and the clusters out of a bootstrap.
fn take_resources(bootstrap: &mut Bootstrap) -> (Value, Vec<Value>) {
    let mut resources = bootstrap.document_mut().get_mut("static_resources").and_then(Value::as_object_mut);
    let mut take = |name: &str| resources.as_mut().and_then(|all| all.remove(name)).unwrap_or_default();
    let (mut listeners, clusters) = (take("listeners"), take("clusters"));
    let listener = listeners.pointer_mut("/0").map(Value::take).unwrap_or_default();
    (listener, clusters.as_array().cloned().unwrap_or_default())
}

/// Writes resources of one kind, version `number`.
fn write_resources(path: &Path, kind: &str, mut resources: Vec<Value>, number: u64) -> Result<()> {
    for resource in &mut resources {
        set(resource, "@type", format!("type.googleapis.com/envoy.config.{kind}"));
    }
    let text = json!({"version_info": number.to_string(), "resources": resources}).to_string();
    // Envoy reads a file when it is moved to its place, so it never sees half of one.
    let new = path.with_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).context(|| "cannot write resources".into())
}

/// Sets a member of an object.
fn set(resource: &mut Value, name: &str, value: impl Into<Value>) {
    resource.as_object_mut().and_then(|members| members.insert(name.to_owned(), value.into()));
}

/// Returns the name of a listener that is replaced.
fn listener_name(number: u64) -> String {
    format!("gateway-{number}")
}

/// Returns the address of a listener once it accepts connections.
fn ready_listener(admin: SocketAddr, number: u64) -> Option<SocketAddr> {
    let name = listener_name(number);
    let listeners = Request::get("/listeners?format=json").send(admin, ADMIN_LIMIT).ok()?.text().ok()?;
    let listeners: Value = serde_json::from_str(&listeners).ok()?;
    let mut listeners = listeners.get("listener_statuses")?.as_array()?.iter();
    let listener = listeners.find(|listener| listener.get("name").is_some_and(|found| *found == *name))?;
    socket_address(listener.get("local_address")?)
}

fn socket_address(of: &Value) -> Option<SocketAddr> {
    let socket = of.get("socket_address")?;
    let ip = socket.get("address")?.as_str()?.parse().ok()?;
    let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
    Some(SocketAddr::new(ip, port))
}

/// Files of one run.
struct Files<'a> {
    dir: &'a Path,
}

impl Files<'_> {
    fn config(&self) -> PathBuf {
        self.dir.join("envoy.json")
    }

    fn listeners(&self) -> PathBuf {
        self.dir.join("listeners.json")
    }

    fn clusters(&self) -> PathBuf {
        self.dir.join("clusters.json")
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

    fn log_text(&self) -> Result<String> {
        let bytes = fs::read(self.log()).context(|| "cannot read Envoy's log".into())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns a bootstrap with the addresses and the access log of this run.
    fn prepared(&self, bootstrap: Bootstrap, access_log: bool) -> Result<Bootstrap> {
        let bootstrap = bootstrap.on_loopback()?;
        if access_log { bootstrap.access_log(&self.access_log()) } else { Ok(bootstrap) }
    }

    fn write_clusters(&self, clusters: Vec<Value>, number: u64) -> Result<()> {
        write_resources(&self.clusters(), "cluster.v3.Cluster", clusters, number)
    }

    fn write_listeners(&self, mut listeners: Vec<Value>, number: u64) -> Result<()> {
        for listener in &mut listeners {
            set(listener, "name", listener_name(number));
        }
        write_resources(&self.listeners(), "listener.v3.Listener", listeners, number)
    }

    /// Returns the addresses of the listener and the admin interface once Envoy accepts requests.
    fn wait_until_ready(
        &self,
        child: &mut Child,
        limit: Duration,
    ) -> std::result::Result<(SocketAddr, SocketAddr), NotReady> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait().map_err(NotReady::Other)? {
                return Err(NotReady::Ended(status));
            }
            if let Some(addresses) = self.ready() {
                return Ok(addresses);
            }
            if Instant::now() >= end {
                return Err(NotReady::Other(Error::new(format!("not ready within {limit:?}"))));
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
        // No listener before the first is added.
        if self.listeners().exists() {
            return Some((admin, admin));
        }
        let listeners = Request::get("/listeners?format=json").send(admin, ADMIN_LIMIT).ok()?.text().ok()?;
        let listeners: Value = serde_json::from_str(&listeners).ok()?;
        let address = socket_address(listeners.pointer("/listener_statuses/0/local_address")?)?;
        Some((address, admin))
    }
}
