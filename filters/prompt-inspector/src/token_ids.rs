//! Prompts given as token ids: their texts, where the vocabulary of the model is known.

use tollgate_kit::Call;

/// Text of a prompt given as token ids.
pub(crate) struct PromptText {
    pub(crate) text: String,
    /// `true` if every id was decoded.
    pub(crate) is_whole: bool,
}

/// Vocabularies of models: built-in and configured ones.
#[derive(Clone, Debug, Default)]
pub struct Vocabularies {
    #[cfg(feature = "token-ids")]
    catalog: tollgate_tokens::Catalog,
}

impl Vocabularies {
    /// Returns the vocabularies of a catalog.
    #[cfg(feature = "token-ids")]
    pub fn new(catalog: tollgate_tokens::Catalog) -> Vocabularies {
        Vocabularies { catalog }
    }

    /// Returns the target of an alias of a model, and any other name as it is.
    #[cfg(feature = "token-ids")]
    pub(crate) fn alias_target<'m>(&'m self, model: &'m str) -> &'m str {
        self.catalog.resolve_alias(model)
    }

    /// Returns the name as it is: this build knows no aliases.
    #[cfg(not(feature = "token-ids"))]
    pub(crate) fn alias_target<'m>(&'m self, model: &'m str) -> &'m str {
        model
    }

    /// Decodes the prompts of a call that are token ids; nothing for those of an unknown vocabulary.
    #[cfg(feature = "token-ids")]
    pub(crate) fn decode(&self, call: &Call<'_>) -> Vec<PromptText> {
        let (view, body) = (call.view(), call.body());
        let profile = self.catalog.profile(call.model().as_deref().unwrap_or_default());
        let decoded = view.token_prompts.iter().filter_map(|prompt| profile.decode(prompt, body));
        decoded.map(|decoded| PromptText { text: decoded.text, is_whole: decoded.is_whole }).collect()
    }

    /// Decodes nothing: this build has no vocabularies.
    #[cfg(not(feature = "token-ids"))]
    pub(crate) fn decode(&self, _: &Call<'_>) -> Vec<PromptText> {
        Vec::new()
    }
}
