//! Encodings of OpenAI's models.
//!
//! Source: `tiktoken/model.py` of tiktoken 0.14.0 (`MODEL_TO_ENCODING` and `MODEL_PREFIX_TO_ENCODING`). A model that it
//! maps to an encoding that is not built in has none.

use std::sync::LazyLock;

use tollgate_names::{Resolver, ResolverBuilder};

use crate::Encoding;

const O200K: &str = "o200k_base";
const CL100K: &str = "cl100k_base";
const P50K: &str = "p50k_base";
const R50K: &str = "r50k_base";

/// Exact model names.
const NAMES: &[(&str, &str)] = &[
    ("o1", O200K),
    ("o3", O200K),
    ("o4-mini", O200K),
    ("gpt-5", O200K),
    ("gpt-4.1", O200K),
    ("gpt-4o", O200K),
    ("gpt-4", CL100K),
    ("gpt-3.5-turbo", CL100K),
    ("gpt-3.5", CL100K),
    ("gpt-35-turbo", CL100K),
    ("davinci-002", CL100K),
    ("babbage-002", CL100K),
    ("text-embedding-ada-002", CL100K),
    ("text-embedding-3-small", CL100K),
    ("text-embedding-3-large", CL100K),
    ("text-davinci-003", P50K),
    ("text-davinci-002", P50K),
    ("text-davinci-001", R50K),
    ("text-curie-001", R50K),
    ("text-babbage-001", R50K),
    ("text-ada-001", R50K),
    ("davinci", R50K),
    ("curie", R50K),
    ("babbage", R50K),
    ("ada", R50K),
    ("code-davinci-002", P50K),
    ("code-davinci-001", P50K),
    ("code-cushman-002", P50K),
    ("code-cushman-001", P50K),
    ("davinci-codex", P50K),
    ("cushman-codex", P50K),
    ("gpt2", R50K),
    ("gpt-2", R50K),
];

/// Prefixes of names of versions and variants.
///
/// `o200k_harmony` (`gpt-oss-`) differs from `o200k_base` in special tokens only, which text never becomes.
/// `codex-mini` is not in tiktoken's list: OpenAI's model page calls it a fine-tuned o4-mini.
const PREFIXES: &[(&str, &str)] = &[
    ("o1-", O200K),
    ("o3-", O200K),
    ("o4-mini-", O200K),
    ("gpt-5", O200K),
    ("gpt-4.5-", O200K),
    ("gpt-4.1-", O200K),
    ("chatgpt-4o-", O200K),
    ("gpt-4o-", O200K),
    ("gpt-4-", CL100K),
    ("gpt-3.5-turbo-", CL100K),
    ("gpt-35-turbo-", CL100K),
    ("gpt-oss-", O200K),
    ("codex-mini", O200K),
];

static ENCODINGS: LazyLock<Resolver<Option<Encoding>>> = LazyLock::new(|| {
    let mut models = ResolverBuilder::default();
    let wildcards = PREFIXES.iter().map(|(prefix, name)| (format!("{prefix}*"), name));
    for (model, name) in NAMES.iter().map(|(model, name)| ((*model).to_owned(), name)).chain(wildcards) {
        let inserted = models.insert(&model, Encoding::from_name(name));
        debug_assert!(inserted.is_ok(), "{model}");
    }
    models.build().unwrap_or_default()
});

/// Returns the encoding of a model name; see [`Encoding::for_model`].
pub(crate) fn encoding(model: &str) -> Option<Encoding> {
    ENCODINGS.find(model).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_encoding_of_their_family() {
        let cases: &[(&str, &str)] = &[
            ("gpt-4o", O200K),
            ("gpt-4o-2024-08-06", O200K),
            ("gpt-4o-mini", O200K),
            ("chatgpt-4o-latest", O200K),
            ("gpt-4.1-nano", O200K),
            ("gpt-4.5-preview", O200K),
            ("gpt-5", O200K),
            ("gpt-5.2-codex", O200K),
            ("o1", O200K),
            ("o3-mini", O200K),
            ("o4-mini-2025-04-16", O200K),
            ("gpt-oss-120b", O200K),
            ("openai/gpt-oss-20b", O200K),
            ("codex-mini-latest", O200K),
            ("gpt-4", CL100K),
            ("gpt-4-turbo-2024-04-09", CL100K),
            ("gpt-3.5-turbo-0125", CL100K),
            ("gpt-35-turbo", CL100K),
            ("text-embedding-3-large", CL100K),
            ("ft:gpt-4o-mini:acme:suffix:id", O200K),
            ("ft:gpt-3.5-turbo:acme::id", CL100K),
            ("azure/eu/gpt-4o", O200K),
            ("openai.gpt-oss-120b-1:0", O200K),
            ("o4", ""),
            ("gpt-6", ""),
            ("gpt-2", R50K),
            ("text-davinci-003", P50K),
            ("claude-sonnet-4-5", ""),
            ("llama-3.1-8b", ""),
            ("ft:", ""),
            ("", ""),
        ];
        for (model, expected) in cases {
            assert_eq!(encoding(model), Encoding::from_name(expected), "{model}");
        }
        assert_eq!(encoding("gpt-oss-120b"), Some(Encoding::O200kBase));
    }

    #[test]
    fn an_encoding_has_one_name_and_some_aliases() {
        for &encoding in Encoding::ALL {
            assert_eq!(Encoding::from_name(encoding.name()), Some(encoding));
        }
        assert_eq!(Encoding::from_name("o200k_harmony"), Some(Encoding::O200kBase));
        assert_eq!(Encoding::from_name("gpt2"), Encoding::from_name(R50K));
        assert_eq!(Encoding::from_name("p50k_edit"), Encoding::from_name(P50K));
        assert_eq!(Encoding::from_name(""), None);
    }
}
