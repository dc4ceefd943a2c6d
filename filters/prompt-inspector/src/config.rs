//! Configuration of the filter: as written, and validated.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use tollgate_inspect::{
    OnBlockInStream, OnUneditable, OnUnscannable as PolicyUnscannable, PLACEHOLDER_KEY, Policy, RawAllow, RawException,
    RawGuard, RawPolicy, RawRule, RawScores,
};
use tollgate_kit::{ConfigError, Configuration, Limits, OnUnscannable, environment, random_key};

use crate::caller::{NameSource, RawNameSource};

/// Configuration of the filter, as written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Bounds on what one call may make the filter read, and the policy for unreadable bodies.
    pub limits: Limits,
    /// Rules, see [`RawPolicy::rules`].
    pub rules: Vec<RawRule>,
    /// See [`RawPolicy::max_match_bytes`].
    pub max_match_bytes: u32,
    /// See [`RawPolicy::on_uneditable`].
    pub on_uneditable: OnUneditable,
    /// See [`RawPolicy::allow_lists`].
    pub allow_lists: BTreeMap<String, RawAllow>,
    /// See [`RawPolicy::exceptions`].
    pub exceptions: Vec<RawException>,
    /// See [`RawPolicy::scores`].
    pub scores: Option<RawScores>,
    /// See [`RawPolicy::guards`].
    pub guards: Vec<RawGuard>,
    /// End of a streamed response that a rule blocks. Default: `error`.
    pub on_block_in_stream: OnBlockInStream,
    /// Request header that gets the tags of the rules that matched, such as x-tollgate-tags. It begins with `x-tollgate-`.
    pub tag_header: Option<String>,
    /// Source of the consumer's name, for rules that depend on it. A request in which the header occurs more than once gets 400.
    pub consumer: Option<RawNameSource>,
    /// Source of the team's name, for rules that depend on it. A request in which the header occurs more than once gets 400.
    pub team: Option<RawNameSource>,
}

impl Default for RawConfig {
    fn default() -> RawConfig {
        RawConfig {
            limits: Limits::default(),
            rules: Vec::new(),
            max_match_bytes: RawPolicy::default_max_match_bytes(),
            on_uneditable: OnUneditable::default(),
            allow_lists: BTreeMap::new(),
            exceptions: Vec::new(),
            scores: None,
            guards: Vec::new(),
            on_block_in_stream: OnBlockInStream::default(),
            tag_header: None,
            consumer: None,
            team: None,
        }
    }
}

/// Configuration of the filter, validated.
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) policy: Arc<Policy>,
    /// End of a streamed response that a rule blocks.
    pub(crate) on_block_in_stream: OnBlockInStream,
    /// Request header that gets the tags.
    pub(crate) tag_header: Option<String>,
    /// Source of the consumer's name.
    pub(crate) consumer: Option<NameSource>,
    /// Source of the team's name.
    pub(crate) team: Option<NameSource>,
}

impl Config {
    pub(crate) fn parse(configuration: &Configuration<'_>) -> Result<Config, ConfigError> {
        let RawConfig {
            limits,
            rules,
            max_match_bytes,
            on_uneditable,
            allow_lists,
            exceptions,
            scores,
            guards,
            on_block_in_stream,
            tag_header,
            consumer,
            team,
        } = configuration.parse()?;
        // `limits.on_unscannable` is the one setting for unreadable content, in every filter. With `refuse`, an unreadable
        // event ends a stream only if a rule blocks or redacts: rules that log lose an event, not all that follow it.
        let on_unscannable = match limits.on_unscannable {
            OnUnscannable::Refuse => None,
            OnUnscannable::Pass => Some(PolicyUnscannable::Pass),
        };
        let raw = RawPolicy {
            rules,
            max_match_bytes,
            on_unscannable,
            on_uneditable,
            allow_lists,
            exceptions,
            scores,
            guards,
        };
        let mut policy = Policy::from_raw(raw).map_err(ConfigError::new)?;
        set_keys(&mut policy)?;
        let source = |field: &str, raw: Option<RawNameSource>| {
            let source = raw.map(NameSource::try_from).transpose();
            source.map_err(|error| ConfigError::new(format!("{field}: {error}")))
        };
        let (consumer, team) = (source("consumer", consumer)?, source("team", team)?);
        let needs = policy.caller_needs().unwrap_or_default();
        let unknown = [
            ("consumers", needs.consumers && consumer.is_none(), "no `consumer` says who that is"),
            ("teams", needs.teams && team.is_none(), "no `team` says who that is"),
            ("routes", needs.routes, "this filter knows no routes"),
        ];
        if let Some((list, _, reason)) = unknown.iter().find(|(_, is_unknown, _)| *is_unknown) {
            return Err(ConfigError::new(format!("a rule or exception has `{list}`, but {reason}")));
        }
        let tag_header = tag_header.map(|name| tag_header_of(&name, [&consumer, &team])).transpose()?;
        Ok(Config { limits, policy: Arc::new(policy), on_block_in_stream, tag_header, consumer, team })
    }
}

/// Validates the header with the tags.
fn tag_header_of(name: &str, identity: [&Option<NameSource>; 2]) -> Result<String, ConfigError> {
    let header = tollgate_inspect::tag_header(name);
    let header = header.map_err(|problem| ConfigError::new(format!("tag_header: {problem}")))?;
    let is_header = |source: &Option<NameSource>| source.as_ref().and_then(NameSource::header) == Some(&header);
    match identity.map(is_header) {
        [true, _] => Err(ConfigError::new("tag_header: the consumer's name is in this header")),
        [_, true] => Err(ConfigError::new("tag_header: the team's name is in this header")),
        [false, false] => Ok(header),
    }
}

/// Minimum length of that secret.
const MIN_KEY_BYTES: usize = 16;

/// Sets the secrets of a policy that come from the virtual machine: that of remembered texts, which it draws, and that of hashes
/// and placeholders, if it has one.
///
/// # Errors
/// A secret that is too short: who has a placeholder could try values.
pub fn set_keys(policy: &mut Policy) -> Result<(), ConfigError> {
    policy.remember_clean_texts(random_key);
    let secret = |variable: &str| String::from_utf8(environment(variable)?).ok();
    policy.set_guard_keys(secret).map_err(|missing| {
        ConfigError::new(format!(
            "the environment variable {missing} of a guard's key is not set in the virtual machine, or is not UTF-8"
        ))
    })?;
    set_placeholder_key(policy, environment(PLACEHOLDER_KEY).as_deref())
}

fn set_placeholder_key(policy: &mut Policy, secret: Option<&[u8]>) -> Result<(), ConfigError> {
    match secret {
        None => {}
        Some(secret) if secret.len() < MIN_KEY_BYTES => {
            let message = format!("{PLACEHOLDER_KEY} has less than {MIN_KEY_BYTES} bytes");
            return Err(ConfigError::new(message));
        }
        Some(secret) => policy.set_placeholder_key(secret),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_of_placeholders_is_refused() {
        for (secret, is_valid) in
            [(None, true), (Some(&b"0123456789abcdef"[..]), true), (Some(b"0123456789abcde"), false)]
        {
            let mut config = Config::parse(&Configuration::new(b"{}")).unwrap();
            let policy = Arc::get_mut(&mut config.policy).unwrap();
            assert_eq!(set_placeholder_key(policy, secret).is_ok(), is_valid, "{secret:?}");
        }
    }

    #[test]
    fn configuration_errors_name_the_path() {
        for (json, words) in [
            (r#"{"rule":[]}"#, "rule"),
            (r#"{"rules":[{"id":"a","match":{"regex":"("},"action":"block"}]}"#, "rules[0].match"),
            (r#"{"rules":[{"id":"a","match":{"regex":"x","glob":"y"},"action":"block"}]}"#, "rules[0].match"),
            (r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"stop"}]}"#, "rules[0].action"),
            (r#"{"max_match_bytes":1}"#, "max_match_bytes"),
            (r#"{"consumer":{}}"#, "consumer: one of"),
            (r#"{"tag_header":"x-tags"}"#, "tag_header: must"),
            (r#"{"consumer":{"header":"x-tollgate-id"},"tag_header":"X-Tollgate-Id"}"#, "tag_header: the consumer"),
            (r#"{"team":{"header":"x-tollgate-id"},"tag_header":"x-tollgate-id"}"#, "tag_header: the team"),
            (r#"{"team":{"header":"a b"}}"#, "team: header"),
            (
                r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"log","scope":{"consumers":"a"}}]}"#,
                "has `consumers`, but no `consumer`",
            ),
            (
                r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"log","exceptions":[{"teams":"a","reason":"r"}]}]}"#,
                "has `teams`, but no `team`",
            ),
            (
                r#"{"rules":[{"id":"a","match":{"regex":"x"},"action":"log"}],"exceptions":[{"rules":"a","routes":"a","reason":"r"}]}"#,
                "has `routes`, but this filter",
            ),
        ] {
            let error = Config::parse(&Configuration::new(json.as_bytes())).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
