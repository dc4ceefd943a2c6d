//! Every dialect parses any bytes: requests, responses and events, with edits that must parse again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{
    Chunk, Dialect, Edits, Endpoint, ErrorKind, Event, Framer, Framing, OutputText, ParseLimits, PathModel, Request,
    Response, Span, TextKind,
};

/// The first byte selects the dialect and the framing.
const SEEDS: &[&[u8]] = &[
    // Requests: Gemini, Converse, InvokeModel (Titan), Cohere, rerank, Ollama, images, speech, Anthropic, Responses.
    br#" {"system_instruction":{"parts":{"text":"s"}},"contents":[{"role":"model","parts":[{"text":"a","thought":true},
        {"functionCall":{"name":"f","args":{"k":["v"]}}},{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}],"tools":[
        {"functionDeclarations":[{"name":"f"}]}],"generationConfig":{"maxOutputTokens":7,"candidateCount":2}}"#,
    br#" {"messages":[{"role":"user","content":[{"text":"a"},{"image":{"format":"png","source":{"bytes":"aGk="}}},
        {"toolResult":{"toolUseId":"t","content":[{"json":{"a":"b"}}]}},{"guardContent":{"text":{"text":"g"}}}]}],
        "system":[{"text":"s"}],"inferenceConfig":{"maxTokens":7},"toolConfig":{"tools":[{"toolSpec":{"name":"n"}}]}}"#,
    br#" {"inputText":"a","textGenerationConfig":{"maxTokenCount":7,"stopSequences":["s"]}}"#,
    br#" {"model":"m","messages":[{"role":"tool","content":[{"type":"document","document":{"id":"d"}}],"tool_plan":"p",
        "tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}],"documents":[{"data":{"t":"x"}}],"stream":true}"#,
    br#" {"model":"m","query":"q","documents":["a",{"text":"b"}]}"#,
    br#" {"model":"m","prompt":"p","images":["aGk="],"options":{"num_predict":-1},"stream":false,"messages":[{"images":["eA=="]}]}"#,
    br#" {"model":"m","prompt":"p","n":2,"images":[{"image_url":"data:,x"},{"file_id":"f"}],"mask":null}"#,
    br#" {"model":"m","input":"hello","instructions":"i","stream_format":"sse"}"#,
    br#" {"anthropic_version":"v","messages":[{"content":[{"type":"tool_result","content":[{"type":"text","text":"a"}]}]}]}"#,
    br#" {"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}],"instructions":"i"}"#,
    // Responses and events.
    br#" {"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"functionCall":{"name":"f","args":{"k":"v"}}}]},
        "finishReason":"STOP","citationMetadata":{"x":"y"},"logprobsResult":{"chosenCandidates":[{"token":"a"}]}}],
        "usageMetadata":{"promptTokenCount":1,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":1}]}}"#,
    br#" {"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"h"}}},{"toolUse":{"name":"f",
        "input":{"a":"b"}}}]}},"usage":{"inputTokens":1,"cacheDetails":[{"ttl":"1h","inputTokens":1}]}}"#,
    br#" {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}},"p":"abc"}"#,
    br#" {"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":1}}"#,
    br#" {"results":[{"outputText":"a","tokenCount":1,"completionReason":"FINISH"}],"amazon-bedrock-invocationMetrics":{}}"#,
    br#" {"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"function":{"name":"f","arguments":""}},
        "citations":{"start":1,"content_index":1}}}}"#,
    br#" {"message":{"content":"a","thinking":"b","tool_calls":[{"function":{"name":"f","arguments":{"k":"v"}}}]},"done":true}"#,
    br#" {"text":"a","segments":[{"text":"b"}],"words":[{"word":"c"}],"usage":{"type":"tokens","input_tokens":1}}"#,
    br#" {"data":[{"b64_json":"aGk=","revised_prompt":"r"}],"usage":{"input_tokens":1}}"#,
    // Streams.
    b"\x02[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n,\r\n{\"error\":{}}]",
    b"\x01{\"response\":\"a\",\"done\":false}\n{\"done\":true,\"eval_count\":1}\n",
    b"\x00event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}}\n\n",
];

const REPLACEMENT: &str = "\u{2588}\"\\\n";

fn property(input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let limits = ParseLimits { max_items: 200, max_depth: 16, max_bytes: 4096, ..ParseLimits::default() };
    let oracle = serde_json::from_slice::<serde_json::Value>(body);
    // Valid JSON, which random input rarely is, goes to all dialects; other input goes to one of them.
    let all = oracle.is_ok() && body.starts_with(b"{");
    let some = Dialect::ALL.iter().skip(usize::from(*first) % Dialect::ALL.len()).take(if all { 0 } else { 1 });
    for dialect in Dialect::ALL.iter().filter(|_| all).chain(some) {
        check_request(*dialect, body, &limits, oracle.as_ref().ok());
        check_response(*dialect, body, &limits);
        let framing = [Framing::Sse, Framing::JsonLines, Framing::JsonArray, Framing::EventStream];
        check_stream(*dialect, framing[usize::from(first % 4)], body, &limits);
    }
}

fn check_request(dialect: Dialect, body: &[u8], limits: &ParseLimits, oracle: Option<&serde_json::Value>) {
    if dialect.is_upload() {
        // Any body is a file.
        let request = Request::parse(dialect, body, limits).unwrap();
        let whole = Span::new(0, body.len());
        assert!(
            request.has_unread_file || request.texts.iter().all(|text| text.str.span == whole && !text.str.escaped)
        );
        assert_ne!(request.has_unread_file, request.texts.len() == 1);
        return;
    }
    // The model is in the path for these dialects.
    let in_path = ["gemini", "bedrock"].iter().any(|name| dialect.name().starts_with(name));
    let model = in_path.then(|| PathModel { name: "m".to_owned(), span: Span::new(0, 1) });
    let endpoint = Endpoint { model, ..Endpoint::from(dialect) };
    let request = match Request::parse_at(&endpoint, body, limits) {
        Ok(request) => request,
        Err(error) => {
            let meant = matches!(
                error.kind,
                ErrorKind::DuplicateKey
                    | ErrorKind::AmbiguousKey
                    | ErrorKind::TooDeep
                    | ErrorKind::TooMany
                    | ErrorKind::TooLarge
                    | ErrorKind::WrongType(_)
            );
            assert!(error.offset <= body.len() && (meant || oracle.is_none()), "{dialect:?} {error}");
            return;
        }
    };
    for text in &request.texts {
        assert!(text.message.is_none_or(|message| (message as usize) < request.messages.len()));
    }
    for text in request.texts.iter().take(3) {
        let pointer = Request::pointer(body, text.str.span);
        assert!(oracle.is_none_or(|oracle| oracle.pointer(&pointer).is_some()), "{dialect:?} {pointer}");
    }
    let generous = ParseLimits { max_items: 210, max_depth: 17, ..ParseLimits::default() };
    let mut edits = Edits::new();
    request.include_usage(body, &mut edits);
    if request.model.is_some() {
        request.set_model("m\"", &mut edits);
    }
    let edited = edits.apply(body);
    let view = Request::parse_at(&endpoint, &edited, &generous).unwrap_or_else(|error| panic!("{dialect:?} {error}"));
    assert!(view.model.is_none_or(|model| model.decode(&edited) == "m\""));
    assert!(!view.lacks_usage());

    let quoted = serde_json::to_string(REPLACEMENT).unwrap();
    let mut edits = Edits::new();
    let mut values = 0;
    for text in &request.texts {
        // Member names stay: two members redacted to the same name would be duplicates.
        if body[text.str.literal().end..].trim_ascii_start().first() != Some(&b':') {
            // A number becomes a string.
            let replaced = match text.kind {
                TextKind::ToolNumber => edits.replace(text.str.span, quoted.clone()),
                _ => edits.replace_text(text.str.span, REPLACEMENT),
            };
            replaced.unwrap();
            values += 1;
        }
    }
    let redacted = edits.apply(body);
    let view = Request::parse_at(&endpoint, &redacted, &generous).unwrap_or_else(|error| panic!("{dialect:?} {error}"));
    assert_eq!(view.texts.len(), request.texts.len(), "{dialect:?}");
    assert!(
        view.texts.iter().filter(|text| text.str.decode(&redacted) == REPLACEMENT).count() >= values,
        "{dialect:?}"
    );
    // The length of speech depends on its text, which was edited.
    if !matches!(dialect, Dialect::OpenAiSpeech | Dialect::OpenAiTranscriptions) {
        assert_eq!(view.max_output_tokens, request.max_output_tokens, "{dialect:?}");
    }
}

fn check_response(dialect: Dialect, body: &[u8], limits: &ParseLimits) {
    let mut reused = Chunk::default();
    for name in [None, Some(&b"contentBlockStop"[..]), Some(b"throttlingException")] {
        let fresh = reused.parse_event(dialect, name, body, limits);
        if fresh == Ok(true) {
            let texts = reused.texts.clone();
            redact(dialect, body, &texts, |body| {
                let mut chunk = Chunk::default();
                chunk.parse_event(dialect, name, body, &ParseLimits::default()).unwrap();
                chunk.texts
            });
            assert!(reused.usage.is_none_or(|usage| !usage.is_empty()));
        }
    }
    if let Ok(response) = Response::parse(dialect, body, limits) {
        redact(dialect, body, &response.texts, |body| {
            Response::parse(dialect, body, &ParseLimits::default()).unwrap().texts
        });
        for span in response.logprobs.iter().copied().chain(response.offsets.iter().map(|offsets| offsets.span)) {
            assert!(matches!(span.of(body), [b'{', .., b'}'] | [b'[', .., b']']), "{dialect:?}");
        }
    }
}

/// Replaces every text: the channels stay the same and each holds the new text.
fn redact(dialect: Dialect, body: &[u8], texts: &[OutputText], parse: impl Fn(&[u8]) -> Vec<OutputText>) {
    let mut edits = Edits::new();
    for text in texts {
        edits.replace_text(text.str.span, REPLACEMENT).unwrap();
    }
    let redacted = edits.apply(body);
    let after = parse(&redacted);
    assert!(after.iter().map(|text| text.channel).eq(texts.iter().map(|text| text.channel)), "{dialect:?}");
    assert!(after.iter().all(|text| text.str.decode(&redacted) == REPLACEMENT), "{dialect:?}");
}

fn check_stream(dialect: Dialect, framing: Framing, body: &[u8], limits: &ParseLimits) {
    let (mut framer, mut chunk) = (Framer::new(framing, 1000), Chunk::default());
    let mut each = |event: Event<'_>| {
        if let Some(data) = event.data() {
            let _ = chunk.parse_event(dialect, event.name(), &data, limits);
        }
        Ok::<(), ()>(())
    };
    let _ = framer.push(body, &mut each);
    let _ = framer.finish(&mut each);
    // Arbitrary paths must not panic either.
    let _ = Endpoint::detect(b"POST", body);
}

tollgate_fuzz::target!(llm_dialects, SEEDS, property);
