//! Quantities of one call, and their division into dimensions.

use crate::dimension::Dimension;

/// Quantities used by one call.
///
/// Totals include their parts, in the convention of OpenAI and Gemini: `input` includes what was read from a cache or written
/// to one and the tokens of audio, images and video; `output` includes reasoning and the tokens of generated media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens that the provider read from its cache.
    pub cached: u64,
    /// Part of `cached` that is audio.
    pub cached_audio: u64,
    /// Part of `cached` that is images.
    pub cached_image: u64,
    /// Prompt tokens that the provider wrote to its cache with the shortest lifetime it offers.
    pub cache_write: u64,
    /// Prompt tokens that the provider wrote to its cache for one hour; not included in `cache_write`.
    pub cache_write_1h: u64,
    /// Prompt tokens that the provider wrote to its cache for 12 hours; not included in `cache_write`.
    pub cache_write_12h: u64,
    /// Prompt tokens that are audio, including `cached_audio`.
    pub audio_input: u64,
    /// Prompt tokens that are images, including `cached_image`.
    pub image_input: u64,
    /// Prompt tokens that are video.
    pub video_input: u64,
    /// Tokens of cited documents, not included in `input`.
    pub citations: u64,
    /// Output tokens.
    pub output: u64,
    /// Output tokens that are reasoning.
    pub reasoning: u64,
    /// Output tokens that are audio.
    pub audio_output: u64,
    /// Output tokens that are images.
    pub image_output: u64,
    /// Output tokens that are video.
    pub video_output: u64,
    /// Milliseconds of audio in the request, for models priced by the second.
    pub audio_ms: u64,
    /// Milliseconds of video in the request, for models priced by the second.
    pub video_ms: u64,
    /// Milliseconds of generated audio or video, for models priced by the second.
    pub output_ms: u64,
    /// Images in the request, for models priced by the image.
    pub input_images: u64,
    /// Generated images, for models priced by the image.
    pub output_images: u64,
    /// Characters of the request, for models priced by the character.
    pub characters: u64,
    /// Pages of documents in the request.
    pub pages: u64,
    /// Search queries of a rerank or search request.
    pub queries: u64,
    /// Requests: 1 for a call that a provider has answered.
    pub requests: u64,
    /// Web searches that the provider ran for the call.
    pub web_searches: u64,
    /// Size of the context of these searches.
    pub search_context: SearchContext,
}

/// Size of the context of a web search (OpenAI: `search_context_size`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchContext {
    /// Small context.
    Low,
    /// Medium context, the default of the providers.
    #[default]
    Medium,
    /// Large context.
    High,
}

impl Quantities {
    /// Returns the amount of each dimension. Amounts do not overlap; seconds are in milliseconds.
    ///
    /// A provider that reports more cache reads and writes than prompt tokens, or more parts of the output than output tokens,
    /// contradicts itself. All of them are charged then, so that a wrong report never makes a call free. Tokens of media in the
    /// prompt may be cached ones, so at most the uncached rest of the prompt is charged as media.
    pub(crate) fn amounts(&self) -> [(Dimension, u64); 26] {
        let cached_audio = self.cached_audio.min(self.cached);
        let cached_image = self.cached_image.min(self.cached - cached_audio);
        let cached = [self.cached, self.cache_write, self.cache_write_1h, self.cache_write_12h];
        let mut uncached = cached.into_iter().fold(self.input, u64::saturating_sub);
        let mut take = |tokens: u64| {
            let taken = tokens.min(uncached);
            uncached -= taken;
            taken
        };
        let audio = take(self.audio_input.saturating_sub(cached_audio));
        let image = take(self.image_input.saturating_sub(cached_image));
        let video = take(self.video_input);
        let media = [self.reasoning, self.audio_output, self.image_output, self.video_output];
        let text = media.into_iter().fold(self.output, u64::saturating_sub);
        let search = match self.search_context {
            SearchContext::Low => Dimension::WebSearchLow,
            SearchContext::Medium => Dimension::WebSearch,
            SearchContext::High => Dimension::WebSearchHigh,
        };
        [
            (Dimension::Input, uncached),
            (Dimension::CachedInput, self.cached - cached_audio - cached_image),
            (Dimension::CachedAudioInput, cached_audio),
            (Dimension::CachedImageInput, cached_image),
            (Dimension::CacheWrite, self.cache_write),
            (Dimension::CacheWrite1h, self.cache_write_1h),
            (Dimension::CacheWrite12h, self.cache_write_12h),
            (Dimension::AudioInput, audio),
            (Dimension::ImageInput, image),
            (Dimension::VideoInput, video),
            (Dimension::Citation, self.citations),
            (Dimension::Output, text),
            (Dimension::Reasoning, self.reasoning),
            (Dimension::AudioOutput, self.audio_output),
            (Dimension::ImageOutput, self.image_output),
            (Dimension::VideoOutput, self.video_output),
            (Dimension::AudioSecond, self.audio_ms),
            (Dimension::VideoSecond, self.video_ms),
            (Dimension::OutputSecond, self.output_ms),
            (Dimension::InputImage, self.input_images),
            (Dimension::OutputImage, self.output_images),
            (Dimension::Character, self.characters),
            (Dimension::Page, self.pages),
            (Dimension::Query, self.queries),
            (Dimension::Request, self.requests),
            (search, self.web_searches),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(used: &Quantities) -> Vec<(Dimension, u64)> {
        used.amounts().into_iter().filter(|(_, amount)| *amount > 0).collect()
    }

    #[test]
    fn parts_are_taken_out_of_their_totals() {
        use Dimension::*;
        for (used, expected) in [
            (Quantities::default(), vec![]),
            (
                Quantities {
                    input: 100,
                    cached: 40,
                    cache_write: 10,
                    cache_write_1h: 5,
                    output: 9,
                    ..Default::default()
                },
                vec![(Input, 45), (CachedInput, 40), (CacheWrite, 10), (CacheWrite1h, 5), (Output, 9)],
            ),
            (
                Quantities { input: 100, cached: 40, cached_audio: 30, audio_input: 50, ..Default::default() },
                vec![(Input, 40), (CachedInput, 10), (CachedAudioInput, 30), (AudioInput, 20)],
            ),
            // The modality of cached tokens is unknown: at most the rest of the prompt is audio.
            (
                Quantities { input: 100, cached: 80, audio_input: 50, ..Default::default() },
                vec![(CachedInput, 80), (AudioInput, 20)],
            ),
            (
                Quantities { output: 10, reasoning: 4, image_output: 5, ..Default::default() },
                vec![(Output, 1), (Reasoning, 4), (ImageOutput, 5)],
            ),
            // Contradictory reports.
            (
                Quantities { input: 10, cached: 400, cached_audio: 500, ..Default::default() },
                vec![(CachedAudioInput, 400)],
            ),
            (Quantities { output: 10, reasoning: 40, ..Default::default() }, vec![(Reasoning, 40)]),
            (
                Quantities { web_searches: 2, search_context: SearchContext::High, requests: 1, ..Default::default() },
                vec![(Request, 1), (WebSearchHigh, 2)],
            ),
        ] {
            assert_eq!(amounts(&used), expected, "{used:?}");
        }
    }
}
