//! Member names and discriminator values of the API.
//!
//! Source: Cohere API reference, "Embed" (v1 and v2).

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "content",
        "embedding_types",
        "image",
        "images",
        "input_type",
        "max_tokens",
        "model",
        "output_dimension",
        "priority",
        "texts",
        "truncate",
    ],
    kinds: &["image_url", "text"],
};
