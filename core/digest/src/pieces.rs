//! Digests of pieces of a body, computed once for all tables.
//!
//! The tables of one call identify the same texts of the same body, and hashing is most of what a text costs that is known. In
//! [`sharing`], the digest of a piece is therefore kept by its place in the body.

use std::cell::RefCell;
use std::collections::BTreeMap;

use highway::{HighwayHash, HighwayHasher, Key};

use crate::{MIN_BYTES, highway_key};

/// Digest of a piece.
pub(crate) type Digest = [u64; 2];

/// Digests of the pieces of one body.
struct Shared {
    /// Key of all bodies of the thread.
    key: Key,
    /// Addresses of the body; empty outside of [`sharing`].
    start: usize,
    end: usize,
    /// Digests by address and length.
    known: BTreeMap<(usize, usize), Digest>,
}

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// Runs `work`, during which every piece of `body` is hashed once, whichever tables it is looked up in. `key` returns 128 secret
/// random bits, and is called once per thread.
pub fn sharing<T>(body: &[u8], key: fn() -> [u8; 16], work: impl FnOnce() -> T) -> T {
    SHARED.with_borrow_mut(|shared| {
        let shared = shared.get_or_insert_with(|| Shared {
            key: Key(highway_key(key())),
            start: 0,
            end: 0,
            known: BTreeMap::new(),
        });
        shared.start = body.as_ptr().addr();
        shared.end = shared.start + body.len();
    });
    let _end = End;
    work()
}

/// Ends the sharing when it is dropped, also if the work panics: a later body may have the addresses of this one.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        // While a thread ends, its memory may be gone.
        let _ = SHARED.try_with(|shared| {
            if let Ok(mut shared) = shared.try_borrow_mut()
                && let Some(shared) = shared.as_mut()
            {
                (shared.start, shared.end) = (0, 0);
                shared.known.clear();
            }
        });
    }
}

/// Returns the digest of a piece of a text: the shared one in [`sharing`], else one under `key`.
pub(crate) fn digest(piece: &[u8], key: &Key) -> Digest {
    SHARED.with_borrow_mut(|shared| match shared.as_mut().filter(|shared| shared.end > 0) {
        Some(shared) => shared.digest(piece),
        None => hash(piece, key),
    })
}

impl Shared {
    fn digest(&mut self, piece: &[u8]) -> Digest {
        // The body is borrowed as long as it is shared, so what has an address in it is a part of it.
        let place = (piece.as_ptr().addr(), piece.len());
        let is_part = self.start <= place.0 && place.0.saturating_add(place.1) <= self.end;
        if !is_part || piece.len() < MIN_BYTES {
            return hash(piece, &self.key);
        }
        *self.known.entry(place).or_insert_with(|| hash(piece, &self.key))
    }
}

fn hash(piece: &[u8], Key(key): &Key) -> Digest {
    let mut hasher = HighwayHasher::new(Key(*key));
    hasher.append(piece);
    hasher.finalize128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_piece_is_found_by_its_place() {
        let own = Key([1; 4]);
        let body = [b'a'; 400];
        let (one, other) = ([b'b'; 200], [b'c'; 200]);
        let alone = digest(&body[..200], &own);
        let first = sharing(
            &body,
            || [7; 16],
            || {
                let first = digest(&body[..200], &own);
                // Equal bytes, whether they are in the body or not.
                assert_eq!([digest(&body[200..], &own), digest(&[b'a'; 200], &own)], [first; 2]);
                assert_ne!(first, alone);
                assert_ne!(digest(&one, &own), digest(&other, &own));
                SHARED.with_borrow(|shared| assert_eq!(shared.as_ref().unwrap().known.len(), 2));
                first
            },
        );
        assert_eq!(digest(&body[..200], &own), alone);
        // The next body may have the same address.
        let body = [b'd'; 400];
        assert_ne!(sharing(&body, || [8; 16], || digest(&body[..200], &own)), first);
    }

    #[test]
    fn a_panic_does_not_leave_a_body_shared() {
        let own = Key([1; 4]);
        let mut body = vec![b'a'; 400];
        let alone = digest(&body, &own);
        let work = || {
            sharing(
                &body,
                || [7; 16],
                || {
                    if digest(&body, &own) != alone {
                        panic!("in the work")
                    }
                },
            )
        };
        assert!(std::panic::catch_unwind(work).is_err());
        assert_eq!(digest(&body, &own), alone);
        // Another text in the same place is not taken for the one before.
        body.fill(b'b');
        assert_eq!(digest(&body, &own), hash(&body, &own));
    }
}
