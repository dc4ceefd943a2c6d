//! Service tiers, by which providers price the same tokens differently.

/// Service tier that served a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// Standard processing.
    Default,
    /// Slower and cheaper processing.
    Flex,
    /// Faster and dearer processing.
    Priority,
    /// Processing in a batch.
    Batch,
    /// Any other tier, such as reserved capacity.
    Other,
}

impl ServiceTier {
    /// All tiers.
    pub const ALL: [ServiceTier; 5] =
        [ServiceTier::Default, ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Batch, ServiceTier::Other];

    /// Returns the tier that a provider reports; `None` for `auto`, which only repeats that the provider may choose.
    ///
    /// Names: OpenAI API reference, `service_tier` (`default`, `flex`, `priority`, `scale`); Anthropic, "Service tiers"
    /// (`standard`, `priority`, `batch`); Vertex AI, `trafficType` (`ON_DEMAND`, `ON_DEMAND_FLEX`, `ON_DEMAND_PRIORITY`,
    /// `PROVISIONED_THROUGHPUT`); Bedrock, `serviceTier` (`default`, `flex`, `priority`, `reserved`); Groq (`on_demand`,
    /// `flex`, `performance`).
    #[must_use]
    pub fn from_reported(name: &str) -> Option<ServiceTier> {
        Some(match name {
            "" | "auto" | "TRAFFIC_TYPE_UNSPECIFIED" => return None,
            "default" | "standard" | "on_demand" | "ON_DEMAND" => ServiceTier::Default,
            "flex" | "ON_DEMAND_FLEX" => ServiceTier::Flex,
            "priority" | "ON_DEMAND_PRIORITY" => ServiceTier::Priority,
            "batch" | "BATCH" => ServiceTier::Batch,
            _ => ServiceTier::Other,
        })
    }

    /// Returns the value of the property `tollgate.service_tier`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ServiceTier::Default => "default",
            ServiceTier::Flex => "flex",
            ServiceTier::Priority => "priority",
            ServiceTier::Batch => "batch",
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
            ("auto", None),
            ("", None),
        ] {
            assert_eq!(ServiceTier::from_reported(name), want, "{name}");
        }
        assert!(ServiceTier::ALL.into_iter().all(|tier| ServiceTier::from_name(tier.name()) == Some(tier)));
    }
}
