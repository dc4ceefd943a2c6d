use serde_json::{Value, json};

use crate::dialect::support::{edited, errors, request, streamed, told, whole};
use crate::{
    ApiError, Chunk, Dialect, Endpoint, ErrorKind, Event, Framer, Framing, ParseLimits, Request, Response, StreamState,
    Usage, empty_value,
};

const GENERATE: Dialect = Dialect::GeminiGenerate;

#[test]
fn paths() {
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
fn requests() {
    for (body, want) in [
        (
            r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be brief."}]},"contents":[
                {"role":"user","parts":[{"text":"Hi"}]},{"parts":[{"text":"Hello"}],"role":"model"},{"parts":[{"text":"x"}]}]}"#,
            vec!["s Content Be brief.", "u Content Hi", "a Content Hello", "u Content x"],
        ),
        // the other spelling of names, and shapes that some clients send
        (
            r#"{"system_instruction":{"parts":{"text":"s"}},"contents":{"role":"user","parts":[{"inline_data":{"mime_type":"image/png",
                "data":"aGk="}},"bare"]},"generation_config":{"stop_sequences":["S"]}}"#,
            vec!["s Content s", "u Other image/png", "u Data aGk=", "u Content bare", "- Other S"],
        ),
        // what stands in for a role is a text there, too
        (
            r#"{"systemInstruction":{"role":"say this","parts":[{"text":"s"}]},"contents":[]}"#,
            vec!["s Other say this", "s Content s"],
        ),
        // all kinds of parts
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
                "t Data aW4=",
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
        assert_eq!(told(GENERATE, body), want, "{body}");
        assert_eq!(told(Dialect::GeminiCountTokens, body), want, "{body}");
    }
    assert_eq!(
        told(
            Dialect::GeminiCountTokens,
            r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"a"}]}]}}"#
        ),
        ["- Model models/m", "u Content a"]
    );
    assert_eq!(
        told(
            Dialect::GeminiEmbed,
            r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"title":"t"},{"content":{"parts":[{"text":"b"}]}}]}"#
        ),
        ["- Model models/m", "u Content a", "- Other t", "u Content b"]
    );
}

#[test]
fn what_the_gateway_acts_on() {
    let body = r#"{"generationConfig":{"maxOutputTokens":7,"candidateCount":3,"max_output_tokens":9},"tools":[
        {"functionDeclarations":[{"name":"a"},{"name":"b"}]},{"codeExecution":{}}],"contents":[{"role":"user","parts":[
        {"inlineData":{"data":"aGk=","mimeType":"Image/PNG"}},{"inlineData":{"mimeType":"audio/wav","data":"eA=="}},
        {"fileData":{"fileUri":"gs://x","mimeType":"image/x"}}]}]}"#;
    let asked = request(GENERATE, body);
    assert_eq!((asked.max_output_tokens, asked.candidates, asked.tools), (Some(9), 3, 3));
    assert_eq!((asked.image_count, asked.messages.len(), asked.lacks_usage()), (2, 1, false));
    let places: Vec<_> = asked.images.iter().map(|image| image.str.unwrap().decode(body.as_bytes())).collect();
    assert_eq!(places, ["aGk=", "gs://x"]);
    assert_eq!(asked.messages[0].role.unwrap().decode(body.as_bytes()), "user");

    let path = b"/v1beta/models/gemini-a:streamGenerateContent?alt=sse";
    let endpoint = Endpoint::detect(b"POST", path).unwrap();
    let body = r#"{"contents":[]}"#;
    let asked = Request::parse_at(&endpoint, body.as_bytes(), &ParseLimits::default()).unwrap();
    assert_eq!((asked.model_name(body.as_bytes()).as_deref(), asked.stream), (Some("gemini-a"), true));
    assert_eq!(edited(endpoint, body, "gemini-b"), body);
    assert_eq!(
        asked.path_model.unwrap().replaced(path, "gemini-b"),
        b"/v1beta/models/gemini-b:streamGenerateContent?alt=sse"
    );
    // a body that repeats the model of the path goes with it
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
fn refused_requests() {
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

const ANSWER: &str = r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi \u00e9"},
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
fn answers() {
    let heard = whole(GENERATE, ANSWER);
    assert_eq!(
        heard.meant(),
        [
            "0 Content Hi é",
            "0 Reasoning hm",
            "0 ToolName(0) get",
            "0 ToolName(1) put",
            "0 ToolValue(0) Rome",
            "0 ToolValue(1) y",
            "1 Content Ho",
            "1 Logprobs Ho",
        ]
    );
    let others: Vec<_> = heard.lines().into_iter().filter(|line| line.contains("Other")).collect();
    assert_eq!(others, ["0 Other PYTHONprint(1)cuqHi", "1 Other Hu"]);
    assert_eq!(heard.model.as_deref(), Some("gemini-2.5-flash"));
    let want = Usage {
        input: 103,
        cached: 60,
        output: 25,
        reasoning: 20,
        audio_input: 10,
        audio_output: 2,
        total: 128,
        ..Usage::default()
    };
    assert_eq!((heard.usage, heard.complete, heard.is_error), (Some(want), true, false));

    // What an edit of the text makes false.
    let answer = Response::parse(GENERATE, ANSWER.as_bytes(), &ParseLimits::default()).unwrap();
    let offsets: Vec<_> =
        answer.offsets.iter().map(|offsets| (offsets.choice, empty_value(ANSWER.as_bytes(), offsets.span))).collect();
    assert_eq!(offsets, [(0, "null"), (0, "[]")]);
    assert!(answer.logprobs[0].of(ANSWER.as_bytes()).starts_with(b"{\"chosenCandidates\""));

    // The prompt was blocked; a count; vectors.
    let heard = whole(
        GENERATE,
        r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"why"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#,
    );
    assert_eq!(heard.lines(), ["0 Other SAFETYwhy"]);
    assert_eq!((heard.usage.unwrap().input, heard.complete), (4, true));
    let count = r#"{"totalTokens":14,"promptTokensDetails":[{"modality":"TEXT","tokenCount":14}]}"#;
    assert_eq!(whole(Dialect::GeminiCountTokens, count), Default::default());
    assert_eq!(whole(Dialect::GeminiEmbed, r#"{"embedding":{"values":[0.1,-2e-3]}}"#), Default::default());
    // The answer to a streamed call that failed.
    let error = r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#;
    assert!(whole(GENERATE, error).is_error);
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
fn streams() {
    for framing in [Framing::Sse, Framing::JsonArray] {
        let heard = streamed(GENERATE, framing, &stream(framing, &EVENTS));
        assert_eq!(heard.meant(), ["0 Content Hello, é] }", "0 Reasoning Let me", "1 Content ["]);
        let want = Usage { input: 10, output: 9, reasoning: 2, total: 19, ..Usage::default() };
        assert_eq!((heard.usage, heard.complete, heard.finished), (Some(want), true, vec![0]));
        assert_eq!((heard.model.as_deref(), heard.usage_only, heard.is_error), (Some("g"), 0, false));
        // Cut: what was said so far is no account of the answer.
        let heard = streamed(GENERATE, framing, &stream(framing, &EVENTS[..3]));
        assert_eq!((heard.usage.unwrap().output, heard.complete), (3, false));
        let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
        assert!(streamed(GENERATE, framing, &stream(framing, &[EVENTS[0], error])).is_error);
    }
}

/// An edit of a text, in either framing, is what the client reads; everything else stays byte for byte.
#[test]
fn edits_of_a_stream() {
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
fn errors_in_the_callers_shape() {
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
        assert_eq!(errors(GENERATE, status), (want.clone(), want));
    }
    // As the last element of an array that has begun, and as the only one.
    let error = ApiError { status: 500, message: "m", kind: "k", param: None, code: None };
    for begun in [true, false] {
        let mut body = if begun { format!("[{}", EVENTS[0]).into_bytes() } else { Vec::new() };
        body.extend_from_slice(&GENERATE.error_event(
            Framing::JsonArray,
            &if begun { StreamState::sent() } else { StreamState::default() },
            &error,
        ));
        let array: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(array.as_array().unwrap().last().unwrap()["error"]["code"], 500);
    }
}
