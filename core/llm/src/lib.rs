//! LLM wire formats as views of spans over the original bytes.

mod dialect;
mod error;
mod escape;
mod limits;
mod literal;
mod request;
mod response;
mod span;
mod splice;
pub mod sse;
mod usage;

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
