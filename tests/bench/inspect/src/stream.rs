//! Streams: time per event and bytes held back.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tollgate_inspect::{Policy, RawPolicy, StreamInspector};
use tollgate_llm::{Dialect, EventParser, Framer, Framing};

/// Bytes of text that are streamed.
const SIZE: usize = 64 << 10;

/// Microseconds per event, and bytes held back after an event.
pub(crate) struct Held {
    pub(crate) with_rules: f64,
    pub(crate) without_rules: f64,
    pub(crate) p50: usize,
    pub(crate) p90: usize,
    pub(crate) p99: usize,
    pub(crate) most: usize,
}

/// Streams a text in events of a word or part of one, with and without rules.
pub(crate) fn measure(text: &str, policy: &Arc<Policy>) -> Result<Held, Box<dyn std::error::Error>> {
    let text = text.get(..text.floor_char_boundary(SIZE)).unwrap_or(text);
    let mut body = String::new();
    let mut events = 0;
    for delta in deltas(text) {
        let data = json!({"id": "c", "choices": [{"index": 0, "delta": {"content": delta}, "finish_reason": null}]});
        body.push_str(&format!("data: {data}\n\n"));
        events += 1;
    }
    let raw: RawPolicy = serde_json::from_value(json!({"rules": []}))?;
    let (none, _) = run(&Arc::new(Policy::from_raw(raw)?), &body)?;
    let (with, mut held) = run(policy, &body)?;
    held.sort_unstable();
    let at = |percent: usize| held.get(held.len() * percent / 100).or(held.last()).copied().unwrap_or(0);
    let (with_rules, without_rules) = (with / f64::from(events), none / f64::from(events));
    Ok(Held { with_rules, without_rules, p50: at(50), p90: at(90), p99: at(99), most: at(100) })
}

/// Returns the microseconds of the fastest of several runs, and the bytes held after each event.
fn run(policy: &Arc<Policy>, body: &str) -> Result<(f64, Vec<usize>), Box<dyn std::error::Error>> {
    let (mut fastest, mut held) = (f64::MAX, Vec::new());
    for _ in 0..5 {
        held.clear();
        let mut inspector = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
        let mut parser = EventParser::new(Dialect::OpenAiChat);
        let mut framer = Framer::new(Framing::Sse, 1 << 20);
        let mut out = Vec::with_capacity(body.len() * 2);
        let start = Instant::now();
        framer
            .push(body.as_bytes(), |event| {
                let _ = inspector.event(&parser.parse(event), &mut out);
                held.push(inspector.held_bytes());
                Ok::<_, std::convert::Infallible>(())
            })
            .map_err(|error| format!("{error:?}"))?;
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok((fastest, held))
}

/// Splits a text into pieces as a model produces them: a space and up to five characters.
fn deltas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let chars = rest.char_indices().enumerate().skip(1);
        let end = chars.take_while(|(count, _)| *count <= 6).find(|(count, (_, c))| *count == 6 || c.is_whitespace());
        let end = end.map_or(rest.floor_char_boundary(6).max(1), |(_, (at, _))| at);
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(end));
        rest = after;
        Some(piece)
    })
}
