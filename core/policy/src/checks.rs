//! Checks across the parts of a policy: one file per check, with its code.

mod alias_cycles;
mod alias_targets;
mod budget_consumers;
mod control_characters;
mod empty_keywords;
mod held_bytes;
mod hidden_models;
mod limits_order;
mod secret_literals;
mod unbounded_redactions;
mod uncharged_prices;
mod unknown_callers;
mod unknown_providers;
mod unknown_tags;
mod unpriced_models;
mod unrouted_models;
mod unused_scores;

use tollgate_config::Severity;

use crate::compile::Findings;
use crate::policy::Policy;

/// Kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Code in messages, reports and docs.
    pub code: &'static str,
    /// Effect of the finding.
    pub severity: Severity,
    /// Description.
    pub summary: &'static str,
}

const fn error(code: &'static str, summary: &'static str) -> Code {
    Code { code, severity: Severity::Error, summary }
}

const fn warning(code: &'static str, summary: &'static str) -> Code {
    Code { code, severity: Severity::Warning, summary }
}

/// A route whose models name no provider.
pub(crate) const ROUTE_WITHOUT_PROVIDER: Code = error(
    "route-without-provider",
    "A route whose models name no provider, and that has not the name of one, while `providers` has entries.",
);

/// A route whose models name several providers.
pub(crate) const ROUTE_PROVIDERS: Code =
    error("route-providers", "A route whose models name different providers, while `providers` has entries.");

/// A rule that costs a search at every class of characters.
pub(crate) const SLOW_RULE: Code = error(
    "slow-rule",
    "A rule without `slow: true` whose matches have neither a literal that is rare nor a maximum length.",
);

/// An example of a rule that contradicts it. `tollgate check` and `tollgate test` run examples, a filter does not.
pub const FAILING_EXAMPLE: Code = error(
    "failing-example",
    "An example under `match` that its rule does not match, or one under `no_match` that it does.",
);

/// An exception that has ended. `tollgate check`, which knows the day, reports it.
pub const ENDED_EXCEPTION: Code =
    warning("ended-exception", "An exception whose last day is over: its rules apply again.");

/// All codes of findings, in the order of the docs.
pub const CODES: &[Code] = &[
    error("syntax", "The file is not valid YAML or JSON; nothing else is reported."),
    error("duplicate-key", "A key that occurs twice in a map."),
    error("unknown-key", "A key that the map does not have."),
    error("unknown-value", "A word in place of one of a few words."),
    error("missing-key", "A required key is absent."),
    error("wrong-type", "A value of another type."),
    error("invalid-value", "A value outside of its range or format, or a name that occurs twice."),
    error("include", "An included file cannot be used, or a filter got a document that includes files."),
    error("include-widens", "An included file does more than to add budgets and rules and to lower limits."),
    error("not-available", "A feature that this version does not have."),
    alias_targets::CODE,
    alias_cycles::CODE,
    unrouted_models::CODE,
    hidden_models::CODE,
    unknown_providers::CODE,
    ROUTE_WITHOUT_PROVIDER,
    ROUTE_PROVIDERS,
    unpriced_models::CODE,
    uncharged_prices::CODE,
    budget_consumers::CODE,
    control_characters::CODE,
    empty_keywords::CODE,
    unbounded_redactions::CODE,
    unknown_callers::CODE,
    unused_scores::CODE,
    unknown_tags::CODE,
    SLOW_RULE,
    limits_order::CODE,
    held_bytes::CODE,
    secret_literals::CODE,
    FAILING_EXAMPLE,
    ENDED_EXCEPTION,
    error("route-without-cluster", "A route of the policy that no route of the given Envoy configuration matches."),
    error("envoy-version", "A part of a policy that needs a newer Envoy than that of `--envoy-version`."),
    error("not-renderable", "A policy that `tollgate render` cannot render."),
    warning("large-policy", "A policy of over 256 KiB in the configuration that `tollgate render` writes."),
];

/// Check across parts. It is skipped if a part that it reads has errors.
struct Check {
    parts: &'static [&'static str],
    run: fn(&Policy, &mut Findings),
}

/// Checks in the order in which they run.
const CHECKS: &[Check] = &[
    alias_cycles::CHECK,
    alias_targets::CHECK,
    unrouted_models::CHECK,
    hidden_models::CHECK,
    unknown_providers::CHECK,
    unpriced_models::CHECK,
    uncharged_prices::CHECK,
    budget_consumers::CHECK,
    control_characters::CHECK,
    empty_keywords::CHECK,
    unbounded_redactions::CHECK,
    unknown_callers::CHECK,
    unused_scores::CHECK,
    unknown_tags::CHECK,
    limits_order::CHECK,
    held_bytes::CHECK,
    secret_literals::CHECK,
];

/// Runs all checks.
pub(crate) fn run(policy: &Policy, findings: &mut Findings) {
    for check in CHECKS {
        if !check.parts.iter().any(|part| findings.is_incomplete(part)) {
            (check.run)(policy, findings);
        }
    }
}
