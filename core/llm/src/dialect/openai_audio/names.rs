//! Member names and discriminator values of the API.
//!
//! Source: OpenAI API reference, "Audio".

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "chunking_strategy",
        "include",
        "input",
        "instructions",
        "known_speaker_names",
        "known_speaker_references",
        "language",
        "model",
        "prompt",
        "response_format",
        "speed",
        "stream",
        "stream_format",
        "temperature",
        "timestamp_granularities",
        "voice",
    ],
    kinds: &[],
};
