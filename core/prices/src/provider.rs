//! Names of providers in a policy and in the price list.

/// Names of providers as policies and clients write them, and as the price list has them.
const SYNONYMS: &[(&str, &str)] = &[
    ("aws", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("amazon", "bedrock"),
    ("azure_openai", "azure"),
    ("azureopenai", "azure"),
    ("azure_foundry", "azure_ai"),
    ("google", "gemini"),
    ("google_ai_studio", "gemini"),
    ("googleai", "gemini"),
    ("vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("google_vertex", "vertex_ai"),
    ("together", "together_ai"),
    ("togetherai", "together_ai"),
    ("fireworks", "fireworks_ai"),
    ("mistralai", "mistral"),
    ("x_ai", "xai"),
    ("grok", "xai"),
];

/// Maximum number of segments of a provider's name that are left out.
const MAX_SEGMENTS: usize = 4;

/// Returns the prefixes of entries of a provider, best first: of `azure-eu` these are `azure_eu`, `azure/eu` (the price list has
/// regions of Azure behind a slash) and `azure`.
pub(crate) fn prefixes(provider: &str) -> Vec<String> {
    let provider = provider.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    };
    let mut rest = provider.as_str();
    for _ in 0..=MAX_SEGMENTS {
        let family = SYNONYMS.iter().find(|(synonym, _)| *synonym == rest).map_or(rest, |(_, family)| family);
        if let Some(region) = provider.get(rest.len() + 1..)
            && !region.contains('_')
        {
            add(format!("{family}/{region}"));
        }
        add(family.to_owned());
        match rest.rsplit_once('_') {
            Some((shorter, _)) => rest = shorter,
            None => break,
        }
    }
    found
}

/// Returns `true` if the first segment of an entry's name is one of a provider's prefixes.
pub(crate) fn is_of(first: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| prefix.split('/').next() == Some(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_of_policies_have_the_prefixes_of_the_list() {
        for (provider, expected) in [
            ("openai", &["openai"][..]),
            ("azure", &["azure"]),
            ("Azure-OpenAI", &["azure", "azure/openai"]),
            ("azure-eu", &["azure_eu", "azure/eu", "azure"]),
            ("vertex", &["vertex_ai"]),
            ("vertex_ai", &["vertex_ai", "vertex_ai/ai"]),
            ("together", &["together_ai"]),
            ("", &[]),
        ] {
            assert_eq!(prefixes(provider), expected, "{provider}");
        }
        assert!(is_of("azure", &prefixes("azure-eu")) && !is_of("groq", &prefixes("openai")));
        assert!(prefixes(&"a_".repeat(1000)).len() <= 2 * (MAX_SEGMENTS + 1));
    }
}
