//! What the provider says was used.

/// What the provider says was used, in tokens. `input` includes `cached`; `output` includes `reasoning`.
///
/// The numbers are the provider's as they stand (OpenAI API reference, "The chat completion object", `usage`); only
/// `total` is filled in, as their sum, when the provider does not say it. It may exceed `input + output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: u64,
    /// Tokens of the prompt that were read from the provider's cache.
    pub cached: u64,
    /// Tokens of the answer, reasoning included, over all candidates.
    pub output: u64,
    /// Tokens of the answer that are reasoning.
    pub reasoning: u64,
    /// Tokens in all.
    pub total: u64,
}
