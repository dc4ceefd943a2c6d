//! Store of the records: a map with compare-and-swap.

/// Version that a write expects the stored value to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cas(u32);

impl Cas {
    /// Writes unconditionally.
    pub const ANY: Cas = Cas(0);

    /// Creates the version that a store reported with a value. No store reports zero, which is [`Cas::ANY`].
    pub const fn version(version: u32) -> Cas {
        Cas(version)
    }

    /// Returns the number as the store expects it.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Map from keys to values that many workers read and write concurrently.
///
/// The contract is exactly that of Envoy's shared data, taken from proxy-wasm-cpp-host (`src/shared_data.cc`) and verified
/// on Envoy 1.36.4 and 1.39.3:
///
/// - every write gives its key a new version from **one counter for all keys**, which never yields zero and repeats a
///   number only after 2^32 - 1 writes;
/// - a write with [`Cas::ANY`] always succeeds;
/// - a write with a version succeeds if the key has this version, **or if the key is missing**;
/// - nothing is ever deleted; there is no time to live and no size limit.
pub trait Store {
    /// Failure of the store.
    type Error;

    /// Returns the value under `key` and its version, or `None` if the key was never written.
    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Self::Error>;

    /// Writes `value` under `key`. Returns `Ok(false)` if `cas` is stale because another writer was first.
    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Self::Error>;
}

/// Key that is written only to obtain a fresh version.
const TICKET: &[u8] = b"tollgate.quota.ticket";

/// Writes `value` under `key` if the key is missing. Returns `Ok(false)` if it exists.
///
/// The store has no such operation: a first writer knows no version, [`Cas::ANY`] would overwrite another first writer, and
/// on a missing key any version succeeds. The write needs a version that this key cannot have. The version just given to
/// the ticket key is one: the counter gives each number to one write, so `key` is either missing or has another version,
/// unless the counter wraps around to the same number between these two operations.
pub(crate) fn create<S: Store>(store: &S, key: &[u8], value: &[u8]) -> Result<bool, S::Error> {
    store.put(TICKET, &[1], Cas::ANY)?;
    match store.get(TICKET)? {
        Some((_, ticket)) => store.put(key, value, ticket),
        // A store that loses what was just written cannot keep counts either.
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::memory::Memory;

    #[test]
    fn a_key_is_created_once() {
        let store = Memory::default();
        // Small and large versions, including the wrap-around of the counter.
        for first in [1, 2, 76, 77, u32::MAX - 3, u32::MAX - 2, u32::MAX - 1, u32::MAX] {
            let key = first.to_le_bytes();
            store.0.borrow_mut().next = first;
            assert_eq!(create(&store, &key, b"first"), Ok(true));
            for _ in 0..4 {
                assert_eq!(create(&store, &key, b"second"), Ok(false));
            }
            assert_eq!(store.get(&key).unwrap().unwrap().0, b"first");
        }
    }
}
