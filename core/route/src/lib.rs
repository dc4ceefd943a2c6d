//! Route selection by model name.
//!
//! Clients of an LLM API select the model in the body, but a proxy routes by headers. For the requested model, a
//! [`Router`] returns the name of a route (which becomes a header that Envoy's routes match), the model to request from
//! the upstream if it differs (an alias), and the provider. The decision is a table lookup that a reader of the
//! configuration can follow: the exact name, else the longest prefix, else the default, else the call is refused.
//!
//! Configured names that become header values are validated once, when the configuration is loaded. A model name sent by
//! a client is untrusted: [`header_value`] checks it before it becomes a header, and [`NotRouted`] truncates and sanitizes
//! it before repeating it in a message.
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
