//! Number of consumers that have a record, bounded because the store never deletes keys.
//!
//! A consumer is registered in the directory before its record is created. Two workers can meet the same new consumer at
//! the same time. The second one must not count it again, and must not be rejected if the first one has just used the last
//! free record. The directory therefore stores the most recently registered consumers: such a consumer is already
//! registered, and either worker may create its record.
//!
//! ```text
//! version u8 = 1, registered u64, recent u8, then for each recent consumer, oldest first: hash u64
//! ```

use std::hash::{DefaultHasher, Hasher};

use crate::codec::{Corrupt, Reader};
use crate::store::{Store, create};
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};

const VERSION: u8 = 1;

/// Number of recent consumers in the directory. A consumer is counted twice only if more than this many register between
/// two host calls of one worker.
const RECENT: usize = 32;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Directory {
    registered: u64,
    recent: Vec<u64>,
}

/// Registers `consumer`. Returns `Ok(false)` if `max` other consumers are registered.
pub(crate) fn register<S: Store>(
    store: &S,
    key: &[u8],
    consumer: &[u8],
    max: u64,
) -> Result<bool, Unavailable<S::Error>> {
    // SipHash with default keys is stable within a build. A build with another hash at worst counts a consumer twice.
    let mut hasher = DefaultHasher::new();
    hasher.write(consumer);
    let hash = hasher.finish();
    for _ in 0..MAX_ATTEMPTS {
        let Some((bytes, cas)) = store.get(key).map_err(Unavailable::Store)? else {
            create(store, key, &Directory::default().encode()).map_err(Unavailable::Store)?;
            continue;
        };
        let mut directory = Directory::decode(&bytes)?;
        if directory.recent.contains(&hash) {
            return Ok(true);
        }
        if directory.registered >= max {
            return Ok(false);
        }
        directory.registered += 1;
        if directory.recent.len() >= RECENT {
            directory.recent.remove(0);
        }
        directory.recent.push(hash);
        if store.put(key, &directory.encode(), cas).map_err(Unavailable::Store)? {
            return Ok(true);
        }
    }
    Err(Unavailable::Contended)
}

impl Directory {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(10 + 8 * self.recent.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.registered.to_le_bytes());
        bytes.push(self.recent.len().min(RECENT) as u8);
        for hash in self.recent.iter().take(RECENT) {
            bytes.extend_from_slice(&hash.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Directory, Corrupt> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(reader.corrupt());
        }
        let registered = reader.u64()?;
        let count = usize::from(reader.u8()?);
        if count > RECENT {
            return Err(reader.corrupt());
        }
        let mut recent = Vec::with_capacity(count + 1);
        for _ in 0..count {
            recent.push(reader.u64()?);
        }
        reader.end()?;
        Ok(Directory { registered, recent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::memory::Memory;

    #[test]
    fn a_consumer_is_registered_once_and_the_maximum_holds() {
        let store = Memory::default();
        let register_one = |consumer: &str, max| register(&store, b"directory", consumer.as_bytes(), max);
        for (consumer, registered) in [("a", true), ("b", true), ("a", true), ("c", false), ("b", true), ("c", false)] {
            assert_eq!(register_one(consumer, 2), Ok(registered), "{consumer}");
        }
        assert_eq!(register_one("c", 3), Ok(true));
    }

    #[test]
    fn the_number_of_recent_consumers_is_bounded() {
        let store = Memory::default();
        for consumer in 0..1_000u32 {
            assert_eq!(register(&store, b"directory", &consumer.to_le_bytes(), 1_000), Ok(true));
        }
        assert_eq!(register(&store, b"directory", b"another", 1_000), Ok(false));
        let (bytes, _) = store.get(b"directory").unwrap().unwrap();
        assert_eq!(bytes.len(), 10 + 8 * RECENT);
    }

    #[test]
    fn malformed_bytes_are_corrupt() {
        let good = Directory { registered: 7, recent: vec![1, 2] }.encode();
        assert_eq!(Directory::decode(&good), Ok(Directory { registered: 7, recent: vec![1, 2] }));
        for length in 0..good.len() {
            assert!(Directory::decode(&good[..length]).is_err(), "cut at {length}");
        }
        let store = Memory::default();
        for bad in [vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 0], vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 33], [good, vec![0]].concat()] {
            store.put(b"directory", &bad, crate::Cas::ANY).unwrap();
            let refused = register(&store, b"directory", b"a", 10);
            assert!(matches!(refused, Err(Unavailable::Corrupt(_))), "{bad:?} {refused:?}");
        }
    }
}
