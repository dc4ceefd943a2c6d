//! Usage of streams: whatever is reported, in whatever order, the numbers agree with each other.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::{Anomalies, Chunk, Dialect, ParseLimits, ReportedUsage, Usage};

/// Usage objects of a stream, one a line.
const SEEDS: &[&[u8]] = &[
    br#"{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2}}
{"prompt_tokens":0,"completion_tokens":3,"total_tokens":30,"cached_tokens":8,"completion_tokens_details":{"reasoning_tokens":40}}"#,
    br#"{"input_tokens":10,"cache_read_input_tokens":90,"output_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":5}}
{"output_tokens":7,"iterations":[{"type":"message","model":"a","input_tokens":5},{"type":"fallback_message","output_tokens":3}]}"#,
    br#"{"promptTokenCount":9,"thoughtsTokenCount":5,"totalTokenCount":18446744073709551615,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":90}]}"#,
    br#"{"billed_units":{"input_tokens":5,"search_units":1},"tokens":{"input_tokens":70,"output_tokens":6},"cached_tokens":64}"#,
    br#"{"type":"duration","seconds":1.5}
{"cacheDetails":[{"ttl":"1h","inputTokens":7}],"totalTokens":3,"outputTokens":9}"#,
];

/// Largest number that a report may have in the second half of the property.
const BOUND: u64 = 1000;

fn property(body: &[u8]) {
    for (dialect, member) in [
        (Dialect::OpenAiChat, "usage"),
        (Dialect::AnthropicMessages, "usage"),
        (Dialect::GeminiGenerate, "usageMetadata"),
        (Dialect::BedrockConverse, "usage"),
        (Dialect::CohereChat, "usage"),
    ] {
        let (mut all, mut padded) = (None, None);
        let padding =
            [Some(ReportedUsage::default()), None, Some(ReportedUsage { output: Some(0), ..ReportedUsage::default() })];
        for (at, usage) in body.split(|byte| *byte == b'\n').enumerate() {
            let event = [format!("{{\"{member}\":").as_bytes(), usage, b"}"].concat();
            let Ok(Some(chunk)) = Chunk::parse(dialect, &event, &ParseLimits::default()) else { continue };
            ReportedUsage::merge(&mut all, chunk.usage);
            ReportedUsage::merge(&mut padded, chunk.usage);
            ReportedUsage::merge(&mut padded, padding[at % padding.len()]);
            for (model, part) in &chunk.by_model {
                assert!(model.span.end <= event.len());
                check(part);
            }
        }
        let Some(all) = all else { continue };
        let usage = all.usage();
        check(&usage);
        let same = padded.unwrap().usage();
        assert_eq!((same.input, same.cached, same.output), (usage.input, usage.cached, usage.output));
        let mut anomalies = Anomalies::NONE;
        let bounded = all.bounded(BOUND, BOUND, &mut anomalies);
        assert_eq!(anomalies.is_empty(), bounded == all);
        let bounded = bounded.usage();
        check(&bounded);
        assert!(bounded.cached <= BOUND && bounded.reasoning <= BOUND && bounded.output <= 8 * BOUND);
    }
}

/// Checks that every part is at most as large as the number that includes it.
fn check(usage: &Usage) {
    assert!(usage.cached.saturating_add(usage.cache_write()) <= usage.input, "{usage:?}");
    assert!(usage.reasoning <= usage.output, "{usage:?}");
    let media = usage.audio_input.saturating_add(usage.image_input).saturating_add(usage.video_input);
    assert!(media <= usage.input, "{usage:?}");
    assert!(usage.input.saturating_add(usage.output) <= usage.total, "{usage:?}");
}

tollgate_fuzz::target!(llm_usage, SEEDS, property);
