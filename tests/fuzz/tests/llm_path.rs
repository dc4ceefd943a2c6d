//! Paths: a recognised path is recognised again after its model was replaced, and nothing else in it changes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Dialect, Endpoint};

const SEEDS: &[&[u8]] = &[
    b"/v1/chat/completions?x=y",
    b"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
    b"/openai/deployments/my%20one;a=b/embeddings/",
    b"/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse",
    b"/v1/projects/p/locations/l/publishers/anthropic/models/claude%2D4@1:rawPredict",
    b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse-stream",
    b"/v1//./messages/x/..\\count_tokens%0a",
    b"/v1/responses/resp_1?stream=true",
    b"/responses/resp_1/cancel",
    b"/team/v1/conversations/conv_1/items",
    b"/docs/mcp",
    b"/v1/prompts/p/versions/1;a=b",
];

const NAMES: [&str; 4] = ["m", "a/b:c", "..", "x;y?z#\u{e9} %2f"];

fn property(path: &[u8]) {
    // A request without a body is a call if it returns what a provider stores, or opens a session of MCP.
    let is_read = |endpoint: Endpoint| endpoint.is_fetch || endpoint.dialect == Dialect::Mcp;
    assert!(Endpoint::detect(b"GET", path).is_none_or(is_read));
    let Some(endpoint) = Endpoint::detect(b"POST", path) else { return };
    assert_eq!(Endpoint::detect(b"pOsT", path).as_ref(), Some(&endpoint));
    let Some(model) = &endpoint.model else { return };
    assert!(model.span.start <= model.span.end && model.span.end <= path.len());
    assert!(!model.span.of(path).iter().any(|byte| matches!(byte, b'?' | b'#')));
    for name in NAMES {
        let replaced = model.replaced(path, name);
        assert!(replaced.starts_with(&path[..model.span.start]) && replaced.ends_with(&path[model.span.end..]));
        // A name that is a `..` segment, or that matches a literal segment of another pattern, makes another path.
        if let Some(again) = Endpoint::detect(b"POST", &replaced).and_then(|again| again.model)
            && again.span.start == model.span.start
            && name == "m"
        {
            assert_eq!(again.name, name);
        }
    }
}

tollgate_fuzz::target!(llm_path, SEEDS, property);
