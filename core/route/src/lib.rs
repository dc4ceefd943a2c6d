//! From a model name to a route.
//!
//! Clients of an LLM API choose a model in the body, and a proxy routes by headers. A [`Router`] says, for the model a
//! client asked for, the name of a route (which becomes a header that Envoy's own routes match), the model to ask the
//! upstream for if that is another one (an alias), and the provider behind it. What it decides is a lookup in two
//! tables, so that a reader of the configuration can tell where a model goes: the exact name, else the longest prefix,
//! else the default, else nowhere.
//!
//! Names that become header values are checked once, when the configuration is read. A model name that came from a
//! client is another matter: [`header_value`] says whether it may be one, and [`NotRouted`] cuts and cleans it before it
//! repeats it.
//!
//! ```
//! use tollgate_route::{Decision, RawRouter, Router};
//!
//! let raw: RawRouter = serde_json::from_str(
//!     r#"{ "models": {
//!         "gpt-4o": { "route": "openai" },
//!         "fast": { "route": "local", "upstream_model": "llama-3.1-8b" },
//!         "claude-*": { "route": "anthropic", "provider": "anthropic" }
//!     } }"#,
//! ).unwrap();
//! let router = Router::new(raw).unwrap();
//!
//! let fast = router.decide(Some("fast")).unwrap();
//! assert_eq!(fast, Decision { route: "local", upstream_model: Some("llama-3.1-8b"), provider: None });
//! assert_eq!(router.decide(Some("claude-sonnet-4-5")).unwrap().provider, Some("anthropic"));
//!
//! let refused = router.decide(Some("gpt-2")).unwrap_err();
//! assert_eq!(refused.api_error().status, 404);
//! assert_eq!(refused.api_error().message, "The model `gpt-2` does not exist or you do not have access to it.");
//! ```

mod config;
mod header;
mod refusal;
mod router;

pub use config::{ConfigError, RawRoute, RawRouter};
pub use header::{MAX_HEADER_BYTES, header_value};
pub use refusal::NotRouted;
pub use router::{Decision, Router};
