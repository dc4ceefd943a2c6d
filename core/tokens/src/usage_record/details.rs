//! Text form of the parts of a record that few calls have, by which one filter passes them to another.
//!
//! A detail is a word `name=value`; words are separated by spaces. The usage of another model has its numbers in front of
//! the name of the model: `model=2500/0/0/0/22/0/0/0/claude-opus-4-7`.

use std::fmt::Write;

use tollgate_llm::{ServiceTier, Usage};

use super::UsageRecord;

/// Number of a usage, by name.
type Number = (&'static str, fn(&mut Usage) -> &mut u64);

/// Numbers that few calls have.
const NUMBERS: [Number; 16] = [
    ("reasoning", |usage| &mut usage.reasoning),
    ("cached_audio", |usage| &mut usage.cached_audio),
    ("cached_image", |usage| &mut usage.cached_image),
    ("audio_input", |usage| &mut usage.audio_input),
    ("audio_output", |usage| &mut usage.audio_output),
    ("image_input", |usage| &mut usage.image_input),
    ("image_output", |usage| &mut usage.image_output),
    ("video_input", |usage| &mut usage.video_input),
    ("video_output", |usage| &mut usage.video_output),
    ("audio_input_ms", |usage| &mut usage.audio_input_ms),
    ("web_searches", |usage| &mut usage.web_searches),
    ("citations", |usage| &mut usage.citations),
    ("pages", |usage| &mut usage.pages),
    ("search_units", |usage| &mut usage.search_units),
    ("output_images", |usage| &mut usage.output_images),
    ("characters", |usage| &mut usage.characters),
];

/// Number of the tokens of another model.
const MODEL_NUMBERS: usize = 8;

impl UsageRecord {
    /// Returns the details as text; `None` if there are none.
    pub fn details(&self) -> Option<String> {
        let mut text = String::new();
        let mut usage = self.usage;
        for (name, number) in NUMBERS {
            let number = *number(&mut usage);
            if number > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, "{name}={number} ");
            }
        }
        for (name, tier) in [("tier", self.service_tier), ("requested_tier", self.requested_tier)] {
            if let Some(tier) = tier.filter(|tier| *tier != ServiceTier::Default) {
                let _ = write!(text, "{name}={} ", tier.name());
            }
        }
        for (model, part) in &self.by_model {
            let _ = write!(
                text,
                "model={}/{}/{}/{}/{}/{}/{}/{}/{model} ",
                part.input,
                part.cached,
                part.cache_write_5m,
                part.cache_write_1h,
                part.output,
                part.reasoning,
                part.image_input,
                part.image_output
            );
        }
        if self.in_us {
            text.push_str("geo=us");
        }
        text.truncate(text.trim_end().len());
        Some(text).filter(|text| !text.is_empty())
    }

    /// Adds the details in a text. Words that are not understood are ignored.
    pub fn add_details(&mut self, text: &str) {
        for (name, value) in text.split(' ').filter_map(|word| word.split_once('=')) {
            match name {
                "tier" => self.service_tier = ServiceTier::from_name(value),
                "requested_tier" => self.requested_tier = ServiceTier::from_name(value),
                "geo" => self.in_us = value == "us",
                "model" => self.by_model.extend(model(value)),
                _ => {
                    let number = NUMBERS.into_iter().find(|(known, _)| *known == name);
                    if let (Some((_, number)), Ok(value)) = (number, value.parse()) {
                        *number(&mut self.usage) = value;
                    }
                }
            }
        }
    }
}

/// Reads the usage of another model.
fn model(text: &str) -> Option<(String, Usage)> {
    let mut words = text.splitn(MODEL_NUMBERS + 1, '/');
    let mut number = || words.next()?.parse::<u64>().ok();
    let (input, cached) = (number()?, number()?);
    let (cache_write_5m, cache_write_1h) = (number()?, number()?);
    let (output, reasoning) = (number()?, number()?);
    let (image_input, image_output) = (number()?, number()?);
    let total = input.saturating_add(output);
    let usage = Usage {
        input,
        cached,
        cache_write_5m,
        cache_write_1h,
        output,
        reasoning,
        image_input,
        image_output,
        total,
        ..Usage::default()
    };
    Some((words.next()?.to_owned(), usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_survive_their_text() {
        let part = Usage { input: 2500, cached: 5, output: 22, image_output: 20, total: 2522, ..Usage::default() };
        let usage = Usage {
            reasoning: 1,
            cached_audio: 14,
            cached_image: 15,
            citations: 16,
            audio_input: 2,
            audio_output: 3,
            image_input: 4,
            image_output: 5,
            video_input: 6,
            video_output: 7,
            audio_input_ms: 8,
            web_searches: 9,
            pages: 10,
            search_units: 11,
            output_images: 12,
            characters: 13,
            ..Usage::default()
        };
        let record = UsageRecord {
            usage,
            service_tier: Some(ServiceTier::Flex),
            requested_tier: Some(ServiceTier::Ultrafast),
            in_us: true,
            by_model: vec![("vendor/claude-opus=4-7".to_owned(), part), ("b".to_owned(), part)],
            ..UsageRecord::NOTHING
        };
        let mut read = UsageRecord::NOTHING;
        read.add_details(&record.details().unwrap());
        assert_eq!(read, record);
        let plain = UsageRecord { usage: Usage { input: 5, output: 6, total: 11, ..Usage::default() }, ..read };
        assert!(
            UsageRecord { by_model: Vec::new(), service_tier: None, requested_tier: None, in_us: false, ..plain }
                .details()
                .is_none()
        );
        let mut ignored = UsageRecord::NOTHING;
        ignored.add_details("x=1 pages=many model=1/2 tier=none word");
        assert_eq!(ignored, UsageRecord::NOTHING);
    }

    #[test]
    fn own_usage_excludes_that_of_other_models() {
        let part = Usage { input: 2500, output: 22, total: 2522, ..Usage::default() };
        let usage = Usage { input: 4900, output: 142, total: 5042, ..Usage::default() };
        let record = UsageRecord { usage, by_model: vec![("b".to_owned(), part)], ..UsageRecord::NOTHING };
        assert_eq!(record.own_usage(), Usage { input: 2400, output: 120, total: 2520, ..Usage::default() });
    }
}
