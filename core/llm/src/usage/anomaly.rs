//! Contradictions in reported usage.

/// Set of contradictions found in the usage of a call. Each has a plausible reading, which is the one that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies(u8);

impl Anomalies {
    /// No contradiction.
    pub const NONE: Anomalies = Anomalies(0);
    /// More cached and written tokens than input tokens, without a total that explains it: they are added to the input.
    pub const CACHE_ABOVE_INPUT: Anomalies = Anomalies(1);
    /// More reasoning tokens than output tokens, without a total that explains it: they are added to the output.
    pub const REASONING_ABOVE_OUTPUT: Anomalies = Anomalies(1 << 1);
    /// More audio, image and video tokens than tokens: they are added.
    pub const MODALITIES_ABOVE_TOKENS: Anomalies = Anomalies(1 << 2);
    /// A total below the sum of its parts: it is ignored.
    pub const TOTAL_BELOW_PARTS: Anomalies = Anomalies(1 << 3);
    /// A total above the sum of its parts that no part explains: the difference is charged as output.
    pub const TOTAL_ABOVE_PARTS: Anomalies = Anomalies(1 << 4);
    /// A number above the most that the call could have used: it counts as not reported.
    pub const NOT_CREDIBLE: Anomalies = Anomalies(1 << 5);
    /// Zero or no input tokens for a response with output: the input is counted.
    pub const NO_INPUT: Anomalies = Anomalies(1 << 6);

    /// Names of all anomalies, in the order of their bits: the label `reason` of `tollgate_usage_anomalies_total`.
    pub const NAMES: [&'static str; 7] = [
        "cache_above_input",
        "reasoning_above_output",
        "modalities_above_tokens",
        "total_below_parts",
        "total_above_parts",
        "not_credible",
        "no_input",
    ];

    /// Returns `true` if there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds all anomalies of another set.
    pub fn add(&mut self, other: Anomalies) {
        self.0 |= other.0;
    }

    /// Returns `true` if all anomalies of another set are in this one.
    #[must_use]
    pub fn contains(self, other: Anomalies) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the names of the anomalies.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let bits = (0..).map(move |bit| self.0.checked_shr(bit).unwrap_or_default() & 1 == 1);
        Self::NAMES.into_iter().zip(bits).filter_map(|(name, is_set)| is_set.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anomalies_have_names_by_their_bits() {
        let mut set = Anomalies::NONE;
        assert!(set.is_empty());
        set.add(Anomalies::NO_INPUT);
        set.add(Anomalies::TOTAL_BELOW_PARTS);
        assert_eq!(set.names().collect::<Vec<_>>(), ["total_below_parts", "no_input"]);
        assert!(set.contains(Anomalies::NO_INPUT) && !set.contains(Anomalies::NOT_CREDIBLE));
    }
}
