//! Caller of a call, for rules that apply to some callers only.

use serde::Deserialize;
use tollgate_inspect::{Caller, CallerNeeds, Date, RuleSet};
use tollgate_kit::{Call, ConfigError, property};

use crate::PromptInspector;

/// Source of a name: one of `header` and `attribute`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawNameSource {
    /// Request header that an earlier filter sets (and whose client-sent copy it replaces), e.g. `api_key_auth`'s
    /// `forwarding.header` or `jwt_authn`'s `claim_to_headers`. A header that clients can set lets them choose their rules.
    pub header: Option<String>,
    /// Path of Envoy attributes or metadata, e.g. `[metadata, filter_metadata, envoy.filters.http.jwt_authn, payload, sub]`.
    pub attribute: Option<Vec<String>>,
}

/// Validated source of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// Request header, in lower case.
    Header(String),
    /// Path of an Envoy attribute, not empty.
    Attribute(Vec<String>),
}

impl TryFrom<RawNameSource> for NameSource {
    type Error = ConfigError;

    fn try_from(raw: RawNameSource) -> Result<NameSource, ConfigError> {
        match (raw.header, raw.attribute) {
            (Some(header), None) if is_header(&header) => Ok(NameSource::Header(header.to_ascii_lowercase())),
            (Some(_), None) => Err(ConfigError::new("header: not a header name")),
            (None, Some(path)) if !path.is_empty() => Ok(NameSource::Attribute(path)),
            _ => Err(ConfigError::new("one of `header` and `attribute` is required")),
        }
    }
}

/// Returns `true` for a header name (RFC 9110, 5.6.2).
fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

impl NameSource {
    /// Returns the header that has the name, if a header has.
    pub fn header(&self) -> Option<&str> {
        match self {
            NameSource::Header(header) => Some(header),
            NameSource::Attribute(_) => None,
        }
    }

    /// Returns the name of a call; `None` if it has none, or if the header occurs more than once.
    pub fn name(&self, call: &Call<'_>) -> Option<String> {
        let name = match self {
            NameSource::Header(header) if call.header_count(header) > 1 => None,
            NameSource::Header(header) => call.header(header).map(<[u8]>::to_vec),
            NameSource::Attribute(path) => property::attribute(path),
        };
        String::from_utf8(name?).ok().filter(|name| !name.is_empty())
    }
}

/// Names of the caller of a call, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerNames {
    /// Name of the consumer.
    pub consumer: Option<String>,
    /// Name of the team.
    pub team: Option<String>,
    /// Name of the route.
    pub route: Option<String>,
}

impl PromptInspector {
    /// Returns the rules that do not apply to a call. `names` is asked only if a rule depends on the caller, and only for the names
    /// that rules depend on: to find one may take a call of the host.
    pub fn excluded(&self, call: &Call<'_>, names: impl FnOnce(CallerNeeds) -> CallerNames) -> RuleSet {
        let policy = &self.config.policy;
        let Some(needs) = policy.caller_needs() else { return RuleSet::default() };
        let CallerNames { consumer, team, route } = match needs {
            CallerNeeds { consumers: false, teams: false, routes: false, .. } => CallerNames::default(),
            needs => names(needs),
        };
        let model = if needs.models { call.model() } else { None };
        let mut models = Vec::with_capacity(2);
        if let Some(model) = model.as_deref() {
            models.push(model);
            models.extend(Some(self.vocabularies.alias_target(model)).filter(|target| *target != model));
        }
        policy.excluded(&Caller {
            consumer: consumer.as_deref(),
            team: team.as_deref(),
            models: &models,
            route: route.as_deref(),
            today: Some(&|| Date::of_unix_ns(call.now_ns())),
        })
    }

    /// Returns the rules that do not apply to a call whose caller the filter's own configuration identifies.
    pub(crate) fn excluded_by_own_names(&self, call: &Call<'_>) -> RuleSet {
        let name = |source: &Option<NameSource>, is_needed: bool| {
            source.as_ref().filter(|_| is_needed).and_then(|source| source.name(call))
        };
        let config = &self.config;
        self.excluded(call, |needs| CallerNames {
            consumer: name(&config.consumer, needs.consumers),
            team: name(&config.team, needs.teams),
            route: None,
        })
    }
}
