//! Construction of a resolver.

use super::{Entry, MAX_ALIAS_CHAIN, Resolver};
use crate::error::{AliasError, NameError};
use crate::names::{MAX_NAME_BYTES, Names};

/// Collects the entries of a [`Resolver`]. Their order does not matter.
#[derive(Clone, Debug)]
pub struct ResolverBuilder<T = ()> {
    entries: Names<Entry<T>>,
}

impl<T> Default for ResolverBuilder<T> {
    fn default() -> ResolverBuilder<T> {
        ResolverBuilder { entries: Names::default() }
    }
}

impl<T> ResolverBuilder<T> {
    /// Adds a value under an exact name or a wildcard.
    ///
    /// # Errors
    /// If the name is invalid or already present. The builder is unchanged then.
    pub fn insert(&mut self, name: &str, value: T) -> Result<(), NameError> {
        self.entries.insert(name, Entry::Value(value))
    }

    /// Adds an alias under an exact name or a wildcard.
    ///
    /// # Errors
    /// If the name is invalid or already present, or the target is not one name. The builder is unchanged then.
    pub fn alias(&mut self, name: &str, target: &str) -> Result<(), NameError> {
        if target.is_empty() || target.len() > MAX_NAME_BYTES || target.contains('*') {
            return Err(NameError::Target);
        }
        self.entries.insert(name, Entry::Alias(target.into()))
    }

    /// Returns the resolver.
    ///
    /// # Errors
    /// All aliases that lead back to themselves or to their model over more than [`MAX_ALIAS_CHAIN`] aliases.
    pub fn build(self) -> Result<Resolver<T>, Vec<AliasError>> {
        let aliases = self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Alias(_)));
        let errors: Vec<AliasError> = aliases
            .filter_map(|(name, entry)| Some(AliasError { name: name.to_owned(), error: self.problem(name, entry)? }))
            .collect();
        if errors.is_empty() { Ok(Resolver { entries: self.entries }) } else { Err(errors) }
    }

    /// Follows an alias over exact names, as lookups do. An alias into a cycle of others is too long a chain.
    fn problem<'a>(&'a self, name: &str, mut entry: &'a Entry<T>) -> Option<NameError> {
        for _ in 0..MAX_ALIAS_CHAIN {
            let Entry::Alias(target) = entry else { return None };
            if **target == *name {
                return Some(NameError::Cycle);
            }
            entry = self.entries.exact(target)?.1;
        }
        matches!(entry, Entry::Alias(_)).then_some(NameError::ChainTooLong)
    }
}
