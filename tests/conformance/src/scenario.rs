//! Scenarios as data: the deployment, the client's requests, the upstreams' responses.
//!
//! A file is a theme; a theme has setups, each of which is one Envoy process (or one listener of the host) with its plugins;
//! a setup has scenarios that run in it one after the other, in the order of the file. All setups share one world, so that
//! scenarios need not repeat it:
//!
//! | route | target |
//! |---|---|
//! | `/h2…` | cluster `up2`, HTTP/2 |
//! | `/dead…` | cluster `dead`, where nobody listens |
//! | `/direct…` | none: 299 and `direct` |
//! | `/wide…` | cluster `up`, with a `request_body_buffer_limit` of 200,000 bytes |
//! | `/quick…` | cluster `up`, with a timeout of 300 ms |
//! | header `x-model: a` | cluster `alt`, HTTP/1.1 |
//! | all else | cluster `up`, HTTP/1.1 |
//!
//! For calls of the plugin there are `side` (HTTP/1.1), `grpc` (HTTP/2) and `dead`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollgate_envoy_harness::{Context, Error, Result};

mod response;

pub use response::{Grpc, ScriptedResponse};

/// Clusters with a server, and `true` if they use HTTP/2.
pub const CLUSTERS: [(&str, bool); 5] = [("up", false), ("up2", true), ("alt", false), ("side", false), ("grpc", true)];

/// Value of `request_body_buffer_limit` of the route `/wide`, in bytes.
pub const WIDE: u32 = 200_000;

/// File of scenarios.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Name, from that of the file.
    #[serde(skip)]
    pub name: String,
    /// Subject.
    pub about: String,
    /// Deployments with their scenarios.
    pub setups: Vec<Setup>,
}

/// One Envoy process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Name within the theme.
    pub name: String,
    /// The listener's filters in chain order.
    #[serde(default = "one_plugin")]
    pub plugins: Vec<Plugin>,
    /// Filters of the cluster `up`.
    #[serde(default)]
    pub upstream_plugins: Vec<Plugin>,
    /// Worker threads.
    #[serde(default = "one")]
    pub workers: u32,
    /// `per_connection_buffer_limit_bytes` of the listener and of every cluster.
    #[serde(default)]
    pub buffer_limit: Option<u32>,
    /// `initial_stream_window_size` for HTTP/2 clients and upstreams.
    #[serde(default)]
    pub h2_window: Option<u32>,
    /// `true` to record the lines of the plugins while Envoy starts as a scenario named `start`.
    #[serde(default)]
    pub start: bool,
    /// `true` if Envoy is expected not to start.
    #[serde(default)]
    pub refused: bool,
    /// Prefixes of counters and gauges that are recorded at the end, as a scenario named `stats`.
    #[serde(default)]
    pub stats: Vec<String>,
    /// Versions of Envoy that it cannot be recorded from, such as one that does not end.
    #[serde(default)]
    pub not_from: Vec<String>,
    /// Scenarios in order.
    #[serde(default)]
    pub scenarios: Vec<Scenario>,
}

impl Setup {
    /// Returns `true` if it is recorded from this version of Envoy.
    pub fn recorded_from(&self, version: &str) -> bool {
        !self.not_from.iter().any(|other| other == version)
    }

    /// Returns the names of its scenarios, including `start` and `stats`.
    pub fn names(&self) -> Vec<String> {
        let start = (self.start || self.refused).then(|| "start".to_owned());
        let stats = (!self.stats.is_empty()).then(|| "stats".to_owned());
        start.into_iter().chain(self.scenarios.iter().map(|one| one.name.clone())).chain(stats).collect()
    }
}

/// Instance of the probe.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// Name of the plugin, which starts each of its lines.
    pub name: String,
    /// `root_id`
    #[serde(default = "root")]
    pub root_id: String,
    /// `vm_id`
    #[serde(default = "vm")]
    pub vm_id: String,
    /// The script in its configuration.
    #[serde(default)]
    pub script: String,
    /// The script in its VM configuration, for `vm_start`.
    #[serde(default)]
    pub vm_script: String,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Treatment of later requests after its virtual machine has failed.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// `allow_on_headers_stop_iteration`
    #[serde(default = "yes")]
    pub allow: bool,
    /// Value of `max_request_bytes` of a stock buffer filter after it.
    #[serde(default)]
    pub buffer_after: Option<u32>,
}

impl Plugin {
    /// Returns the configuration of the plugin: its name, for its lines, and its script.
    pub fn configuration(&self) -> String {
        format!("name: {}\n{}", self.name, self.script)
    }
}

/// `failure_policy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// `FAIL_CLOSED`
    #[default]
    Closed,
    /// `FAIL_OPEN`
    Open,
    /// `FAIL_RELOAD`
    Reload,
}

/// Sequence of exchanges in a setup.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name within the setup.
    pub name: String,
    /// The exchanges.
    pub steps: Vec<Exchange>,
}

/// Request and its response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exchange {
    /// Milliseconds before it.
    pub after_ms: u64,
    /// Milliseconds to wait for more lines once it is over, such as those of the response to a call.
    pub linger_ms: u64,
    /// Nothing is sent: a step that only waits.
    pub nothing: bool,
    /// Version of the client's HTTP: 1 or 2.
    pub http: u8,
    /// Method; default GET without and POST with a body.
    pub method: Option<String>,
    /// Path and query.
    pub path: String,
    /// The script in `x-probe`.
    pub probe: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Body in frames. On HTTP/2 the last one ends the request.
    pub body: Vec<Piece>,
    /// `true` to send a content-length, on HTTP/1.1 instead of chunks.
    pub length: bool,
    /// Milliseconds between two frames of the body.
    pub pace_ms: u64,
    /// Trailers.
    pub trailers: Vec<(String, String)>,
    /// Time at which the client leaves.
    pub leaves: Option<Leaves>,
    /// Longest wait of the client for the response, in milliseconds.
    pub patience_ms: u64,
    /// Response of the routes' clusters.
    pub upstream: ScriptedResponse,
    /// Responses to calls of the plugin, by cluster.
    pub calls: BTreeMap<String, ScriptedResponse>,
}

impl Default for Exchange {
    fn default() -> Exchange {
        Exchange {
            after_ms: 0,
            linger_ms: 0,
            nothing: false,
            http: 1,
            method: None,
            path: "/p".into(),
            probe: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            length: false,
            pace_ms: 0,
            trailers: Vec::new(),
            leaves: None,
            patience_ms: 5000,
            upstream: ScriptedResponse::default(),
            calls: BTreeMap::new(),
        }
    }
}

impl Exchange {
    /// Returns the method of the request.
    pub fn method(&self) -> &str {
        let usual = if self.body.is_empty() && self.trailers.is_empty() { "GET" } else { "POST" };
        self.method.as_deref().unwrap_or(usual)
    }

    /// Returns `true` if the request has neither body nor trailers.
    pub fn bodiless(&self) -> bool {
        self.body.is_empty() && self.trailers.is_empty() && self.method() != "POST"
    }

    /// Returns the script as the value of a header, if there is one.
    pub fn script(&self) -> Option<String> {
        let lines: Vec<&str> = self.probe.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() { None } else { Some(lines.join("; ")) }
    }

    /// Returns the total size of all frames in bytes.
    pub fn size(&self) -> usize {
        self.body.iter().map(|piece| piece.bytes().len()).sum()
    }

    /// Returns all headers of the request except `host` (or `:authority`) and those of the framing.
    pub fn all_headers(&self) -> Vec<(String, String)> {
        let script = self.script().map(|script| ("x-probe".to_owned(), script));
        self.headers.iter().cloned().chain(script).collect()
    }
}

/// Frame of a body.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// Repeated text.
    Repeated {
        /// Text.
        repeat: String,
        /// Number of repetitions.
        times: usize,
    },
}

impl Piece {
    /// Returns the bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::Text(text) => text.clone().into_bytes(),
            Piece::Repeated { repeat, times } => repeat.repeat(*times).into_bytes(),
        }
    }
}

/// Time at which the client leaves: it closes its connection, or resets the stream on HTTP/2.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Leaves {
    /// After this many frames of its body; 0: after the head.
    Sent(usize),
    /// Once it has received the head and this many frames of the response.
    Seen(usize),
}

fn one_plugin() -> Vec<Plugin> {
    vec![Plugin {
        name: "f1".into(),
        root_id: root(),
        vm_id: vm(),
        script: String::new(),
        vm_script: String::new(),
        env: BTreeMap::new(),
        failure_policy: FailurePolicy::Closed,
        allow: true,
        buffer_after: None,
    }]
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn root() -> String {
    "root".into()
}

fn vm() -> String {
    "vm".into()
}

impl Theme {
    /// Reads all themes of a directory, in the order of their names.
    pub fn all(directory: &Path) -> Result<Vec<Theme>> {
        let entries = std::fs::read_dir(directory).context(|| format!("cannot read {}", directory.display()))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        paths.sort();
        let themes: Result<Vec<Theme>> = paths.iter().map(|path| Theme::read(path)).collect();
        let themes = themes?;
        if themes.is_empty() { Err(Error::new("there are no scenarios")) } else { Ok(themes) }
    }

    fn read(path: &Path) -> Result<Theme> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).context(|| format!("cannot read {}", path.display()))?;
        let mut theme: Theme = serde_saphyr::from_str(&text).context(|| path.display().to_string())?;
        theme.name = name;
        Ok(theme)
    }
}
