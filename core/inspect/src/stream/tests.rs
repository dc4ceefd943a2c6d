use super::*;
use crate::generators::{json, policies, policy, texts};
use crate::inspect_text;
use crate::redactions::{First, Redaction, Redactions};
use crate::rule::Action;
use crate::{inspect_response, report::Finding};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tollgate_llm::FrameError;
use tollgate_llm::{Chunk, EventParser, Framer, Framing, ParseLimits, Part, Response};

/// Piece of a text: candidate, text of the candidate (from 2 on: the arguments of a tool call), and content.
type Piece = (u32, u8, String);

const CONTENT: u8 = 0;
const REASONING: u8 = 1;

fn delta((choice, part, text): &Piece, escape: bool) -> String {
    let text = json(text, escape);
    let delta = match *part {
        CONTENT => format!(r#"{{"role":"assistant","content":{text}}}"#),
        REASONING => format!(r#"{{"reasoning_content":{text}}}"#),
        part => format!(
            r#"{{"tool_calls":[{{"index":{part},"id":"call_{part}","type":"function","function":{{"arguments":{text}}}}}]}}"#
        ),
    };
    format!(r#"{{"index":{choice},"delta":{delta},"finish_reason":null}}"#)
}

fn event(choices: &[String]) -> String {
    format!("data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{}]}}\n\n", choices.join(","))
}

/// Builds a stream in which each candidate of `pieces` finishes, followed by `[DONE]`.
fn stream(pieces: &[Piece], escape: bool) -> String {
    let mut body: String = pieces.iter().map(|piece| event(&[delta(piece, escape)])).collect();
    let mut choices: Vec<u32> = pieces.iter().map(|(choice, ..)| *choice).collect();
    choices.sort_unstable();
    choices.dedup();
    for choice in choices {
        body += &event(&[format!(r#"{{"index":{choice},"delta":{{}},"finish_reason":"stop"}}"#)]);
    }
    body + "data: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n\ndata: [DONE]\n\n"
}

/// Returns the texts that a client assembles from `body`, by channel.
fn received(body: &[u8]) -> BTreeMap<Channel, String> {
    let mut texts: BTreeMap<Channel, String> = BTreeMap::new();
    let mut finished = Vec::new();
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut each = |event: Event<'_>| {
        let Some(data) = event.data() else { return Ok(()) };
        let Some(chunk) = Chunk::parse(Dialect::OpenAiChat, &data, &ParseLimits::default()).unwrap() else {
            return Ok(());
        };
        for text in &chunk.texts {
            let piece = text.str.decode(&data);
            assert!(
                !finished.contains(&text.channel.choice) || piece.is_empty(),
                "text after the end of its candidate"
            );
            texts.entry(text.channel).or_default().push_str(&piece);
        }
        finished.extend_from_slice(&chunk.finished);
        Ok::<_, FrameError<()>>(())
    };
    framer.push(body, &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    texts.retain(|_, text| !text.is_empty());
    texts
}

struct Outcome {
    out: Vec<u8>,
    verdict: StreamVerdict,
    inspector: StreamInspector,
    most_held: usize,
}

/// Inspects a body that arrives in `pieces`.
fn inspect<'b>(policy: &Arc<Policy>, pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
    let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
    let mut parser = EventParser::new(Dialect::OpenAiChat);
    let (mut out, mut most_held) = (Vec::new(), 0);
    let mut verdict = StreamVerdict::Continue;
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut each = |event: Event<'_>| {
        verdict = inspector.event(&parser.parse(event), &mut out);
        most_held = most_held.max(inspector.held_bytes());
        if verdict == StreamVerdict::Continue { Ok(()) } else { Err(()) }
    };
    let mut pushed: Result<(), FrameError<()>> = Ok(());
    for piece in pieces {
        pushed = pushed.and_then(|()| framer.push(piece, &mut each));
    }
    if pushed.and_then(|()| framer.finish(&mut each)).is_ok() {
        verdict = inspector.finish(&mut out);
    }
    Outcome { out, verdict, inspector, most_held }
}

fn inspect_whole(policy: &Arc<Policy>, body: &str) -> Outcome {
    inspect(policy, [body.as_bytes()])
}

/// Inspects the same texts in a response that is not streamed. Returns the report and the redacted texts.
fn redacted(policy: &Policy, texts: &BTreeMap<Channel, String>) -> (Report, BTreeMap<Channel, String>) {
    let choices: Vec<String> = texts
        .iter()
        .map(|(channel, text)| {
            let text = json(text, false);
            let message = match channel.part {
                Part::Content => format!(r#"{{"content":{text}}}"#),
                Part::Reasoning => format!(r#"{{"reasoning_content":{text}}}"#),
                Part::ToolArguments(index) => {
                    format!(r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{text}}}}}]}}"#)
                }
                part => panic!("{part:?}"),
            };
            format!(r#"{{"index":{},"message":{message},"finish_reason":"stop"}}"#, channel.choice)
        })
        .collect();
    let body = format!(r#"{{"choices":[{}]}}"#, choices.join(","));
    let read = |body: &[u8]| Response::parse(Dialect::OpenAiChat, body, &ParseLimits::default()).unwrap();
    let report = inspect_response(policy, &read(body.as_bytes()), body.as_bytes());
    let edited = report.edits.apply(body.as_bytes());
    let mut left: BTreeMap<Channel, String> = BTreeMap::new();
    for text in read(&edited).texts {
        left.entry(text.channel).or_default().push_str(&text.str.decode(&edited));
    }
    left.retain(|_, text| !text.is_empty());
    (report, left)
}

const EMAIL: &str = r#"{"id":"email","match":{"regex":"\\b[\\w.+-]{1,64}@[\\w-]{1,63}(\\.[\\w-]{1,63}){1,4}\\b"},"action":"redact","replacement":"[email]"}"#;
const KEY: &str = r#"{"id":"key","match":{"regex":"\\bAKIA[0-9A-Z]{16}\\b"},"action":"block"}"#;

fn content(pieces: &[&str]) -> Vec<Piece> {
    pieces.iter().map(|piece| (0, CONTENT, (*piece).to_owned())).collect()
}

/// Returns the number of withheld bytes after a text has come in these pieces.
fn held_after(policy: std::sync::Arc<Policy>, pieces: &[&str]) -> usize {
    let mut inspector = StreamInspector::new(policy, Dialect::OpenAiChat);
    let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    for piece in content(pieces) {
        let pushed = framer.push(event(&[delta(&piece, false)]).as_bytes(), |event| {
            assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
            Ok::<_, ()>(())
        });
        pushed.unwrap();
    }
    inspector.held_bytes()
}

#[test]
fn a_text_split_over_events_is_redacted() {
    let policy = policy(&[EMAIL]);
    let body = stream(&content(&["Write to jo", "hn.doe@exam", "ple.c", "om, please"]), false);
    let outcome = inspect_whole(&policy, &body);
    assert_eq!(outcome.verdict, StreamVerdict::Continue);
    let out = String::from_utf8(outcome.out).unwrap();
    let deltas: Vec<String> = out
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(deltas, ["Write to ", "", "", "[email], ", "please"], "{out}");
    // the withheld part of `please` is released in a separate event before the final one
    assert!(out.ends_with(concat!(
        r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"please"},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"total_tokens":1}}"#,
        "\n\ndata: [DONE]\n\n",
    )));
    assert_eq!(outcome.inspector.report().verdict, Some(Action::Redact));
    assert_eq!(outcome.inspector.report().redactions, 1);
    assert_eq!(outcome.inspector.report().rule_names(&policy), "email");
}

#[test]
fn no_part_of_a_blocked_match_is_released() {
    let policy = policy(&[KEY]);
    for pieces in [
        &["the key is AKIAIOSFODNN7EXAMPLE, keep it"][..],
        &["the key is AKIA", "IOSFODNN7EXAMPLE", ", keep it"],
        &["the key is A", "K", "IA", "IOSFODNN7EXAMPLE"],
    ] {
        let outcome = inspect_whole(&policy, &stream(&content(pieces), false));
        let rule = policy.rules().iter().position(|rule| rule.id() == "key").unwrap();
        let StreamVerdict::Block(Cause::Rule(index)) = outcome.verdict else { panic!("{pieces:?}") };
        assert_eq!(index.get(), rule);
        assert_eq!(received(&outcome.out).into_values().collect::<Vec<_>>(), ["the key is "], "{pieces:?}");
        assert!(!String::from_utf8(outcome.out).unwrap().contains("[DONE]"));
    }
}

#[test]
fn text_before_the_redacted_group_is_released() {
    let rule = r#"{"id":"k","match":{"regex":"(?i)vendorkey[ =]{1,3}([a-z0-9]{8})","group":1},"action":"redact","replacement":"[key]"}"#;
    for (pieces, held) in [
        (&["my Vendor"][..], 0),
        (&["my Vendor", "Key"], 0),
        (&["my Vendor", "Key "], 0),
        (&["my Vendor", "Key = "], 2), // the group may begin behind the first space
        (&["my Vendor", "Key = abcd"], 6),
        (&["my Vendor", "Key = abcd", "1234"], 10), // a match is certain with the next character
    ] {
        let outcome = inspect_whole(&policy(&[rule]), &stream(&content(pieces), false));
        let whole = pieces.concat().replace("abcd1234", "[key]");
        assert_eq!(received(&outcome.out).into_values().collect::<String>(), whole);
        assert_eq!(held_after(policy(&[rule]), pieces), held, "{pieces:?}");
    }
}

#[test]
fn an_open_match_is_dropped_and_not_held_back() {
    let rule =
        r#"{"id":"k","match":{"head":"-BEGIN KEY-","tail":"-END KEY-"},"action":"redact","replacement":"[key]"}"#;
    let line = "0123456789abcdef".repeat(64);
    for (pieces, held, released) in [
        (&["a -BEGIN KE"][..], 9, "a -BEGIN KE"),
        (&["a -BEGIN KEY-"], 11, "a [key]"), // a match is certain with the next character
        (&["a -BEGIN KEY-", &line, &line, &line, &line], 0, "a [key]"),
        (&["a -BEGIN KEY-", &line, "-END KE"], 7, "a [key]"),
        (&["a -BEGIN KEY-", &line, "-END KEY- b"], 0, "a [key] b"),
        (&["a -BEGIN KEY-", &line, "-END KEY- b -BEGIN KEY- c"], 0, "a [key] b [key]"),
    ] {
        let policy = policy(&[rule]);
        assert_eq!(held_after(policy.clone(), pieces), held, "{pieces:?}");
        let outcome = inspect_whole(&policy, &stream(&content(pieces), false));
        assert_eq!(received(&outcome.out).into_values().collect::<String>(), released, "{pieces:?}");
    }
}

#[test]
fn text_before_a_group_may_have_characters_of_any_length() {
    let rule = r#"{"id":"k","match":{"regex":"[a漢](b{2})","group":1},"action":"redact","replacement":"[key]"}"#;
    for pieces in [&["漢", "bb", "."][..], &["x漢", "b", "b."], &["漢", "漢", "bc", "abb."], &["漢a"]] {
        let outcome = inspect_whole(&policy(&[rule]), &stream(&content(pieces), false));
        let whole = pieces.concat().replace("bb", "[key]");
        assert_eq!(received(&outcome.out).into_values().collect::<String>(), whole, "{pieces:?}");
    }
}

#[test]
fn a_text_that_takes_too_much_work_follows_the_policy() {
    let rule = r#"{"id":"costly","match":{"regex":"(?s)zqx.{1,300}(y.{1,20}){9}Z"},"action":"redact"}"#;
    let text = "zqx yyyy".repeat(16_000);
    let pieces = |len: usize| -> Vec<Piece> {
        text.as_bytes().chunks(len).map(|piece| (0, CONTENT, String::from_utf8(piece.to_vec()).unwrap())).collect()
    };
    for on_unscannable in ["block", "pass"] {
        let raw = format!(r#"{{"rules":[{rule}],"max_match_bytes":400,"on_unscannable":"{on_unscannable}"}}"#);
        let policy = Arc::new(Policy::from_raw(serde_json::from_str(&raw).unwrap()).unwrap());
        let outcomes = [text.len(), 1000].map(|len| inspect_whole(&policy, &stream(&pieces(len), false)));
        let released = outcomes.each_ref().map(|outcome| received(&outcome.out).into_values().collect::<String>());
        for outcome in &outcomes {
            let report = outcome.inspector.report();
            if on_unscannable == "block" {
                assert_eq!(outcome.verdict, StreamVerdict::Block(Cause::TooCostly));
            } else {
                assert_eq!((outcome.verdict, report.unscanned), (StreamVerdict::Continue, 1));
            }
        }
        assert_eq!(released[0], released[1]);
        assert_eq!(released[0] == text, on_unscannable == "pass");
    }
}

#[test]
fn streams_without_matches_pass_byte_for_byte() {
    let body = "\u{feff}: hello\r\n\r\nevent: message\r\nid: 7\r\ndata:{ \"choices\" : [ {\"delta\":\r\ndata: \
                {\"content\":\"caf\\u00e9 \\ud83d\\ude00 .\"}}]}\r\n\r\nretry: 3\n\n\
                data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" ok!\"},\"finish_reason\":\"stop\"}]}\n\n\
                data: [DONE]\n\n: bye";
    for rules in [&[EMAIL, KEY][..], &[KEY], &[]] {
        let outcome = inspect_whole(&policy(rules), body);
        assert_eq!(outcome.verdict, StreamVerdict::Continue);
        assert_eq!(String::from_utf8(outcome.out).unwrap(), body, "{rules:?}");
    }
}

#[test]
fn logprobs_are_removed_when_a_rule_may_redact() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a@b.c \"},\"logprobs\":{\"content\":[{\"token\":\"a@b.c\",\
                \"bytes\":[97,64,98],\"top_logprobs\":[{\"token\":\"a@b.d\"}]}]}}]}\n\n";
    let out = String::from_utf8(inspect_whole(&policy(&[EMAIL]), body).out).unwrap();
    assert_eq!(out, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[email] \"},\"logprobs\":null}]}\n\n");
    let log = EMAIL.replace("\"redact\"", "\"log\"").replace(",\"replacement\":\"[email]\"", "");
    assert_eq!(String::from_utf8(inspect_whole(&policy(&[&log]), body).out).unwrap(), body);
}

#[test]
fn unreadable_events_follow_the_policy() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[\n\ndata: [DONE]\n\n";
    let blocked = inspect_whole(&policy(&[KEY]), body);
    assert_eq!(blocked.verdict, StreamVerdict::Block(Cause::Unreadable));
    assert_eq!(blocked.inspector.report().verdict, Some(Action::Block));
    assert_eq!(blocked.inspector.report().unscanned, 0);
    let log = KEY.replace("block", "log");
    let passed = inspect_whole(&policy(&[&log]), body);
    assert_eq!(passed.verdict, StreamVerdict::Continue);
    assert_eq!(String::from_utf8(passed.out).unwrap(), body);
    assert_eq!(passed.inspector.report().unscanned, 1);
}

#[test]
fn withheld_text_of_a_truncated_stream_is_resolved_at_its_end() {
    let policy = policy(&[EMAIL]);
    for (body, expected) in [
        ("data: {\"choices\":[{\"delta\":{\"content\":\"to a@b.c\"}}]}\n\n", "to [email]"),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"to a@b.c\"}}]}", "to [email]"),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"to a@b\"}}]}\r\n", "to a@b"),
    ] {
        let outcome = inspect_whole(&policy, body);
        assert_eq!(received(&outcome.out).into_values().collect::<Vec<_>>(), [expected], "{body:?}");
        assert_eq!(outcome.inspector.held_bytes(), 0);
    }
}

/// Upstream that resets the stream: the end of the body is never reported, and possible matches stay withheld.
#[test]
fn text_without_a_verdict_is_not_released_when_a_stream_breaks_off() {
    let policy = policy(&[EMAIL, KEY]);
    for (pieces, expected) in [
        (&["Write to jo", "hn.doe@exam"][..], "Write to "),
        (&["It is AKIA", "IOSFODNN7"], "It is "),
        (&["That is all. "], "That is all. "),
    ] {
        let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
        let mut parser = EventParser::new(Dialect::OpenAiChat);
        let mut out = Vec::new();
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        for piece in content(pieces) {
            let pushed = framer.push(event(&[delta(&piece, false)]).as_bytes(), |event| {
                assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
                Ok::<_, ()>(())
            });
            pushed.unwrap();
        }
        assert_eq!(received(&out).into_values().collect::<String>(), expected);
        assert_eq!(inspector.held_bytes(), pieces.concat().len() - expected.len());
    }
}

#[test]
fn a_text_that_ends_with_its_last_piece_needs_no_separate_event() {
    let body = event(&[r#"{"index":0,"delta":{"content":"mail a@b.c"},"finish_reason":"stop"}"#.to_owned()]);
    let out = String::from_utf8(inspect_whole(&policy(&[EMAIL]), &body).out).unwrap();
    assert_eq!(out, body.replace("a@b.c", "[email]"));
}

/// Returns an event whose only candidate finishes with a piece of its content.
fn finish(piece: &str) -> String {
    event(&[format!(r#"{{"index":0,"delta":{{"content":{}}},"finish_reason":"stop"}}"#, json(piece, false))])
}

#[test]
fn text_after_the_announced_end_goes_on() {
    for (rules, pieces, released, redactions) in [
        (&[KEY][..], &["Hello", " there", ", friend"][..], Some("Hello there, friend"), 0),
        (&[KEY], &["AKIAIOSF", "ODNN7EXAMPLE"], None, 0),
        (&[KEY], &["the key AK", "IA", "IOSFODNN7EXAMPLE", " is"], None, 0),
        (&[EMAIL], &["to a@b.c", " and d@e.f", " now"], Some("to [email] and [email] now"), 2),
        // What has left cannot be redacted, but the rest is.
        (&[EMAIL], &["to a", "@b.c", "om"], Some("to a[email]om"), 1),
    ] {
        let body: String = pieces.iter().map(|piece| finish(piece)).collect();
        let outcome = inspect_whole(&policy(rules), &body);
        let blocked = matches!(outcome.verdict, StreamVerdict::Block(Cause::Rule(_)));
        assert_eq!(blocked, released.is_none(), "{pieces:?}: {:?}", outcome.verdict);
        if let Some(released) = released {
            let mut framer = Framer::new(Framing::Sse, 1 << 20);
            let mut text = String::new();
            let pushed = framer.push(&outcome.out, |event| {
                let data = event.data().unwrap_or_default();
                let chunk = Chunk::parse(Dialect::OpenAiChat, &data, &ParseLimits::default()).unwrap().unwrap();
                text.extend(chunk.texts.iter().map(|text| text.str.decode(&data)));
                Ok::<_, ()>(())
            });
            pushed.unwrap();
            assert_eq!((text.as_str(), outcome.inspector.report().redactions), (released, redactions), "{pieces:?}");
        }
    }
}

/// Inspects events of `dialect` and returns the verdict and the output.
fn inspect_events(rules: &[&str], dialect: Dialect, events: &[&str]) -> (StreamVerdict, Vec<String>) {
    inspect_by(policy(rules), dialect, events)
}

fn inspect_by(policy: Arc<Policy>, dialect: Dialect, events: &[&str]) -> (StreamVerdict, Vec<String>) {
    let mut inspector = StreamInspector::new(policy, dialect);
    let (mut parser, mut out) = (EventParser::new(dialect), Vec::new());
    let mut verdict = StreamVerdict::Continue;
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    for data in events {
        let _ = framer.push(format!("data: {data}\n\n").as_bytes(), |event| {
            if verdict == StreamVerdict::Continue {
                verdict = inspector.event(&parser.parse(event), &mut out);
            }
            Ok::<_, ()>(())
        });
    }
    if verdict == StreamVerdict::Continue {
        verdict = inspector.finish(&mut out);
        assert_eq!(inspector.held_bytes(), 0);
    }
    let out = String::from_utf8(out).unwrap();
    (verdict, out.split_terminator("\n\n").map(|event| event.trim_start_matches("data: ").to_owned()).collect())
}

#[test]
fn pieces_in_unknown_members_are_one_text() {
    let chat = |piece: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"thinking":"{piece}"}}}}]}}"#);
    let diff = |piece: &str| {
        format!(r#"{{"type":"response.new_diff.delta","item_id":"i","output_index":0,"delta":"{piece}"}}"#)
    };
    let stdout =
        |piece: &str| format!(r#"{{"type":"response.output.delta","delta":{{"stderr":"","stdout":"{piece}"}}}}"#);
    let block = |piece: &str| {
        format!(r#"{{"type":"content_block_delta","index":1,"delta":{{"type":"new_delta","content":"{piece}"}}}}"#)
    };
    let partial = |piece: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"partialArgs":[{{"jsonPath":"$.a","stringValue":"{piece}"}}]}}}}]}}}}]}}"#
        )
    };
    let converse = |piece: &str| format!(r#"{{"contentBlockIndex":0,"delta":{{"newContent":{{"x":"{piece}"}}}}}}"#);
    type Make<'m> = &'m dyn Fn(&str) -> String;
    let events: [(Dialect, Make<'_>); 6] = [
        (Dialect::OpenAiChat, &chat),
        (Dialect::OpenAiResponses, &diff),
        (Dialect::OpenAiResponses, &stdout),
        (Dialect::AnthropicMessages, &block),
        (Dialect::GeminiGenerate, &partial),
        (Dialect::BedrockConverse, &converse),
    ];
    for (dialect, event) in events {
        for pieces in [&["the key AKIAIOSFO", "DNN7EXAMPLE is"][..], &["AK", "IA", "IOSFODNN7EXAMPL", "E"]] {
            let events: Vec<String> = pieces.iter().map(|piece| event(piece)).collect();
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            let (verdict, out) = inspect_events(&[KEY], dialect, &events);
            assert!(matches!(verdict, StreamVerdict::Block(Cause::Rule(_))), "{dialect:?} {verdict:?}");
            assert!(!out.concat().contains("AKIA") && !out.concat().contains("DNN7"), "{out:?}");
        }
        let pieces = ["write to ab", "c@exam", "ple.com, pl", "ease"];
        let events: Vec<String> = pieces.iter().map(|piece| event(piece)).collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let (_, out) = inspect_events(&[EMAIL], dialect, &events);
        let want: Vec<String> = ["write to [email]", "", ", pl", "ease"].iter().map(|piece| event(piece)).collect();
        assert_eq!(out, want, "{dialect:?}");
    }
}

#[test]
fn strings_in_unknown_members_are_also_complete_texts() {
    let chat = |piece: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"urls":["{piece}"]}}}}]}}"#);
    let redact = KEY.replace("\"block\"", "\"redact\",\"replacement\":\"[key]\"");
    let (_, out) = inspect_events(
        &[&redact],
        Dialect::OpenAiChat,
        &[&chat("http://a"), &chat("AKIAIOSFODNN7EXAMPLE"), &chat("next"), &chat("AKIAIOSFODNN7EXAMPLE")],
    );
    assert_eq!(out, ["http://a", "[key]", "next", "[key]"].map(chat));
}

#[test]
fn strings_that_are_the_same_in_all_events_delay_nothing() {
    let event =
        |text: &str| format!(r#"{{"provider":"someone","choices":[{{"index":0,"delta":{{"content":"{text} "}}}}]}}"#);
    let mut inspector = StreamInspector::new(policy(&[EMAIL]), Dialect::OpenAiChat);
    let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut sent = String::new();
    for at in 0..20 {
        let data = format!("data: {}\n\n", event(&format!("w{at}")));
        sent += &data;
        let pushed = framer.push(data.as_bytes(), |event| {
            assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
            Ok::<_, ()>(())
        });
        pushed.unwrap();
        assert_eq!(out.len(), if at == 0 { 0 } else { sent.len() }, "{at}");
    }
    assert_eq!(String::from_utf8(out).unwrap(), sent);
}

#[test]
fn a_text_that_is_not_continued_delays_a_few_events() {
    let mut inspector = StreamInspector::new(policy(&[EMAIL]), Dialect::OpenAiChat);
    let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut sent = r#"data: {"choices":[{"index":0,"delta":{"state":"thinking"}}]}"#.to_owned() + "\n\n";
    let mut next = sent.clone();
    for at in 0..12 {
        let pushed = framer.push(next.as_bytes(), |event| {
            assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
            Ok::<_, ()>(())
        });
        pushed.unwrap();
        assert_eq!(out.len(), if at < 8 { 0 } else { sent.len() }, "{at}");
        next = event(&[delta(&(0, CONTENT, "word. ".to_owned()), false)]);
        sent += &next;
    }
}

#[test]
fn the_withheld_end_of_a_text_leaves_in_front_of_what_follows_it() {
    let reasoning = |piece: &str| event(&[delta(&(0, REASONING, piece.to_owned()), false)]);
    let content = |piece: &str| event(&[delta(&(0, CONTENT, piece.to_owned()), false)]);
    let tool = |piece: &str| event(&[delta(&(0, 2, piece.to_owned()), false)]);
    let end = event(&[r#"{"index":0,"delta":{},"finish_reason":"stop"}"#.to_owned()]);
    let both = |reasoning: &str, content: &str| {
        event(&[format!(r#"{{"index":0,"delta":{{"reasoning_content":"{reasoning}","content":"{content}"}}}}"#)])
    };
    let last = |content: &str, arguments: &str| {
        let call = format!(r#"{{"index":0,"function":{{"arguments":"{arguments}"}}}}"#);
        event(&[format!(
            r#"{{"index":0,"delta":{{"content":"{content}","tool_calls":[{call}]}},"finish_reason":"tool_calls"}}"#
        )])
    };
    let done = event(&[]);
    for (body, want) in [
        (reasoning("ask bob") + &content("Hello. ") + &end, "ask |bob|Hello. |"),
        (reasoning("ask bob") + &content("Hello. "), "ask |bob|Hello. "),
        (content("I ask bob") + &tool("{}") + &end, "I ask |bob||{}|"),
        // The text goes on behind the other one.
        (reasoning("ask bob") + &content("Hi. ") + &reasoning("@b.c now! ") + &end, "ask |[email]|Hi. | now! |"),
        (reasoning("ask bob") + &content("Hi. ") + &reasoning(" now. ") + &end, "ask |bob|Hi. | now. |"),
        // An empty piece neither goes on nor ends the wait.
        (reasoning("ask bob") + &both("", "Hi. ") + &both("", "You. ") + &end, "ask |bob|Hi. |You. |"),
        (content("I ask bob") + &last("", "{}") + &done, "I ask |bob{}|"),
        // Both end with one event.
        (reasoning("ask bob") + &content("Hi bob") + &end, "ask |bob|Hi |bob|"),
        // The other text of the event that begins it is withheld, too.
        (reasoning("ask bob") + &content("bob") + &content("@b.c. ") + &end, "ask |bob||[email]. |"),
    ] {
        let outcome = inspect_whole(&policy(&[EMAIL]), &body);
        assert_eq!(outcome.verdict, StreamVerdict::Continue);
        let out = String::from_utf8(outcome.out).unwrap();
        let texts: Vec<String> = out
            .split_terminator("\n\n")
            .map(|event| {
                let value: serde_json::Value = serde_json::from_str(event.trim_start_matches("data: ")).unwrap();
                let delta = &value["choices"][0]["delta"];
                let call = &delta["tool_calls"][0]["function"]["arguments"];
                let texts = [&delta["reasoning_content"], &delta["content"], call];
                texts.iter().filter_map(|text| text.as_str()).collect()
            })
            .collect();
        assert_eq!(texts.join("|"), want, "{body}");
    }
}

#[test]
fn nothing_delays_a_stream_without_end() {
    let tail =
        r#"{"id":"k","match":{"head":"-BEGIN KEY-","tail":"-END KEY-"},"action":"redact","replacement":"[key]"}"#;
    let content = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    let unknown = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"state":"{text}"}}}}]}}"#);
    let both = |unknown: &str, text: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"state":"{unknown}","content":"{text}"}}}}]}}"#)
    };
    let reasoning = |thought: &str, text: &str| {
        format!(r#"{{"choices":[{{"index":0,"delta":{{"reasoning_content":"{thought}","content":"{text}"}}}}]}}"#)
    };
    for (rule, first, next) in [
        (EMAIL, vec![reasoning("ask bob", "")], reasoning("", "word. ")),
        (EMAIL, vec![unknown("thinking")], both("", "word. ")),
        (tail, vec![unknown("-BEGIN KEY-abc")], content("word. ")),
        (tail, vec![reasoning("-BEGI", ""), content("a. "), reasoning("N KEY-abc", "")], content("word. ")),
    ] {
        let mut inspector = StreamInspector::new(policy(&[rule]), Dialect::OpenAiChat);
        let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        for data in first.iter().chain(std::iter::repeat_n(&next, 12_000)) {
            let pushed = framer.push(format!("data: {data}\n\n").as_bytes(), |event| {
                assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
                Ok::<_, ()>(())
            });
            pushed.unwrap();
            assert!(inspector.delayed.bytes() <= MAX_DELAYED_BYTES + 1024, "{first:?}");
        }
        assert_eq!(inspector.finish(&mut out), StreamVerdict::Continue);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("word. ").count(), 12_000, "{first:?}");
        assert!(!out.contains("abc"), "{first:?}");
    }
}

/// An event above the bytes that may wait was released at once, with the beginning of a key at its end.
#[test]
fn a_large_event_waits_for_the_next_one() {
    let long = "a word or two ".repeat(50_000);
    for member in ["state", "patch_diff"] {
        let event = |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"{member}":"{text}"}}}}]}}"#);
        let mut inspector = StreamInspector::new(policy(&[KEY]), Dialect::OpenAiChat);
        let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
        let mut framer = Framer::new(Framing::Sse, 8 << 20);
        let mut verdicts = Vec::new();
        for data in [event(&format!("{long}AKIAIOSF")), event("ODNN7EXAMPLE"), event(" and so on")] {
            let pushed = framer.push(format!("data: {data}\n\n").as_bytes(), |event| {
                verdicts.push(inspector.event(&parser.parse(event), &mut out));
                assert!(inspector.bytes_kept_whole() < 2 * long.len());
                Ok::<_, ()>(())
            });
            pushed.unwrap();
        }
        assert!(matches!(verdicts[..], [.., StreamVerdict::Block(Cause::Rule(_))]), "{member}: {verdicts:?}");
        assert!(!String::from_utf8(out).unwrap().contains("AKIA"), "{member}");
    }
}

#[test]
fn the_withheld_end_of_a_text_delays_a_few_events() {
    let mut inspector = StreamInspector::new(policy(&[EMAIL]), Dialect::OpenAiChat);
    let (mut parser, mut out) = (EventParser::new(Dialect::OpenAiChat), Vec::new());
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut next = event(&[delta(&(0, REASONING, "ask bob".to_owned()), false)]);
    let mut sizes = Vec::new();
    for _ in 0..20 {
        let pushed = framer.push(next.as_bytes(), |event| {
            assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
            Ok::<_, ()>(())
        });
        pushed.unwrap();
        sizes.push(out.len());
        next = event(&[delta(&(0, CONTENT, "word. ".to_owned()), false)]);
    }
    assert!(sizes[1..17].iter().all(|size| *size == sizes[0]) && sizes[17] > sizes[16] && sizes[18] > sizes[17]);
    assert_eq!(received(&out)[&Channel { choice: 0, part: Part::Reasoning }], "ask bob");
    assert_eq!(inspector.delayed.bytes(), 0);
}

#[test]
fn signed_thoughts_in_streams_are_not_edited() {
    let events = |thought: &str| {
        let delta = |delta: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
        let (one, two) = thought.split_at(thought.len() / 2);
        vec![
            delta(&format!(r#"{{"type":"thinking_delta","thinking":"{one}"}}"#)),
            delta(&format!(r#"{{"type":"thinking_delta","thinking":"{two}"}}"#)),
            delta(r#"{"type":"signature_delta","signature":"CiQAe2f0"}"#),
            r#"{"type":"content_block_stop","index":0}"#.to_owned(),
        ]
    };
    for (rule, on_uneditable, thought, blocked, rules, unscanned) in [
        (EMAIL, "log", "ask a@b.c and d@e.f now", false, 1, 1),
        (EMAIL, "block", "ask a@b.c and d@e.f now", true, 1, 0),
        (EMAIL, "block", "nothing to see", false, 0, 0),
        (KEY, "log", "the key AKIAIOSFODNN7EXAMPLE", true, 1, 0),
    ] {
        let raw = format!(r#"{{"rules":[{rule}],"on_uneditable":"{on_uneditable}"}}"#);
        let policy = Arc::new(Policy::from_raw(serde_json::from_str(&raw).unwrap()).unwrap());
        let mut inspector = StreamInspector::new(policy, Dialect::AnthropicMessages);
        let (mut parser, mut out) = (EventParser::new(Dialect::AnthropicMessages), Vec::new());
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        let body: String = events(thought).iter().map(|data| format!("data: {data}\n\n")).collect();
        let pushed = framer.push(body.as_bytes(), |event| match inspector.event(&parser.parse(event), &mut out) {
            StreamVerdict::Continue => Ok(()),
            StreamVerdict::Block(_) => Err(()),
        });
        assert_eq!(pushed.is_err(), blocked, "{thought}");
        let report = inspector.report();
        assert_eq!((report.rules.len(), report.unscanned, report.redactions), (rules, unscanned, 0), "{thought}");
        let mut thinking = String::new();
        for event in String::from_utf8(out).unwrap().split_terminator("\n\n") {
            let value: serde_json::Value = serde_json::from_str(event.trim_start_matches("data: ")).unwrap();
            thinking += value["delta"]["thinking"].as_str().unwrap_or_default();
        }
        assert!(if blocked { thought.starts_with(&thinking) } else { thinking == thought }, "{thinking}");
    }
}

#[test]
fn blocks_that_have_ended_make_room_for_others() {
    let mut events = Vec::new();
    for at in 0..1500 {
        events.push(format!(
            r#"{{"type":"content_block_delta","index":{at},"delta":{{"type":"text_delta","text":"w{at}. a@b.c"}}}}"#
        ));
        events.push(format!(r#"{{"type":"content_block_stop","index":{at}}}"#));
    }
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let (verdict, out) = inspect_events(&[EMAIL], Dialect::AnthropicMessages, &events);
    assert_eq!(verdict, StreamVerdict::Continue);
    let out = out.concat();
    assert!(out.contains("w1499. ") && out.matches("[email]").count() == 1500 && !out.contains("a@b"));
}

#[test]
fn calls_at_the_same_place_one_after_the_other_have_their_own_names() {
    let rule = r#"{"id":"t","match":{"regex":"etc"},"scope":{"tools":["bash"]},"action":"block"}"#;
    let events = |first: &str, second: &str| {
        [("a", first), ("b", second)].map(|(id, name)| {
            [
                format!(r#"{{"type":"response.output_item.added","item":{{"id":"{id}","type":"function_call","name":"{name}","arguments":""}}}}"#),
                format!(r#"{{"type":"response.function_call_arguments.delta","item_id":"{id}","delta":"{{\"path\":\"/etc\"}}"}}"#),
                format!(r#"{{"type":"response.function_call_arguments.done","item_id":"{id}","arguments":"{{\"path\":\"/etc\"}}"}}"#),
            ]
        })
    };
    for (first, second, blocked) in [("read", "ba", false), ("read", "bash", true), ("ba", "sh", false)] {
        let events: Vec<String> = events(first, second).into_iter().flatten().collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let (verdict, _) = inspect_events(&[rule], Dialect::OpenAiResponses, &events);
        assert_eq!(verdict != StreamVerdict::Continue, blocked, "{first} {second}");
    }
}

#[test]
fn the_number_of_concurrent_texts_is_bounded() {
    let pieces: Vec<Piece> = (0..2000).map(|choice| (choice, CONTENT, "a".to_owned())).collect();
    let outcome = inspect_whole(&policy(&[EMAIL]), &stream(&pieces, false));
    assert_eq!(outcome.verdict, StreamVerdict::Block(Cause::TooManyTexts));
}

#[test]
fn tool_names_and_unknown_strings_are_separate_texts() {
    let body = concat!(
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"get","arguments":""}}],"x":["AKIAIOSFODNN7","EXAMPLE"]}}]}"#,
        "\n\n"
    );
    let outcome = inspect_whole(&policy(&[EMAIL, KEY]), body);
    assert_eq!(outcome.verdict, StreamVerdict::Continue);
    assert_eq!(String::from_utf8(outcome.out).unwrap(), body);
    let body = body.replace("\"EXAMPLE\"", "\"AKIAIOSFODNN7EXAMPLE\"");
    assert!(matches!(inspect_whole(&policy(&[KEY]), &body).verdict, StreamVerdict::Block(Cause::Rule(_))));
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    vec((0u32..2, 0u8..4, texts(0..8)), 0..12)
}

fn joined(pieces: &[Piece]) -> BTreeMap<Channel, String> {
    let mut texts: BTreeMap<Channel, String> = BTreeMap::new();
    for (choice, part, text) in pieces {
        let part = match *part {
            CONTENT => Part::Content,
            REASONING => Part::Reasoning,
            index => Part::ToolArguments(u32::from(index)),
        };
        texts.entry(Channel { choice: *choice, part }).or_default().push_str(text);
    }
    texts.retain(|_, text| !text.is_empty());
    texts
}

/// Searching the remaining text for the start of a rule without literals at every literal of another rule would take hours.
#[test]
fn a_text_full_of_literals_takes_linear_time() {
    let rules = r#"{"rules":[
        {"id":"key","match":{"regex":"\\bAKIA[0-9A-Z]{16}\\b"},"action":"redact"},
        {"id":"number","match":{"regex":"\\b[0-9]{9}\\b"},"action":"redact"}
    ]}"#;
    let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
    let text = "AKIA".repeat(250_000);
    let mut released = String::new();
    let verdict = StreamInspector::new(policy.into(), Dialect::OpenAiChat).whole_text(&text, &mut released);
    assert_eq!(verdict, StreamVerdict::Continue);
    assert!(released == text);
}

#[test]
fn names_of_tools_in_a_response_that_passes_text_by_text_are_not_passed_in_silence() {
    const REDACTS: &str = r#"{"id":"r","match":{"regex":"x-[0-9]"},"action":"redact"}"#;
    let names = |rest: &str| format!(r#"{{"id":"t","match":{{"tool":{{"allow":["ok"]}}}},{rest}}}"#);
    let blocks = names(r#""action":"block""#);
    let logs = names(r#""action":"log""#);
    let on_requests = names(r#""action":"block","applies_to":["request"]"#);
    for (rule, dialect, on_unscannable, expected) in [
        (&blocks, Dialect::OpenAiChat, None, Err(Cause::TooLarge)),
        (&blocks, Dialect::OpenAiChat, Some(OnUnscannable::Pass), Ok(1)),
        (&blocks, Dialect::OpenAiImages, None, Ok(0)),
        (&logs, Dialect::GeminiGenerate, None, Ok(1)),
        (&on_requests, Dialect::OpenAiChat, None, Ok(0)),
    ] {
        for is_opaque in [false, true] {
            let rules = format!(r#"{{"rules":[{REDACTS},{rule}]}}"#);
            let raw = crate::RawPolicy { on_unscannable, ..serde_json::from_str(&rules).unwrap() };
            let mut stream = StreamInspector::new(Policy::from_raw(raw).unwrap().into(), dialect);
            let mut released = String::new();
            let mut verdict = StreamVerdict::Continue;
            for text in ["a", "shell"] {
                verdict = if is_opaque { stream.opaque_text(text) } else { stream.whole_text(text, &mut released) };
            }
            let found = match verdict {
                StreamVerdict::Continue => Ok(stream.report().unscanned),
                StreamVerdict::Block(cause) => Err(cause),
            };
            assert_eq!(found, expected, "{rule} {dialect:?}");
            assert!(expected.is_ok() || released.is_empty());
        }
    }
    let alone = Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules":[{blocks}]}}"#)).unwrap()).unwrap();
    let excluded = [RuleIndex(0)].into_iter().fold(RuleSet::new(), |mut set, rule| {
        set.insert(rule);
        set
    });
    let mut stream = StreamInspector::new(alone.into(), Dialect::OpenAiChat).without(excluded);
    assert_eq!(stream.whole_text("shell", &mut String::new()), StreamVerdict::Continue);
    assert_eq!(stream.report().unscanned, 0);
}

/// Gemini sends arguments as JSON, whose numbers are no strings.
#[test]
fn a_redacted_number_of_a_stream_is_a_json_string() {
    let rule = r#"{"id":"n","match":{"regex":"41+"},"action":"redact","replacement":"\"x\\"}"#;
    let mut inspector = StreamInspector::new(policy(&[rule]), Dialect::GeminiGenerate);
    let (mut parser, mut out) = (EventParser::new(Dialect::GeminiGenerate), Vec::new());
    let data = r#"{"candidates":[{"index":0,"content":{"parts":[{"functionCall":{"name":"f","args":{"a":7415}}}]}}]}"#;
    let pushed = Framer::new(Framing::Sse, 1 << 20).push(format!("data: {data}\n\n").as_bytes(), |event| {
        assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
        Ok::<_, ()>(())
    });
    pushed.unwrap();
    let out = String::from_utf8(out).unwrap();
    let data: serde_json::Value = serde_json::from_str(out.trim().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(data["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]["a"], "7\"x\\5");
}

#[test]
fn arguments_that_are_too_large_to_be_held_are_refused_or_inspected_as_they_are() {
    let filler = "x".repeat(1 << 19);
    let pieces = ["{\"a\": \"", &*filler, &*filler, "abcd1234", "\"}"];
    let pieces: Vec<Piece> = pieces.iter().map(|piece| (0, 2, (*piece).to_owned())).collect();
    let rule = r#"{"id":"k","match":{"regex":"abcd1234"},"action":"redact","replacement":"[key]"}"#;
    for (on_unscannable, cause, has_key) in [("block", Some(Cause::TooLarge), false), ("pass", None, true)] {
        let raw = format!(r#"{{"rules":[{rule}],"on_unscannable":"{on_unscannable}"}}"#);
        let policy = Policy::from_raw(serde_json::from_str(&raw).unwrap()).unwrap();
        let outcome = inspect_whole(&policy.into(), &stream(&pieces, false));
        assert_eq!(outcome.inspector.report().cause, cause, "{on_unscannable}");
        let out = String::from_utf8(outcome.out).unwrap();
        assert!(!out.contains("abcd1234") && out.contains("[key]") == has_key, "{on_unscannable}");
    }
}

/// Returns a text with the matches in it and in each of its pieces redacted, and `true` if one of them blocks.
fn redacted_with_pieces(policy: &Policy, pieces: &[String]) -> (String, bool) {
    let text = pieces.concat();
    let (mut redactions, mut blocks) = (Redactions::default(), false);
    let mut add = |text: &str, at: usize| {
        for Finding { rule, action, range, .. } in inspect_text(policy, Direction::Response, text).findings {
            blocks |= action == Action::Block;
            if action == Action::Redact {
                redactions.push(Redaction { start: (at + range.start) as u64, end: (at + range.end) as u64, rule });
            }
        }
    };
    add(&text, 0);
    let mut at = 0;
    for piece in pieces {
        add(piece, at);
        at += piece.len();
    }
    redactions.sort();
    let (mut out, mut copied) = (String::new(), 0);
    while let First::Closed(redaction) = redactions.first(u64::MAX, None) {
        out += &text[copied..redaction.start as usize];
        out += &policy.rule(redaction.rule).unwrap().replacement_of(None, policy.placeholder_key());
        copied = redaction.end as usize;
    }
    (out + &text[copied..], blocks)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn a_text_in_an_unknown_member_is_redacted_like_a_complete_one(
        policy in policies(&["redact", "log", "block"]),
        pieces in vec(texts(0..8), 1..8),
        gap in 0usize..3,
    ) {
        // The first piece is like no other: the value is no constant.
        let pieces: Vec<String> = pieces.into_iter().enumerate().map(|(at, piece)| if at == 0 { format!("{piece}!") } else { piece }).collect();
        let (expected, blocks) = redacted_with_pieces(&policy, &pieces);
        // The API has no such member here, and knows its name.
        let unknown = |piece: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"title":{}}}}}]}}"#, json(piece, false));
        let mut events = Vec::new();
        for piece in &pieces {
            events.push(unknown(piece));
            events.extend(std::iter::repeat_n(r#"{"choices":[]}"#.to_owned(), gap));
        }
        let sent: Vec<&str> = events.iter().map(String::as_str).collect();
        let policy = policy.clone();
        let (verdict, out) = inspect_by(policy, Dialect::OpenAiChat, &sent);
        prop_assert_eq!(matches!(verdict, StreamVerdict::Block(_)), blocks);
        if !blocks {
            prop_assert_eq!(out.len(), events.len());
            let mut text = String::new();
            for event in &out {
                let value: serde_json::Value = serde_json::from_str(event).unwrap();
                text += value["choices"][0]["delta"]["title"].as_str().unwrap_or_default();
            }
            prop_assert_eq!(&text, &expected);
            if expected == pieces.concat() {
                prop_assert_eq!(out, events);
            }
        }
    }

    #[test]
    fn a_client_receives_the_redaction_of_the_complete_text(
        policy in policies(&["redact", "log"]),
        pieces in pieces(),
        step in 1usize..40,
        escape: bool,
    ) {
        let body = stream(&pieces, escape);
        let outcome = inspect(&policy, body.as_bytes().chunks(step));
        prop_assert_eq!(outcome.verdict, StreamVerdict::Continue);
        let (report, expected) = redacted(&policy, &joined(&pieces));
        prop_assert_eq!(received(&outcome.out), expected);
        let seen = outcome.inspector.report();
        prop_assert_eq!(seen.verdict, report.verdict);
        prop_assert_eq!(&seen.rules, &report.rules);
        prop_assert_eq!(seen.matches, report.matches);
        prop_assert_eq!(seen.redactions, report.redactions);
        prop_assert_eq!(outcome.inspector.held_bytes(), 0);
        let channels = joined(&pieces).len();
        prop_assert!(outcome.most_held <= policy.max_match_bytes() * channels);
        if report.redactions == 0 && outcome.most_held == 0 {
            prop_assert_eq!(outcome.out, body.into_bytes());
        }
    }

    #[test]
    fn arguments_of_a_tool_call_are_redacted_like_those_of_a_complete_response(
        policy in policies(&["redact", "log"]),
        strings in vec(texts(0..12), 1..4),
        is_nested: bool,
        is_cut: bool,
        cuts in vec(0usize..160, 0..8),
        step in 1usize..40,
    ) {
        let mut text = serde_json::json!({"ab": strings, "n": 12}).to_string();
        if is_nested {
            text = serde_json::json!([text]).to_string();
        }
        if is_cut {
            text.pop();
        }
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<Piece> = cuts.windows(2).map(|cut| (0, 2, text[cut[0]..cut[1]].to_owned())).collect();
        let body = stream(&pieces, false);
        let outcome = inspect(&policy, body.as_bytes().chunks(step));
        let (report, expected) = redacted(&policy, &joined(&pieces));
        let arguments = received(&outcome.out);
        prop_assert_eq!(&arguments, &expected);
        let seen = outcome.inspector.report();
        prop_assert_eq!((seen.verdict, &seen.rules), (report.verdict, &report.rules));
        prop_assert_eq!((seen.matches, seen.redactions), (report.matches, report.redactions));
        for text in arguments.values().filter(|_| !is_cut) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn a_block_does_not_depend_on_the_split(
        policy in policies(&["block", "redact", "log"]),
        text in texts(0..40),
        cuts in vec(0usize..160, 0..8),
        step in 1usize..40,
    ) {
        let one = inspect_whole(&policy, &stream(&[(0, CONTENT, text.clone())], false));
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<Piece> = cuts.windows(2).map(|cut| (0, CONTENT, text[cut[0]..cut[1]].to_owned())).collect();
        let many = inspect(&policy, stream(&pieces, true).as_bytes().chunks(step));
        prop_assert_eq!(one.verdict, many.verdict);
        prop_assert_eq!(received(&one.out), received(&many.out));
        prop_assert_eq!(&one.inspector.report().rules, &many.inspector.report().rules);
        prop_assert_eq!(one.inspector.report().matches, many.inspector.report().matches);
        // A stream is blocked if the complete text is, and the released text ends before every match that blocks.
        let channel = Channel { choice: 0, part: Part::Content };
        let texts = BTreeMap::from([(channel, text.clone())]);
        let (report, _) = redacted(&policy, &texts);
        prop_assert_eq!(report.verdict == Some(Action::Block), one.verdict != StreamVerdict::Continue);
        let blocking = |finding: &&Finding| finding.action == Action::Block;
        let starts = report.findings.iter().filter(blocking).map(|finding| finding.range.start);
        if let Some(start) = starts.min().filter(|_| policy.rules().iter().all(|rule| rule.action() != Action::Redact)) {
            let received = received(&many.out).remove(&channel).unwrap_or_default();
            prop_assert!(text[..start].starts_with(&received), "{:?} released of {:?}, blocked at {}", received, text, start);
        }
    }
}

/// Streams of other dialects, with a policy that replaces secrets by `[x]`.
mod dialects {
    use super::*;
    use serde_json::Value;

    const RULE: &str =
        r#"{"rules":[{"id":"x","match":{"regex":"sec?ret-[0-9]+"},"action":"redact","replacement":"[x]"}]}"#;

    /// Returns the released events and the report, and asserts that both are independent of the split.
    fn inspected(dialect: Dialect, events: &[&str]) -> (Vec<(String, Value)>, Report) {
        let mut body = String::new();
        for data in events {
            let value: Value = serde_json::from_str(data).unwrap();
            body += &format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap());
        }
        let policy = Arc::new(Policy::from_raw(serde_json::from_str(RULE).unwrap()).unwrap());
        let mut all: Option<(Vec<u8>, Report)> = None;
        for size in [body.len(), 1, 7] {
            let mut inspector = StreamInspector::new(policy.clone(), dialect);
            let mut parser = EventParser::new(dialect);
            let (mut framer, mut out) = (Framer::new(Framing::Sse, 1 << 20), Vec::new());
            for piece in body.as_bytes().chunks(size) {
                let pushed = framer.push(piece, |event| {
                    assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
                    Ok::<_, ()>(())
                });
                pushed.unwrap();
            }
            assert_eq!((inspector.finish(&mut out), inspector.held_bytes()), (StreamVerdict::Continue, 0));
            match &all {
                Some((whole, _)) => assert_eq!(*whole, out, "in pieces of {size}"),
                None => all = Some((out, inspector.report().clone())),
            }
        }
        let (out, report) = all.unwrap();
        let mut events = Vec::new();
        let pushed = Framer::new(Framing::Sse, 1 << 20).push(&out, |event| {
            let name = String::from_utf8(event.name().unwrap().to_vec()).unwrap();
            events.push((name, serde_json::from_slice(&event.data().unwrap()).unwrap()));
            Ok::<_, ()>(())
        });
        pushed.unwrap();
        (events, report)
    }

    #[test]
    fn withheld_text_is_released_before_an_anthropic_block_ends() {
        let (left, report) = inspected(
            Dialect::AnthropicMessages,
            &[
                r#"{"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a secr"}}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"et-1, secret-"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"k\":\"secret-"}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"2\"}"}}"#,
                r#"{"type":"content_block_stop","index":1}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        );
        let mut texts = BTreeMap::<u64, String>::new();
        let mut open = Vec::new();
        for (name, data) in &left {
            assert_eq!(data["type"], **name);
            match &**name {
                "content_block_start" => open.push(data["index"].clone()),
                "content_block_stop" => open.retain(|index| *index != data["index"]),
                "content_block_delta" => {
                    assert!(open.contains(&data["index"]), "a delta outside of its block");
                    let text = data["delta"]["text"].as_str().or(data["delta"]["partial_json"].as_str()).unwrap();
                    texts.entry(data["index"].as_u64().unwrap()).or_default().push_str(text);
                }
                _ => assert!(open.is_empty() || name == "ping"),
            }
        }
        assert_eq!(
            texts.into_iter().collect::<Vec<_>>(),
            [(0, "a [x], secret-".into()), (1, "{\"k\":\"[x]\"}".into())]
        );
        assert_eq!((report.matches, report.redactions), (2, 2));
    }

    #[test]
    fn repeated_texts_of_the_responses_api_are_redacted_again() {
        let citation = r#"[{"type":"url_citation","start_index":0,"end_index":3,"url":"https://x","title":"t"}]"#;
        let part = format!(
            r#"{{"type":"output_text","text":"a secret-1 b","annotations":{citation},"logprobs":[{{"token":"a"}}]}}"#
        );
        let events = [
            r#"{"type":"response.created","response":{"id":"r","output":[]}}"#.to_owned(),
            r#"{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"a sec","sequence_number":4}"#.to_owned(),
            r#"{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"ret-1 b","sequence_number":5}"#.to_owned(),
            r#"{"type":"response.output_text.delta","item_id":"i","output_index":1,"content_index":0,"delta":"sec","sequence_number":6}"#.to_owned(),
            r#"{"type":"response.output_text.done","output_index":1,"content_index":0,"text":"sec"}"#.to_owned(),
            r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a secret-1 b"}"#.to_owned(),
            format!(r#"{{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{part}}}"#),
            format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{{"type":"message","content":[{part}]}}}}"#),
            format!(r#"{{"type":"response.completed","response":{{"output":[{{"type":"message","content":[{part}]}}],"usage":{{"input_tokens":1,"output_tokens":2}}}}}}"#),
        ];
        let (left, report) = inspected(Dialect::OpenAiResponses, &events.each_ref().map(|event| &**event));
        let delta = |at: u64| -> String {
            let mine = left.iter().filter(|(_, data)| data["output_index"] == at);
            mine.filter_map(|(_, data)| data["delta"].as_str()).collect()
        };
        assert_eq!((delta(0), delta(1)), ("a [x] b".to_owned(), "sec".to_owned()));
        // withheld text is released before the end of its text, in an event of the same type
        let own = left.iter().position(|(_, data)| data["output_index"] == 1 && data["delta"] == "sec").unwrap();
        assert_eq!((&*left[own + 1].0, &left[own].1["item_id"]), ("response.output_text.done", &Value::from("i")));
        let text = left.iter().map(|(_, data)| data.to_string()).collect::<String>();
        assert!(!text.contains("secret-1"));
        for (name, part) in [
            ("response.content_part.done", "/part"),
            ("response.output_item.done", "/item/content/0"),
            ("response.completed", "/response/output/0/content/0"),
        ] {
            let (_, data) = left.iter().find(|(own, _)| own == name).unwrap();
            let part = data.pointer(part).unwrap();
            assert_eq!(part["text"], "a [x] b");
            assert_eq!((&part["annotations"], &part["logprobs"]), (&Value::Array(vec![]), &Value::Array(vec![])));
        }
        // repetitions are counted once
        assert_eq!((report.matches, report.redactions), (1, 1));
    }

    #[test]
    fn annotations_of_an_unchanged_text_are_kept() {
        let event = r#"{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{"type":"output_text","text":"fine","annotations":[{"title":"secret-2","start_index":0}]}}"#;
        let (left, _) = inspected(Dialect::OpenAiResponses, &[event]);
        assert_eq!(left[0].1["part"]["annotations"][0]["title"], "[x]");
        assert_eq!(left[0].1["part"]["annotations"][0]["start_index"], 0);
    }

    #[test]
    fn withheld_text_is_released_before_a_json_array_ends() {
        let policy = Arc::new(Policy::from_raw(serde_json::from_str(RULE).unwrap()).unwrap());
        let body = br#"[{"candidates":[{"content":{"parts":[{"text":"a sec"}]},"index":0}]},
            {"candidates":[{"content":{"parts":[{"text":"ret-1, secret-"}]},"index":0}]}]"#;
        for size in [body.len(), 1, 5] {
            let mut inspector = StreamInspector::new(policy.clone(), Dialect::GeminiGenerate);
            let mut parser = EventParser::new(Dialect::GeminiGenerate);
            let (mut framer, mut out) = (Framer::new(Framing::JsonArray, 1 << 20), Vec::new());
            let mut each = |event: Event<'_>| {
                assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
                Ok::<_, ()>(())
            };
            body.chunks(size).for_each(|piece| framer.push(piece, &mut each).unwrap());
            framer.finish(&mut each).unwrap();
            assert_eq!(inspector.finish(&mut out), StreamVerdict::Continue);
            let value: Value = serde_json::from_slice(&out).unwrap();
            let texts = value.as_array().unwrap().iter();
            let text: String =
                texts.filter_map(|one| one["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
            assert_eq!(text, "a [x], secret-");
        }
    }
}
