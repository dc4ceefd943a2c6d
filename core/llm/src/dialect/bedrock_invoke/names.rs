//! Member names and discriminator values of the API.
//!
//! Source: Amazon Bedrock user guide, "Inference request parameters and response fields for foundation models".

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "embeddingTypes",
        "inferenceConfig",
        "inputImage",
        "inputText",
        "maxTokenCount",
        "max_gen_len",
        "max_tokens_to_sample",
        "messages",
        "normalize",
        "outputEmbeddingLength",
        "schemaVersion",
        "stopSequences",
        "system",
        "textGenerationConfig",
        "toolConfig",
        "topK",
        "topP",
    ],
    kinds: &[],
};
