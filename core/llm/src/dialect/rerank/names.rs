//! Member names and discriminator values of the API.
//!
//! Source: Cohere API reference, "Rerank" (v1 and v2).

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "documents",
        "max_chunks_per_doc",
        "max_tokens_per_doc",
        "model",
        "priority",
        "query",
        "rank_fields",
        "return_documents",
        "texts",
        "top_n",
    ],
    kinds: &[],
};
