//! LLM wire formats as views of spans over the original bytes.

mod dialect;
mod error;
mod escape;
mod keys;
mod limits;
mod literal;
mod path;
mod pointer;
mod reader;
mod request;
mod response;
mod scan;
mod span;
mod splice;
pub mod sse;
mod usage;
mod words;

pub use dialect::{ApiError, Dialect};
pub use error::{Error, ErrorKind};
pub use escape::escape_into;
pub use limits::Limits;
pub use literal::Str;
pub use request::{Message, Request, Role, Text, TextKind};
pub use response::{Channel, Chunk, OutText, Part, Response};
pub use span::Span;
pub use splice::{Edits, Overlap};
pub use usage::Usage;
