//! Builds the validated types of all stages from a document and collects all errors.

mod budgets;
mod firewall;
mod identity;
mod models;
mod prices;
mod providers;

use tollgate_config::{Finding, Path, Reading, Removed, Severity, Step};
use tollgate_inspect::OnBlockInStream;
use tollgate_tokens::UsageRequests;

use self::models::CompiledModels;
use crate::checks;
use crate::compiled::CompiledPolicy;
use crate::counting::{Counting, CountingMode};
use crate::mcp::McpRules;
use crate::policy::{Policy, has_error};
use crate::routes::RawRoute;
use crate::tag_routing::TagRouting;

/// Findings so far, and the values that have errors of their own.
pub(crate) struct Findings {
    all: Vec<Finding>,
    /// Number of findings of the reader, at the beginning of `all`.
    read: usize,
    removed: Removed,
}

impl Findings {
    /// Adds a finding, unless the reader has found an error in or around the value, or there is one at the same place.
    pub(crate) fn add(&mut self, finding: Finding) {
        let follows = |known: &Finding| known.path.contains(&finding.path) || finding.path.contains(&known.path);
        let same = |known: &Finding| known.path == finding.path && known.severity == finding.severity;
        let read = self.all.get(..self.read).unwrap_or_default();
        if !read.iter().any(follows) && !self.all.iter().any(same) {
            self.all.push(finding);
        }
    }

    /// Adds an error of a value that the types of the core refuse.
    ///
    /// It follows from an error of a check below the value, if there is one.
    pub(crate) fn invalid(&mut self, path: Path, problem: impl Into<String>) {
        let follows = |known: &Finding| known.severity == Severity::Error && path.contains(&known.path);
        if !self.all.iter().any(follows) {
            self.add(Finding::error("invalid-value", path, problem));
        }
    }

    /// Returns `true` if values of a part could not be read, so that references to the part say nothing.
    pub(crate) fn is_incomplete(&self, part: &str) -> bool {
        let read = self.all.get(..self.read).unwrap_or_default();
        read.iter().any(|finding| finding.path.top().is_none_or(|top| top == part))
    }

    /// Returns the indices in the document of the remaining elements of a list.
    pub(crate) fn indices(&self, path: &Path, remaining: usize) -> Vec<usize> {
        self.removed.indices(path, remaining)
    }
}

/// Replaces the index of the first list below `at` in a path of the core by the index in the document.
pub(crate) fn in_document(path: Path, at: usize, indices: &[usize]) -> Path {
    let mut path = path;
    if let Some(Step::Index(index)) = path.0.get_mut(at) {
        *index = indices.get(*index).copied().unwrap_or(*index);
    }
    path
}

/// Compiles what has been read, and runs the checks.
pub(crate) fn compile(reading: Reading<Policy>) -> Result<CompiledPolicy, Vec<Finding>> {
    let Reading { value: policy, findings, removed } = reading;
    let mut findings = Findings { read: findings.len(), all: findings, removed };
    document(&policy, &mut findings);
    checks::run(&policy, &mut findings);
    let identity = policy.identity.and_then(|raw| identity::compile(raw, &mut findings));
    let CompiledModels { aliases, routes, router, upstream_models, model_providers, labels, usage } =
        models::compile(&policy.models, &mut findings);
    let catalog = models::catalog(aliases, policy.tokenizers, &mut findings);
    let counting = policy.counting.unwrap_or(Counting {
        mode: if policy.budgets.is_empty() { CountingMode::Off } else { CountingMode::Exact },
        ..Counting::default()
    });
    let catalog = models::with_margins(catalog, counting.estimate_margin.clone(), &mut findings);
    let prices = policy.prices.unwrap_or_default();
    let (prices, on_unknown_price) = prices::compile(prices, &mut findings);
    let on_quota_unavailable = policy.quota.on_unavailable;
    let oversized_status = policy.quota.oversized_status;
    if !(400..500).contains(&oversized_status) {
        findings.invalid(Path::part("quota").key("oversized_status"), "must be a status from 400 to 499");
    }
    let quota = budgets::compile(policy.budgets, policy.quota, &mut findings);
    let (mut tag_header, mut tag_labels, mut on_block_in_stream) = (None, Vec::new(), OnBlockInStream::default());
    if let Some(raw) = &policy.firewall {
        tag_header = firewall::tag_header(raw.tag_header.as_deref(), identity.as_ref(), &mut findings);
        tag_labels.clone_from(&raw.tag_labels);
        on_block_in_stream = raw.on_block_in_stream;
    }
    let references = policy.firewall.as_ref().map(|raw| raw.references.clone()).unwrap_or_default();
    let references = firewall::references(references, &mut findings);
    let tag_routing = TagRouting::new(tag_labels, labels);
    let mcp = McpRules::new(policy.mcp, identity.is_some()).unwrap_or_else(|(path, problem)| {
        findings.invalid(Path::part("mcp").join(&path), problem);
        McpRules::default()
    });
    let firewall = policy.firewall.and_then(|raw| firewall::compile(raw, &policy.limits, &mut findings));
    let usage = {
        let of_route = |(name, route): (&String, &RawRoute)| Some((name.clone(), route.usage?));
        let of_routes = policy.routes.0.iter().filter_map(of_route).collect();
        UsageRequests::from_parts(usage, of_routes, providers::usage(&policy.providers))
    };
    let providers = providers::compile(policy.providers, &mut findings);
    let route_providers = providers::of_routes(&routes, &providers, &mut findings);
    if has_error(&findings.all) {
        return Err(findings.all);
    }
    Ok(CompiledPolicy {
        mode: policy.mode,
        limits: policy.limits,
        counting,
        identity,
        catalog,
        usage,
        prices,
        on_unknown_price,
        quota,
        on_quota_unavailable,
        firewall,
        on_block_in_stream,
        oversized_status,
        tag_header,
        tag_routing,
        references,
        mcp,
        router,
        upstream_models,
        model_providers,
        publish: policy.publish,
        providers,
        route_providers,
        warnings: findings.all,
    })
}

/// Checks the keys of the document as a whole.
fn document(policy: &Policy, findings: &mut Findings) {
    match policy.version {
        Some(1) => {}
        Some(_) => findings.invalid(Path::part("version"), "the version of the format is 1"),
        None if findings.removed.has(&Path::part("version")) => {}
        None => {
            let finding = Finding::error("missing-key", Path::default(), "missing key `version`");
            findings.all.push(finding.with_help("the version of the format is 1: write `version: 1`"));
        }
    }
    if !policy.include.is_empty() {
        let help = "`tollgate render` writes one document with all included files";
        findings.add(Finding::error("include", Path::part("include"), "a filter reads no files").with_help(help));
    }
}
