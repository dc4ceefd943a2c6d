//! Where records live.

/// The version of a stored value: what a writer has seen, or that it does not care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cas(u32);

impl Cas {
    /// Write whatever is there.
    pub const ANY: Cas = Cas(0);

    /// The version that a store reported with a value. Zero is [`Cas::ANY`]: no store reports it.
    pub const fn version(version: u32) -> Cas {
        Cas(version)
    }

    /// The number, as the store takes it.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A map from keys to values that many workers read and write at once.
///
/// The contract is that of Envoy's shared data, read in proxy-wasm-cpp-host (`src/shared_data.cc`) and probed on
/// Envoy 1.36.4 and 1.39.3, and no better than it:
///
/// - every write gives its key a new version, from **one counter for all keys** that never gives zero and gives a
///   number again only after 2^32 - 1 writes;
/// - a write with [`Cas::ANY`] always succeeds;
/// - a write with a version succeeds if the key has this version, **or if the key is missing**;
/// - nothing is ever deleted, there is no time to live and no limit of size.
pub trait Store {
    /// Why the store could not answer.
    type Error;

    /// The value under `key` and its version; `None` if there never was one.
    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Self::Error>;

    /// Writes `value` under `key`. `Ok(false)`: the version is stale, another writer was first.
    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Self::Error>;
}

/// The key whose only use is the version it is given.
const TICKET: &[u8] = b"tollgate.quota.ticket";

/// Writes `value` under `key` if nothing is there. `Ok(false)`: something is.
///
/// The store has no such operation: a first writer has seen no version, [`Cas::ANY`] would overwrite another first
/// writer, and any version at all passes on a missing key. What it takes is a version that this key cannot have. The
/// version that a ticket has just been given is one: the counter gives a number to one write only, so the key is found
/// missing or with another version, unless it comes around to this very number before the next line has run.
pub(crate) fn create<S: Store>(store: &S, key: &[u8], value: &[u8]) -> Result<bool, S::Error> {
    store.put(TICKET, &[1], Cas::ANY)?;
    match store.get(TICKET)? {
        Some((_, ticket)) => store.put(key, value, ticket),
        // A store that loses what was just written keeps no counts either.
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn a_key_is_made_once() {
        let store = Memory::default();
        // With versions of every size, also where the counter comes around.
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
