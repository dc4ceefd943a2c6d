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

    /// Returns the tier with that [`name`](Self::name); `None` for a tier without prices of its own.
    #[must_use]
    pub fn from_name(name: &str) -> Option<ServiceTier> {
        ServiceTier::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_have_names_and_numbers() {
        assert_eq!(
            (ServiceTier::from_name("flex"), ServiceTier::from_name("default")),
            (Some(ServiceTier::Flex), None)
        );
        for (index, tier) in ServiceTier::ALL.into_iter().enumerate() {
            assert_eq!((ServiceTier::from_index(index as u8), tier as usize), (Some(tier), index));
            assert_eq!(ServiceTier::from_name(tier.name()), Some(tier));
        }
    }
}
