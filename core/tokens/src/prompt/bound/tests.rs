use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_llm::{Dialect, ParseLimits, Request};

use crate::{ASSUMED_REFERENCE_TOKENS, Encoding, Keeper, Profile, TextCache, Tokenizer};

/// A model of every encoding and of every kind of framing.
const MODELS: &[&str] = &[
    "gpt-4o",
    "gpt-4",
    "gpt-3.5-turbo-0301",
    "gpt-oss-120b",
    "claude-sonnet-4-5",
    "gemini-2.5-pro",
    "llama-3.1-8b",
    "qwen2.5-7b",
    "qwen3-8b",
    "deepseek-v3",
    "mistral-large",
    "an-unknown-model",
];

fn parsed(dialect: Dialect, body: &Value) -> (Request, Vec<u8>) {
    let body = body.to_string().into_bytes();
    (Request::parse(dialect, &body, &ParseLimits::default()).unwrap(), body)
}

/// Profiles of a model: with its own tokenizer, and with every built-in encoding.
fn profiles(model: &str) -> Vec<Profile> {
    let others = Encoding::ALL.iter().map(|encoding| Profile::of(model).with_tokenizer(Tokenizer::from(*encoding)));
    std::iter::once(Profile::of(model)).chain(others).collect()
}

#[test]
fn references_have_no_bound() {
    let chat = |content: Value| json!({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]});
    let responses = |own: Value| {
        let mut body = json!({"model": "gpt-4o", "input": "hello"});
        body.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        body
    };
    let claude = |source: Value| {
        json!({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "image", "source": source}]}]})
    };
    let document = |source: Value| {
        json!({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "document", "source": source}]}]})
    };
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
        "file_id": {"type": "string"}, "conversation": {"type": "string"}}}}}]);
    use Dialect::{AnthropicMessages, GeminiGenerate, OpenAiChat, OpenAiResponses};
    for (dialect, body, references, assumed) in [
        (OpenAiChat, chat(json!("hello")), 0, 0),
        (OpenAiChat, chat(json!("previous_response_id, https://example.com/a.png")), 0, 0),
        (OpenAiChat, chat(json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}])), 1, 0),
        (OpenAiChat, chat(json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])), 0, 0),
        (OpenAiChat, chat(json!([{"type": "image_url", "image_url": {"url": "DATA:image/png;base64,AAAA"}}])), 0, 0),
        (OpenAiChat, chat(json!([{"type": "file", "file": {"file_id": "file-1"}}])), 1, 1),
        (OpenAiChat, chat(json!([{"type": "file", "file": {"file_data": "JVBERiAA"}}])), 0, 0),
        (OpenAiChat, json!({"model": "gpt-4o", "messages": [], "tools": tool}), 0, 0),
        (OpenAiResponses, responses(json!({})), 0, 0),
        (OpenAiResponses, responses(json!({"previous_response_id": "resp_1"})), 1, 1),
        (OpenAiResponses, responses(json!({"previous_response_id": null, "conversation": null})), 0, 0),
        (OpenAiResponses, responses(json!({"conversation": "conv_1"})), 1, 1),
        (OpenAiResponses, responses(json!({"conversation": {"id": "conv_1"}})), 1, 1),
        (OpenAiResponses, responses(json!({"prompt": {"id": "pmpt_1", "variables": {"a": "b"}}})), 1, 1),
        (OpenAiResponses, responses(json!({"input": [{"type": "item_reference", "id": "msg_1"}]})), 1, 1),
        (OpenAiResponses, responses(json!({"metadata": {"a": "b"}})), 0, 0),
        (AnthropicMessages, claude(json!({"type": "url", "url": "https://example.com/a.png"})), 1, 0),
        (AnthropicMessages, claude(json!({"type": "base64", "media_type": "image/png", "data": "AAAA"})), 0, 0),
        (AnthropicMessages, document(json!({"type": "url", "url": "https://example.com/a.pdf"})), 1, 1),
        (AnthropicMessages, document(json!({"type": "file", "file_id": "file_1"})), 1, 1),
        (GeminiGenerate, json!({"contents": [], "cachedContent": "cachedContents/1"}), 1, 1),
        (
            GeminiGenerate,
            json!({"contents": [{"role": "user", "parts": [
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/a.pdf"}}]}]}),
            1,
            1,
        ),
        (
            GeminiGenerate,
            json!({"contents": [{"role": "user", "parts": [
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}}]}]}),
            1,
            0,
        ),
    ] {
        let (request, bytes) = parsed(dialect, &body);
        let profile = Profile::of("gpt-4o");
        let bound = profile.bound(&request, &bytes, &Keeper::default());
        assert_eq!(bound.references, references, "{body}");
        let without = bound.tokens - assumed * ASSUMED_REFERENCE_TOKENS;
        let counted = bound.kept.count(profile.tokenizer());
        assert!(counted.is_whole, "{body}");
        let exact = profile.count(&request, &bytes).tokens;
        assert_eq!(counted.tokens, exact + assumed * ASSUMED_REFERENCE_TOKENS, "{body}");
        assert!(without >= exact, "{body}");
    }
}

#[test]
fn kept_texts_are_bounded_per_prompt_and_in_total() {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(100);
    let (request, body) =
        parsed(Dialect::OpenAiChat, &json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}));
    let profile = Profile::of("gpt-4o");
    let exact = profile.count(&request, &body).tokens;
    let keeper = Keeper::new(8_000, 10_000);
    let first = profile.bound(&request, &body, &keeper);
    assert_eq!(keeper.held_bytes(), 4_504, "the text and the role");
    let second = profile.bound(&request, &body, &keeper);
    let third = profile.bound(&request, &body, &keeper);
    assert!(keeper.held_bytes() <= 10_000);
    for (bound, is_whole) in [(&first, true), (&second, true), (&third, false)] {
        let count = bound.kept.count(profile.tokenizer());
        assert_eq!(count.is_whole, is_whole);
        assert_eq!(bound.tokens, first.tokens);
        // Of the third, the beginning of the text is kept.
        let tolerance = if is_whole { 0 } else { exact / 10 };
        assert!(count.tokens <= bound.tokens && count.tokens.abs_diff(exact) <= tolerance, "{count:?}, {exact}");
    }
    drop((first, second, third));
    assert_eq!(keeper.held_bytes(), 0);
}

#[test]
fn texts_that_are_not_kept_are_estimated_in_the_ratio_of_those_that_are() {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(40);
    let message = json!({"role": "user", "content": text});
    let (request, body) = parsed(Dialect::OpenAiChat, &json!({"model": "gpt-4o", "messages": vec![message; 100]}));
    let profile = Profile::of("gpt-4o");
    let exact = profile.count(&request, &body).tokens;
    let bound = profile.bound(&request, &body, &Keeper::default());
    let count = bound.kept.count(profile.tokenizer());
    assert!(!count.is_whole && count.tokens.abs_diff(exact) < exact / 20, "{count:?}, {exact}");
}

#[test]
fn a_text_that_does_not_fit_is_estimated_from_its_beginning() {
    let profile = Profile::of("gpt-4o");
    let counted = |text: &str| {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]});
        let (request, body) = parsed(Dialect::OpenAiChat, &body);
        let exact = profile.count(&request, &body).tokens;
        (profile.bound(&request, &body, &Keeper::default()).kept.count(profile.tokenizer()).tokens, exact)
    };
    let (estimated, exact) = counted(&"a = b; ".repeat(20_000));
    assert!(estimated.abs_diff(exact) < exact / 20, "{estimated}, {exact}");
    // A beginning of few tokens does not make the rest cheap.
    let (estimated, exact) = counted(&format!("{}{}", " ".repeat(64 << 10), ". , ;".repeat(100_000)));
    assert!(estimated * 6 >= exact, "{estimated}, {exact}");
}

fn text() -> impl Strategy<Value = String> {
    let dense = "[!-/:-@\\[-`{-~\u{4e00}-\u{4fff}\u{1f600}-\u{1f64f}\\x00-\\x1f]{0,80}";
    prop_oneof![
        any::<String>(),
        "[a-zA-Z ,.\n]{0,400}",
        dense,
        Just("<|endoftext|><|im_start|>".to_owned()),
        ("[a-z]{1,9}", 1_usize..200).prop_map(|(word, times)| word.repeat(times)),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let role = prop_oneof!["system", "user", "assistant", "developer", "function", "[a-z\u{80}-\u{ff}]{0,9}"];
    (role, text(), proptest::option::of(text()), 0..4).prop_map(|(role, text, name, kind)| {
        let mut message = match kind {
            0 => json!({"role": role, "content": [{"type": "text", "text": text}]}),
            1 => json!({"role": role, "content": text, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": text}}]}),
            2 => json!({"role": role, "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                {"type": "text", "text": text}]}),
            _ => json!({"role": role, "content": text, "reasoning_content": text}),
        };
        if let Some(name) = name {
            message["name"] = name.into();
        }
        message
    })
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": ["integer", "null", "string"]})),
        Just(json!({"enum": [1, 2, "a", null, true]})),
        Just(json!({"anyOf": [{}, {"type": "array"}, {"type": "integer"}]})),
        text().prop_map(|description| json!({"type": "number", "description": description})),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        proptest::collection::btree_map("[a-z]{0,5}", inner, 0..4).prop_map(
            |properties| json!({"type": ["object", "array"], "properties": properties, "items": {"enum": [0]}}),
        )
    })
}

fn conversation() -> impl Strategy<Value = Value> {
    let tools = proptest::option::of((schema(), text(), 0..3));
    (proptest::collection::vec(message(), 0..8), tools).prop_map(|(messages, tools)| {
        let mut body = json!({"messages": messages});
        if let Some((schema, description, choice)) = tools {
            body["tools"] = json!([{"type": "function", "function":
                {"name": "f", "description": description, "parameters": schema}}]);
            body["tool_choice"] = match choice {
                0 => json!("none"),
                1 => json!("required"),
                _ => json!({"type": "function", "function": {"name": "f"}}),
            };
        }
        body
    })
}

proptest! {
    #[test]
    fn no_exact_count_is_above_the_bound(body in conversation(), model in proptest::sample::select(MODELS)) {
        let (request, bytes) = parsed(Dialect::OpenAiChat, &body);
        for profile in profiles(model) {
            let exact = profile.count(&request, &bytes).tokens;
            let bound = profile.bound(&request, &bytes, &Keeper::default());
            prop_assert!(bound.tokens >= exact, "{} {}: {} < {}", model, profile.tokenizer().name(), bound.tokens, exact);
            let kept = bound.kept.count(profile.tokenizer());
            prop_assert_eq!((kept.tokens, kept.is_whole), (exact, true));
        }
    }

    #[test]
    fn cached_counts_equal_uncached_ones(
        bodies in proptest::collection::vec(conversation(), 1..5),
        key: [u8; 16],
        entries in 1_usize..64,
        limit in 0_u64..2_000,
    ) {
        let mut cache = TextCache::with_entries(key, entries);
        // Each turn twice, so that the second one finds what the first one has stored.
        for body in bodies.iter().chain(&bodies) {
            let (request, bytes) = parsed(Dialect::OpenAiChat, body);
            for profile in ["gpt-4o", "gpt-4", "claude-sonnet-4-5"].map(Profile::of) {
                let exact = profile.count(&request, &bytes);
                let at_most = profile.count_at_most(&request, &bytes, limit, Some(&mut cache));
                prop_assert_eq!(at_most, Some(exact).filter(|count| count.tokens <= limit));
                prop_assert_eq!(profile.count_cached(&request, &bytes, Some(&mut cache)), exact);
            }
        }
    }
}
