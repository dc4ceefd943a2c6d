//! Prompts of an agent: each turn sends everything before it again.

use std::hint::black_box;

use tollgate_llm::{Dialect, ParseLimits, Request};
use tollgate_tokens::{Keeper, Profile, TextCache};

/// Number of turns, of which the last has the full size.
const TURNS: usize = 20;
/// Bytes of the messages, in turn: questions, thoughts, tool results.
const SIZES: [usize; 6] = [200, 3_000, 600, 8_000, 150, 1_500];

/// Parses the requests of the first `turns` turns of a conversation, and treats them as `mode` says: `parse` only, `count`
/// without a cache, `cached`, or `bound`. Turns differ by a hundredth of `bytes`, the size of the last one.
pub(crate) fn run(mode: &str, bytes: &str, turns: &str, text: &str) -> Result<(), String> {
    let number = |text: &str| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
    let (bytes, turns) = (number(bytes)?, number(turns)?);
    let (profile, keeper) = (Profile::of("gpt-4o"), Keeper::default());
    let mut cache = TextCache::new(*b"a key of 16 byte");
    let mut total = 0;
    for turn in 1..=turns {
        let body = body(text, bytes - TURNS.saturating_sub(turn) * bytes / 100);
        let request = Request::parse(Dialect::OpenAiChat, &body, &ParseLimits::default())
            .map_err(|error| format!("turn {turn}: {error:?}"))?;
        total += match mode {
            "parse" => black_box(request.texts.len()) as u64,
            "count" => profile.count(&request, &body).tokens,
            "cached" => profile.count_cached(&request, &body, Some(&mut cache)).tokens,
            "bound" => profile.bound(&request, &body, &keeper).tokens,
            other => return Err(format!("unknown mode: {other}")),
        };
    }
    println!("{total} {}", cache.hits());
    Ok(())
}

/// Returns a request of about `bytes` bytes.
fn body(text: &str, bytes: usize) -> Vec<u8> {
    let mut body = br#"{"model":"gpt-4o","messages":[{"role":"system","content":""}"#.to_vec();
    let (mut at, mut number) = (0, 0);
    while body.len() < bytes {
        let size = SIZES.get(number % SIZES.len()).copied().unwrap_or(1_000);
        // A text that is too short starts again.
        at = if at + size > text.len() { 0 } else { at };
        let (start, end) = (text.floor_char_boundary(at), text.floor_char_boundary(at + size));
        let role = if number % 2 == 0 { "user" } else { "assistant" };
        body.extend_from_slice(format!(r#",{{"role":"{role}","content":""#).as_bytes());
        tollgate_llm::escape_into(text.get(start..end).unwrap_or_default(), &mut body);
        body.extend_from_slice(br#""}"#);
        (at, number) = (at + size, number + 1);
    }
    body.extend_from_slice(b"]}");
    body
}
