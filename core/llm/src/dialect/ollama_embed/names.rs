//! Member names and discriminator values of the API.
//!
//! Source: Ollama documentation, "API" ("Generate Embeddings", "Generate Embedding").

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames =
    KnownNames { keys: &["input", "keep_alive", "model", "options", "prompt", "truncate"], kinds: &[] };
