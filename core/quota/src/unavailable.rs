//! Why a budget could not be asked at all.

use crate::codec::Corrupt;

/// How often a read and a write are tried before giving up. Every failed write is another worker's success, so this
/// many workers in a row have to be faster.
pub(crate) const MAX_ATTEMPTS: usize = 256;

/// The count could not be read or written. Whether the call passes or is refused then is the operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable<E> {
    /// The store failed.
    #[error("the quota store failed: {0}")]
    Store(E),
    /// Other workers were faster too many times in a row.
    #[error("the quota record is written by too many workers at once")]
    Contended,
    /// What is stored is not what this version stores.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// There are as many consumers as the configuration allows, and no shared record for the others.
    #[error("more than {max_consumers} consumers")]
    Crowded {
        /// The limit.
        max_consumers: u64,
    },
    /// The consumer's name is too long to be kept.
    #[error("a consumer's name of {length} bytes is too long")]
    NameTooLong {
        /// Its length in bytes.
        length: usize,
    },
}
