//! Member names and discriminator values of the API.
//!
//! Source: OpenAI API reference, "Create completion"; `prompt_token_ids`: vLLM.

use crate::dialect::known_names::KnownNames;

/// Member names and discriminator values that the API defines.
pub(in crate::dialect) const NAMES: KnownNames = KnownNames {
    keys: &[
        "best_of",
        "echo",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "model",
        "n",
        "presence_penalty",
        "prompt",
        "prompt_token_ids",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "suffix",
        "temperature",
        "top_p",
        "user",
    ],
    kinds: &[],
};
