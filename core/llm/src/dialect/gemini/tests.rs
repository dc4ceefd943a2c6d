use serde_json::{Value, json};

use crate::dialect::support::{edited, error_json, parse_request, parse_response, parse_stream, request_lines};
use crate::{
    ApiError, Chunk, Dialect, Endpoint, ErrorKind, Event, Framer, Framing, ParseLimits, Request, Response, StreamState,
    Usage, empty_value,
};

const GENERATE: Dialect = Dialect::GeminiGenerate;

#[test]
fn paths_are_detected() {
    for (path, want) in [
        ("/v1beta/models/gemini-2.5-flash:generateContent", Some((GENERATE, "gemini-2.5-flash", false))),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", Some((GENERATE, "gemini-2.5-flash", true))),
        (
            "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
            Some((GENERATE, "gemini-2.5-pro", true)),
        ),
        ("/v1/projects/p/locations/l/endpoints/123:generateContent", Some((GENERATE, "123", false))),
        ("/v1beta/tunedModels/mine:generateContent", Some((GENERATE, "mine", false))),
        ("/v1beta/models/gemini-2.5-flash%3AgenerateContent", Some((GENERATE, "gemini-2.5-flash", false))),
        ("/v1beta/models/gemini-2.5-flash:countTokens", Some((Dialect::GeminiCountTokens, "gemini-2.5-flash", false))),
        ("/v1beta/models/text-embedding-004:embedContent", Some((Dialect::GeminiEmbed, "text-embedding-004", false))),
        ("/v1beta/models/e:batchEmbedContents", Some((Dialect::GeminiEmbed, "e", false))),
        ("/v1beta/models/gemini-2.5-flash", None),
        ("/v1beta/models/gemini-2.5-flash:generate", None),
    ] {
        let found = Endpoint::detect(b"POST", path.as_bytes());
        let found = found.map(|found| (found.dialect, found.model.unwrap().name, found.stream));
        assert_eq!(found, want.map(|(dialect, model, stream)| (dialect, model.to_owned(), stream)), "{path}");
    }
    assert!(Dialect::GeminiCountTokens.is_free() && !GENERATE.is_free());
    assert_eq!(GENERATE.json_stream(), Some(Framing::JsonArray));
}

#[test]
fn all_strings_of_requests_are_texts() {
    for (body, want) in [
        (
            r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be brief."}]},"contents":[
                {"role":"user","parts":[{"text":"Hi"}]},{"parts":[{"text":"Hello"}],"role":"model"},{"parts":[{"text":"x"}]}]}"#,
            vec!["s Content Be brief.", "u Content Hi", "a Content Hello", "u Content x"],
        ),
        // Snake case, and shapes that some clients send: an object in place of an array, a string in place of a part.
        (
            r#"{"system_instruction":{"parts":{"text":"s"}},"contents":{"role":"user","parts":[{"inline_data":{"mime_type":"image/png",
                "data":"aGk="}},"bare"]},"generation_config":{"stop_sequences":["S"]}}"#,
            vec!["s Content s", "u Other image/png", "u ImageData aGk=", "u Content bare", "- Other S"],
        ),
        // An unknown role of a system instruction is a text, too.
        (
            r#"{"systemInstruction":{"role":"say this","parts":[{"text":"s"}]},"contents":[]}"#,
            vec!["s Other say this", "s Content s"],
        ),
        // All kinds of parts.
        (
            r#"{"contents":[{"role":"user","parts":[{"text":"look"},{"inlineData":{"data":"aGk=","mimeType":"audio/wav"}},
                {"fileData":{"mimeType":"image/png","fileUri":"gs://b/o"},"videoMetadata":{"startOffset":"1s"}}]},
                {"role":"model","parts":[{"text":"hm","thought":true},{"thought":false,"text":"so"},
                {"functionCall":{"id":"c1","name":"get","args":{"city":"Rome","deep":[{"k":"v"}]}},"thoughtSignature":"c2ln"},
                {"executableCode":{"language":"PYTHON","code":"print(1)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}]},
                {"role":"function","parts":[{"functionResponse":{"name":"get","response":{"sky":"blue"}}}]},
                {"role":"user","parts":[{"functionResponse":{"name":"get","response":{"output":"red"},
                "parts":[{"inlineData":{"mimeType":"image/jpeg","data":"aW4="}}]}}]},{"role":"me","parts":[]}]}"#,
            vec![
                "u Content look",
                "u Data aGk=",
                "u Other audio/wav",
                "u Other image/png",
                "u ImageUrl gs://b/o",
                "u Other 1s",
                "a Reasoning hm",
                "a Content so",
                "a Other c1",
                "a ToolName get",
                "a ToolArguments Rome",
                "a ToolArguments deep",
                "a ToolArguments k",
                "a ToolArguments v",
                "a Other c2ln",
                "a Other PYTHON",
                "a Other print(1)",
                "a Other OUTCOME_OK",
                "a Other 1",
                "t ToolName get",
                "t Content sky",
                "t Content blue",
                "t ToolName get",
                "t Content red",
                "t Other image/jpeg",
                "t ImageData aW4=",
                "- Other me",
            ],
        ),
        (
            r#"{"tools":[{"functionDeclarations":[{"name":"get","description":"d","parameters":{"type":"OBJECT",
                "properties":{"p":{"type":"STRING","enum":["e"]}}}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":
                {"mode":"ANY","allowedFunctionNames":["get"]}},"safetySettings":[{"category":"HARM_X","threshold":"NONE"}],
                "generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","title":"t"}},
                "labels":{"team x":"blue"},"later":["new"],"cachedContent":"cachedContents/c"}"#,
            vec![
                "T ToolDefinition get",
                "T ToolDefinition d",
                "T ToolDefinition p",
                "T ToolDefinition e",
                "- Other ANY",
                "- Other get",
                "- Other HARM_X",
                "- Other NONE",
                "- Other application/json",
                "T ToolDefinition t",
                "- Other team x",
                "- Other blue",
                "- Other later",
                "- Other new",
                "- Other cachedContents/c",
            ],
        ),
    ] {
        assert_eq!(request_lines(GENERATE, body), want, "{body}");
        assert_eq!(request_lines(Dialect::GeminiCountTokens, body), want, "{body}");
    }
    assert_eq!(
        request_lines(
            Dialect::GeminiCountTokens,
            r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"a"}]}]}}"#
        ),
        ["- Model models/m", "u Content a"]
    );
    assert_eq!(
        request_lines(
            Dialect::GeminiEmbed,
            r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"title":"t"},{"content":{"parts":[{"text":"b"}]}}]}"#
        ),
        ["- Model models/m", "u Content a", "- Other t", "u Content b"]
    );
}

#[test]
fn request_settings_are_read_and_edited() {
    let body = r#"{"generationConfig":{"maxOutputTokens":7,"candidateCount":3,"max_output_tokens":9},"tools":[
        {"functionDeclarations":[{"name":"a"},{"name":"b"}]},{"codeExecution":{}}],"contents":[{"role":"user","parts":[
        {"inlineData":{"data":"aGk=","mimeType":"Image/PNG"}},{"inlineData":{"mimeType":"audio/wav","data":"eA=="}},
        {"fileData":{"fileUri":"gs://x","mimeType":"image/x"}}]}]}"#;
    let request = parse_request(GENERATE, body);
    assert_eq!((request.max_output_tokens, request.candidates, request.tools), (Some(9), 3, 3));
    assert_eq!((request.image_count, request.messages.len(), request.lacks_usage()), (2, 1, false));
    let sources: Vec<_> = request.images.iter().map(|image| image.str.unwrap().decode(body.as_bytes())).collect();
    assert_eq!(sources, ["aGk=", "gs://x"]);
    assert_eq!(request.messages[0].role.unwrap().decode(body.as_bytes()), "user");

    let path = b"/v1beta/models/gemini-a:streamGenerateContent?alt=sse";
    let endpoint = Endpoint::detect(b"POST", path).unwrap();
    let body = r#"{"contents":[]}"#;
    let request = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!((request.model_name(body.as_bytes()).as_deref(), request.stream), (Some("gemini-a"), true));
    assert_eq!(edited(endpoint, body, "gemini-b"), body);
    assert_eq!(
        request.path_model.unwrap().replaced(path, "gemini-b"),
        b"/v1beta/models/gemini-b:streamGenerateContent?alt=sse"
    );
    // The model is replaced in a body that repeats it as well.
    let endpoint = Endpoint::detect(b"POST", b"/v1beta/models/a:embedContent").unwrap();
    for (body, want) in [
        (r#"{"model":"models/a","content":{}}"#, r#"{"model":"models/b","content":{}}"#),
        (r#"{"model":"a"}"#, r#"{"model":"b"}"#),
        (r#"{"content":{}}"#, r#"{"content":{}}"#),
    ] {
        assert_eq!(edited(endpoint.clone(), body, "b"), want);
    }
}

#[test]
fn malformed_requests_are_refused() {
    use ErrorKind::*;
    for (body, want) in [
        ("[]", WrongType("body")),
        (r#"{"contents":[7]}"#, WrongType("contents")),
        (r#"{"contents":[{"role":1}]}"#, WrongType("contents[].role")),
        (r#"{"generationConfig":[]}"#, WrongType("generationConfig")),
        (r#"{"generationConfig":{"maxOutputTokens":"9"}}"#, WrongType("generationConfig.maxOutputTokens")),
        (r#"{"generationConfig":{"candidateCount":-1}}"#, WrongType("generationConfig.candidateCount")),
        (r#"{"model":7}"#, WrongType("model")),
        (r#"{"requests":[7]}"#, WrongType("requests")),
        (r#"{"Contents":[]}"#, AmbiguousKey),
        (r#"{"\u0053ystemInstruction":{}}"#, AmbiguousKey),
        (r#"{"\u017fystemInstruction":{}}"#, AmbiguousKey),
        (r#"{"ſystemInstruction":{}}"#, AmbiguousKey),
        (r#"{"contents":[{"parts":[{"text":"a","t\u0065xt":"b"}]}]}"#, DuplicateKey),
    ] {
        let error = Request::parse(GENERATE, body.as_bytes(), &ParseLimits::default()).unwrap_err();
        assert_eq!(error.kind, want, "{body}");
    }
    let deep = |n: usize| format!("{}{}", r#"{"generateContentRequest":"#.repeat(n) + "{}", "}".repeat(n));
    assert!(Request::parse(GENERATE, deep(60).as_bytes(), &ParseLimits::default()).is_ok());
    let error = Request::parse(GENERATE, deep(50_000).as_bytes(), &ParseLimits::default()).unwrap_err();
    assert_eq!(error.kind, TooDeep);
}

const RESPONSE: &str = r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi \u00e9"},
    {"functionCall":{"name":"get","args":{"city":"Rome","n":1}},"thoughtSignature":"c2ln"},{"functionCall":{"args":{"x":"y"},"name":"put"}},
    {"executableCode":{"language":"PYTHON","code":"print(1)"}}],"role":"model"},"finishReason":"STOP","safetyRatings":[{"category":
    "HARM_X","probability":"LOW","blocked":false}],"citationMetadata":{"citationSources":[{"startIndex":1,"endIndex":2,"uri":"cu"}]},
    "groundingMetadata":{"webSearchQueries":["q"],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":2,"text":"Hi"}}]}},
    {"index":1,"content":{"parts":[{"text":"Ho"}]},"finishReason":"MAX_TOKENS","logprobsResult":{"chosenCandidates":[{"token":"Ho",
    "logProbability":-1}],"topCandidates":[{"candidates":[{"token":"Hu"}]}]}}],"usageMetadata":{"promptTokenCount":100,
    "cachedContentTokenCount":60,"candidatesTokenCount":5,"thoughtsTokenCount":20,"toolUsePromptTokenCount":3,"totalTokenCount":128,
    "promptTokensDetails":[{"modality":"TEXT","tokenCount":90},{"modality":"AUDIO","tokenCount":10}],
    "candidatesTokensDetails":[{"tokenCount":2,"modality":"AUDIO"}],"trafficType":"ON_DEMAND"},"modelVersion":"gemini-2.5-flash",
    "responseId":"r1"}"#;

#[test]
fn responses_are_read() {
    let output = parse_response(GENERATE, RESPONSE);
    assert_eq!(
        output.known_lines(),
        [
            "0 Content Hi é",
            "0 Reasoning hm",
            "0 ToolName(0) get",
            "0 ToolName(1) put",
            "0 ToolValue(0) Rome",
            "0 ToolValue(1) xy",
            "0 ToolNumber 1",
            "1 Content Ho",
            "1 Logprobs Ho",
        ]
    );
    let others: Vec<_> = output.lines().into_iter().filter(|line| line.contains("Other")).collect();
    assert_eq!(others, ["0 Other PYTHONprint(1)cuqHi", "1 Other Hu"]);
    assert_eq!(output.model.as_deref(), Some("gemini-2.5-flash"));
    let want = Usage {
        input: 103,
        cached: 60,
        output: 25,
        reasoning: 20,
        audio_input: 10,
        audio_output: 2,
        web_searches: 1,
        total: 128,
        ..Usage::default()
    };
    assert_eq!((output.usage, output.complete, output.is_error), (Some(want), true, false));

    // Annotations invalidated by an edit of the text.
    let response = Response::parse(GENERATE, RESPONSE.as_bytes(), &ParseLimits::default()).unwrap();
    let offsets: Vec<_> = response
        .offsets
        .iter()
        .map(|offsets| (offsets.choice, empty_value(RESPONSE.as_bytes(), offsets.span)))
        .collect();
    assert_eq!(offsets, [(0, "null"), (0, "[]")]);
    assert!(response.logprobs[0].of(RESPONSE.as_bytes()).starts_with(b"{\"chosenCandidates\""));

    // A blocked prompt, a token count, and embeddings.
    let output = parse_response(
        GENERATE,
        r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"why"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#,
    );
    assert_eq!(output.lines(), ["0 Other SAFETYwhy"]);
    assert_eq!((output.usage.unwrap().input, output.complete), (4, true));
    let count = r#"{"totalTokens":14,"promptTokensDetails":[{"modality":"TEXT","tokenCount":14}]}"#;
    assert_eq!(parse_response(Dialect::GeminiCountTokens, count), Default::default());
    assert_eq!(parse_response(Dialect::GeminiEmbed, r#"{"embedding":{"values":[0.1,-2e-3]}}"#), Default::default());
    // Response to a streamed call that failed.
    let error = r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#;
    assert!(parse_response(GENERATE, error).is_error);
}

const EVENTS: [&str; 4] = [
    r#"{"candidates":[{"content":{"parts":[{"text":"Let me","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"thoughtsTokenCount":2,"totalTokenCount":12},"modelVersion":"g"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":1,"thoughtsTokenCount":2,"totalTokenCount":13}}"#,
    r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"lo, \u00e9] }"}]}},{"index":1,"content":{"parts":[{"text":"["}]}}]}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":7,"thoughtsTokenCount":2,"totalTokenCount":19}}"#,
];

fn stream(framing: Framing, events: &[&str]) -> Vec<u8> {
    match framing {
        Framing::JsonArray => format!("[{}\n]\n", events.join("\n,\r\n")).into_bytes(),
        _ => events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect::<String>().into_bytes(),
    }
}

#[test]
fn streams_are_read() {
    for framing in [Framing::Sse, Framing::JsonArray] {
        let output = parse_stream(GENERATE, framing, &stream(framing, &EVENTS));
        assert_eq!(output.known_lines(), ["0 Content Hello, é] }", "0 Reasoning Let me", "1 Content ["]);
        let want = Usage { input: 10, output: 9, reasoning: 2, total: 19, ..Usage::default() };
        assert_eq!((output.usage, output.complete, output.finished), (Some(want), true, vec![0]));
        assert_eq!((output.model.as_deref(), output.usage_only, output.is_error), (Some("g"), 0, false));
        // The usage of a truncated stream is incomplete.
        let output = parse_stream(GENERATE, framing, &stream(framing, &EVENTS[..3]));
        assert_eq!((output.usage.unwrap().output, output.complete), (3, false));
        let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
        assert!(parse_stream(GENERATE, framing, &stream(framing, &[EVENTS[0], error])).is_error);
    }
}

/// An edited text is what the client reads in either framing; all other bytes are unchanged.
#[test]
fn edits_of_a_stream_change_only_the_edited_text() {
    for framing in [Framing::Sse, Framing::JsonArray] {
        let body = stream(framing, &EVENTS);
        let mut out = Vec::new();
        let (mut framer, mut chunk) = (Framer::new(framing, 1 << 20), Chunk::default());
        let mut each = |event: Event<'_>| {
            let Some(data) = event.data() else {
                out.extend_from_slice(event.raw());
                return Ok(());
            };
            assert!(chunk.parse_event(GENERATE, event.name(), &data, &ParseLimits::default()).unwrap());
            let mut edits = crate::Edits::new();
            for text in chunk.texts.iter().filter(|text| text.str.decode(&data) == "Hel") {
                edits.replace_text(text.str.span, "J\"a").unwrap();
            }
            event.with_data(&edits.apply(&data), &mut out);
            Ok::<_, ()>(())
        };
        framer.push(&body, &mut each).unwrap();
        framer.finish(&mut each).unwrap();
        let want = String::from_utf8(body).unwrap().replace("\"Hel\"", "\"J\\\"a\"");
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}

#[test]
fn errors_have_the_format_of_the_api() {
    for (status, name) in [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ] {
        let want = json!({"error": {"code": status, "message": "no \"more\"\nfor you\u{0}", "status": name}});
        assert_eq!(error_json(GENERATE, status), (want.clone(), want));
    }
    // The error is the last element of an array that was sent in part, or its only element.
    let error = ApiError { status: 500, message: "m", kind: "k", param: None, code: None };
    for is_sent in [true, false] {
        let mut body = if is_sent { format!("[{}", EVENTS[0]).into_bytes() } else { Vec::new() };
        body.extend_from_slice(&GENERATE.error_event(
            Framing::JsonArray,
            &if is_sent { StreamState::sent() } else { StreamState::default() },
            &error,
        ));
        let array: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(array.as_array().unwrap().last().unwrap()["error"]["code"], 500);
    }
}
