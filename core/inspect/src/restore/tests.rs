use super::*;
use crate::RequestFacts;
use crate::policy::Policy;
use crate::rule_set::NO_RULES;
use crate::{RawPolicy, Report, StreamInspector, StreamVerdict, inspect_request, inspect_response_without};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use tollgate_llm::{Dialect, EventParser, FrameError, Framer, Framing, ParseLimits, Request, Response};

const RULES: &str = r#"{"rules": [
    {"id": "mail", "match": {"regex": "[a-z]{1,9}@[a-z.]{1,20}"}, "action": "placeholder", "restore": true},
    {"id": "bird", "match": {"keywords": ["heron"]}, "action": "placeholder", "replacement": "<\"b\">", "restore": true},
    {"id": "key", "match": {"regex": "k[0-9]{4}"}, "action": "placeholder"},
    {"id": "card", "match": {"regex": "c[0-9]{4}"}, "action": "placeholder", "restore": true, "applies_to": ["request"]}
]}"#;

fn policy(rules: &str) -> Arc<Policy> {
    let raw: RawPolicy = serde_json::from_str(rules).unwrap();
    Arc::new(Policy::from_raw(raw).unwrap())
}

/// Returns the report and the edited text of a request with this text.
fn request(policy: &Policy, text: &str) -> (Report, String) {
    let body = serde_json::json!({"messages": [{"role": "user", "content": text}]}).to_string();
    let request = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
    let report = inspect_request(policy, &request, body.as_bytes());
    let edited: serde_json::Value = serde_json::from_slice(&report.edits.apply(body.as_bytes())).unwrap();
    (report, edited["messages"][0]["content"].as_str().unwrap().to_owned())
}

/// Returns the body of a response after its inspection.
fn whole(policy: &Policy, values: &PlaceholderValues, dialect: Dialect, body: &str) -> String {
    let response = Response::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
    let report =
        inspect_response_without(policy, &NO_RULES, (values, &RequestFacts::new()), &response, body.as_bytes());
    String::from_utf8(report.edits.apply(body.as_bytes())).unwrap()
}

/// Returns a stream after its inspection.
fn streamed(policy: &Arc<Policy>, values: &PlaceholderValues, dialect: Dialect, body: &str) -> String {
    let mut inspector = StreamInspector::new(policy.clone(), dialect).restoring(Arc::new(values.clone()));
    let (mut parser, mut out) = (EventParser::new(dialect), Vec::new());
    let mut framer = Framer::new(Framing::Sse, 1 << 20);
    let mut each = |event: tollgate_llm::Event<'_>| {
        assert_eq!(inspector.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
        Ok::<_, FrameError<()>>(())
    };
    framer.push(body.as_bytes(), &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    assert_eq!(inspector.finish(&mut out), StreamVerdict::Continue);
    assert_eq!(inspector.held_bytes(), 0);
    String::from_utf8(out).unwrap()
}

fn chat(member: &str, text: &str) -> String {
    let message = match member {
        "arguments" => serde_json::json!({"tool_calls": [{"id": text, "function": {"name": text, "arguments": text}}]}),
        member => serde_json::json!({member: text}),
    };
    serde_json::json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).to_string()
}

fn chunks<'t>(member: &str, pieces: impl IntoIterator<Item = &'t str>) -> String {
    let delta = |text: &str| match member {
        "arguments" => serde_json::json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
        member => serde_json::json!({member: text}),
    };
    let events = pieces
        .into_iter()
        .map(|piece| format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": delta(piece)}]})));
    events.collect::<String>()
        + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
}

/// Returns the text of a member of the message, in a response or in a stream.
fn text(body: &str, member: &str) -> String {
    let text = |message: &serde_json::Value| match member {
        "arguments" => message["tool_calls"][0]["function"]["arguments"].as_str().map(str::to_owned),
        member => message[member].as_str().map(str::to_owned),
    };
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(body) {
        return text(&value["choices"][0]["message"]).unwrap();
    }
    let events = body.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    let values = events.filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    values.filter_map(|value| text(&value["choices"][0]["delta"])).collect()
}

#[test]
fn values_are_restored_in_text_and_nowhere_else() {
    let policy = policy(RULES);
    let (report, sent) = request(&policy, "bob@example.com heron k1234 c4321");
    let placeholders: Vec<&str> = sent.split(' ').collect();
    let [mail, bird, key, card] = placeholders[..] else { panic!("{sent}") };
    for (response, want) in [
        ("Mail {mail}, {mail}.", "Mail bob@example.com, bob@example.com."),
        ("A {bird} and {card}, {card}{card}", "A heron and c4321, {card}c4321"),
        // The rule does not restore, the placeholder is not complete, or not one of the request.
        ("{key}", "{key}"),
        ("[mail:01234567] [mail:0123 [mail: [[mail", "[mail:01234567] [mail:0123 [mail: [[mail"),
        ("[ma{mail}", "[mabob@example.com"),
        // In front of the placeholder is a URL, a target or a tag.
        ("https://example.com/?q={mail} {mail}", "https://example.com/?q={mail} bob@example.com"),
        ("![x](/y?{mail}) {card}", "![x](/y?{mail}) c4321"),
        ("[x]({mail})", "[x]({mail})"),
        ("<img src='{mail}'> {card}", "<img src='{mail}'> c4321"),
        // Rules on responses come first, and do not see values.
        ("k9876 {mail}", "[key:{k9876}] bob@example.com"),
        // A value makes no URL of another.
        ("https://{mail}/{card}", "https://{mail}/{card}"),
        ("{mail},?{card}", "bob@example.com,?c4321"),
        ("{mail}:({card})", "bob@example.com:(c4321)"),
        // Behind the placeholder is the rest of an address.
        ("{card}.example.com/a {card}", "{card}.example.com/a c4321"),
        ("{card}@example.com, {card}.", "{card}@example.com, c4321."),
        ("{card}/?a {mail}/?{card}", "{card}/?a {mail}/?c4321"),
        ("[{card}](https://example.com) {card}", "[c4321](https://example.com) c4321"),
    ] {
        let other = request(&policy, "k9876").1;
        let fill = |text: &str| {
            let text = text.replace("[key:{k9876}]", &other).replace("{mail}", mail).replace("{bird}", bird);
            text.replace("{key}", key).replace("{card}", card)
        };
        let (response, want) = (fill(response), fill(want));
        let values = &report.placeholders;
        let body = whole(&policy, values, Dialect::OpenAiChat, &chat("content", &response));
        assert_eq!(text(&body, "content"), want);
        let stream = streamed(&policy, values, Dialect::OpenAiChat, &chunks("content", [&*response]));
        assert_eq!(text(&stream, "content"), want);
    }
    for member in ["reasoning_content", "arguments", "unknown"] {
        let body = chat(member, &sent);
        assert_eq!(whole(&policy, &report.placeholders, Dialect::OpenAiChat, &body), body, "{member}");
    }
    for member in ["reasoning_content", "arguments"] {
        let stream = streamed(&policy, &report.placeholders, Dialect::OpenAiChat, &chunks(member, [&*sent]));
        assert_eq!(text(&stream, member), sent, "{member}");
    }
}

#[test]
fn nothing_is_restored_in_a_text_that_is_json() {
    let policy = policy(RULES);
    let (report, mail) = request(&policy, "bob@example.com");
    let values = &report.placeholders;
    for (response, is_restored) in [
        ("{\"a\": \"P\"}", false),
        (" [\"P\"]", false),
        ("```json\n{\"a\": \"P\"}\n```", false),
        ("P is P", true),
        ("{P}", true),
    ] {
        let response = response.replace('P', &mail);
        let want = if is_restored { response.replace(&mail, "bob@example.com") } else { response.clone() };
        let body = whole(&policy, values, Dialect::OpenAiChat, &chat("content", &response));
        assert_eq!(text(&body, "content"), want);
        let pieces = response.split_inclusive(|_| true);
        let stream = streamed(&policy, values, Dialect::OpenAiChat, &chunks("content", pieces));
        assert_eq!(text(&stream, "content"), want);
    }
}

#[test]
fn a_value_that_another_rule_replaces_is_not_restored() {
    let policy = policy(
        r#"{"rules": [{"id": "all", "match": {"regex": "x[a-z]{3}"}, "action": "placeholder", "restore": true},
            {"id": "key", "match": {"regex": "abc"}, "action": "redact"}]}"#,
    );
    assert!(!request(&policy, "xyyy").0.placeholders.is_empty());
    assert!(request(&policy, "xabc").0.placeholders.is_empty());
    assert!(request(&policy, "abc").0.placeholders.is_empty());
}

/// Texts with a redaction are not clean, so later turns have the values again.
#[test]
fn a_remembered_conversation_has_its_values() {
    let mut policy = Arc::into_inner(policy(RULES)).unwrap();
    policy.remember_clean_texts(|| [7; 16]);
    let text = "Ask bob@example.com. ".to_owned() + &"Nothing else. ".repeat(1000);
    let first = request(&policy, &text).0.placeholders;
    assert!(!first.is_empty() && first == request(&policy, &text).0.placeholders);
}

#[test]
fn citations_of_a_restored_text_are_removed() {
    let policy = policy(RULES);
    let (report, mail) = request(&policy, "bob@example.com");
    let citation = r#"[{"type":"url_citation","start_index":0,"end_index":2,"url":"u"}]"#;
    for (content, is_kept) in [("see it", true), (&*mail, false)] {
        let part = format!(r#"{{"type":"output_text","text":"{content}","annotations":{citation}}}"#);
        let body = format!(r#"{{"output":[{{"type":"message","content":[{part}]}}]}}"#);
        let body = whole(&policy, &report.placeholders, Dialect::OpenAiResponses, &body);
        assert_eq!((body.contains("start_index"), body.contains(&mail)), (is_kept, false), "{body}");
        let event = |name: &str, value: &str| {
            format!("data: {{\"type\":\"response.{name}\",\"output_index\":0,\"content_index\":0,{value}}}\n\n")
        };
        let body = event("output_text.delta", &format!("\"delta\":\"{content}\""))
            + &event("content_part.done", &format!("\"part\":{part}"));
        let body = streamed(&policy, &report.placeholders, Dialect::OpenAiResponses, &body);
        assert_eq!((body.contains("start_index"), body.contains(&mail)), (is_kept, false), "{body}");
    }
}

#[test]
fn text_that_responses_repeats_is_restored_like_its_deltas() {
    let policy = policy(RULES);
    let (report, mail) = request(&policy, "bob@example.com");
    let (head, tail) = mail.split_at(4);
    let of = |name: &str, value: &str| {
        format!("data: {{\"type\":\"response.{name}\",\"output_index\":0,\"content_index\":0,{value}}}\n\n")
    };
    let body = of("output_text.delta", &format!("\"delta\":\"{head}\""))
        + &of("output_text.delta", &format!("\"delta\":\"{tail} \""))
        + &of("output_text.done", &format!("\"text\":\"{mail} \""))
        + &of(
            "completed",
            &format!(
                r#""response":{{"output":[{{"type":"message","content":[{{"type":"output_text","text":"{mail} "}}]}},{{"type":"function_call","name":"f","arguments":"{{\"a\":\"{mail}\"}}"}}]}}"#
            ),
        );
    let out = streamed(&policy, &report.placeholders, Dialect::OpenAiResponses, &body);
    assert_eq!((out.matches("bob@example.com").count(), out.matches(&mail).count()), (3, 1), "{out}");
}

#[test]
fn values_of_anthropic_are_restored_block_by_block() {
    let policy = policy(RULES);
    let (report, mail) = request(&policy, "bob@example.com");
    let (head, tail) = mail.split_at(4);
    let block = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let body = format!(
        r#"{{"type":"message","role":"assistant","content":[{},{},{},{{"type":"tool_use","id":"{mail}","name":"f","input":{{"a":"{mail}"}}}}]}}"#,
        block(&format!("To {mail}")),
        block(head),
        block(tail)
    );
    let out = whole(&policy, &report.placeholders, Dialect::AnthropicMessages, &body);
    assert_eq!(out, body.replacen(&mail, "bob@example.com", 1));
}

#[test]
fn placeholders_beyond_the_bounds_stay() {
    let mut values = PlaceholderValues::default();
    (0..300).for_each(|number| values.insert(&format!("[{number:03}]"), "v"));
    assert_eq!(values.list.len(), MAX_VALUES);
    let mut values = PlaceholderValues::default();
    values.insert("[a]", &"v".repeat(MAX_BYTES));
    assert!(values.is_empty());
    // One placeholder for two values, or one that begins like another.
    for (placeholder, value) in [("[a]", "1"), ("[a]", "2"), ("[a]b", "3"), ("[b]", "4"), ("[", "5")] {
        values.insert(placeholder, value);
    }
    let mut out = String::new();
    assert_eq!(Restorer::default().push(&values, "[a] [a]b [b]", true, &mut out), 1);
    assert_eq!((&*out, format!("{values:?}")), ("[a] [a]b 4", "PlaceholderValues(2)".to_owned()));
}

/// A stream that ends, or goes on without a decision, keeps no more than it says.
#[test]
fn what_is_held_is_bounded() {
    let mut values = PlaceholderValues::default();
    values.insert("[a:1]", "v");
    for (text, want) in [("x".repeat(4000), "[a:1]"), (".".repeat(4000), "[a:1]"), (" ".repeat(4000), "v")] {
        let (mut restorer, mut out) = (Restorer::default(), String::new());
        for c in format!("[a:1]{text}").chars() {
            restorer.push(&values, c.encode_utf8(&mut [0; 4]), false, &mut out);
            assert!(restorer.held() <= "[a:1]".len() + 256, "{}", restorer.held());
        }
        restorer.push(&values, "", true, &mut out);
        assert_eq!(out, format!("{want}{text}"));
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_whole(
        words in proptest::collection::vec(
            select(&["{mail}", "{bird}", "{key}", "{card}", "[ma", "[mail:", "<", "\"", " ", "\n", "a", "é", "k1", "234",
                "heron", "x@y.z", "https:", "//", "](", ")", "<a ", ">", "=", "]:", "{", "[", "\\", ".", "example.com", "@",
                "?", "&", "%2E", "。", ",", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"][..]), 0..24),
        cuts in proptest::collection::vec(0usize..400, 0..12),
        halves in any::<bool>(),
    ) {
        let policy = policy(RULES);
        let (report, sent) = request(&policy, "bob@example.com heron k1234 c4321");
        let names = ["{mail}", "{bird}", "{key}", "{card}"];
        let placeholders: Vec<&str> = sent.split(' ').collect();
        let mut response = words.concat();
        for (name, placeholder) in names.iter().zip(placeholders) {
            let half = &placeholder[..placeholder.len() / 2];
            response = if halves { response.replacen(name, half, 1) } else { response }.replace(name, placeholder);
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| response.floor_char_boundary(at.min(response.len()))).collect();
        cuts.extend([0, response.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &response[cut[0]..cut[1]]);
        let body = whole(&policy, &report.placeholders, Dialect::OpenAiChat, &chat("content", &response));
        let stream = streamed(&policy, &report.placeholders, Dialect::OpenAiChat, &chunks("content", pieces));
        prop_assert_eq!(text(&body, "content"), text(&stream, "content"));
    }
}
