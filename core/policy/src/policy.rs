//! The document: all parts of `tollgate.yaml` as written.

use serde::Deserialize;
use serde_json::Value;
use tollgate_config::{Finding, Reading, Severity, read};
use tollgate_llm::StreamLimits;
use tollgate_tokens::RawTokenizer;

use crate::budgets::RawBudget;
use crate::compile::compile;
use crate::compiled::CompiledPolicy;
use crate::counting::Counting;
use crate::firewall::RawFirewall;
use crate::identity::RawIdentity;
use crate::mcp::RawMcp;
use crate::mode::Mode;
use crate::models::RawModels;
use crate::prices::RawPrices;
use crate::providers::RawProviders;
use crate::publish::Property;
use crate::quota::RawQuota;
use crate::routes::RawRoutes;

/// Policy of an AI gateway: who calls, which models there are, what may be spent and what may be said.
///
/// Every part is optional; a part that is absent costs nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("required" = ["version"])))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Version of this format: 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    pub version: Option<u32>,
    /// Effect of verdicts: `enforce` or `audit`. Default: `enforce`.
    pub mode: Mode,
    /// Files that this one extends, relative to it. They may add budgets and rules and lower limits. The command resolves
    /// them; a filter reads no files.
    pub include: Vec<String>,
    /// Sources of the names of consumers and teams. Required with any budget.
    pub identity: Option<RawIdentity>,
    /// Models by name: routes, providers and aliases.
    pub models: RawModels,
    /// Prices of models.
    pub prices: Option<RawPrices>,
    /// Tokenizers of models without a built-in one.
    pub tokenizers: Vec<RawTokenizer>,
    /// Limits of what a consumer may use per window.
    pub budgets: Vec<RawBudget>,
    /// Settings of the store of budgets and of reservations.
    pub quota: RawQuota,
    /// Rules on the texts of requests and responses.
    pub firewall: Option<RawFirewall>,
    /// Servers of the Model Context Protocol, and who may use their tools.
    pub mcp: RawMcp,
    /// Counting of prompts: `exact`, `when_needed` or `off`. Default: `exact` if there are budgets, else `off`.
    pub counting: Option<Counting>,
    /// Bounds on what one stream may make the filter read.
    pub limits: StreamLimits,
    /// Properties of a call that are published for access logs and other filters. Each costs a call of Envoy. Default: all.
    pub publish: Option<Vec<Property>>,
    /// Addresses and credentials of upstreams, for `tollgate render`. Filters only read the hosts and `usage`.
    pub providers: RawProviders,
    /// Settings of routes by name. Default: none.
    pub routes: RawRoutes,
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// All values that cannot be read. [`CompiledPolicy::from_value`] reports all other errors along with these.
    pub fn from_value(value: &Value) -> Result<Policy, Vec<Finding>> {
        let Reading { value: policy, findings, .. } = read(value);
        if findings.is_empty() { Ok(policy) } else { Err(findings) }
    }

    /// Validates and compiles the policy, and checks its parts against each other.
    ///
    /// # Errors
    /// All errors and warnings, if there is an error.
    pub fn compile(self) -> Result<CompiledPolicy, Vec<Finding>> {
        compile(Reading { value: self, ..Reading::default() })
    }
}

impl CompiledPolicy {
    /// Reads, validates and compiles a document.
    ///
    /// # Errors
    /// All errors and warnings, if there is an error.
    pub fn from_value(value: &Value) -> Result<CompiledPolicy, Vec<Finding>> {
        compile(read(value))
    }
}

/// Returns `true` if one of the findings is an error.
pub(crate) fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}
