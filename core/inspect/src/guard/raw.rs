//! Guards as written by the operator, and their validation.

use super::{Guard, Headers, Protocol};
use crate::condition::list::OneOrMany;
use crate::error::Problem;
use crate::exception::RawException;
use crate::policy::in_range;
use crate::raw::{RawAction, RawExamples, RawPattern, RawRule, RuleMode};
use crate::rule::{Direction, Severity};
use crate::rule_scope::RawScope;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Maximum number of guards.
pub(crate) const MAX_GUARDS: usize = 8;
/// Beginning of the ids of the rules of guards.
const ID_PREFIX: &str = "guard.";
const TIMEOUT_MS: (u32, u32) = (1, 60_000);
const TEXT_BYTES: (u32, u32) = (1, 16 << 20);
const MAX_FIELD_BYTES: usize = 256;
/// Depth of a template.
const MAX_DEPTH: usize = 16;
/// Headers that a guard sets by other fields, or that belong to the framing.
const RESERVED_HEADERS: [&str; 8] =
    ["host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "upgrade", "te"];

/// Guard: a service that judges the texts of requests before anything is sent to a provider. Its rule is `guard.<name>` in logs,
/// metrics, errors and tests.
///
/// A guard gets only texts, after the redactions of the rules: no names of callers and no headers of the client.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawGuard {
    /// Unique name: `a-z 0-9 . _ -`, at most 58 bytes.
    pub name: String,
    /// Kind of service: the form of its requests and responses.
    pub kind: GuardKind,
    /// Name of the cluster in Envoy: with `providers`, the `cluster` of one of them.
    pub cluster: String,
    /// Path of the service. Default: `/v1/moderations`, `/v1/chat/completions` or `/analyze`, by the kind; a `template` has no
    /// default.
    #[serde(default)]
    pub path: Option<String>,
    /// Host name that is sent to the service. Default: the name of the cluster.
    #[serde(default)]
    pub authority: Option<String>,
    /// Headers that are sent to the service. Secrets belong into `key`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Credential for the service. Default: none.
    #[serde(default)]
    pub key: Option<RawGuardKey>,
    /// Time that the service has for its response, in milliseconds: 1 to 60000. Requests wait that long at most. Default: 500.
    #[serde(default = "RawGuard::default_timeout_ms")]
    pub timeout_ms: u32,
    /// Policy for a request that the service cannot judge: it cannot be reached, is too slow, or responds with an error or with
    /// something that is no verdict; or the texts are too large or cannot be read. `refuse` (status 503) or `pass`. Default:
    /// `refuse`.
    #[serde(default)]
    pub on_error: OnGuardError,
    /// Maximum size of the texts of a request, in bytes; the policy for a larger request is `on_error`. Default: 262144.
    #[serde(default = "RawGuard::default_max_text_bytes")]
    pub max_text_bytes: u32,
    /// Action on a request that the service flags. `redact`, `mask`, `hash` and `placeholder` replace what it has found, which only
    /// the kind `presidio` reports.
    pub action: RawAction,
    /// Effect of the action: `enforce`, or `audit`, with which the guard only logs, and its errors let requests pass. Default:
    /// `enforce`.
    #[serde(default)]
    pub mode: RuleMode,
    /// Severity, for reports: the points of a guard with `action: score`.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Tags of a request that the service flags, as those of a rule.
    #[serde(default)]
    pub tag: BTreeMap<String, String>,
    /// Texts and calls that the service judges. Default: all calls, and the parts `text`, `reasoning`, `tool_arguments` and
    /// `tool_result` of requests. Base64 data is never sent.
    #[serde(default)]
    pub scope: Option<RawScope>,
    /// Calls that the service does not judge.
    #[serde(default)]
    pub exceptions: Vec<RawException>,
    /// Replacement of what the service has found (`redact` and `placeholder` only). Default: the id of the rule in brackets.
    #[serde(default)]
    pub replacement: Option<String>,
    /// Puts what was replaced in a request back into the texts of its response (`placeholder` only), as that of a rule. Default:
    /// false.
    #[serde(default)]
    pub restore: bool,
    /// HTTP status of the error response (`block` only). 400 to 599, default 400.
    #[serde(default)]
    pub status: Option<u16>,
    /// Message of the error response (`block` only). Default: contains only the id of the rule.
    #[serde(default)]
    pub message: Option<String>,
    /// Model of the service (`openai-moderation` and `llama-guard` only). Default: none is sent.
    #[serde(default)]
    pub model: Option<String>,
    /// Categories that count, one or a list, such as `violence` or `S1` (`openai-moderation` and `llama-guard` only). Default: all.
    #[serde(default)]
    pub categories: Option<OneOrMany<String>>,
    /// Language of the texts (`presidio` only). Default: `en`.
    #[serde(default)]
    pub language: Option<String>,
    /// Types of entities to find, one or a list, such as `PERSON` (`presidio` only). Default: all that the service knows.
    #[serde(default)]
    pub entities: Option<OneOrMany<String>>,
    /// Minimum score of an entity (`presidio`), or of the number at `flagged_at` (`template`). Default: none for `presidio`; the
    /// service then applies its own.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Body of the requests (`template` only): any JSON, in whose strings `{{text}}` stands for all texts with an empty line between
    /// them. A string `{{texts}}` stands for the list of texts.
    #[serde(default)]
    pub body: Option<Value>,
    /// JSON pointer of the verdict in a response (`template` only), e.g. `/result/flagged`: a boolean, a string (see
    /// `flagged_values`) or a number (see `threshold`).
    #[serde(default)]
    pub flagged_at: Option<String>,
    /// Strings at `flagged_at` that flag a request, one or a list (`template` only). Any other string lets it pass.
    #[serde(default)]
    pub flagged_values: Option<OneOrMany<String>>,
}

/// Kind of guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GuardKind {
    /// API `POST /v1/moderations` of OpenAI.
    OpenaiModeration,
    /// Llama Guard, or another model that answers `safe`, or `unsafe` and a line with categories, behind the chat API of OpenAI (vLLM
    /// and others).
    LlamaGuard,
    /// Analyzer of Presidio: finds personal data.
    Presidio,
    /// Any service with JSON.
    Template,
}

/// Policy for a request that a guard cannot judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnGuardError {
    /// The request is refused.
    #[default]
    Refuse,
    /// The request passes and is reported.
    Pass,
}

/// Credential for a guard: a header with a secret from the environment of Envoy's virtual machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawGuardKey {
    /// Environment variable with the secret; `vm_config.environment_variables` must pass it to the virtual machine, which
    /// `tollgate render` writes.
    pub env: String,
    /// Request header. Default: `authorization`.
    #[serde(default)]
    pub header: Option<String>,
    /// Text in front of the secret. Default: `Bearer ` for the header `authorization`, else none.
    #[serde(default)]
    pub prefix: Option<String>,
}

impl RawGuardKey {
    /// Returns the request header, in lower case.
    pub(super) fn header_name(&self) -> String {
        self.header.as_deref().unwrap_or("authorization").to_ascii_lowercase()
    }

    /// Returns the text in front of the secret.
    pub(super) fn prefix_text(&self) -> &str {
        let default = if self.header_name() == "authorization" { "Bearer " } else { "" };
        self.prefix.as_deref().unwrap_or(default)
    }
}

impl RawGuard {
    /// Returns the default, 500.
    pub fn default_timeout_ms() -> u32 {
        500
    }

    /// Returns the default, 262144.
    pub fn default_max_text_bytes() -> u32 {
        256 << 10
    }

    /// Returns the id of the guard's rule.
    pub fn rule_id(&self) -> String {
        format!("{ID_PREFIX}{}", self.name)
    }

    /// Returns the rule of the guard. A rule has a pattern; nothing searches for this one.
    pub(crate) fn rule(&self) -> RawRule {
        RawRule {
            id: self.rule_id(),
            description: None,
            severity: self.severity,
            owasp: OneOrMany::default(),
            pattern: RawPattern { keywords: Some(vec![ID_PREFIX.to_owned()]), ..RawPattern::default() },
            applies_to: Some(vec![Direction::Request]),
            scope: self.scope.clone(),
            exceptions: self.exceptions.clone(),
            tag: self.tag.clone(),
            action: self.action,
            mode: self.mode,
            replacement: self.replacement.clone(),
            restore: self.restore,
            status: self.status,
            message: self.message.clone(),
            slow: false,
            examples: RawExamples::default(),
        }
    }
}

type Invalid = (&'static str, Problem);

/// Validates the fields of a guard that a rule does not have.
pub(crate) fn check(raw: &RawGuard) -> Result<Guard, Invalid> {
    let RawGuard { name, cluster, headers, key, .. } = raw;
    if name.is_empty() {
        return Err(("name", Problem::Empty));
    }
    let path = raw.path.as_deref().or(match raw.kind {
        GuardKind::OpenaiModeration => Some("/v1/moderations"),
        GuardKind::LlamaGuard => Some("/v1/chat/completions"),
        GuardKind::Presidio => Some("/analyze"),
        GuardKind::Template => None,
    });
    let path = path.ok_or(("path", Problem::Missing("a `template`")))?;
    if !path.starts_with('/') || !is_visible(path) || path.contains('#') {
        return Err(("path", Problem::Path));
    }
    let authority = raw.authority.as_deref().unwrap_or(cluster);
    for (field, text) in [("cluster", cluster.as_str()), ("authority", authority)] {
        if !is_visible(text) {
            return Err((field, Problem::NotVisible));
        }
    }
    if !headers.iter().all(|(name, value)| is_header(name) && is_value(value)) {
        return Err(("headers", Problem::Header));
    }
    if let Some(key) = key {
        check_key(key, headers)?;
    }
    let on_error = match raw.mode {
        RuleMode::Enforce => raw.on_error,
        RuleMode::Audit => OnGuardError::Pass,
    };
    in_range(raw.timeout_ms, TIMEOUT_MS).map_err(|problem| ("timeout_ms", problem))?;
    in_range(raw.max_text_bytes, TEXT_BYTES).map_err(|problem| ("max_text_bytes", problem))?;
    let replaces = matches!(raw.action, RawAction::Redact | RawAction::Mask | RawAction::Hash | RawAction::Placeholder);
    if replaces && raw.kind != GuardKind::Presidio {
        return Err(("action", Problem::GuardWithoutPlaces));
    }
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = vec![
        own(":method", "POST"),
        own(":path", path),
        own(":authority", authority),
        own("content-type", "application/json"),
        own("accept", "application/json"),
    ];
    all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    Ok(Guard {
        name: name.as_str().into(),
        cluster: cluster.as_str().into(),
        headers: Headers(all),
        key: key.clone(),
        timeout_ms: raw.timeout_ms,
        on_error,
        max_text_bytes: raw.max_text_bytes as usize,
        protocol: protocol(raw)?,
    })
}

fn check_key(key: &RawGuardKey, headers: &BTreeMap<String, String>) -> Result<(), Invalid> {
    let is_variable = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if key.env.is_empty() || !key.env.bytes().all(is_variable) {
        return Err(("key.env", Problem::Variable));
    }
    let header = key.header_name();
    if !is_header(&header) || headers.keys().any(|name| name.eq_ignore_ascii_case(&header)) {
        return Err(("key.header", Problem::Header));
    }
    // A longer text would be a secret.
    if key.prefix_text().len() > 16 || !is_value(key.prefix_text()) {
        return Err(("key.prefix", Problem::KeyPrefix));
    }
    Ok(())
}

/// Returns the form of requests and responses, and refuses fields of other kinds.
fn protocol(raw: &RawGuard) -> Result<Protocol, Invalid> {
    const CLASSIFIER: &str = "`kind: openai-moderation` or `llama-guard`";
    const PRESIDIO: &str = "`kind: presidio`";
    const TEMPLATE: &str = "`kind: template`";
    let kind = raw.kind;
    let classifies = matches!(kind, GuardKind::OpenaiModeration | GuardKind::LlamaGuard);
    for (field, is_present, is_allowed, kinds) in [
        ("model", raw.model.is_some(), classifies, CLASSIFIER),
        ("categories", raw.categories.is_some(), classifies, CLASSIFIER),
        ("language", raw.language.is_some(), kind == GuardKind::Presidio, PRESIDIO),
        ("entities", raw.entities.is_some(), kind == GuardKind::Presidio, PRESIDIO),
        ("threshold", raw.threshold.is_some(), !classifies, "`kind: presidio` or `template`"),
        ("body", raw.body.is_some(), kind == GuardKind::Template, TEMPLATE),
        ("flagged_at", raw.flagged_at.is_some(), kind == GuardKind::Template, TEMPLATE),
        ("flagged_values", raw.flagged_values.is_some(), kind == GuardKind::Template, TEMPLATE),
    ] {
        if is_present && !is_allowed {
            return Err((field, Problem::OnlyWith(kinds)));
        }
    }
    let words = |field: &'static str, list: &Option<OneOrMany<String>>| match list {
        None => Ok(Vec::new()),
        Some(OneOrMany(words)) if words.is_empty() || words.iter().any(String::is_empty) => {
            Err((field, Problem::Empty))
        }
        Some(OneOrMany(words)) => Ok(words.clone()),
    };
    if raw.threshold.is_some_and(|threshold| !threshold.is_finite()) {
        return Err(("threshold", Problem::NotFinite));
    }
    Ok(match kind {
        GuardKind::OpenaiModeration => {
            Protocol::OpenAiModeration { model: raw.model.clone(), categories: words("categories", &raw.categories)? }
        }
        GuardKind::LlamaGuard => {
            Protocol::LlamaGuard { model: raw.model.clone(), categories: words("categories", &raw.categories)? }
        }
        GuardKind::Presidio => Protocol::Presidio {
            language: raw.language.clone().unwrap_or_else(|| "en".to_owned()),
            entities: words("entities", &raw.entities)?,
            threshold: raw.threshold,
        },
        GuardKind::Template => {
            let body = raw.body.clone().ok_or(("body", Problem::Missing(TEMPLATE)))?;
            if !has_texts(&body) || depth(&body) > MAX_DEPTH {
                return Err(("body", Problem::TemplateWithoutTexts));
            }
            let flagged_at = raw.flagged_at.clone().ok_or(("flagged_at", Problem::Missing(TEMPLATE)))?;
            if !(flagged_at.is_empty() || flagged_at.starts_with('/')) {
                return Err(("flagged_at", Problem::Pointer));
            }
            let flagged_values = words("flagged_values", &raw.flagged_values)?;
            Protocol::Template { body, flagged_at, flagged_values, threshold: raw.threshold }
        }
    })
}

/// Returns `true` if a template has a place for the texts. The reader of policies bounds its depth.
fn has_texts(template: &Value) -> bool {
    match template {
        Value::String(text) => text.contains("{{text}}") || text == "{{texts}}",
        Value::Array(list) => list.iter().any(has_texts),
        Value::Object(members) => members.values().any(has_texts),
        _ => false,
    }
}

/// Returns the number of arrays and objects around the innermost value of a template.
fn depth(template: &Value) -> usize {
    match template {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Returns `true` for 1 to 256 bytes of visible ASCII.
fn is_visible(text: &str) -> bool {
    (1..=MAX_FIELD_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns `true` for the value of a header.
fn is_value(text: &str) -> bool {
    text.len() <= MAX_FIELD_BYTES && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Returns `true` for the name of a header that a guard may get.
fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_reserved = RESERVED_HEADERS.iter().any(|reserved| name.eq_ignore_ascii_case(reserved));
    !name.is_empty() && name.bytes().all(is_token) && !is_reserved
}

#[cfg(test)]
mod tests {
    use super::MAX_DEPTH;
    use crate::policy::Policy;
    use crate::raw::RawPolicy;
    use serde_json::{Value, json};

    fn checked(guard: &Value) -> Result<Policy, String> {
        let raw: RawPolicy = serde_json::from_value(json!({"rules": [], "guards": [guard]})).unwrap();
        Policy::from_raw(raw).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_of_guards_are_validated() {
        let valid = json!({"name": "g", "kind": "llama-guard", "cluster": "guard", "action": "block"});
        assert!(checked(&valid).is_ok());
        for (field, value, problem) in [
            ("name", json!(""), "guards[0].name: must not be empty"),
            ("name", json!("A"), "guards[0].name: must consist of the characters"),
            ("cluster", json!("a b"), "guards[0].cluster"),
            ("authority", json!(""), "guards[0].authority"),
            ("path", json!("v1"), "guards[0].path"),
            ("headers", json!({"content-length": "1"}), "guards[0].headers"),
            ("headers", json!({"x": "a\nb"}), "guards[0].headers"),
            ("key", json!({"env": "sk-123"}), "guards[0].key.env"),
            ("key", json!({"env": "K", "header": "a b"}), "guards[0].key.header"),
            ("key", json!({"env": "K", "prefix": "sk-0123456789abcdef"}), "guards[0].key.prefix"),
            ("timeout_ms", json!(0), "guards[0].timeout_ms: must be between 1 and 60000"),
            ("max_text_bytes", json!(0), "guards[0].max_text_bytes: must be between"),
            ("action", json!("redact"), "guards[0].action"),
            ("action", json!("tag"), "guards[0].tag: must not be empty"),
            ("status", json!(200), "guards[0].status: must be between 400 and 599"),
            ("replacement", json!("x"), "guards[0].replacement"),
            ("restore", json!(true), "guards[0].restore: is only allowed with `action: placeholder`"),
            ("language", json!("en"), "guards[0].language: is only allowed with `kind: presidio`"),
            ("threshold", json!(0.5), "guards[0].threshold"),
            ("categories", json!([]), "guards[0].categories: must not be empty"),
            ("scope", json!({"roles": []}), "guards[0].scope.roles: must not be empty"),
            ("scope", json!({"tools": "a"}), "guards[0].scope: must not have `tools`"),
            ("scope", json!({"arguments": "/a"}), "guards[0].scope: must not have `tools`"),
        ] {
            let mut guard = valid.clone();
            guard[field] = value;
            let error = checked(&guard).unwrap_err();
            assert!(error.starts_with(problem), "{error} is not {problem}");
        }
        let template = json!({"name": "g", "kind": "template", "cluster": "c", "action": "block", "path": "/",
            "body": {"a": ["x {{text}}"]}, "flagged_at": "/a"});
        assert!(checked(&template).is_ok());
        let deep = json!(["{{text}}", (0..MAX_DEPTH).fold(json!(1), |deep, _| json!([deep]))]);
        for (field, value) in [
            ("path", Value::Null),
            ("body", json!({"a": "text"})),
            ("body", deep),
            ("flagged_at", json!("a")),
            ("model", json!("m")),
        ] {
            let mut guard = template.clone();
            guard[field] = value;
            let error = checked(&guard).unwrap_err();
            assert!(error.starts_with(&format!("guards[0].{field}")), "{error}");
        }
    }

    #[test]
    fn guards_have_unique_names_and_ids() {
        let guard = json!({"name": "g", "kind": "presidio", "cluster": "c", "action": "redact"});
        let rule = json!({"id": "guard.g", "match": {"keywords": ["a"]}, "action": "log"});
        for raw in [json!({"rules": [], "guards": [guard, guard]}), json!({"rules": [rule], "guards": [guard]})] {
            let raw: RawPolicy = serde_json::from_value(raw).unwrap();
            let error = Policy::from_raw(raw).unwrap_err().to_string();
            assert!(error.ends_with("another rule has the same id"), "{error}");
        }
    }
}
