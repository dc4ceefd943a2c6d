//! Types of the `*.test.yaml` format. Parsing checks keys and types only.
//!
//! The doc comments here become descriptions in the JSON Schema; they address authors of tests.

mod chain;
mod duration;
mod expect;
mod guard;
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
pub use guard::GuardResponse;
pub use known::{BackendName, KnownFailure};
pub use request::{Chat, HeaderValue, Headers, Request};
pub use response::{LineEnd, Response, Sse, Usage, UsageAt};
pub use scalar::Scalar;
pub use split::{Split, SplitKind};

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Tests of a policy, or of a chain of Tollgate filters: requests and upstream responses in, verdicts out, without a cluster.
///
/// A file has either `policy` or `chain`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["policy"]}, {"required": ["chain"]}]))]
pub struct TestFile {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Policy under test (`tollgate.yaml`): its path, relative to the folder of the test file. The filter `tollgate` enforces it.
    /// Files that it includes are read, too.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// Filters under test, in Envoy's order.
    #[serde(default)]
    pub chain: Option<Chain>,
    /// Defaults for every test of the file. Values of a test override them; headers are merged by name.
    #[serde(default)]
    pub defaults: Defaults,
    /// Tests. Each starts with empty state: nothing that another test counted or stored is kept.
    #[schemars(with = "Vec<Test>")]
    pub tests: Vec<Spanned<Test>>,
    /// Tests that are known to fail. A listed test that passes fails the run, so the list cannot become outdated.
    #[serde(default)]
    #[schemars(with = "Vec<KnownFailure>")]
    pub known_failures: Vec<Spanned<KnownFailure>>,
}

/// Defaults for every test of the file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Defaults of requests.
    pub request: Request,
    /// Defaults of upstream responses.
    pub response: Response,
    /// Responses of guards by their names.
    pub guards: BTreeMap<String, GuardResponse>,
    /// Deliveries of tests that do not have a `split` of their own.
    pub split: Option<Split>,
}

/// A test: a request, the upstream's response and the expected result, or several of these as `steps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Statement that is true if the test passes. Unique within the file.
    pub name: String,
    /// Deliveries (pieces and HTTP versions) in which requests and responses are sent. Default: `all`, every delivery
    /// that could make a difference. All deliveries must give the same result.
    #[serde(default)]
    pub split: Option<Split>,
    /// Request that the client sends.
    #[serde(default)]
    pub request: Option<Request>,
    /// Response of the upstream. Default: an ordinary response with the text `ok`.
    #[serde(default)]
    pub response: Option<Response>,
    /// Responses of guards by their names, merged with the defaults.
    #[serde(default)]
    pub guards: BTreeMap<String, GuardResponse>,
    /// Expected result.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Several requests, one after the other, instead of `request`, `response` and `expect`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<TestStep>>")]
    pub steps: Option<Vec<Spanned<TestStep>>>,
}

/// A step of a test: a request, or a passage of time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestStep {
    /// Request that the client sends.
    #[serde(default)]
    pub request: Option<Request>,
    /// Response of the upstream.
    #[serde(default)]
    pub response: Option<Response>,
    /// Responses of guards by their names, merged with the defaults.
    #[serde(default)]
    pub guards: BTreeMap<String, GuardResponse>,
    /// Expected result. A step without it only prepares the following steps.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Time that passes, instead of a request: `61s`, `1m30s`, `500ms`. Time is virtual; the test does not wait.
    #[serde(default)]
    pub advance: Option<HumanDuration>,
}
