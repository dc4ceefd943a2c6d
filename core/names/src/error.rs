//! Errors in the names of a configuration.

/// Reason why a name or wildcard is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problem())]
pub enum NameError {
    /// Empty name.
    Empty,
    /// Name of more than [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES) bytes.
    TooLong,
    /// `*` anywhere but at the end.
    Star,
    /// Name that is already in the map.
    Duplicate,
    /// Alias whose target is empty, too long or a wildcard.
    Target,
    /// Alias that leads back to itself.
    Cycle,
    /// Alias that needs more than [`MAX_ALIAS_CHAIN`](crate::MAX_ALIAS_CHAIN) aliases to reach its model.
    ChainTooLong,
}

impl NameError {
    /// Returns the message for the author of the configuration.
    #[must_use]
    pub fn problem(self) -> &'static str {
        match self {
            NameError::Empty => "a model name must not be empty",
            NameError::TooLong => "a model name must not be longer than 256 bytes",
            NameError::Star => "`*` is only allowed at the end of a model name",
            NameError::Duplicate => "duplicate model name",
            NameError::Target => "the target must be one model name: 1 to 256 bytes without `*`",
            NameError::Cycle => "the alias leads back to itself",
            NameError::ChainTooLong => "more than 8 aliases lead from this name to its model",
        }
    }
}

/// Alias that cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?}: {error}")]
pub struct AliasError {
    /// Name of the alias.
    pub name: String,
    /// Problem: [`NameError::Cycle`] or [`NameError::ChainTooLong`].
    pub error: NameError,
}
