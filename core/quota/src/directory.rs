//! How many consumers have a record, since the store forgets nothing.
//!
//! The store has no limit, so the number of keys is bounded here: a consumer takes a seat before its record is made.
//! Two workers can meet the same new consumer at once, and the second must neither count it again nor, when the first
//! has just taken the last seat, be told that there is none. So the directory remembers who sat down last; such a
//! consumer has its seat, and either worker may make the record.
//!
//! ```text
//! version u8 = 1, seated u64, recent u8, then for each of the recent, the oldest first: hash u64
//! ```

use std::hash::{DefaultHasher, Hasher};

use crate::codec::{Corrupt, Reader};
use crate::store::{Store, create};
use crate::unavailable::{MAX_ATTEMPTS, Unavailable};

const VERSION: u8 = 1;

/// How many of the last consumers are remembered. More than this would have to sit down between two host calls of one
/// worker before a consumer is counted twice.
const RECENT: usize = 32;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Directory {
    seated: u64,
    recent: Vec<u64>,
}

/// Takes a seat for `consumer`. `Ok(false)`: all `max` are taken.
pub(crate) fn take_seat<S: Store>(
    store: &S,
    key: &[u8],
    consumer: &[u8],
    max: u64,
) -> Result<bool, Unavailable<S::Error>> {
    // Keyed like this, SipHash is stable within a build, and a build that hashes otherwise counts a consumer twice at
    // worst.
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
        if directory.seated >= max {
            return Ok(false);
        }
        directory.seated += 1;
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
        bytes.extend_from_slice(&self.seated.to_le_bytes());
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
        let seated = reader.u64()?;
        let count = usize::from(reader.u8()?);
        if count > RECENT {
            return Err(reader.corrupt());
        }
        let mut recent = Vec::with_capacity(count + 1);
        for _ in 0..count {
            recent.push(reader.u64()?);
        }
        reader.end()?;
        Ok(Directory { seated, recent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn seats_are_taken_once_and_then_there_are_none() {
        let store = Memory::default();
        let take = |consumer: &str, max| take_seat(&store, b"directory", consumer.as_bytes(), max);
        for (consumer, seated) in [("a", true), ("b", true), ("a", true), ("c", false), ("b", true), ("c", false)] {
            assert_eq!(take(consumer, 2), Ok(seated), "{consumer}");
        }
        assert_eq!(take("c", 3), Ok(true));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let store = Memory::default();
        for consumer in 0..1_000u32 {
            assert_eq!(take_seat(&store, b"directory", &consumer.to_le_bytes(), 1_000), Ok(true));
        }
        assert_eq!(take_seat(&store, b"directory", b"another", 1_000), Ok(false));
        let (bytes, _) = store.get(b"directory").unwrap().unwrap();
        assert_eq!(bytes.len(), 10 + 8 * RECENT);
    }

    #[test]
    fn malformed_bytes_are_corrupt() {
        let good = Directory { seated: 7, recent: vec![1, 2] }.encode();
        assert_eq!(Directory::decode(&good), Ok(Directory { seated: 7, recent: vec![1, 2] }));
        for length in 0..good.len() {
            assert!(Directory::decode(&good[..length]).is_err(), "cut at {length}");
        }
        let store = Memory::default();
        for bad in [vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 0], vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 33], [good, vec![0]].concat()] {
            store.put(b"directory", &bad, crate::Cas::ANY).unwrap();
            let refused = take_seat(&store, b"directory", b"a", 10);
            assert!(matches!(refused, Err(Unavailable::Corrupt(_))), "{bad:?} {refused:?}");
        }
    }
}
