//! Part `models`: one entry per model name.

use serde::Deserialize;
use tollgate_names::Entries;
use tollgate_tokens::AskUsage;

/// Models by name. A name is exact (`gpt-4o`) or ends in `*` and matches every name with this prefix (`claude-*`; `*` alone
/// matches every name). The exact name wins, then the name without prefixes and
/// versions, then the longest wildcard, as for prices and tokenizers.
pub type RawModels = Entries<RawModel>;

/// Model, or alias of one.
///
/// If any entry has a `route`, a model that matches no entry gets 404.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawModel {
    /// Name of the route, which Envoy's routes match as the header `x-tollgate-route`. 1 to 256 bytes of visible ASCII.
    pub route: Option<String>,
    /// Provider behind the route, for logs, metrics and prices. 1 to 256 bytes of visible ASCII.
    pub provider: Option<String>,
    /// Model that this name is another name of. The upstream gets the other name; price and tokenizer are those of the other
    /// model, and so are route and provider unless this entry has its own.
    pub alias_of: Option<String>,
    /// Name of the model at the upstream, if it differs, e.g. of a deployment. Price and tokenizer do not depend on it.
    /// 1 to 256 bytes of visible ASCII.
    pub upstream_model: Option<String>,
    /// Labels of the model: `[internal, eu]`. Calls with a tag may be limited to models with a label, see `firewall.tag_labels`. An
    /// alias has the labels of its model, unless it has its own; an entry without labels has none, also if a wildcard with labels
    /// matches its name.
    pub labels: Option<Vec<String>>,
    /// Request for usage at the end of a stream of chat completions: `ask`, or `never` for an upstream that refuses
    /// `stream_options`. Default: that of the route, else of the provider, else `ask`; `never` for Mistral's API and for versions of
    /// Azure OpenAI before 2024-09-01-preview.
    pub usage: Option<AskUsage>,
}

/// Returns `true` if any entry has a route: then a model without one gets 404.
pub(crate) fn has_routes(models: &RawModels) -> bool {
    models.0.values().any(|model| model.route.is_some())
}
