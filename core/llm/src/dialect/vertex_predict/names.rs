//! Member names and discriminator values of the API.
//!
//! Source: Vertex AI reference, "Text embeddings API", "Multimodal embeddings API" and "Imagen API".

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "addWatermark",
        "aspectRatio",
        "autoTruncate",
        "auto_truncate",
        "enhancePrompt",
        "image",
        "language",
        "mask",
        "maxOutputTokens",
        "mimeType",
        "mode",
        "negativePrompt",
        "outputDimensionality",
        "parameters",
        "personGeneration",
        "prompt",
        "safetySetting",
        "seed",
        "storageUri",
        "taskType",
        "task_type",
        "text",
        "title",
        "video",
    ],
    kinds: &[],
};
