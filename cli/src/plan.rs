//! Tests that are ready to run: short forms are expanded, defaults are applied and files are read.

mod chain;
mod chat;
mod examples;
mod filter;
mod headers;
mod identity;
mod local_replies;
mod request;
mod response;
mod routes;
mod suite;

use std::path::{Path, PathBuf};

pub use chain::ResolvedChain;
pub use examples::examples;
pub use filter::{ResolvedFilter, guard_cluster};
pub use identity::Identity;
pub use request::ClientRequest;
pub use response::UpstreamResponse;
pub use routes::{RouteRule, Target};
pub use suite::{Action, Case, Exchange, Suite};

/// Value of the environment variables with the keys of guards.
const GUARD_KEY: &str = "test-key";
/// Environment variable with the key of placeholders and hashes, and its value in tests.
const PLACEHOLDER_KEY: (&str, &str) = (tollgate_inspect::PLACEHOLDER_KEY, "the key of placeholders in tests");

/// Resolves a path in a test file, which is relative to the folder of that file.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new(".")).join(path)
}

/// Headers in order, with lower-case names.
pub type HeaderList = Vec<(String, Vec<u8>)>;
