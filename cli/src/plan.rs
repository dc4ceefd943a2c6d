//! What is to be run: tests with their shorthand written out and their files read.

mod chain;
mod chat;
mod examples;
mod headers;
mod identity;
mod request;
mod response;
mod routes;
mod suite;

pub use chain::{ResolvedChain, ResolvedFilter};
pub use examples::examples;
pub use identity::Identity;
pub use request::ClientRequest;
pub use response::UpstreamResponse;
pub use routes::{RouteRule, Target};
pub use suite::{Action, Case, Exchange, Suite};

/// Header names in lower case with their values, in order.
pub type HeaderList = Vec<(String, Vec<u8>)>;
