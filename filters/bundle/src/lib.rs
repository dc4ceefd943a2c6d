//! `tollgate.wasm`: all filters in one module.
//!
//! A plugin selects its filter by `root_id` (Istio: `pluginName`): `tollgate`, which runs all stages of one policy, or one of
//! `prompt-inspector`, `token-counter`, `cost-quota` and `model-router`. Plugins with the same `vm_id` share one virtual
//! machine per worker, and so the parse cache: the first filter of a chain parses a request, later ones reuse the view.

tollgate_kit::filter!(
    gateway::Gateway,
    prompt_inspector::PromptInspector,
    token_counter::TokenCounter,
    cost_quota::CostQuota,
    model_router::ModelRouter,
);
