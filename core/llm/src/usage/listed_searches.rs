//! Web searches counted in the output of a response, for providers that report no number of them.

/// Number of web searches that a response lists.
///
/// OpenAI's Responses have an item for each search; a stream has an event for each item, and its last event repeats all items.
/// Gemini lists the queries of a candidate, and may list them again in a later event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListedSearches {
    /// Sum over the events that complete one item each.
    single: u64,
    /// Largest number that a whole response or one event lists.
    listed: u64,
}

impl ListedSearches {
    /// No searches.
    pub(crate) const NONE: ListedSearches = ListedSearches { single: 0, listed: 0 };

    /// Creates the searches of an event that completes one item.
    pub(crate) fn single(searches: u64) -> ListedSearches {
        ListedSearches { single: searches, ..ListedSearches::NONE }
    }

    /// Creates the searches of a response, or of an event that lists all searches so far.
    pub(crate) fn listed(searches: u64) -> ListedSearches {
        ListedSearches { listed: searches, ..ListedSearches::NONE }
    }

    /// Returns the searches with those of a later event.
    pub(super) fn merge(self, later: ListedSearches) -> ListedSearches {
        ListedSearches { single: self.single.saturating_add(later.single), listed: self.listed.max(later.listed) }
    }

    /// Returns `true` if there are none.
    pub(super) fn is_none(self) -> bool {
        self == ListedSearches::NONE
    }

    /// Returns the number of searches.
    pub(super) fn number(self) -> u64 {
        self.single.max(self.listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_of_events_are_added_and_those_of_a_response_are_not() {
        for (events, want) in [
            (&[][..], 0),
            (&[(1, 0), (1, 0), (0, 2)], 2),
            (&[(1, 0), (1, 0)], 2),
            (&[(0, 2), (0, 3), (0, 3)], 3),
            (&[(0, 3), (0, 1)], 3),
        ] {
            let searches = events.iter().fold(ListedSearches::NONE, |all, (single, listed)| {
                all.merge(ListedSearches::single(*single)).merge(ListedSearches::listed(*listed))
            });
            assert_eq!(searches.number(), want, "{events:?}");
        }
    }
}
