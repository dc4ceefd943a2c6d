//! What a body may cost.

/// Bounds on what a client or an upstream can make the gateway do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Bytes of one body (or of the data of one event). 16 MiB.
    pub max_bytes: usize,
    /// Objects and arrays inside each other. 64.
    pub max_depth: usize,
    /// Bytes of one event of a stream, its terminator included. 1 MiB.
    pub max_event_bytes: usize,
    /// Texts of one body, its messages, and the members of its open objects, each counted by itself: what bounds the
    /// memory of a view, since one text of three bytes costs ten times as much in it. 262,144.
    pub max_items: usize,
}

impl Default for ParseLimits {
    fn default() -> ParseLimits {
        ParseLimits { max_bytes: 16 << 20, max_depth: 64, max_event_bytes: 1 << 20, max_items: 1 << 18 }
    }
}
