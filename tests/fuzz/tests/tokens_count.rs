//! All ways to count agree for any text in any chunks, and loading a tokenizer or counting a prompt never panics.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Dialect, ParseLimits, Request};
use tollgate_tokens::{Encoding, StreamCounter, Tokenizer, count_prompt};

/// Seed inputs; the first byte is the chunk size.
const SEEDS: &[&[u8]] = &[
    b"\x04The quick brown fox jumps over the lazy dog's HTTPServer 12345.\r\n\n  x",
    "\u{3}漢字AAAA漢字b とか \u{301}\u{301}A 😀👩\u{200d}👩 Привет".as_bytes(),
    b"\x01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    br#"{"messages":[{"role":"user","content":"hi"}],"tools":[{"function":{"name":"f","parameters":{"properties":{"a":{"type":"array","items":{"enum":["b"]}}}}}}]}"#,
    b"\x02tokens\0\x03\0\0\0\0\0\0\0\0",
];

fn property(input: &[u8]) {
    let Some((&split, bytes)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        let count = encoding.count(&text);
        let mut ids = Vec::new();
        encoding.encode(&text, &mut ids);
        assert_eq!(ids.len() as u64, count);
        let (least, most) = encoding.bounds(text.len());
        assert!((least..=most).contains(&count));
        assert_eq!(encoding.count_at_most(&text, count), Some(count));
        assert_eq!(encoding.count_at_most(&text, count / 2), Some(count).filter(|_| count == 0));
        let mut counter = StreamCounter::new(encoding);
        bytes.chunks(usize::from(split).max(1)).for_each(|chunk| counter.push(chunk));
        if std::str::from_utf8(bytes).is_ok() {
            assert_eq!(counter.count(), count);
        }
    }
    let _ = Tokenizer::load(bytes.to_vec());
    for dialect in Dialect::ALL {
        if let Ok(request) = Request::parse(*dialect, input, &ParseLimits::default()) {
            for model in ["gpt-4o", "claude-sonnet-4-5", "gemini-3-pro", "qwen3"] {
                let count = count_prompt(&request, input, Some(model));
                assert_eq!(count.tokens, count.text + count.framing + count.tools + count.images + count.media);
            }
        }
    }
}

tollgate_fuzz::target!(tokens_count, SEEDS, property);
