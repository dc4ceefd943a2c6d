//! Which model reads which encoding.
//!
//! The facts are those of OpenAI's own library: `tiktoken/model.py` of tiktoken 0.14.0 (`MODEL_TO_ENCODING` and
//! `MODEL_PREFIX_TO_ENCODING`). Names that it maps to encodings which are not built in are left out.

use crate::Encoding::{self, Cl100kBase, O200kBase};

/// Whole names.
const NAMES: &[(&str, Encoding)] = &[
    ("o1", O200kBase),
    ("o3", O200kBase),
    ("o4-mini", O200kBase),
    ("gpt-5", O200kBase),
    ("gpt-4.1", O200kBase),
    ("gpt-4o", O200kBase),
    ("gpt-4", Cl100kBase),
    ("gpt-3.5-turbo", Cl100kBase),
    ("gpt-3.5", Cl100kBase),
    ("gpt-35-turbo", Cl100kBase),
    ("davinci-002", Cl100kBase),
    ("babbage-002", Cl100kBase),
    ("text-embedding-ada-002", Cl100kBase),
    ("text-embedding-3-small", Cl100kBase),
    ("text-embedding-3-large", Cl100kBase),
];

/// Beginnings of names: of dated versions and of variants. The first that fits speaks.
///
/// `o200k_harmony` (`gpt-oss-`) has the ordinary tokens of `o200k_base` and differs in special tokens only, which text
/// never becomes. `codex-mini` is not in tiktoken's list: OpenAI's model page names it a fine-tuned o4-mini.
const PREFIXES: &[(&str, Encoding)] = &[
    ("o1-", O200kBase),
    ("o3-", O200kBase),
    ("o4-mini-", O200kBase),
    ("gpt-5", O200kBase),
    ("gpt-4.5-", O200kBase),
    ("gpt-4.1-", O200kBase),
    ("chatgpt-4o-", O200kBase),
    ("gpt-4o-", O200kBase),
    ("gpt-4-", Cl100kBase),
    ("gpt-3.5-turbo-", Cl100kBase),
    ("gpt-35-turbo-", Cl100kBase),
    ("gpt-oss-", O200kBase),
    ("codex-mini", O200kBase),
];

/// The encoding of a model name; see [`Encoding::for_model`].
pub(crate) fn encoding(model: &str) -> Option<Encoding> {
    // A gateway's name for a provider's model: `openai/gpt-4o`, `azure/eu/gpt-4o`.
    let model = model.rsplit('/').next().unwrap_or(model);
    // A fine-tuned model is named after the one it was made from: `ft:gpt-4o:organisation:name:id`.
    let model = match model.strip_prefix("ft:") {
        Some(tuned) => tuned.split(':').next().unwrap_or(tuned),
        None => model,
    };
    let named = NAMES.iter().find(|(name, _)| *name == model);
    named.or_else(|| PREFIXES.iter().find(|(prefix, _)| model.starts_with(prefix))).map(|(_, encoding)| *encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_encoding_of_their_family() {
        let cases: &[(&str, Option<Encoding>)] = &[
            ("gpt-4o", Some(O200kBase)),
            ("gpt-4o-2024-08-06", Some(O200kBase)),
            ("gpt-4o-mini", Some(O200kBase)),
            ("chatgpt-4o-latest", Some(O200kBase)),
            ("gpt-4.1-nano", Some(O200kBase)),
            ("gpt-4.5-preview", Some(O200kBase)),
            ("gpt-5", Some(O200kBase)),
            ("gpt-5.2-codex", Some(O200kBase)),
            ("o1", Some(O200kBase)),
            ("o3-mini", Some(O200kBase)),
            ("o4-mini-2025-04-16", Some(O200kBase)),
            ("gpt-oss-120b", Some(O200kBase)),
            ("openai/gpt-oss-20b", Some(O200kBase)),
            ("codex-mini-latest", Some(O200kBase)),
            ("gpt-4", Some(Cl100kBase)),
            ("gpt-4-turbo-2024-04-09", Some(Cl100kBase)),
            ("gpt-3.5-turbo-0125", Some(Cl100kBase)),
            ("gpt-35-turbo", Some(Cl100kBase)),
            ("text-embedding-3-large", Some(Cl100kBase)),
            ("ft:gpt-4o-mini:acme:suffix:id", Some(O200kBase)),
            ("ft:gpt-3.5-turbo:acme::id", Some(Cl100kBase)),
            ("azure/eu/gpt-4o", Some(O200kBase)),
            ("o4", None),
            ("gpt-6", None),
            ("gpt-2", None),
            ("text-davinci-003", None),
            ("claude-sonnet-4-5", None),
            ("llama-3.1-8b", None),
            ("ft:", None),
            ("", None),
        ];
        for (model, expected) in cases {
            assert_eq!(encoding(model), *expected, "{model}");
        }
    }
}
