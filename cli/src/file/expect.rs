//! Expected results of a request.

mod header;
mod response_end;
mod upstream;
mod usage_source;
mod usd;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Scalar;

pub use header::{HeaderExpect, HeaderPattern};
pub use response_end::ResponseEnd;
pub use upstream::{UpstreamExpect, UpstreamSeen};
pub use usage_source::UsageSource;
pub use usd::Usd;
pub use verdict::ExpectedVerdict;

/// Expected result of a request. Anything that is not mentioned is not checked, except for rules: a rule that matches
/// and is not listed fails the test.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Verdict of the filters, as in the property `tollgate.verdict`.
    pub verdict: Option<ExpectedVerdict>,
    /// Complete list of the firewall rules that match. Default: none.
    pub rules: Option<Vec<String>>,
    /// Firewall rules that match, possibly among others. Replaces `rules`.
    pub rules_include: Option<Vec<String>>,
    /// Firewall rules that must not match, for near misses. They count as negative tests of these rules (`--coverage`).
    pub not_rules: Vec<String>,
    /// Status of the response to the client.
    pub status: Option<u16>,
    /// Headers of the response to the client.
    pub headers: BTreeMap<String, HeaderExpect>,
    /// Body, end and trailers of the response to the client.
    pub client: Option<ClientExpect>,
    /// Request that reaches an upstream, or `untouched` if none does.
    pub upstream: Option<UpstreamExpect>,
    /// Tokens recorded for the call.
    pub tokens: Option<TokensExpect>,
    /// Cost in US dollars, exact to the nano-dollar.
    pub cost: Option<Usd>,
    /// Increments of counters by name (without `wasmcustom.`).
    pub metrics: BTreeMap<String, u64>,
    /// Properties of the call by name, e.g. `tollgate.route`. `null`: the property is not set.
    pub properties: BTreeMap<String, Option<Scalar>>,
    /// Envoy's response code details.
    pub details: Option<String>,
}

/// Response that the client receives.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClientExpect {
    /// Text of the first choice, streamed or not.
    pub text: Option<String>,
    /// Texts of all choices.
    pub texts: Option<Vec<String>>,
    /// Finish reason of the first choice.
    pub finish: Option<String>,
    /// `true` if the stream contains `[DONE]`.
    pub done: Option<bool>,
    /// `true` if the response contains usage.
    pub usage: Option<bool>,
    /// Tool calls of the first choice, each as `name(arguments)`.
    pub tool_calls: Option<Vec<String>>,
    /// Error object.
    pub error: Option<ErrorExpect>,
    /// `true` if the body must equal what the upstream would send to the client, `false` if it must differ.
    pub unchanged: Option<bool>,
    /// Exact body.
    pub body: Option<String>,
    /// File with the exact body, relative to the folder of the test file.
    pub body_file: Option<PathBuf>,
    /// Members of a JSON body; other members are ignored.
    pub json: Option<Value>,
    /// Substrings of the body.
    pub contains: Vec<String>,
    /// Texts that must not occur in the body.
    pub not_contains: Vec<String>,
    /// End of the response. Default: `complete`.
    pub end: Option<ResponseEnd>,
    /// Trailers.
    pub trailers: BTreeMap<String, HeaderExpect>,
}

/// Error object in OpenAI's format.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorExpect {
    /// Value of `error.type`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Value of `error.code`.
    pub code: Option<String>,
    /// Value of `error.param`.
    pub param: Option<String>,
    /// Substring of `error.message`.
    pub message: Option<String>,
}

/// Tokens recorded for a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokensExpect {
    /// Input tokens, including cached ones.
    pub input: Option<u64>,
    /// Cached part of `input`.
    pub cached: Option<u64>,
    /// Output tokens, including reasoning.
    pub output: Option<u64>,
    /// Reasoning part of `output`.
    pub reasoning: Option<u64>,
    /// Total tokens.
    pub total: Option<u64>,
    /// Source of the numbers.
    pub source: Option<UsageSource>,
}
