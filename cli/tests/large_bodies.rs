//! Requests, responses and events that are too large for a file of the repository, in our own host and in a real Envoy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::PathBuf;

use serde_json::{Value, json};

mod workspace;

/// Test file with one chain.
struct File {
    name: &'static str,
    chain: Value,
    tests: Vec<Value>,
}

impl File {
    fn write(&self) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.test.yaml", self.name));
        // Cut in more ways, a body of megabytes takes minutes.
        let defaults = json!({"split": "whole"});
        let file = json!({"version": 1, "chain": self.chain, "defaults": defaults, "tests": self.tests});
        std::fs::write(&path, file.to_string()).unwrap();
        path
    }
}

/// Rule that redacts addresses in responses.
fn redacts() -> Value {
    json!({"id": "pii.email", "match": {"regex": r"[a-z]{1,20}@[a-z]{1,20}\.example"}, "applies_to": ["response"],
        "action": "redact", "replacement": "[email]"})
}

/// Rule that blocks keys in responses.
fn blocks() -> Value {
    json!({"id": "secret.key", "match": {"regex": r"AKIA[0-9A-Z]{16}"}, "applies_to": ["response"], "action": "block"})
}

/// Chains that must give the same results: two filters, and one with both as stages.
fn chains(rules: &Value) -> [Value; 2] {
    let policy = json!({"version": 1, "counting": "exact", "identity": {"consumer": {"header": "x-consumer"}, "missing": "anonymous"},
        "prices": {"on_unknown": "pass"}, "firewall": {"rules": rules}});
    [
        json!([{"filter": "prompt-inspector", "config": {"rules": rules}}, {"filter": "token-counter"}]),
        json!([{"filter": "tollgate", "config": policy}]),
    ]
}

fn events(events: &[Value]) -> String {
    let event = |event: &Value| match event.get("type").and_then(Value::as_str) {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(event).collect()
}

fn sse(body: &str) -> Value {
    json!({"headers": {"content-type": "text/event-stream"}, "body": body})
}

/// Returns prose of this many bytes with `secret` in its middle.
fn prose(bytes: usize, secret: &str) -> String {
    let half = "All is well on the bridge. ".repeat(bytes / 54);
    format!("{half}{secret}, {half}")
}

const ADDRESS: &str = "write to jane@mail.example now";
const KEY: &str = "the key is AKIAIOSFODNN7EXAMPLE";
const REDACTED: &str = "[email] now, All is";

fn runs_everywhere(files: &[File]) {
    let module = workspace::tollgate();
    let paths: Vec<PathBuf> = files.iter().map(File::write).collect();
    for backend in ["wasm", "envoy"] {
        if let Some(failure) = workspace::failure(backend, &module, &paths) {
            panic!("{backend}: {failure:.4000}");
        }
    }
}

/// Response of OpenAI Responses with the tools of the request, as its events repeat it.
fn response(status: &str, output: Value) -> Value {
    let tools = json!([{"type": "function", "name": "t", "description": "tool description ".repeat(20_000),
        "parameters": {"type": "object", "properties": {}}}]);
    let mut response = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "gpt-5",
        "output": output, "tools": tools});
    if status == "completed" {
        response["usage"] = json!({"input_tokens": 60005, "input_tokens_details": {"cached_tokens": 60000},
            "output_tokens": 7, "total_tokens": 60012});
    }
    response
}

fn message(text: &str) -> Value {
    json!([{"type": "message", "id": "m1", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}]}])
}

/// Stream of OpenAI Responses whose last event repeats the output, and a text that only it has.
fn responses(deltas: &[&str], whole: &str) -> String {
    let delta = |text: &&str| {
        json!({"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "content_index": 0,
            "delta": text})
    };
    let mut all = vec![json!({"type": "response.created", "response": response("in_progress", json!([]))})];
    all.extend(deltas.iter().map(delta));
    all.push(json!({"type": "response.completed", "response": response("completed", message(whole))}));
    for (number, event) in all.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events(&all)
}

fn asked() -> Value {
    json!({"path": "/v1/responses", "json": {"model": "gpt-5", "input": "hi", "stream": true}})
}

#[test]
fn usage_in_large_events_is_that_of_the_provider() {
    let picture = "iVBO".to_owned() + &"A".repeat(400_000);
    let gemini = [
        json!({"candidates": [{"content": {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": picture}}]}}]}),
        json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "done"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 1290, "totalTokenCount": 1294}}),
    ];
    let images = [
        json!({"type": "image_generation.partial_image", "b64_json": picture, "partial_image_index": 0}),
        json!({"type": "image_generation.completed", "b64_json": picture,
            "usage": {"input_tokens": 4, "output_tokens": 1290, "total_tokens": 1294}}),
    ];
    let vectors: Vec<Value> = (0..40)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vec![0.012_345_678_9; 3072]}))
        .collect();
    let tests = vec![
        json!({"name": "tools of the request, repeated", "request": asked(), "response": sse(&responses(&["ok"], "ok")),
            "expect": {"tokens": {"input": 60005, "cached": 60000, "output": 7, "source": "provider"},
                "client": {"contains": ["response.completed"], "not_contains": ["response.failed"]}}}),
        json!({"name": "a picture in one event",
            "request": {"path": "/v1beta/models/gemini-2.5-flash-image:streamGenerateContent?alt=sse",
                "json": {"contents": [{"role": "user", "parts": [{"text": "a bridge"}]}]}},
            "response": sse(&events(&gemini)), "expect": {"tokens": {"input": 4, "output": 1290, "source": "provider"}}}),
        json!({"name": "pictures streamed in parts",
            "request": {"path": "/v1/images/generations",
                "json": {"model": "gpt-image-1", "prompt": "a bridge", "stream": true, "partial_images": 1}},
            "response": sse(&events(&images)), "expect": {"tokens": {"input": 4, "output": 1290, "source": "provider"}}}),
        json!({"name": "40 vectors of 3072 numbers",
            "request": {"path": "/v1/embeddings", "json": {"model": "text-embedding-3-large", "input": vec!["a line of text"; 40]}},
            "response": {"json": {"object": "list", "model": "text-embedding-3-large", "data": vectors,
                "usage": {"prompt_tokens": 160, "total_tokens": 160}}},
            "expect": {"status": 200, "tokens": {"input": 160, "output": 0, "source": "provider"}}}),
        json!({"name": "a picture of 1.2 MB",
            "request": {"path": "/v1/images/generations", "json": {"model": "gpt-image-1", "prompt": "a bridge"}},
            "response": {"json": {"created": 1, "data": [{"b64_json": "iVBO".to_owned() + &"A".repeat(1_200_000)}],
                "usage": {"input_tokens": 10, "output_tokens": 4160, "total_tokens": 4170}}},
            "expect": {"status": 200, "tokens": {"input": 10, "output": 4160, "source": "provider"}}}),
        json!({"name": "a conversation of 2 MB",
            "request": {"json": {"model": "gpt-4o", "messages": [{"role": "user", "content": "x".repeat(2_000_000)}]}},
            "expect": {"status": 200}}),
    ];
    let [chain, filter] = chains(&json!([redacts()]));
    let counter = json!([{"filter": "token-counter"}]);
    runs_everywhere(&[
        File { name: "large_usage_alone", chain: counter, tests: tests.clone() },
        File { name: "large_usage", chain, tests: tests.clone() },
        File { name: "large_usage_in_one_filter", chain: filter, tests },
    ]);
}

#[test]
fn blocks_of_a_stream_end_and_make_room() {
    let mut all = vec![json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
        "model": "x", "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "output_tokens": 1}}})];
    for index in 0..600 {
        all.push(json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}));
        let delta = json!({"type": "text_delta", "text": format!("w{index}. ")});
        all.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        all.push(json!({"type": "content_block_stop", "index": index}));
    }
    all.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}));
    all.push(json!({"type": "message_stop"}));
    let tests = vec![json!({"name": "600 blocks, one after the other",
        "request": {"path": "/v1/messages", "json": {"model": "x", "max_tokens": 9, "stream": true,
            "messages": [{"role": "user", "content": "hi"}]}},
        "response": sse(&events(&all)),
        "expect": {"verdict": "allow", "client": {"contains": ["w599.", "message_stop"]}}})];
    let [chain, _] = chains(&json!([redacts()]));
    runs_everywhere(&[File { name: "many_blocks", chain, tests }]);
}

/// Responses with an event of more than half a megabyte that has `text`, by the API, the framing and the kind of the text.
fn large_events(text: &str) -> Vec<(&'static str, Value, Value)> {
    let chat = json!({"json": {"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]}});
    let claude = json!({"path": "/v1/messages", "json": {"model": "x", "max_tokens": 9, "stream": true,
        "messages": [{"role": "user", "content": "hi"}]}});
    let gemini = |query: &str| {
        json!({"path": format!("/v1beta/models/g:streamGenerateContent{query}"),
            "json": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}})
    };
    let ollama = json!({"path": "/api/chat", "json": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}});
    let bedrock = json!({"path": "/model/amazon.nova-pro-v1:0/converse-stream",
        "json": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}});
    let content = |text: &str, end: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]})
    };
    let arguments = json!({"path": "a.txt", "content": text}).to_string();
    let input = |pieces: Vec<&str>| {
        let mut all = vec![
            json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "x",
                "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "tool_use", "id": "t", "name": "write", "input": {}}}),
        ];
        all.extend(pieces.iter().map(|piece| {
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}})
        }));
        all.push(json!({"type": "content_block_stop", "index": 0}));
        all.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}));
        all.push(json!({"type": "message_stop"}));
        sse(&events(&all))
    };
    let candidate = |parts: Value, end: Value| json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": end, "index": 0}]});
    let elements = [
        candidate(json!([{"text": "first. "}]), Value::Null),
        candidate(json!([{"text": text}]), Value::Null),
        candidate(json!([{"text": "last."}]), json!("STOP")),
    ];
    let array = elements.iter().map(Value::to_string).collect::<Vec<_>>().join(",\r\n");
    let call = candidate(json!([{"functionCall": {"name": "write", "args": {"content": text}}}]), json!("STOP"));
    let lines: String = [("first. ", false), (text, false), ("last.", true)]
        .map(|(text, done)| {
            format!("{}\n", json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": done}))
        })
        .concat();
    let frames: Vec<u8> = [
        frame("messageStart", &json!({"role": "assistant"})),
        frame("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}})),
        frame("contentBlockStop", &json!({"contentBlockIndex": 0})),
        frame("messageStop", &json!({"stopReason": "end_turn"})),
        frame("metadata", &json!({"usage": {"inputTokens": 4, "outputTokens": 5, "totalTokens": 9}})),
    ]
    .concat();
    let (start, end) = text.split_at(text.len() / 2 + 10);
    vec![
        ("OpenAI Responses, only in the last event", asked(), sse(&responses(&["ok"], text))),
        ("OpenAI Responses, in pieces and in the last event", asked(), sse(&responses(&[start, end], text))),
        ("OpenAI Chat, one piece", chat.clone(), sse(&(events(&[content(text, json!("stop"))]) + "data: [DONE]\n\n"))),
        (
            "OpenAI Chat, over two pieces",
            chat,
            sse(&(events(&[content(start, Value::Null), content(end, json!("stop"))]) + "data: [DONE]\n\n")),
        ),
        ("Anthropic, the input of a tool in one piece", claude.clone(), input(vec![&arguments])),
        (
            "Anthropic, the input of a tool in two pieces",
            claude,
            input(<[&str; 2]>::from(arguments.split_at(arguments.len() / 2)).to_vec()),
        ),
        (
            "Gemini, an element of an array",
            gemini(""),
            json!({"headers": {"content-type": "application/json"}, "body": format!("[{array}\r\n]")}),
        ),
        ("Gemini, the arguments of a call", gemini("?alt=sse"), sse(&events(&[call]))),
        ("Ollama, a line", ollama, json!({"headers": {"content-type": "application/x-ndjson"}, "body": lines})),
        (
            "Bedrock, a frame",
            bedrock,
            json!({"headers": {"content-type": "application/vnd.amazon.eventstream"}, "body_base64": base64(&frames)}),
        ),
    ]
}

/// Frame of an AWS event stream.
fn frame(name: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (name, value) in [(":message-type", "event"), (":event-type", name), (":content-type", "application/json")] {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut frame = [number(16 + headers.len() + payload.len()), number(headers.len())].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&frame);
    frame.extend_from_slice(&crc.sum().to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload.as_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&frame);
    frame.extend_from_slice(&crc.sum().to_be_bytes());
    frame
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn secrets_in_large_events_are_redacted_and_blocked() {
    let (mut redacted, mut blocked) = (Vec::new(), Vec::new());
    for (secret, tests) in [(ADDRESS, &mut redacted), (KEY, &mut blocked)] {
        for (name, request, response) in large_events(&prose(600_000, secret)) {
            let expect = match secret {
                ADDRESS => json!({"verdict": "redact", "rules": ["pii.email"], "status": 200,
                    "client": {"contains": [REDACTED], "not_contains": ["jane", "error"]}}),
                _ => json!({"verdict": "block", "rules": ["secret.key"], "client": {"not_contains": ["AKIA"]}}),
            };
            tests.push(json!({"name": name, "request": request, "response": response, "expect": expect}));
        }
    }
    let [chain, filter] = chains(&json!([redacts(), blocks()]));
    let names = ["large_events_redacted", "large_events_blocked"];
    let one_filter = ["large_events_redacted_in_one_filter", "large_events_blocked_in_one_filter"];
    let mut files = Vec::new();
    for (names, chain) in [(names, &chain), (one_filter, &filter)] {
        for (name, tests) in names.into_iter().zip([&redacted, &blocked]) {
            files.push(File { name, chain: chain.clone(), tests: tests.clone() });
        }
    }
    runs_everywhere(&files);
}

#[test]
fn an_event_above_the_limit_ends_the_stream() {
    let chat = json!({"json": {"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]}});
    let event = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]});
    let body = |bytes: usize| events(&[event("first. "), event(&prose(bytes, ADDRESS))]) + "data: [DONE]\n\n";
    let tests = vec![
        json!({"name": "8 MB", "request": chat, "response": sse(&body(8_000_000)),
            "expect": {"verdict": "redact", "rules": ["pii.email"], "client": {"contains": [REDACTED], "not_contains": ["jane", "error"]}}}),
        json!({"name": "9 MB", "request": chat, "response": sse(&body(9_000_000)),
            "expect": {"verdict": "unscannable", "properties": {"tollgate.unscanned": "response_too_large"},
                "client": {"contains": ["first.", "error"], "not_contains": ["jane", "bridge"]}}}),
    ];
    let [chain, _] = chains(&json!([redacts()]));
    runs_everywhere(&[File { name: "event_limit", chain, tests }]);
}

#[test]
fn responses_above_the_buffer_of_envoy_pass_text_by_text() {
    // More than Envoy buffers.
    let picture = "iVBORw0KGgoAAAANSUhEUgAA".repeat(500_000);
    let data = json!({"inlineData": {"mimeType": "image/png", "data": picture}});
    let text = json!({"text": "write to jane@mail.example now"});
    let mut tests = Vec::new();
    for (name, parts) in [("in front of", [&text, &data]), ("behind", [&data, &text])] {
        let json = json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 40, "totalTokenCount": 45}, "modelVersion": "g"});
        for trailers in [json!({}), json!({"x-checksum": "ab"})] {
            tests.push(json!({"name": format!("text {name} a picture, trailers {trailers}"),
            "request": {"path": "/v1beta/models/g:generateContent", "json": {"contents": [{"role": "user", "parts": [{"text": "a bridge"}]}]}},
            "response": {"headers": {"content-type": "application/json"}, "body": json.to_string(), "trailers": trailers},
            "expect": {"verdict": "redact", "rules": ["pii.email"], "tokens": {"input": 5, "output": 40, "source": "provider"},
                "client": {"contains": ["write to [email] now", "UhEUgAA\""], "not_contains": ["jane"]}}}));
        }
    }
    let [chain, _] = chains(&json!([redacts()]));
    runs_everywhere(&[File { name: "large_responses", chain, tests }]);
}

#[test]
fn pictures_in_events_are_held_with_their_texts() {
    let picture = "iVBORw0KGgoAAAANSUhEUgAA".repeat(500_000);
    let data = json!({"inlineData": {"mimeType": "image/png", "data": picture}});
    let text = json!({"text": "write to jane@mail.example now"});
    let mut tests = Vec::new();
    for (name, parts) in [("in front of", [&text, &data]), ("behind", [&data, &text])] {
        let event = json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 40, "totalTokenCount": 45}, "modelVersion": "g"});
        tests.push(json!({"name": format!("text {name} a picture"),
            "request": {"path": "/v1beta/models/g:streamGenerateContent?alt=sse",
                "json": {"contents": [{"role": "user", "parts": [{"text": "a bridge"}]}]}},
            "response": sse(&events(&[event])),
            "expect": {"verdict": "redact", "rules": ["pii.email"], "tokens": {"input": 5, "output": 40, "source": "provider"},
                "client": {"contains": ["write to [email] now", "UhEUgAA\""], "not_contains": ["jane"]}}}));
    }
    let [chain, _] = chains(&json!([redacts()]));
    runs_everywhere(&[File { name: "large_pictures", chain, tests }]);
}
