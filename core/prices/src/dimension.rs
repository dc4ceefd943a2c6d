//! Dimensions of a price: everything that providers count and charge for.

/// Quantity that has a price of its own.
///
/// Tokens have prices per million in configurations, seconds and all other units per piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Prompt tokens of text, neither read from a cache nor written to one.
    Input,
    /// Prompt tokens read from the provider's cache.
    CachedInput,
    /// Prompt tokens written to the provider's cache with its shortest lifetime (Anthropic: 5 minutes).
    CacheWrite,
    /// Prompt tokens written to the provider's cache for one hour.
    CacheWrite1h,
    /// Prompt tokens written to the provider's cache for 12 hours.
    CacheWrite12h,
    /// Audio tokens of the prompt.
    AudioInput,
    /// Audio tokens of the prompt read from the provider's cache.
    CachedAudioInput,
    /// Image tokens of the prompt.
    ImageInput,
    /// Image tokens of the prompt read from the provider's cache.
    CachedImageInput,
    /// Video tokens of the prompt.
    VideoInput,
    /// Tokens of cited documents (Perplexity), beside the prompt.
    Citation,
    /// Output tokens of text.
    Output,
    /// Output tokens that are reasoning.
    Reasoning,
    /// Output tokens that are audio.
    AudioOutput,
    /// Output tokens that are images.
    ImageOutput,
    /// Output tokens that are video.
    VideoOutput,
    /// Seconds of audio in the request.
    AudioSecond,
    /// Seconds of video in the request.
    VideoSecond,
    /// Seconds of generated audio or video.
    OutputSecond,
    /// Images in the request.
    InputImage,
    /// Generated images.
    OutputImage,
    /// Characters of the request.
    Character,
    /// Pages of documents in the request.
    Page,
    /// Search queries of a rerank or search request.
    Query,
    /// Requests.
    Request,
    /// Web searches with a medium search context.
    WebSearch,
    /// Web searches with a small search context.
    WebSearchLow,
    /// Web searches with a large search context.
    WebSearchHigh,
}

/// Amount that a configured price refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A million tokens.
    MillionTokens,
    /// A second. Quantities are in milliseconds.
    Second,
    /// One piece: an image, a page, a character, a request, a search.
    Piece,
}

impl Dimension {
    /// All dimensions, in the order of their values.
    pub const ALL: [Dimension; 28] = [
        Dimension::Input,
        Dimension::CachedInput,
        Dimension::CacheWrite,
        Dimension::CacheWrite1h,
        Dimension::CacheWrite12h,
        Dimension::AudioInput,
        Dimension::CachedAudioInput,
        Dimension::ImageInput,
        Dimension::CachedImageInput,
        Dimension::VideoInput,
        Dimension::Citation,
        Dimension::Output,
        Dimension::Reasoning,
        Dimension::AudioOutput,
        Dimension::ImageOutput,
        Dimension::VideoOutput,
        Dimension::AudioSecond,
        Dimension::VideoSecond,
        Dimension::OutputSecond,
        Dimension::InputImage,
        Dimension::OutputImage,
        Dimension::Character,
        Dimension::Page,
        Dimension::Query,
        Dimension::Request,
        Dimension::WebSearch,
        Dimension::WebSearchLow,
        Dimension::WebSearchHigh,
    ];

    /// Dimensions of prompt tokens.
    pub const INPUT: [Dimension; 11] = [
        Dimension::Input,
        Dimension::CachedInput,
        Dimension::CacheWrite,
        Dimension::CacheWrite1h,
        Dimension::CacheWrite12h,
        Dimension::AudioInput,
        Dimension::CachedAudioInput,
        Dimension::ImageInput,
        Dimension::CachedImageInput,
        Dimension::VideoInput,
        Dimension::Citation,
    ];

    /// Dimensions of output tokens.
    pub const OUTPUT: [Dimension; 5] = [
        Dimension::Output,
        Dimension::Reasoning,
        Dimension::AudioOutput,
        Dimension::ImageOutput,
        Dimension::VideoOutput,
    ];

    /// Returns the key of the price in configurations and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Dimension::Input => "input",
            Dimension::CachedInput => "cached_input",
            Dimension::CacheWrite => "cache_write",
            Dimension::CacheWrite1h => "cache_write_1h",
            Dimension::CacheWrite12h => "cache_write_12h",
            Dimension::AudioInput => "audio_input",
            Dimension::CachedAudioInput => "cached_audio_input",
            Dimension::ImageInput => "image_input",
            Dimension::CachedImageInput => "cached_image_input",
            Dimension::VideoInput => "video_input",
            Dimension::Citation => "citation",
            Dimension::Output => "output",
            Dimension::Reasoning => "reasoning",
            Dimension::AudioOutput => "audio_output",
            Dimension::ImageOutput => "image_output",
            Dimension::VideoOutput => "video_output",
            Dimension::AudioSecond => "audio_second",
            Dimension::VideoSecond => "video_second",
            Dimension::OutputSecond => "output_second",
            Dimension::InputImage => "input_image",
            Dimension::OutputImage => "output_image",
            Dimension::Character => "character",
            Dimension::Page => "page",
            Dimension::Query => "query",
            Dimension::Request => "request",
            Dimension::WebSearch => "web_search",
            Dimension::WebSearchLow => "web_search_low",
            Dimension::WebSearchHigh => "web_search_high",
        }
    }

    /// Returns the dimension with this key.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// Returns the dimension with this value as a number.
    #[must_use]
    pub fn from_index(index: u8) -> Option<Dimension> {
        Dimension::ALL.get(usize::from(index)).copied()
    }

    /// Returns the dimension whose price applies where this one has none; `None` if it is free then.
    #[must_use]
    pub const fn parent(self) -> Option<Dimension> {
        match self {
            Dimension::CachedInput
            | Dimension::CacheWrite
            | Dimension::AudioInput
            | Dimension::ImageInput
            | Dimension::VideoInput => Some(Dimension::Input),
            Dimension::CacheWrite1h | Dimension::CacheWrite12h => Some(Dimension::CacheWrite),
            Dimension::CachedAudioInput | Dimension::CachedImageInput => Some(Dimension::CachedInput),
            Dimension::Reasoning | Dimension::AudioOutput | Dimension::ImageOutput | Dimension::VideoOutput => {
                Some(Dimension::Output)
            }
            Dimension::WebSearchLow | Dimension::WebSearchHigh => Some(Dimension::WebSearch),
            _ => None,
        }
    }

    /// Returns `false` if calls are never charged the price of this dimension, because neither requests nor responses tell the
    /// quantity. What they use is charged at the price of the [parent](Self::parent), if there is one.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        !matches!(
            self,
            Dimension::CacheWrite12h
                | Dimension::VideoSecond
                | Dimension::OutputSecond
                | Dimension::InputImage
                | Dimension::WebSearchLow
                | Dimension::WebSearchHigh
        )
    }

    /// Returns the amount that a configured price refers to.
    #[must_use]
    pub const fn per(self) -> Per {
        match self {
            Dimension::AudioSecond | Dimension::VideoSecond | Dimension::OutputSecond => Per::Second,
            Dimension::InputImage
            | Dimension::OutputImage
            | Dimension::Character
            | Dimension::Page
            | Dimension::Query
            | Dimension::Request
            | Dimension::WebSearch
            | Dimension::WebSearchLow
            | Dimension::WebSearchHigh => Per::Piece,
            _ => Per::MillionTokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_has_its_index_and_its_own_name() {
        for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension as usize, index);
            assert_eq!(Dimension::from_index(index as u8), Some(dimension));
            assert_eq!(Dimension::from_name(dimension.name()), Some(dimension));
            // A chain of parents ends, and stays within one unit.
            let chain: Vec<_> = std::iter::successors(Some(dimension), |dimension| dimension.parent()).collect();
            assert!(chain.len() <= 3 && chain.iter().all(|parent| parent.per() == dimension.per()), "{chain:?}");
        }
        assert_eq!((Dimension::from_index(28), Dimension::from_name("tokens")), (None, None));
        let tokens = Dimension::ALL.into_iter().filter(|dimension| dimension.per() == Per::MillionTokens);
        assert_eq!(tokens.collect::<Vec<_>>(), [&Dimension::INPUT[..], &Dimension::OUTPUT[..]].concat());
    }
}
