//! Resolver of model names.

mod builder;
mod step;

#[cfg(test)]
mod tests;

pub use builder::ResolverBuilder;
pub use step::Step;
pub(crate) use step::push as push_exact;

use crate::affix::{Head, heads, tails};
use crate::names::Names;

/// Maximum number of aliases between a name and its model.
pub const MAX_ALIAS_CHAIN: usize = 8;

/// Table of models and aliases that answers which entry applies to a requested name. The order of candidates is in the
/// [documentation of the crate](crate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver<T = ()> {
    entries: Names<Entry<T>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry<T> {
    Value(T),
    Alias(Box<str>),
}

/// Result of a lookup: the entry that applies to a requested name.
#[derive(Debug)]
pub struct Resolution<'m, 't, T = ()> {
    /// Name that was looked up.
    pub requested: &'m str,
    /// Name after the aliases: the target of the last one, else `requested`.
    pub model: &'m str,
    /// Name of the entry as configured: `gpt-4o` or `gpt-4*`.
    pub entry: &'t str,
    /// Value of the entry.
    pub value: &'t T,
    /// The entry is that of the base model; the fine-tuned model of the request has none of its own.
    pub is_base_model: bool,
    resolver: &'t Resolver<T>,
}

/// Best candidate of one name.
struct Found<'m, 't, T> {
    head: Head<'m>,
    name: &'t str,
    entry: &'t Entry<T>,
}

/// Path of a lookup through the aliases.
struct Path<'m, 't, T> {
    /// Name after the aliases.
    model: &'m str,
    found: Option<Found<'m, 't, T>>,
}

impl<T> Default for Resolver<T> {
    fn default() -> Resolver<T> {
        Resolver { entries: Names::default() }
    }
}

impl<T> Resolver<T> {
    /// Returns the entry that applies to a name; `None` if there is none. Does not allocate.
    #[must_use]
    pub fn resolve<'m, 't: 'm>(&'t self, requested: &'m str) -> Option<Resolution<'m, 't, T>> {
        let Path { model, found } = self.follow(requested, |_, _, _| ());
        let Found { head, name, entry } = found?;
        let Entry::Value(value) = entry else { return None };
        let is_base_model = head.is_base;
        Some(Resolution { requested, model, entry: name, value, is_base_model, resolver: self })
    }

    /// Returns the value of the entry that applies to a name.
    #[must_use]
    pub fn find(&self, requested: &str) -> Option<&T> {
        let Found { entry, .. } = self.follow(requested, |_, _, _| ()).found?;
        match entry {
            Entry::Value(value) => Some(value),
            Entry::Alias(_) => None,
        }
    }

    /// Returns the target of an alias, and any other name as it is. Does not allocate.
    #[must_use]
    pub fn resolve_alias<'a>(&'a self, requested: &'a str) -> &'a str {
        self.follow(requested, |_, _, _| ()).model
    }

    /// Returns the target of the alias that applies to a name, which may be an alias itself; any other name as it is. For
    /// configurations whose aliases are followed one step only.
    #[must_use]
    pub fn alias_target<'a>(&'a self, requested: &'a str) -> &'a str {
        match self.best(requested, true) {
            Some(Found { entry: Entry::Alias(target), .. }) => target,
            _ => requested,
        }
    }

    /// Returns the steps of a lookup in order, also of one that finds no entry (its aliases only).
    #[must_use]
    pub fn steps<'a>(&'a self, requested: &'a str) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let path = self.follow(requested, |name, found, target| {
            step::push(&mut steps, name, found.head, found.name);
            steps.push(Step::Alias { name: found.name, target });
        });
        if let Some(found) = path.found {
            step::push(&mut steps, path.model, found.head, found.name);
        }
        steps
    }

    /// Returns the names of all entries: exact names in alphabetical order, then wildcards, longest first. The value of an
    /// alias is `None`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&T>)> {
        self.entries.iter().map(|(name, entry)| match entry {
            Entry::Value(value) => (name, Some(value)),
            Entry::Alias(_) => (name, None),
        })
    }

    /// Returns the number of entries, including aliases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Follows the aliases of a name and looks up the last target, calling `visit` with the name, the entry and the target
    /// of each alias.
    ///
    /// A target names one model: only an alias of exactly this name applies to it, no wildcard and no alias of another
    /// version. So `gpt-4o` may be an alias of `gpt-4o-2024-08-06`, and `*` may be one next to others.
    fn follow<'m, 't: 'm>(
        &'t self,
        requested: &'m str,
        mut visit: impl FnMut(&'m str, &Found<'m, 't, T>, &'t str),
    ) -> Path<'m, 't, T> {
        let mut model = requested;
        let mut found = self.best(model, true);
        for _ in 0..MAX_ALIAS_CHAIN {
            let Some(Found { entry: Entry::Alias(target), .. }) = &found else { break };
            if let Some(alias) = &found {
                visit(model, alias, target);
            }
            model = target;
            found = match self.entries.exact(model) {
                Some((name, entry)) => Some(Found { head: Head::whole(model), name, entry }),
                None => self.best(model, false),
            };
        }
        Path { model, found }
    }

    /// Returns the best candidate of a name.
    fn best<'m, 't>(&'t self, name: &'m str, with_aliases: bool) -> Option<Found<'m, 't, T>> {
        let accepts = |entry: &Entry<T>, head: Head<'m>| match entry {
            Entry::Alias(_) => with_aliases && !head.is_base,
            Entry::Value(_) => true,
        };
        let found = |head, (name, entry)| Some(Found { head, name, entry });
        for head in heads(name) {
            if let Some(exact) = self.entries.exact(head.text).filter(|(_, entry)| accepts(entry, head)) {
                return found(head, exact);
            }
            let is_partial = |(name, entry): &(&str, &Entry<T>)| *name != CATCH_ALL && accepts(entry, head);
            let wildcard = self.entries.wildcards(head.text).find(is_partial);
            let prefix_len = wildcard.map_or(0, |(name, _)| name.len() - 1);
            for (_, _, text) in tails(head.text).take_while(|(_, _, text)| text.len() >= prefix_len) {
                let is_value = |(_, entry): &(&str, &Entry<T>)| matches!(entry, Entry::Value(_));
                if let Some(exact) = self.entries.exact(text).filter(is_value) {
                    return found(head, exact);
                }
            }
            if let Some(wildcard) = wildcard {
                return found(head, wildcard);
            }
        }
        let whole = Head::whole(name);
        let is_catch_all = |(name, entry): &(&str, &Entry<T>)| *name == CATCH_ALL && accepts(entry, whole);
        found(whole, self.entries.wildcards(name).last().filter(is_catch_all)?)
    }
}

/// Wildcard that matches every name. It applies after all other candidates.
const CATCH_ALL: &str = "*";

impl<'m, 't: 'm, T> Resolution<'m, 't, T> {
    /// Returns the steps from the requested name to the entry.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'m>> {
        self.resolver.steps(self.requested)
    }
}
