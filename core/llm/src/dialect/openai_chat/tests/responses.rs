//! Tests of whole and streamed responses.

use super::CHAT;
use crate::{Channel, Chunk, Edits, ErrorKind, OutputText, ParseLimits, Part, Response, Usage};

fn decoded_texts(body: &[u8], texts: &[OutputText]) -> Vec<(u32, Part, String)> {
    texts.iter().map(|text| (text.channel.choice, text.channel.part, text.str.decode(body).into_owned())).collect()
}

fn owned(texts: &[(u32, Part, &str)]) -> Vec<(u32, Part, String)> {
    texts.iter().map(|(choice, part, text)| (*choice, *part, (*text).to_owned())).collect()
}

#[test]
fn whole_responses_are_read() {
    use Part::*;
    let body = br#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[
        {"index":0,"message":{"role":"assistant","content":"Hello","refusal":null,"annotations":[
            {"type":"url_citation","url_citation":{"title":"T","url":"U","start_index":0}}]},
         "logprobs":{"content":[{"token":"Hel","logprob":-0.1,"bytes":[72],"top_logprobs":[{"token":"Hey","bytes":null}]},
            {"token":"lo","logprob":-0.2,"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"},
        {"message":{"content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},
            {"id":"call_2","type":"custom","custom":{"name":"g","input":"in"}}],
            "audio":{"id":"a","data":"QUJD","expires_at":1,"transcript":"spoken"}},"index":9,"finish_reason":"tool_calls"},
        {"message":{"function_call":{"name":"h","arguments":"x"},"refusal":"no","reasoning_content":"why"}},
        {"message":{"reasoning":"why","content":"c","reasoning_details":[{"type":"reasoning.text","text":"why"}]}},
        {"message":{"content":[{"type":"text","text":"parts"},{"type":"thinking","thinking":
            [{"type":"text","text":"deep"}]}]}},
        {"message":{"reasoning":"copy","reasoning_content":"why","new_field":{"k":["v"]}},"delta":"odd"}],
        "usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":30,"prompt_tokens_details":
            {"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}},
        "service_tier":"default","system_fingerprint":"fp_1","x_extra":{"note":"n"}}"#;
    let response = Response::parse(CHAT, body, &ParseLimits::default()).unwrap();
    assert_eq!(response.model.unwrap().decode(body), "gpt-4o-2024-08-06");
    assert_eq!(
        response.usage,
        Some(Usage {
            input: 9,
            cached: 4,
            output: 12,
            reasoning: 3,
            // Cited pages tell that the model searched the web.
            web_searches: 1,
            total: 30,
            ..Usage::default()
        })
    );
    assert!(!response.is_error);
    let want = owned(&[
        (0, Content, "Hello"),
        (0, Other, "T"),
        (0, Other, "U"),
        (0, Logprobs, "Hel"),
        (0, Other, "Hey"),
        (0, Logprobs, "lo"),
        (9, ToolName(0), "f"),
        (9, ToolArguments(0), "{}"),
        (9, ToolName(1), "g"),
        (9, ToolArguments(1), "in"),
        (9, Transcript, "spoken"),
        (2, ToolName(Part::LEGACY_CALL), "h"),
        (2, ToolArguments(Part::LEGACY_CALL), "x"),
        (2, Refusal, "no"),
        (2, Reasoning, "why"),
        (3, Reasoning, "why"),
        (3, Content, "c"),
        (3, Other, "reasoning.text"),
        (3, ReasoningDetails, "why"),
        (4, Content, "parts"),
        (4, Reasoning, "deep"),
        (5, ReasoningCopy, "copy"),
        (5, Reasoning, "why"),
        (0, Other, "new_field"),
        (5, Other, "k"),
        (5, Other, "v"),
        (5, Other, "odd"),
        (0, Other, "x_extra"),
        (0, Other, "note"),
        (0, Other, "n"),
    ]);
    assert_eq!(decoded_texts(body, &response.texts), want);
    let [logprobs] = response.logprobs[..] else { panic!("{:?}", response.logprobs) };
    assert!(logprobs.of(body).starts_with(b"{\"content\":[{\"token\"") && logprobs.of(body).ends_with(b"null}"));
    let mut edits = Edits::new();
    edits.replace(logprobs, "null").unwrap();
    let edited = edits.apply(body);
    assert!(Response::parse(CHAT, &edited, &ParseLimits::default()).unwrap().logprobs.is_empty());
}

#[test]
fn events_of_a_stream_are_read() {
    use Part::*;
    type Case<'a> = (&'a str, &'a [(u32, Part, &'a str)], &'a [u32], usize, Option<u64>, bool);
    let cases: &[Case<'_>] = &[
        (
            r#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            &[(0, Content, "")],
            &[],
            1,
            None,
            false,
        ),
        (
            r#"{"choices":[{"delta":{"content":"a"},"index":1},{"index":0,"delta":{"content":"b"}}]}"#,
            &[(1, Content, "a"), (0, Content, "b")],
            &[],
            2,
            None,
            false,
        ),
        (
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"g","arguments":"{\"a"},"index":3},
                {"index":7,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            &[(0, ToolName(3), "g"), (0, ToolArguments(3), "{\"a"), (0, ToolName(7), "f"), (0, ToolArguments(7), "")],
            &[],
            1,
            None,
            false,
        ),
        (r#"{"choices":[{"index":2,"delta":{},"finish_reason":"stop"}]}"#, &[], &[2], 1, None, false),
        (r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}]}"#, &[], &[], 1, None, false),
        (r#"{"choices":[{"index":0,"delta":null}]}"#, &[], &[], 1, None, false),
        // Usage beside choices: not a usage-only event.
        (
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            &[],
            &[0],
            1,
            Some(3),
            false,
        ),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":9}}"#,
            &[],
            &[],
            0,
            Some(9),
            true,
        ),
        (r#"{"usage":{"total_tokens":9},"obfuscation":"xyz"}"#, &[], &[], 0, Some(9), true),
        (
            r#"{"choices":[],"usage":{"total_tokens":9},"error":{"message":"e"}}"#,
            &[(0, Other, "e")],
            &[],
            0,
            Some(9),
            false,
        ),
        // Usage without counts is unknown, not zero.
        (r#"{"choices":[],"usage":{}}"#, &[], &[], 0, None, false),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":null,"completion_tokens":"two"}}"#,
            &[(0, Other, "two")],
            &[],
            0,
            None,
            false,
        ),
        // A number in quotes is one.
        (r#"{"choices":[],"usage":{"prompt_tokens":null,"completion_tokens":"2"}}"#, &[], &[], 0, Some(2), true),
        (r#"{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}"#, &[], &[], 0, None, false),
        (r#"{"choices":null,"usage":null,"error":null}"#, &[], &[], 0, None, false),
        (r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#, &[], &[], 0, None, false),
        // A client does not read a message in an event as a delta, but its texts are part of the view.
        (r#"{"choices":[{"index":1,"message":{"content":"m"}}]}"#, &[(1, Other, "m")], &[], 1, None, false),
        (
            r#"{"choices":["odd",{"index":"x","delta":"d"}]}"#,
            &[(0, Other, "odd"), (1, Other, "x"), (1, Other, "d")],
            &[],
            2,
            None,
            false,
        ),
        (r#"{}"#, &[], &[], 0, None, false),
    ];
    let mut chunk = Chunk::default();
    for (data, texts, finished, choices, total, usage_only) in cases {
        assert!(chunk.parse_into(CHAT, data.as_bytes(), &ParseLimits::default()).unwrap());
        assert_eq!(decoded_texts(data.as_bytes(), &chunk.texts), owned(texts), "{data}");
        assert_eq!((&chunk.finished[..], chunk.choices), (*finished, *choices), "{data}");
        assert_eq!(chunk.usage.map(|usage| usage.usage().total), *total, "{data}");
        assert_eq!(chunk.is_usage_only(), *usage_only, "{data}");
    }
}

#[test]
fn ends_and_errors_of_a_stream_are_recognised() {
    let parse = |data: &str| Chunk::parse(CHAT, data.as_bytes(), &ParseLimits::default());
    for end in ["[DONE]", " [DONE] "] {
        assert!(parse(end).unwrap().is_none());
    }
    for (data, kind) in [
        ("", ErrorKind::Empty),
        ("[DONE", ErrorKind::WrongType("body")),
        ("DONE", ErrorKind::Syntax),
        ("[]", ErrorKind::WrongType("body")),
        (r#"{"choices":[{"delta":{"content":None}}]}"#, ErrorKind::Syntax),
    ] {
        assert_eq!(parse(data).unwrap_err().kind, kind, "{data}");
    }
    for (data, is_error) in
        [(r#"{"error":{"message":"m"}}"#, true), (r#"{"error":"m"}"#, true), (r#"{"error":null}"#, false)]
    {
        assert_eq!(parse(data).unwrap().unwrap().is_error, is_error, "{data}");
    }
    // A surrogate pair that the server split over two events is accepted.
    let data = br#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#;
    assert_eq!(
        decoded_texts(data, &Chunk::parse(CHAT, data, &ParseLimits::default()).unwrap().unwrap().texts)[0].2,
        "\u{fffd}"
    );
    // An error clears the contents of the previous event.
    let mut chunk =
        parse(r#"{"model":"m","choices":[{"delta":{"content":"a"},"finish_reason":"x"}],"usage":{"total_tokens":1}}"#)
            .unwrap()
            .unwrap();
    assert!(chunk.parse_into(CHAT, b"{\"choices\":[{\"delta\":{\"content\":\"a\"}", &ParseLimits::default()).is_err());
    assert!(chunk.model.is_none() && chunk.texts.is_empty() && chunk.finished.is_empty() && chunk.choices == 0);
}

#[test]
fn usage_of_compatible_servers_is_read() {
    for (usage, want) in [
        (r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":5}"#, (9, 5, 1, 0, 10)),
        (
            r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":0},"prompt_cache_hit_tokens":5}"#,
            // Zero under one of several names of a number is no correction of the others.
            (9, 5, 0, 0, 9),
        ),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":null}"#, (9, 0, 0, 0, 9)),
        (r#"{"prompt_tokens":9.0,"completion_tokens":99999999999999999999}"#, (9, 0, u64::MAX, 0, u64::MAX)),
    ] {
        let data = format!("{{\"choices\":[],\"usage\":{usage}}}");
        let chunk = Chunk::parse(CHAT, data.as_bytes(), &ParseLimits::default()).unwrap().unwrap();
        let (input, cached, output, reasoning, total) = want;
        let want = Usage { input, cached, output, reasoning, total, ..Usage::default() };
        assert_eq!(chunk.usage.map(|usage| usage.usage()), Some(want), "{usage}");
    }
}

#[test]
fn channels_sort_by_candidate_first() {
    let mut channels = [
        Channel { choice: 1, part: Part::Content },
        Channel { choice: 0, part: Part::ToolArguments(1) },
        Channel { choice: 0, part: Part::ToolArguments(0) },
        Channel { choice: 0, part: Part::Content },
    ];
    channels.sort();
    assert_eq!(channels.map(|channel| channel.choice), [0, 0, 0, 1]);
}
