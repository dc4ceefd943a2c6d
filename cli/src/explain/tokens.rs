//! Tokens of the prompt, by part.

use serde_json::json;
use tollgate_policy::{CompiledPolicy, CountingMode};
use tollgate_tokens::PromptCount;

use super::{Call, Stage};

/// Returns the exact count of the prompt, with the tokenizer that the policy selects.
pub(super) fn count(policy: &CompiledPolicy, call: &Call, model: Option<&str>) -> PromptCount {
    let (request, body) = call.view();
    policy.catalog.profile(model.unwrap_or_default()).count(request, body)
}

pub(super) fn explain(policy: &CompiledPolicy, count: &PromptCount) -> Stage {
    let mode = match policy.counting.mode {
        CountingMode::Exact => "exact",
        CountingMode::WhenNeeded => "when_needed",
        CountingMode::Off => "off",
    };
    let quality = if count.exact { "exact" } else { "an estimate" };
    let lines = vec![
        format!("The prompt has {} tokens ({quality}); the policy counts `{mode}`.", count.tokens),
        format!(
            "text {}, framing {}, tools {}, images {}, media {}",
            count.text, count.framing, count.tools, count.images, count.media
        ),
    ];
    let facts = json!({
        "mode": mode, "tokens": count.tokens, "exact": count.exact, "parts": {
            "text": count.text, "framing": count.framing, "tools": count.tools, "images": count.images, "media": count.media,
        },
    });
    Stage::new("tokens", lines, facts)
}
