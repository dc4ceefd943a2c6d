//! Count of a prompt.

use tollgate_kit::random_key;
use tollgate_llm::Request;
use tollgate_tokens::{Profile, TextCache};

/// Smallest body, in bytes, whose texts are looked up in the cache: smaller ones are seldom sent again.
const CACHED: usize = 8 << 10;

/// Counts the tokens of a prompt. Texts that were counted before are only hashed.
pub(crate) fn count(profile: &Profile, view: &Request, body: &[u8]) -> u64 {
    if body.len() < CACHED {
        return profile.count(view, body).tokens;
    }
    TextCache::with_shared(|| Some(random_key()), |cache| profile.count_cached(view, body, cache)).tokens
}
