//! Reads usage objects with the pull parser, in the one pass over a response or an event.
//!
//! A member is found by its name in a sorted table; nothing is allocated. Strings that no table knows are texts, as
//! everywhere in a response.

use super::iterations::Iterations;
use super::merge::sum;
use super::reported::UsageRank;
use super::table::{Count, Entry, Member, USAGE};
use super::{ListedSearches, ReportedUsage, ServiceTier};
use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::json::scan::whole;
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, Span, Str};

/// Counting convention of a dialect, or of one of its usage objects.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Convention {
    pub(crate) input_excludes_cache: bool,
    pub(crate) output_excludes_reasoning: bool,
    pub(crate) total_is_input: bool,
    pub(crate) rank: UsageRank,
}

impl Convention {
    /// Numbers that include everything: OpenAI, Ollama.
    pub(crate) const INCLUSIVE: Convention = Convention {
        input_excludes_cache: false,
        output_excludes_reasoning: false,
        total_is_input: false,
        rank: UsageRank::Response,
    };
    /// Input without cached and written tokens: Anthropic, Bedrock Converse.
    pub(crate) const WITHOUT_CACHE: Convention = Convention { input_excludes_cache: true, ..Convention::INCLUSIVE };
    /// Output without reasoning: Gemini.
    pub(crate) const WITHOUT_REASONING: Convention =
        Convention { output_excludes_reasoning: true, ..Convention::INCLUSIVE };
    /// Calls without output tokens: embeddings, reranking.
    pub(crate) const INPUT_ONLY: Convention = Convention { total_is_input: true, ..Convention::INCLUSIVE };
    /// Counts of an engine or of a server in front of the model: llama.cpp's `timings`, Bedrock's invocation metrics and
    /// headers. Their input excludes cached tokens.
    pub(crate) const SECONDARY: Convention = Convention { rank: UsageRank::Secondary, ..Convention::WITHOUT_CACHE };

    /// Returns a usage without numbers.
    pub(crate) const fn usage(self) -> ReportedUsage {
        ReportedUsage {
            input: None,
            tool_input: None,
            cached: None,
            cached_audio: None,
            cached_image: None,
            cache_write: None,
            cache_write_1h: None,
            audio_input: None,
            image_input: None,
            video_input: None,
            output: None,
            reasoning: None,
            audio_output: None,
            image_output: None,
            video_output: None,
            total: None,
            audio_input_ms: None,
            web_searches: None,
            listed_searches: ListedSearches::NONE,
            citations: None,
            pages: None,
            search_units: None,
            choice: None,
            earlier_choices: 0,
            input_excludes_cache: self.input_excludes_cache,
            total_is_input: self.total_is_input,
            output_excludes_reasoning: self.output_excludes_reasoning,
            complete: false,
            rank: self.rank,
        }
    }
}

/// Reads the members of a usage object that was just opened, and merges them into the usage of the response.
pub(crate) fn read(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    convention: Convention,
) -> Result<(), Error> {
    let usage = object(reader, builder, convention)?;
    builder.merge_usage(usage);
    Ok(())
}

/// Reads the members of a usage object that was just opened.
pub(crate) fn object(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    convention: Convention,
) -> Result<ReportedUsage, Error> {
    let mut usage = UsageReader::new(convention);
    usage.members(reader, builder, USAGE)?;
    Ok(usage.end())
}

/// Usage being read from members of one object, or from members beside others of a response.
pub(crate) struct UsageReader {
    usage: ReportedUsage,
    convention: Convention,
    uncached: Option<u64>,
    cache_write_5m: Option<u64>,
    substitute: Option<ReportedUsage>,
    iterations: Iterations,
}

impl UsageReader {
    pub(crate) fn new(convention: Convention) -> UsageReader {
        UsageReader {
            usage: convention.usage(),
            convention,
            uncached: None,
            cache_write_5m: None,
            substitute: None,
            iterations: Iterations::default(),
        }
    }

    /// Reads a value beside other members of a response, if its name is that of a number of a usage. Returns `false` if
    /// it is not; then nothing was read.
    pub(crate) fn number(&mut self, reader: &Reader<'_, '_>, key: Str, value: Value) -> bool {
        match (find(USAGE, reader.body(), key), value) {
            (Some(Member::Count(count)), Value::Number(_)) => {
                self.set(count, number(reader, value));
                true
            }
            _ => false,
        }
    }

    /// Reads the duration of the input audio in seconds.
    pub(crate) fn seconds(&mut self, reader: &Reader<'_, '_>, seconds: Span) {
        self.usage.audio_input_ms = self.usage.audio_input_ms.max(milliseconds(seconds.of(reader.body())));
    }

    /// Adds output tokens, where each of several results has its own count.
    pub(crate) fn add_output(&mut self, tokens: Option<u64>) {
        self.usage.output = Some(sum([self.usage.output, tokens]));
    }

    /// Adds input tokens, where each of several inputs has its own count.
    pub(crate) fn add_input(&mut self, tokens: Option<u64>) {
        self.usage.input = Some(sum([self.usage.input, tokens]));
    }

    /// Returns the usage once all members have been read.
    pub(crate) fn end(mut self) -> ReportedUsage {
        if self.usage.cache_write.is_none() && self.cache_write_5m.or(self.usage.cache_write_1h).is_some() {
            self.usage.cache_write = Some(sum([self.cache_write_5m, self.usage.cache_write_1h]));
        }
        if self.usage.input.is_none() && self.uncached.is_some() {
            self.usage.input = Some(sum([self.uncached, self.usage.cached]));
        }
        if let (Some(substitute), None, None) = (&self.substitute, self.usage.input, self.usage.output) {
            (self.usage.input, self.usage.output) = (substitute.input, substitute.output);
        }
        self.iterations.replace(self.usage)
    }

    /// Reads the members of an object that was just opened.
    fn members(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut ResponseBuilder<'_>,
        table: &'static [Entry],
    ) -> Result<(), Error> {
        while let Some(key) = reader.key()? {
            let member = find(table, reader.body(), key);
            if member.is_none() {
                reader.note_name(key)?;
            }
            let value = reader.value()?;
            self.member(reader, builder, member, value)?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut ResponseBuilder<'_>,
        member: Option<Member>,
        value: Value,
    ) -> Result<(), Error> {
        match (member, value) {
            (Some(Member::Count(count)), Value::Number(_)) => self.set(count, number(reader, value)),
            (Some(Member::Count(count)), Value::String(str)) => match number_of_string(reader.body(), str) {
                Some(number) => self.set(count, Some(number)),
                None => builder.texts(reader, Channel::OTHER, value)?,
            },
            (Some(Member::Object(table)), Value::Object(_)) => return self.members(reader, builder, table),
            (Some(Member::Substitute), Value::Object(_)) => {
                self.substitute = Some(object_without_iterations(reader, builder, self.convention)?);
            }
            (Some(Member::InputModalities), Value::Array(_)) => {
                let counts = [Count::AudioInput, Count::ImageInput, Count::VideoInput];
                return self.modalities(reader, builder, counts.map(Some));
            }
            (Some(Member::OutputModalities), Value::Array(_)) => {
                let counts = [Count::AudioOutput, Count::ImageOutput, Count::VideoOutput];
                return self.modalities(reader, builder, counts.map(Some));
            }
            (Some(Member::CachedModalities), Value::Array(_)) => {
                let counts = [Some(Count::CachedAudio), Some(Count::CachedImage), None];
                return self.modalities(reader, builder, counts);
            }
            (Some(Member::OtherModalities), Value::Array(_)) => return self.modalities(reader, builder, [None; 3]),
            (Some(Member::CacheDetails), Value::Array(_)) => return self.cache_details(reader, builder),
            (Some(Member::Iterations), Value::Array(_)) => {
                return self.iterations.read(reader, builder, self.convention);
            }
            (Some(Member::Seconds), Value::Number(span)) => self.seconds(reader, span),
            (Some(Member::ServiceTier), Value::String(tier)) => builder.service_tier(reader, tier),
            (Some(Member::Speed), Value::String(speed)) => builder.speed(reader, speed),
            (Some(Member::Region), Value::String(region)) => builder.region(reader, region),
            (Some(Member::Enumeration), Value::String(_)) => {}
            (_, value) => return builder.texts(reader, Channel::OTHER, value),
        }
        Ok(())
    }

    /// Reads a list of token counts by modality (Gemini, `ModalityTokenCount`).
    fn modalities(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut ResponseBuilder<'_>,
        [audio, image, video]: [Option<Count>; 3],
    ) -> Result<(), Error> {
        while let Some(value) = reader.element()? {
            let Value::Object(_) = value else {
                builder.texts(reader, Channel::OTHER, value)?;
                continue;
            };
            let (mut tokens, mut modality) = (None, None);
            while let Some((_, field)) = reader.field(&["modality", "tokenCount"])? {
                match (field, reader.value()?) {
                    ("modality", Value::String(str)) => modality = Some(str),
                    ("tokenCount", value @ Value::Number(_)) => tokens = number(reader, value),
                    (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                }
            }
            let Some(modality) = modality else { continue };
            let count = match &*modality.decode(reader.body()) {
                "AUDIO" => audio,
                "IMAGE" => image,
                "VIDEO" => video,
                _ => None,
            };
            if let Some(count) = count {
                self.set(count, tokens);
            }
        }
        Ok(())
    }

    /// Reads a list of cache writes by lifetime (Bedrock, `CacheDetail`).
    fn cache_details(&mut self, reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
        while let Some(value) = reader.element()? {
            let Value::Object(_) = value else {
                builder.texts(reader, Channel::OTHER, value)?;
                continue;
            };
            let (mut tokens, mut is_hour) = (None, false);
            while let Some((_, field)) = reader.field(&["ttl", "inputTokens"])? {
                match (field, reader.value()?) {
                    ("ttl", Value::String(str)) => is_hour = str.is(reader.body(), "1h"),
                    ("inputTokens", value @ Value::Number(_)) => tokens = number(reader, value),
                    (_, value) => builder.texts(reader, Channel::OTHER, value)?,
                }
            }
            self.set(if is_hour { Count::CacheWrite1h } else { Count::CacheWrite5m }, tokens);
        }
        Ok(())
    }

    /// Stores a number; of several names of one number the largest value counts.
    fn set(&mut self, count: Count, number: Option<u64>) {
        let usage = &mut self.usage;
        let slot = match count {
            Count::Input => &mut usage.input,
            Count::ToolInput => &mut usage.tool_input,
            Count::Uncached => &mut self.uncached,
            Count::Cached => &mut usage.cached,
            Count::CachedAudio => &mut usage.cached_audio,
            Count::CachedImage => &mut usage.cached_image,
            Count::CacheWrite => &mut usage.cache_write,
            Count::CacheWrite5m => &mut self.cache_write_5m,
            Count::CacheWrite1h => &mut usage.cache_write_1h,
            Count::AudioInput => &mut usage.audio_input,
            Count::ImageInput => &mut usage.image_input,
            Count::VideoInput => &mut usage.video_input,
            Count::Output => &mut usage.output,
            Count::Reasoning => &mut usage.reasoning,
            Count::AudioOutput => &mut usage.audio_output,
            Count::ImageOutput => &mut usage.image_output,
            Count::VideoOutput => &mut usage.video_output,
            Count::Total => &mut usage.total,
            Count::WebSearches => &mut usage.web_searches,
            Count::Citations => &mut usage.citations,
            Count::Pages => &mut usage.pages,
            Count::SearchUnits => &mut usage.search_units,
        };
        *slot = (*slot).max(number);
    }
}

/// Reads the members of a substitute. It has no substitute and no iterations itself, so that nothing recurses.
fn object_without_iterations(
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    convention: Convention,
) -> Result<ReportedUsage, Error> {
    let mut usage = UsageReader::new(convention);
    while let Some(key) = reader.key()? {
        let value = reader.value()?;
        iteration_member(&mut usage, reader, builder, key, value)?;
    }
    Ok(usage.end())
}

/// Reads one member of an iteration.
pub(super) fn iteration_member(
    usage: &mut UsageReader,
    reader: &mut Reader<'_, '_>,
    builder: &mut ResponseBuilder<'_>,
    key: Str,
    value: Value,
) -> Result<(), Error> {
    let member = find(USAGE, reader.body(), key);
    if member.is_none() {
        reader.note_name(key)?;
    }
    let member = member.filter(|member| !matches!(member, Member::Substitute | Member::Iterations));
    usage.member(reader, builder, member, value)
}

/// Finds a member by its name.
fn find(table: &'static [Entry], body: &[u8], key: Str) -> Option<Member> {
    let raw = key.span.of(body);
    let at = if key.escaped {
        table.binary_search_by(|(name, _)| name.bytes().cmp(key.bytes(body)))
    } else {
        table.binary_search_by(|(name, _)| name.as_bytes().cmp(raw))
    };
    table.get(at.ok()?).map(|(_, member)| *member)
}

/// Returns the number that a string consists of: some gateways quote numbers.
fn number_of_string(body: &[u8], str: Str) -> Option<u64> {
    if str.span.of(body).first()?.is_ascii_digit() { whole(body, str.span) } else { None }
}

/// Returns the milliseconds of a number of seconds, rounded to the next; `None` for negative numbers and exponents.
fn milliseconds(seconds: &[u8]) -> Option<u64> {
    let (whole, fraction) = match seconds.iter().position(|byte| *byte == b'.') {
        Some(point) => (seconds.get(..point)?, seconds.get(point + 1..)?),
        None => (seconds, &b""[..]),
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(10).map(u64::from);
    let mut milliseconds: u64 = 0;
    for byte in whole.iter().chain(fraction.iter().chain(b"000").take(3)) {
        milliseconds = milliseconds.saturating_mul(10).saturating_add(digit(byte)?);
    }
    let mut is_above = false;
    for byte in fraction.get(3..).unwrap_or_default() {
        is_above |= digit(byte)? > 0;
    }
    Some(milliseconds.saturating_add(u64::from(is_above)))
}

impl ResponseBuilder<'_> {
    /// Merges a usage into that of the response, unless it has no number.
    pub(crate) fn merge_usage(&mut self, usage: ReportedUsage) {
        let has_searches = usage.web_searches.is_some() || !usage.listed_searches.is_none();
        let usage = Some(usage).filter(|usage| !usage.is_empty() || has_searches);
        ReportedUsage::merge(&mut self.response.usage, usage);
    }

    /// Stores the service tier that a response reports.
    pub(crate) fn service_tier(&mut self, reader: &Reader<'_, '_>, tier: Str) {
        let tier = ServiceTier::from_reported(&tier.decode(reader.body()));
        self.response.service_tier = ServiceTier::updated(self.response.service_tier, tier);
    }

    /// Stores the region in which a call was processed (Anthropic, `inference_geo`: `us`, `global`, `not_available`).
    fn region(&mut self, reader: &Reader<'_, '_>, region: Str) {
        self.response.in_us = region.is(reader.body(), "us");
    }

    /// Stores the speed that a response reports.
    fn speed(&mut self, reader: &Reader<'_, '_>, speed: Str) {
        let tier = ServiceTier::from_speed(&speed.decode(reader.body()));
        self.response.service_tier = tier.or(self.response.service_tier);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_milliseconds() {
        for (text, want) in [
            ("600", Some(600_000)),
            ("12.5", Some(12_500)),
            ("0.0001", Some(1)),
            ("1.2340", Some(1234)),
            ("1.2341", Some(1235)),
            ("0", Some(0)),
            ("-1", None),
            ("1e3", None),
            ("1.5e3", None),
            ("99999999999999999999999", Some(u64::MAX)),
        ] {
            assert_eq!(milliseconds(text.as_bytes()), want, "{text}");
        }
    }
}
