//! Remote guards: services that judge the texts of a request. This module builds their requests and reads their responses; the
//! filter sends them.
//!
//! A guard has a rule in its policy (`guard.<name>`), which searches no text. Its scope, exceptions, action, tags and replies
//! are those of any rule; [`inspect_guarded`] applies the verdicts.
//!
//! A guard gets texts after the redactions of the rules. Its response is not trusted: it is bounded, and one that is not exactly
//! what the guard's kind documents is an error, for which the policy says what happens.

mod question;
mod raw;
mod verdict;

pub use question::{GuardTexts, QuestionError};
pub use raw::{GuardKind, OnGuardError, RawGuard, RawGuardKey};
pub use verdict::{GuardVerdict, InvalidVerdict};

pub(crate) use raw::{MAX_GUARDS, check};

use crate::body::guarded::Guarded;
use crate::policy::Policy;
use crate::report::Report;
use crate::rule::RuleIndex;
use crate::rule_set::RuleSet;
use serde_json::Value;
use tollgate_llm::Request;

/// Largest response of a guard that is read, in bytes.
pub const MAX_GUARD_RESPONSE_BYTES: usize = 256 << 10;

/// Validated guard.
#[derive(Clone, Debug)]
pub struct Guard {
    name: Box<str>,
    cluster: Box<str>,
    headers: Headers,
    key: Option<RawGuardKey>,
    timeout_ms: u32,
    on_error: OnGuardError,
    max_text_bytes: usize,
    protocol: Protocol,
}

/// Requests and responses of a guard, by its kind.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// `POST /v1/moderations`.
    OpenAiModeration { model: Option<String>, categories: Vec<String> },
    /// `POST /v1/chat/completions`; the model answers `safe`, or `unsafe` and categories.
    LlamaGuard { model: Option<String>, categories: Vec<String> },
    /// `POST /analyze`.
    Presidio { language: String, entities: Vec<String>, threshold: Option<f64> },
    /// Any service with JSON.
    Template { body: Value, flagged_at: String, flagged_values: Vec<String>, threshold: Option<f64> },
}

impl Guard {
    /// Returns the name, as in the id of the rule `guard.<name>`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the cluster in Envoy.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Returns the environment variable with the credential, if the guard needs one.
    pub fn key_variable(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.env.as_str())
    }

    /// Returns the time that the guard has for its response, in milliseconds.
    pub fn timeout_ms(&self) -> u32 {
        self.timeout_ms
    }

    /// Returns what happens to a request if the guard fails.
    pub fn on_error(&self) -> OnGuardError {
        self.on_error
    }

    /// Returns the headers of a request to the guard, pseudo-headers included.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers.0
    }
}

/// Headers with the secret of a guard, which no log shows.
#[derive(Clone)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Policy {
    /// Returns the guards that judge a call, each with its rule.
    pub fn guards(&self, excluded: &RuleSet) -> impl Iterator<Item = (RuleIndex, &Guard)> {
        let rules = (0..).map(RuleIndex).zip(self.rules());
        let guards = rules.filter_map(|(index, rule)| Some((index, rule.guard.as_deref()?)));
        guards.filter(|(index, _)| !excluded.contains(*index))
    }

    /// Sets the secrets of all guards; `secret` returns the value of an environment variable.
    ///
    /// # Errors
    /// The variable that has no value.
    pub fn set_guard_keys(&mut self, secret: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        for guard in self.rules_mut().iter_mut().filter_map(|rule| rule.guard.as_deref_mut()) {
            let Some(key) = &guard.key else { continue };
            let secret = secret(&key.env).ok_or_else(|| key.env.clone())?;
            guard.headers.0.push((key.header_name(), format!("{}{secret}", key.prefix_text())));
        }
        Ok(())
    }

    /// Returns `true` if the policy has a guard.
    pub fn has_guards(&self) -> bool {
        self.rules().iter().any(|rule| rule.guard.is_some())
    }
}

/// Applies verdicts of guards to a request, as matches of their rules. The texts and verdicts are those of the same request.
///
/// Entities are redacted where they are; a rule with another action matches if there is one.
pub fn inspect_guarded(
    policy: &Policy,
    request: &Request,
    body: &[u8],
    verdicts: &[(RuleIndex, GuardVerdict)],
) -> Report {
    let mut guarded = Guarded::new(policy, request, body);
    for (rule, verdict) in verdicts {
        match verdict {
            GuardVerdict::Pass => {}
            GuardVerdict::Flagged => guarded.flagged(*rule),
            GuardVerdict::Entities(entities) => guarded.entities(*rule, entities),
        }
    }
    guarded.finish()
}
