//! Token counts that a response reports.

/// Token counts that a response reports.
///
/// `input` includes `cached` and `written`, `output` includes `reasoning`. For an API that reports them separately, the
/// encoder subtracts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// `prompt_tokens`
    pub input: u64,
    /// `completion_tokens`
    pub output: u64,
    /// `prompt_tokens_details.cached_tokens`
    pub cached: u64,
    /// `completion_tokens_details.reasoning_tokens`
    pub reasoning: u64,
    /// Input tokens written to a prompt cache, for APIs that charge for them.
    pub written: u64,
}

impl Usage {
    /// Returns the input tokens that were neither read from a cache nor written to one.
    pub(crate) fn uncached_input(self) -> u64 {
        self.input.saturating_sub(self.cached).saturating_sub(self.written)
    }

    /// Returns the usage while `spent` tokens of the output are generated. Reasoning comes before the text.
    pub(crate) fn so_far(self, spent: u64) -> Usage {
        let output = spent.min(self.output);
        Usage { output, reasoning: self.reasoning.min(output), ..self }
    }

    /// Returns input plus output tokens.
    pub(crate) fn total(self) -> u64 {
        self.input + self.output
    }
}
