//! Reasons why budgets could not be checked.

use crate::codec::Corrupt;

/// Maximum number of read-and-write attempts. Every failed write is the success of another worker, so an operation fails
/// only if it loses this many races in a row.
pub(crate) const MAX_ATTEMPTS: usize = 256;

/// Reason why the quota store is unavailable for a call. The operator decides whether such a call passes or is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable<E> {
    /// Failure of the store.
    #[error("the quota store failed: {0}")]
    Store(E),
    /// Too many lost races against other workers.
    #[error("too many workers write the quota record at the same time")]
    Contended,
    /// Malformed stored value.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// More consumers than `max_consumers`, and the configuration refuses the additional ones.
    #[error("more than {max_consumers} consumers (max_consumers)")]
    TooManyConsumers {
        /// Value of `max_consumers`.
        max_consumers: u64,
    },
    /// Consumer name longer than [`MAX_CONSUMER_BYTES`](crate::MAX_CONSUMER_BYTES).
    #[error("the consumer name of {length} bytes is too long")]
    NameTooLong {
        /// Length of the name in bytes.
        length: usize,
    },
}
