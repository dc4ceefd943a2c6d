//! Limits on the cost of parsing a body.

/// Bounds on the work and memory that a client or an upstream can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Maximum bytes of one body, or of the data of one event. Default: 16 MiB.
    pub max_bytes: usize,
    /// Maximum nesting depth of objects and arrays. Default: 64.
    pub max_depth: usize,
    /// Maximum bytes of one event of a stream, including its terminator. Default: 1 MiB.
    pub max_event_bytes: usize,
    /// Maximum number of texts of one body, of its messages, and of the members of its open objects, each counted
    /// separately. This bounds the memory of a view: a text of three bytes takes ten times as much there. Default:
    /// 262,144.
    pub max_items: usize,
}

impl Default for ParseLimits {
    fn default() -> ParseLimits {
        ParseLimits { max_bytes: 16 << 20, max_depth: 64, max_event_bytes: 1 << 20, max_items: 1 << 18 }
    }
}
