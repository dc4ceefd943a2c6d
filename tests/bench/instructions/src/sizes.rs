//! Instructions per byte for bodies of several sizes: no input costs more than a small multiple of ordinary text of its size.
//!
//! Each body goes through the gateway filter with the rules of all packs at their default level and exact counting, in a virtual machine of its own that has
//! seen one call with ordinary text: no cache of counts or of clean texts knows anything of the body. Rules that block only log here, so that everything is read. Instructions do not depend
//! on the machine or its load.

mod inputs;
mod page;
mod rules;

use std::fmt;
use std::path::Path;

use serde_json::json;
use tollgate_envoy_harness::{Context, Error, Result};
use tollgate_host::{Listener, Module, Plugin, Process, Request, Route, Split, UpstreamResponse};

pub use inputs::{Input, inputs};
pub use page::write_page;

/// Place of an input in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Chat request.
    Request,
    /// Chat completion that is not streamed.
    Response,
    /// Chat completion in events.
    Stream,
    /// Uploaded file.
    Upload,
}

/// Bytes of a frame: what Envoy reads from a connection at a time.
const FRAME: usize = 64 << 10;

/// Bytes of ordinary text that a virtual machine has seen before it is measured.
const WARM: usize = 32 << 10;

/// Bytes that Envoy buffers of a stream.
const BUFFER: usize = 32 << 20;

/// Size to which the sizes of a [`Row`] are compared.
const MIB: usize = 1 << 20;

/// Instructions for one input at several sizes.
#[derive(Clone, Debug)]
pub struct Row {
    /// Input.
    pub name: &'static str,
    /// Place of the input.
    pub place: Place,
    /// Measurements, in the order of the sizes.
    pub costs: Vec<Cost>,
}

/// Instructions for one body.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Bytes of the body.
    pub bytes: usize,
    /// Instructions of the call.
    pub instructions: u64,
    /// Verdict that the filter published.
    pub verdict: String,
}

impl Cost {
    /// Returns the instructions per byte.
    #[allow(clippy::cast_precision_loss, reason = "shown with three digits")]
    pub fn per_byte(&self) -> f64 {
        self.instructions as f64 / self.bytes as f64
    }
}

impl Row {
    /// Returns the verdicts at the sizes; one, if they are the same.
    pub fn verdicts(&self) -> String {
        let mut verdicts: Vec<&str> = self.costs.iter().map(|cost| cost.verdict.as_str()).collect();
        verdicts.dedup();
        verdicts.join(", ")
    }

    /// Returns the growth of the cost of a byte from the smallest to the largest size.
    pub fn growth(&self) -> f64 {
        match (self.costs.first(), self.costs.last()) {
            (Some(first), Some(last)) => last.per_byte() / first.per_byte(),
            _ => f64::NAN,
        }
    }

    /// Returns the highest multiple of the cost of `prose` at the same size.
    pub fn times(&self, prose: &Row) -> f64 {
        let multiples = self.costs.iter().zip(&prose.costs).map(|(own, prose)| own.per_byte() / prose.per_byte());
        multiples.fold(0.0, f64::max)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:40} {:8}", self.name, self.place.to_string())?;
        for cost in &self.costs {
            write!(f, " {:8.1}", cost.per_byte())?;
        }
        write!(f, "  growth {:5.2}  {}", self.growth(), self.verdicts())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Request => "request",
            Place::Response => "response",
            Place::Stream => "stream",
            Place::Upload => "upload",
        })
    }
}

/// Name of the input to which the others are compared, in a request.
pub const PROSE: &str = "prose";

/// Compiles a module so that its instructions are counted.
///
/// # Errors
/// A file that is no module.
pub fn module(path: &Path) -> Result<Module> {
    let bytes = std::fs::read(path).context(|| path.display().to_string())?;
    Module::new_counting(&bytes).context(|| path.display().to_string())
}

/// Measures inputs at some sizes; `shown` receives each row once it is complete.
///
/// # Errors
/// A module that refuses the policy.
pub fn measure(module: &Module, inputs: &[Input], sizes: &[usize], mut shown: impl FnMut(&Row)) -> Result<Vec<Row>> {
    let policy = rules::policy()?;
    let mut rows = Vec::new();
    for input in inputs {
        for place in input.places() {
            let costs = sizes.iter().map(|size| cost(module, &policy, input, place, *size)).collect::<Result<_>>()?;
            let row = Row { name: input.name, place, costs };
            shown(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Returns the row to which all others are compared, whatever their place: prose in a request.
pub fn prose(rows: &[Row]) -> Option<&Row> {
    rows.iter().find(|row| row.name == PROSE && row.place == Place::Request)
}

fn cost(module: &Module, policy: &str, input: &Input, place: Place, size: usize) -> Result<Cost> {
    let process = Process::builder().canary(false).build();
    let plugin = Plugin::new("tollgate", module.clone())
        .root_id("tollgate")
        .vm_id("tollgate")
        .configuration(policy)
        .allow_on_headers_stop_iteration(true);
    let route = Route::prefix("/").cluster("upstream").request_buffer_limit(BUFFER);
    let listener = Listener::builder().buffer_limit(BUFFER).h2_window(BUFFER).plugin(plugin).route(route);
    let listener = listener.start(&process).map_err(|error| {
        let log: Vec<&str> = error.log.iter().map(|entry| entry.text.as_str()).collect();
        Error::new(format!("{error}: {}", log.join("; ")))
    })?;
    let body = input.body(place, size);
    if body.len() > size {
        return Err(Error::new(format!("{} is larger than {size} bytes", input.name)));
    }
    let bytes = body.len();
    // The first call defines metrics and fills the tables of the automata.
    send(&process, &listener, place, inputs::prose_of(place, WARM));
    let before = module.instructions();
    let verdict = send(&process, &listener, place, body);
    Ok(Cost { bytes, instructions: module.instructions() - before, verdict })
}

/// Sends a call and returns the verdict.
fn send(process: &Process, listener: &Listener, place: Place, body: Vec<u8>) -> String {
    let prompt = || {
        let is_streamed = place == Place::Stream;
        json!({"model": "gpt-4o", "stream": is_streamed, "messages": [{"role": "user", "content": "hi"}]}).to_string()
    };
    let (path, media) = match place {
        Place::Upload => ("/upload/v1beta/files", "text/plain"),
        _ => ("/v1/chat/completions", "application/json"),
    };
    let request = Request::post(path).header("content-type", media);
    let (request, response) = match place {
        Place::Request => (request.body(body), UpstreamResponse::json(inputs::RESPONSE)),
        Place::Upload => (request.body(body), UpstreamResponse::json(r#"{"file":{"name":"files/a"}}"#)),
        Place::Response => (request.body(prompt()), UpstreamResponse::json(body)),
        Place::Stream => (request.body(prompt()), UpstreamResponse::sse([body])),
    };
    let response = response.split(Split::Bytes(FRAME));
    process.cluster("upstream", move |_| response.clone());
    let exchange = listener.send(request.split(Split::Bytes(FRAME)));
    exchange.property("tollgate.verdict").unwrap_or_default()
}

/// Bounds on rows, which are generous: a defect changes a row by a factor, and a better rule or parser by a few percent.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Largest growth of the cost of a byte from the smallest to the largest size.
    pub growth: f64,
    /// Largest multiple of the cost of prose.
    pub times: f64,
}

/// Bounds that every input keeps.
pub const BOUNDS: Bounds = Bounds { growth: 1.6, times: 25.0 };

/// Returns the rows that exceed the bounds.
pub fn excess(rows: &[Row], bounds: Bounds) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows {
        let Some(prose) = prose(rows) else { continue };
        let (growth, times) = (row.growth(), row.times(prose));
        if growth > bounds.growth || times > bounds.times {
            found.push(format!("{} in a {}: growth {growth:.2}, {times:.1} times prose", row.name, row.place));
        }
    }
    found
}

/// Sizes whose ratio shows work that grows faster than its input; `cargo xtask proofs` has the largest ones.
pub const QUICK: [usize; 2] = [64 << 10, 256 << 10];

/// Returns the sizes of the complete measurement.
pub fn all_sizes() -> Vec<usize> {
    [1, 2, 4, 8].map(|size| size * MIB).to_vec()
}
