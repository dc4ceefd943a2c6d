//! Service tiers, by which providers price the same tokens differently.

/// Service tier that served a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// Standard processing.
    Default,
    /// Slower processing at a lower price.
    Flex,
    /// Faster processing at a higher price.
    Priority,
    /// Processing in a batch.
    Batch,
    /// Processing between flex and the default tier.
    Balanced,
    /// Fast mode of Anthropic (`speed: fast`).
    Fast,
    /// Processing faster than the priority tier.
    Ultrafast,
    /// Any other tier, such as reserved capacity.
    Other,
}

impl ServiceTier {
    /// All tiers.
    pub const ALL: [ServiceTier; 8] = [
        ServiceTier::Default,
        ServiceTier::Flex,
        ServiceTier::Priority,
        ServiceTier::Batch,
        ServiceTier::Balanced,
        ServiceTier::Fast,
        ServiceTier::Ultrafast,
        ServiceTier::Other,
    ];

    /// Returns the tier that a provider reports, in any case; `None` for `auto`, which only repeats that the provider may
    /// choose.
    ///
    /// Names: OpenAI API reference, `service_tier` (`default`, `flex`, `priority`, `scale`); Anthropic, "Service tiers"
    /// (`standard`, `priority`, `batch`); Vertex AI, `trafficType` (`ON_DEMAND`, `ON_DEMAND_FLEX`, `ON_DEMAND_PRIORITY`,
    /// `PROVISIONED_THROUGHPUT`); Bedrock, `serviceTier` (`default`, `flex`, `priority`, `reserved`); Groq (`on_demand`,
    /// `flex`, `performance`).
    #[must_use]
    pub fn from_reported(name: &str) -> Option<ServiceTier> {
        Some(match name.to_ascii_lowercase().as_str() {
            "" | "auto" | "traffic_type_unspecified" => return None,
            "default" | "standard" | "on_demand" => ServiceTier::Default,
            "flex" | "on_demand_flex" => ServiceTier::Flex,
            "priority" | "on_demand_priority" => ServiceTier::Priority,
            "batch" => ServiceTier::Batch,
            "balanced" => ServiceTier::Balanced,
            "fast" => ServiceTier::Fast,
            "ultrafast" => ServiceTier::Ultrafast,
            _ => ServiceTier::Other,
        })
    }

    /// Returns the tier for a `speed` of Anthropic's API ("Fast mode"); `None` for the standard one, which leaves the tier to
    /// `service_tier`.
    #[must_use]
    pub(crate) fn from_speed(speed: &str) -> Option<ServiceTier> {
        speed.eq_ignore_ascii_case("fast").then_some(ServiceTier::Fast)
    }

    /// Returns the tier after a further report. The default tier does not replace the fast mode: the two are reported side by
    /// side (Anthropic: `service_tier: standard, speed: fast`).
    #[must_use]
    pub fn updated(known: Option<ServiceTier>, reported: Option<ServiceTier>) -> Option<ServiceTier> {
        match (known, reported) {
            (Some(ServiceTier::Fast), Some(ServiceTier::Default)) => known,
            _ => reported.or(known),
        }
    }

    /// Returns the value of the property `tollgate.service_tier`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ServiceTier::Default => "default",
            ServiceTier::Flex => "flex",
            ServiceTier::Priority => "priority",
            ServiceTier::Batch => "batch",
            ServiceTier::Balanced => "balanced",
            ServiceTier::Fast => "fast",
            ServiceTier::Ultrafast => "ultrafast",
            ServiceTier::Other => "other",
        }
    }

    /// Returns the tier with that [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<ServiceTier> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_tiers_are_mapped() {
        for (name, want) in [
            ("default", Some(ServiceTier::Default)),
            ("standard", Some(ServiceTier::Default)),
            ("ON_DEMAND_PRIORITY", Some(ServiceTier::Priority)),
            ("flex", Some(ServiceTier::Flex)),
            ("batch", Some(ServiceTier::Batch)),
            ("PROVISIONED_THROUGHPUT", Some(ServiceTier::Other)),
            ("Priority", Some(ServiceTier::Priority)),
            ("balanced", Some(ServiceTier::Balanced)),
            ("fast", Some(ServiceTier::Fast)),
            ("ultrafast", Some(ServiceTier::Ultrafast)),
            ("auto", None),
            ("", None),
        ] {
            assert_eq!(ServiceTier::from_reported(name), want, "{name}");
        }
        assert!(ServiceTier::ALL.into_iter().all(|tier| ServiceTier::from_name(tier.name()) == Some(tier)));
    }

    #[test]
    fn the_default_tier_does_not_replace_the_fast_mode() {
        use ServiceTier::{Batch, Default, Fast};
        for (known, reported, want) in [
            (Some(Fast), Some(Default), Some(Fast)),
            (Some(Default), Some(Fast), Some(Fast)),
            (Some(Fast), Some(Batch), Some(Batch)),
            (Some(Batch), Some(Default), Some(Default)),
            (Some(Batch), None, Some(Batch)),
            (None, Some(Default), Some(Default)),
            (None, None, None),
        ] {
            assert_eq!(ServiceTier::updated(known, reported), want, "{known:?} {reported:?}");
        }
    }
}
