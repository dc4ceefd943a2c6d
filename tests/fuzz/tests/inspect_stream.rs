//! Inspection of streams: any split gives the same bytes, and a client receives the redaction of the complete text.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_inspect::{Policy, StreamInspector, StreamVerdict};
use tollgate_llm::{Channel, Chunk, Dialect, EventParser, Framer, Framing, ParseLimits, Part, escape_into};

/// Seeds; the first byte is the size of the reads.
const SEEDS: &[&[u8]] = &[
    b"\x03data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"to a\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b@c.d \"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    b"\x01data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"k\"}},{\"delta\":{\"reasoning\":\"ke\\u0079\"}}]}\r\n\r\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"ey-123 x\"}}]}\r\n\r\n",
    b"\x07: hi\n\ndata: {\"id\":\"c\",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a@\"}}]}}]}\n\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"b c@d\"}}]},\"logprobs\":{\"content\":[{\"token\":\"a\"}]}}]}",
    b"\x02data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a@\"},{\"type\":\"text\",\"text\":\"b\"}],\"x\":\"a@b\"}}]}\n\n",
];

const RULES: [&str; 2] = [
    r#"{"id":"mail","match":{"regex":"\\b[a-z]{1,9}@[a-z.]+\\b"},"action":"redact"}"#,
    r#"{"id":"key","match":{"keywords":["key-123"]},"action":"block"}"#,
];

struct Outcome {
    out: Vec<u8>,
    verdict: StreamVerdict,
}

fn inspect<'a>(policy: &Arc<Policy>, pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
    let mut parser = EventParser::new(Dialect::OpenAiChat);
    let (mut out, mut verdict, mut events) = (Vec::new(), StreamVerdict::Continue, 0);
    let mut framer = Framer::new(Framing::Sse, usize::MAX);
    let mut each = |event: tollgate_llm::Event<'_>| {
        verdict = inspector.event(&parser.parse(event), &mut out);
        events += 1;
        assert!(inspector.held_bytes() <= policy.max_match_bytes() * 100 * events);
        if verdict == StreamVerdict::Continue { Ok(()) } else { Err(()) }
    };
    let mut continues = true;
    for piece in pieces {
        continues = continues && framer.push(piece, &mut each).is_ok();
    }
    if continues && framer.finish(&mut each).is_ok() {
        verdict = inspector.finish(&mut out);
        assert_eq!(inspector.held_bytes(), 0);
    }
    Outcome { out, verdict }
}

/// Returns the texts that a client assembles from pieces.
fn received(body: &[u8]) -> BTreeMap<Channel, String> {
    let mut texts: BTreeMap<Channel, String> = BTreeMap::new();
    let mut framer = Framer::new(Framing::Sse, usize::MAX);
    let mut each = |event: tollgate_llm::Event<'_>| {
        let Some(data) = event.data() else { return Ok(()) };
        let chunk = Chunk::parse(Dialect::OpenAiChat, &data, &ParseLimits::default()).ok().flatten();
        for text in chunk.iter().flat_map(|chunk| &chunk.texts) {
            if !matches!(text.channel.part, Part::ToolName(_) | Part::Other | Part::Logprobs) {
                texts.entry(text.channel).or_default().push_str(&text.str.decode(&data));
            }
        }
        Ok::<(), ()>(())
    };
    framer.push(body, &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    texts.retain(|_, text| !text.is_empty());
    texts
}

/// Builds a stream with one text in one event.
fn one_event(text: &str) -> Vec<u8> {
    let mut body = b"data: {\"choices\":[{\"delta\":{\"content\":\"".to_vec();
    escape_into(text, &mut body);
    body.extend_from_slice(b"\"}}]}\n\n");
    body
}

fn property(input: &[u8]) {
    let (size, body) = input.split_first().map_or((1, input), |(first, body)| (usize::from(first % 32) + 1, body));
    for (rules, may_edit) in
        [(RULES.join(","), true), (RULES.join(",").replace("redact", "log").replace("block", "log"), false)]
    {
        let raw = format!(r#"{{"rules":[{rules}],"max_match_bytes":16,"on_unscannable":"pass"}}"#);
        let policy = Arc::new(Policy::from_raw(serde_json::from_str(&raw).unwrap()).unwrap());
        let whole = inspect(&policy, [body].into_iter());
        let split = inspect(&policy, body.chunks(size));
        assert_eq!(whole.verdict, split.verdict);
        assert_eq!(whole.out, split.out);
        if !may_edit {
            assert_eq!(whole.verdict, StreamVerdict::Continue);
            assert_eq!(whole.out, body);
        }
        if whole.verdict == StreamVerdict::Continue && !continues_after_its_end(body) {
            let expected: BTreeMap<Channel, String> = received(body)
                .into_iter()
                .filter_map(|(channel, text)| {
                    let alone = inspect(&policy, [&*one_event(&text)].into_iter());
                    assert_eq!(alone.verdict, StreamVerdict::Continue);
                    Some((channel, received(&alone.out).into_values().next()?))
                })
                .collect();
            assert_eq!(received(&whole.out), expected);
        }
    }
}

/// Returns `true` if events follow after a candidate has finished or the stream has announced its end: the texts are then no
/// longer one text each.
fn continues_after_its_end(body: &[u8]) -> bool {
    let mut ended = false;
    let mut continues = false;
    let mut framer = Framer::new(Framing::Sse, usize::MAX);
    let mut each = |event: tollgate_llm::Event<'_>| {
        continues |= ended && event.data().is_some_and(|data| *data != b"[DONE]"[..]);
        if let Some(data) = event.data() {
            let chunk = Chunk::parse(Dialect::OpenAiChat, &data, &ParseLimits::default());
            ended |= chunk.is_ok_and(|chunk| chunk.is_none_or(|chunk| !chunk.finished.is_empty()));
        }
        Ok::<(), ()>(())
    };
    framer.push(body, &mut each).unwrap();
    framer.finish(&mut each).unwrap();
    continues
}

tollgate_fuzz::target!(inspect_stream, SEEDS, property);
