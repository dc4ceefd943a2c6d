//! A message as a client or an upstream received it, and its lines in a trace.

use crate::normal;

/// End of a message as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The message is complete.
    Complete,
    /// HTTP/1.1: the connection closed before it was complete. HTTP/2: the stream was reset.
    Cut,
    /// The message did not end, and the reader gave up.
    Hung,
    /// The reader left.
    Left,
}

/// Message as far as it was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `200`, or `POST /p`; empty if no head arrived.
    pub(crate) head: String,
    /// Headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Body in the frames in which it arrived, as far as the reader can tell them apart.
    pub(crate) data: Vec<Vec<u8>>,
    /// Trailers.
    pub(crate) trailers: Vec<(String, String)>,
    /// End; `None` while it has not ended.
    pub(crate) end: Option<End>,
}

impl Seen {
    /// Joins the body into one frame, for protocols whose reads have no meaningful boundaries.
    pub(crate) fn joined(mut self) -> Seen {
        let whole = self.data.concat();
        self.data = if whole.is_empty() { Vec::new() } else { vec![whole] };
        self
    }

    /// Returns the lines of the trace, each with `who` before it.
    pub(crate) fn lines(&self, who: &str) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.head.is_empty() {
            lines.push(format!("{who}: {} {}", self.head, listed(&self.headers)));
        }
        for data in &self.data {
            lines.push(format!("{who}: data {}", quoted(data)));
        }
        if !self.trailers.is_empty() {
            lines.push(format!("{who}: trailers {}", listed(&self.trailers)));
        }
        lines.push(match &self.end {
            Some(End::Complete) => format!("{who}: end"),
            Some(End::Cut) => format!("{who}: cut"),
            Some(End::Hung) => format!("{who}: waits in vain"),
            Some(End::Left) => format!("{who}: leaves"),
            None => format!("{who}: unfinished"),
        });
        lines
    }
}

/// Maximum length of a text that is shown whole, in bytes.
const SHOWN: usize = 120;

fn quoted(data: &[u8]) -> String {
    let shown = data.get(..SHOWN.min(data.len())).unwrap_or_default();
    let text = format!("{:?}", String::from_utf8_lossy(shown));
    if shown.len() < data.len() { format!("{text}… of {}", data.len()) } else { text }
}

/// Lists headers by name, without those of the connection: order and framing on the wire depend on the codec. The script is
/// shown as an ellipsis.
fn listed(headers: &[(String, String)]) -> String {
    let mut shown: Vec<String> = headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "connection" | "transfer-encoding"))
        .map(|(name, value)| match name.as_str() {
            "x-probe" => "x-probe=…".to_owned(),
            "host" => format!(":authority={value:?}"),
            _ => format!("{name}={:?}", normal::header(name, value)),
        })
        .collect();
    shown.sort();
    format!("[{}]", shown.join(" "))
}
