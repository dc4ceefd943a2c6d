//! Member names and discriminator values of the API.
//!
//! Source: OpenAI API reference, "Create embeddings" and "Create moderation".

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &["dimensions", "encoding_format", "image_url", "input", "model", "text", "type", "url", "user"],
    kinds: &[],
};
