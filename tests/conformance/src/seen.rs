//! What a client or an upstream saw of a message, and how that is told.

use crate::normal;

/// How a message ended for the one who read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Complete,
    /// HTTP/1.1: the connection closed before it was complete. HTTP/2: the stream was reset.
    Cut,
    /// It did not come to an end, and the reader gave up.
    Hung,
    /// The reader went away.
    Left,
}

/// A message as it was read; nothing of it at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `200`, or `POST /p`; empty if not even a head came.
    pub(crate) head: String,
    /// Its headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body in the frames it came in, as far as the reader can tell.
    pub(crate) data: Vec<Vec<u8>>,
    /// Its trailers.
    pub(crate) trailers: Vec<(String, String)>,
    /// Its end, once it has one.
    pub(crate) end: Option<End>,
}

impl Seen {
    /// All of the body as one frame: where frames cannot be told from one another.
    pub(crate) fn joined(mut self) -> Seen {
        let whole = self.data.concat();
        self.data = if whole.is_empty() { Vec::new() } else { vec![whole] };
        self
    }

    /// Lines, each with `who` before it.
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

/// The longest text told whole.
const SHOWN: usize = 120;

fn quoted(data: &[u8]) -> String {
    let shown = data.get(..SHOWN.min(data.len())).unwrap_or_default();
    let text = format!("{:?}", String::from_utf8_lossy(shown));
    if shown.len() < data.len() { format!("{text}… of {}", data.len()) } else { text }
}

/// In the order of names, without what is about the connection: order and framing on the wire are the codec's affair. Of
/// the script only that it is there.
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
