//! Texts of requests in which no rule matched that applied to them, so that a conversation that is sent again is not searched again.

use tollgate_digest::{DigestTable, MIN_BODY_BYTES, TextDigest};
use tollgate_llm::Str;

use crate::rule_set::RuleSet;
use crate::search::rule_search::Scope;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Digests of texts in which no rule of the policy matched that applied to them. See [`DigestTable`] on collisions and memory (1.5 MiB).
///
/// A text is given by the literals of the body that it consists of: they determine it, and need not be decoded.
#[derive(Debug)]
pub(crate) struct CleanTexts(DigestTable<()>);

impl CleanTexts {
    /// Creates the table with a secret key: 128 random bits.
    pub(crate) fn new(key: [u8; 16]) -> CleanTexts {
        CleanTexts(DigestTable::new(key))
    }

    /// Returns `true` if the texts of a body of this size are worth a table.
    pub(crate) fn is_for(body: &[u8]) -> bool {
        body.len() >= MIN_BODY_BYTES
    }

    /// Returns the identity of a text of `body` that is searched in this scope, but for the rules `off`; `None` if it is too short.
    pub(crate) fn digest(
        &self,
        pieces: impl Iterator<Item = Str> + Clone,
        (scope, off): (Scope, &RuleSet),
        body: &[u8],
    ) -> Option<TextDigest> {
        self.0.digest(kind(scope, off), pieces.map(|piece| piece.span.of(body)))
    }

    /// Returns `true` if the text is known to be clean.
    pub(crate) fn contains(&mut self, text: TextDigest) -> bool {
        self.0.get(text).is_some()
    }

    /// Records that the text is clean.
    pub(crate) fn insert(&mut self, text: TextDigest) {
        self.0.insert(text, ());
    }

    /// Returns the number of texts that were known.
    #[cfg(test)]
    pub(crate) fn hits(&self) -> u64 {
        self.0.hits()
    }
}

/// Returns a number for the rules that a text is searched for. The policy determines the sets of rules, not the client.
fn kind(scope: Scope, off: &RuleSet) -> u64 {
    if off.is_empty() {
        return scope as u64;
    }
    let mut hasher = DefaultHasher::new();
    (scope as u64).hash(&mut hasher);
    off.hash(&mut hasher);
    hasher.finish()
}
