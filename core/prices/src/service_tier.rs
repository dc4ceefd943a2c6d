//! Service tiers: classes of processing with prices of their own.

/// Service tier with prices of its own. A call of any other tier (`default`, `standard`, `auto`, `on_demand`) has the prices
/// without a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ServiceTier {
    /// Slower processing at a lower price.
    Flex,
    /// Faster processing at a higher price.
    Priority,
    /// Processing within hours, from a file of requests or marked as a batch.
    Batch,
    /// Tier between flex and the default one.
    Balanced,
    /// Fast mode of Anthropic (`speed: fast`).
    Fast,
    /// Tier above priority.
    Ultrafast,
}

impl ServiceTier {
    /// All tiers with prices of their own, in the order of their values.
    pub const ALL: [ServiceTier; 6] = [
        ServiceTier::Flex,
        ServiceTier::Priority,
        ServiceTier::Batch,
        ServiceTier::Balanced,
        ServiceTier::Fast,
        ServiceTier::Ultrafast,
    ];

    /// Returns the key of the tier in configurations and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ServiceTier::Flex => "flex",
            ServiceTier::Priority => "priority",
            ServiceTier::Batch => "batch",
            ServiceTier::Balanced => "balanced",
            ServiceTier::Fast => "fast",
            ServiceTier::Ultrafast => "ultrafast",
        }
    }

    /// Returns the tier with this value as a number.
    #[must_use]
    pub fn from_index(index: u8) -> Option<ServiceTier> {
        ServiceTier::ALL.get(usize::from(index)).copied()
    }

    /// Reads the tier of a request or response, in any spelling of the providers: `priority` (OpenAI, Anthropic, Bedrock),
    /// `ON_DEMAND_PRIORITY` (Vertex AI). `None` for every tier without prices of its own.
    ///
    /// ```
    /// use tollgate_prices::ServiceTier;
    ///
    /// assert_eq!(ServiceTier::parse("ON_DEMAND_FLEX"), Some(ServiceTier::Flex));
    /// assert_eq!(ServiceTier::parse("standard"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<ServiceTier> {
        const VERTEX_AI: &str = "on_demand_";
        let name = match text.get(..VERTEX_AI.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(VERTEX_AI) => text.get(VERTEX_AI.len()..)?,
            _ => text,
        };
        if name.eq_ignore_ascii_case("batches") {
            return Some(ServiceTier::Batch);
        }
        ServiceTier::ALL.into_iter().find(|tier| tier.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_read_in_the_spellings_of_the_providers() {
        for (text, tier) in [
            ("flex", Some(ServiceTier::Flex)),
            ("Priority", Some(ServiceTier::Priority)),
            ("ON_DEMAND_PRIORITY", Some(ServiceTier::Priority)),
            ("batch", Some(ServiceTier::Batch)),
            ("batches", Some(ServiceTier::Batch)),
            ("fast", Some(ServiceTier::Fast)),
            ("default", None),
            ("standard", None),
            ("auto", None),
            ("ON_DEMAND", None),
            ("on_demand_", None),
            ("", None),
            ("größer", None),
        ] {
            assert_eq!(ServiceTier::parse(text), tier, "{text}");
        }
        for (index, tier) in ServiceTier::ALL.into_iter().enumerate() {
            assert_eq!((ServiceTier::from_index(index as u8), tier as usize), (Some(tier), index));
        }
    }
}
