//! `tollgate.wasm`: all filters in one module.
//!
//! A plugin chooses its filter by `root_id` (Istio: `pluginName`): `prompt-inspector`, `token-counter`, `cost-quota`,
//! `model-router`. Plugins with the same `vm_id` share one virtual machine per worker, and in it one view of the
//! request: the first filter of a chain parses it, the next ones find it parsed.

tollgate_kit::filter!(
    prompt_inspector::PromptInspector,
    token_counter::TokenCounter,
    cost_quota::CostQuota,
    model_router::ModelRouter,
);
