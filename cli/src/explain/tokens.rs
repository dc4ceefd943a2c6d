//! Tokens of the prompt, by part.

use serde_json::json;
use tollgate_policy::{CompiledPolicy, CountingMode, References};
use tollgate_tokens::{Keeper, Margin, PromptCount};

use super::{Stage, View};

/// Tokens of a prompt.
pub(super) struct Count {
    /// Count with the tokenizer that the policy selects.
    pub(super) exact: PromptCount,
    /// Upper bound without tokenizing; `None` unless the policy counts `when_needed`.
    pub(super) bound: Option<u64>,
    /// Margin to reserve on the count.
    pub(super) margin: Margin,
    /// Number of references to content outside of the request.
    references: u32,
    /// Name of the tokenizer.
    tokenizer: String,
}

pub(super) fn count(policy: &CompiledPolicy, view: &View<'_>, model: Option<&str>) -> Count {
    let profile = policy.catalog.profile(model.unwrap_or_default());
    let bound = profile.bound(&view.request, &view.body, &Keeper::default());
    let is_bounded = policy.counting.mode == CountingMode::WhenNeeded;
    Count {
        exact: profile.count(&view.request, &view.body),
        bound: is_bounded.then_some(bound.tokens),
        margin: policy.catalog.margin(model.unwrap_or_default()),
        references: bound.references,
        tokenizer: profile.tokenizer().name().to_owned(),
    }
}

pub(super) fn explain(policy: &CompiledPolicy, view: &View<'_>, count: &Count) -> Stage {
    let Count { exact, bound, margin, references, tokenizer } = count;
    let mode = match policy.counting.mode {
        CountingMode::Exact => "exact",
        CountingMode::WhenNeeded => "when_needed",
        CountingMode::Off => "off",
    };
    let quality = if exact.exact { "exact" } else { "an estimate" };
    let PromptCount { tokens, text, framing, tools, images, media, .. } = exact;
    let mut lines = vec![
        format!("The prompt has {tokens} tokens ({quality}, {tokenizer}); the policy counts `{mode}`."),
        format!("text {text}, framing {framing}, tools {tools}, images {images}, media {media}"),
    ];
    if let Some(bound) = bound {
        lines.push(format!("Its upper bound, without counting, is {bound} tokens."));
    }
    if *margin != Margin::NONE {
        let reserved = margin.reserved(*tokens);
        lines.push(format!("With the margin of {margin} for estimates of this model, {reserved} tokens are reserved."));
    }
    if *references > 0 {
        lines.push(format!("References to content of unknown size (URLs, files, conversations): {references}."));
    }
    let parts = json!({ "text": text, "framing": framing, "tools": tools, "images": images, "media": media });
    let facts = json!({
        "mode": mode, "tokens": tokens, "exact": exact.exact, "tokenizer": tokenizer, "parts": parts, "bound": bound,
        "references": references, "estimate_margin": margin.to_string(), "reserved": margin.reserved(*tokens),
    });
    let stage = Stage::new("tokens", lines, facts);
    let is_refused = policy.counting.references == References::Refuse && *references > 0;
    if is_refused && !view.request.dialect.is_free() {
        return stage.refuse(400, "The request refers to content outside of it, whose number of tokens is unknown.");
    }
    stage
}
