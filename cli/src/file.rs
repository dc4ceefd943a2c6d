//! The shape of a `*.test.yaml` file: what a person writes, checked for keys and types and nothing else.
//!
//! Doc comments here become the descriptions of the JSON Schema, so they speak to whoever writes tests.

mod chain;
mod duration;
mod expect;
mod known;
mod request;
mod response;
mod scalar;
mod split;

pub use chain::{Chain, ConfigSource, EnvoyChain, Filter, FilterName, Route};
pub use duration::HumanDuration;
pub use expect::{
    ClientExpect, ErrorExpect, Expect, ExpectedVerdict, HeaderExpect, HeaderPattern, ResponseEnd, TokensExpect,
    UpstreamExpect, UpstreamSeen, UsageSource, Usd,
};
pub use known::{BackendName, KnownFailure};
pub use request::{Chat, HeaderValue, Headers, Request};
pub use response::{LineEnd, Response, Sse, Usage, UsageAt};
pub use scalar::Scalar;
pub use split::{Split, SplitKind};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Tests of a chain of Tollgate filters: requests and answers in, verdicts out, no cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The filters under test, in Envoy's order.
    pub chain: Chain,
    /// What every test of the file starts from. A test's own words go before these; headers are merged by name.
    #[serde(default)]
    pub defaults: Defaults,
    /// The tests. Each starts from nothing: no count, no memory is left of another one.
    #[schemars(with = "Vec<Test>")]
    pub tests: Vec<Spanned<Test>>,
    /// Tests that are known to fail. One that passes nevertheless fails the run, so that this list stays true.
    #[serde(default)]
    #[schemars(with = "Vec<KnownFailure>")]
    pub known_failures: Vec<Spanned<KnownFailure>>,
}

/// What every test of the file starts from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Of every request.
    pub request: Request,
    /// Of every answer.
    pub response: Response,
    /// Of every test that does not say it.
    pub split: Option<Split>,
}

/// One test: a request, the upstream's answer and what is expected of it, or several of them as `steps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What holds if the test passes. Unique in the file.
    pub name: String,
    /// In which pieces and framings requests and answers are sent. Default: `all`, every way that could matter; all of
    /// them must come to the same.
    #[serde(default)]
    pub split: Option<Split>,
    /// What the client sends.
    #[serde(default)]
    pub request: Option<Request>,
    /// What the upstream answers. Default: an ordinary answer of `ok`.
    #[serde(default)]
    pub response: Option<Response>,
    /// What has to come of it.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Several requests one after the other, in place of `request`, `response` and `expect`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<TestStep>>")]
    pub steps: Option<Vec<Spanned<TestStep>>>,
}

/// One of several steps: a request, or time that passes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestStep {
    /// What the client sends.
    #[serde(default)]
    pub request: Option<Request>,
    /// What the upstream answers.
    #[serde(default)]
    pub response: Option<Response>,
    /// What has to come of it. A step without it only prepares what follows.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Time that passes, in place of a request: `61s`, `1m30s`, `500ms`. Virtual: nothing waits.
    #[serde(default)]
    pub advance: Option<HumanDuration>,
}
