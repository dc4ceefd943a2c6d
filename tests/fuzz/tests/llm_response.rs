//! Responses, whole and in events: the view, its reuse, and redactions that must parse again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use std::cell::RefCell;

use tollgate_llm::{Chunk, Dialect, Edits, ErrorKind, OutputText, ParseLimits, Response};

const SEEDS: &[&[u8]] = &[
    br#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \ud83d","refusal":null,"reasoning":"r"},
        "logprobs":{"content":[{"token":"Hi","logprob":-1,"bytes":[72],"top_logprobs":[{"token":"Ho"}]}]},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4}}}"#,
    br#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\"a"},"index":1}]},"index":2}],"usage":null}"#,
    br#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":[{"text":"b"}]}],
        "reasoning_content":"c","reasoning":"d","reasoning_details":[{"text":"e"}],"audio":{"transcript":"t","data":"QQ"}}}]}"#,
    br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    br#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#,
    b"[DONE]",
];

thread_local! {
    /// One chunk for all events, as in a stream.
    static REUSED: RefCell<Chunk> = RefCell::default();
}

fn property(body: &[u8]) {
    let chat = Dialect::OpenAiChat;
    let limits = ParseLimits { max_items: 200, max_depth: 16, max_bytes: 4096, ..ParseLimits::default() };
    let fresh = Chunk::parse(chat, body, &limits);
    REUSED.with_borrow_mut(|reused| {
        assert_eq!(reused.parse_into(chat, body, &limits), fresh.as_ref().map(Option::is_some).map_err(|error| *error));
        let empty = Chunk::default();
        let fresh = fresh.as_ref().ok().and_then(Option::as_ref).unwrap_or(&empty);
        assert_eq!(reused.texts, fresh.texts);
        assert_eq!((reused.model, reused.usage, reused.is_error), (fresh.model, fresh.usage, fresh.is_error));
        assert_eq!((&reused.finished, reused.choices), (&fresh.finished, fresh.choices));
    });
    if let Ok(Some(chunk)) = &fresh {
        redact(body, &chunk.texts, |body| Chunk::parse(chat, body, &ParseLimits::default()).unwrap().unwrap().texts);
    }
    match Response::parse(chat, body, &limits) {
        Ok(response) => {
            redact(body, &response.texts, |body| Response::parse(chat, body, &ParseLimits::default()).unwrap().texts);
            let mut edits = Edits::new();
            for logprobs in &response.logprobs {
                edits.replace(*logprobs, "null").unwrap();
            }
            let edited = edits.apply(body);
            assert!(Response::parse(chat, &edited, &limits).unwrap().logprobs.is_empty());
        }
        Err(error) => {
            let meant = matches!(
                error.kind,
                ErrorKind::DuplicateKey | ErrorKind::TooDeep | ErrorKind::TooMany | ErrorKind::WrongType(_)
            );
            let oracle = serde_json::from_slice::<serde_json::Value>(body);
            assert!(meant || oracle.is_err() || body.len() > limits.max_bytes, "{error}");
        }
    }
}

/// Replaces every text: the channels stay the same and each holds the new text.
fn redact(body: &[u8], texts: &[OutputText], parse: impl Fn(&[u8]) -> Vec<OutputText>) {
    let mut edits = Edits::new();
    for text in texts {
        edits.replace_text(text.str.span, "[\"redacted\"]").unwrap();
    }
    let redacted = edits.apply(body);
    let after = parse(&redacted);
    assert!(after.iter().map(|text| text.channel).eq(texts.iter().map(|text| text.channel)));
    assert!(after.iter().all(|text| text.str.decode(&redacted) == "[\"redacted\"]"));
}

tollgate_fuzz::target!(llm_response, SEEDS, property);
