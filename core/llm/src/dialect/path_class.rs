//! The decision about a path: a call that is read, a path that is known and not read, or another service's.

use serde::Deserialize;

use super::path::{Path, Prefix, is};
use super::unread::{self, UnreadKind};
use super::{Dialect, Endpoint, PathModel, mcp, stored_response};

/// Names of providers and servers that proxies put before a path: `/anthropic/messages`.
const PROVIDERS: [&str; 26] = [
    "ai",
    "anthropic",
    "azure",
    "azure-openai",
    "bedrock",
    "claude",
    "cohere",
    "deepseek",
    "fireworks",
    "gemini",
    "google",
    "groq",
    "inference",
    "jina",
    "litellm",
    "llm",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "sglang",
    "together",
    "vllm",
    "voyage",
    "xai",
];

/// First segments below which only LLM APIs are expected, besides versions (`v1`, `v2`, `v1beta`).
const ROOTS: [&str; 3] = ["anthropic", "model", "openai"];

/// Prefix of paths: whole segments from the root, in any case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PathPrefix(Vec<String>);

impl TryFrom<String> for PathPrefix {
    type Error = String;

    fn try_from(path: String) -> Result<PathPrefix, String> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%' | b';' | b'\\');
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let is_valid = path.starts_with('/') && path.bytes().all(is_plain) && segments.len() <= 8;
        match is_valid && segments.iter().all(|part| part != "." && part != "..") {
            true => Ok(PathPrefix(segments)),
            false => {
                Err(format!("`{path}` is no prefix of paths: expected up to eight plain segments such as `/llm/v1`"))
            }
        }
    }
}

/// Class of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathClass {
    /// A call that is read, if the endpoint is [certain](Endpoint::is_certain) or accepts the body.
    Call(Endpoint),
    /// A path of an LLM API that is not read.
    Unread {
        /// Reason.
        kind: UnreadKind,
        /// Dialect of the error that refuses the request.
        dialect: Dialect,
        /// `false` if other services may have the path, too: only cost-quota refuses it.
        is_certain: bool,
    },
    /// A path of an LLM API whose request carries nothing to be read. `is_listed` is `false` if it is in no table.
    Open {
        /// `false` if the path is in no table.
        is_listed: bool,
    },
    /// A path of another service.
    Other,
}

impl PathClass {
    /// Returns the class of a path, where LLM APIs are below these prefixes; by the rules for all paths if there are none.
    #[must_use]
    pub fn of(prefixes: &[PathPrefix], method: &[u8], path: &[u8], has_body: bool) -> PathClass {
        let normalised = Path::new(path);
        let Some(base) = base(prefixes, &normalised) else { return PathClass::Other };
        let found = find(method, path, &normalised, base);
        match found {
            Some(endpoint) if endpoint.is_certain => PathClass::Call(endpoint),
            found => {
                let listed = listed(&normalised, base, method, has_body);
                match (listed, found) {
                    (Some(class), _) => class,
                    (None, Some(endpoint)) if has_body => PathClass::Call(endpoint),
                    _ => unlisted(&normalised, base, method, has_body),
                }
            }
        }
    }

    /// Returns the class of a path whose endpoint has not accepted the body.
    #[must_use]
    pub fn without_call(prefixes: &[PathPrefix], method: &[u8], path: &[u8]) -> PathClass {
        let normalised = Path::new(path);
        match base(prefixes, &normalised) {
            Some(base) => unlisted(&normalised, base, method, true),
            None => PathClass::Other,
        }
    }
}

/// Returns `true` if a path has an escaped slash or backslash, except in the model that Bedrock has in its path: an ARN has slashes,
/// and SDKs escape them. Receivers differ in whether an escaped slash separates segments.
#[must_use]
pub fn has_escaped_slash(endpoint: Option<&Endpoint>, path: &[u8]) -> bool {
    use Dialect::{BedrockConverse, BedrockCountTokens, BedrockInvoke};
    let is_bedrock = |dialect| matches!(dialect, BedrockConverse | BedrockInvoke | BedrockCountTokens);
    let model = endpoint.filter(|endpoint| is_bedrock(endpoint.dialect)).and_then(|endpoint| endpoint.model.as_ref());
    let path = path.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    path.windows(3).enumerate().any(|(at, escape)| {
        let is_slash = escape.eq_ignore_ascii_case(b"%2f");
        let is_in_model = model.is_some_and(|model| model.span.start <= at && at < model.span.end);
        escape.eq_ignore_ascii_case(b"%5c") || is_slash && !is_in_model
    })
}

/// Detects the API call, see [`Endpoint::detect`].
pub(super) fn endpoint(method: &[u8], path: &[u8]) -> Option<Endpoint> {
    find(method, path, &Path::new(path), Base::Root)
}

/// Position at which the path of an API may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The policy names no prefixes.
    Root,
    /// Behind a prefix of the policy, of so many segments.
    Prefix(usize),
}

/// Returns the beginning of the API's path; `None` if the path is below none of the prefixes.
pub(super) fn base(prefixes: &[PathPrefix], path: &Path<'_>) -> Option<Base> {
    if prefixes.is_empty() {
        return Some(Base::Root);
    }
    let is_below = |PathPrefix(segments): &&PathPrefix| {
        segments.iter().enumerate().all(|(at, word)| path.segment(at).is_some_and(|segment| is(segment, word)))
    };
    let longest = prefixes.iter().filter(is_below).map(|PathPrefix(segments)| segments.len()).max();
    match longest {
        // Envoy may have matched its route before dot segments were resolved, and the path is longer than it was compared.
        None if path.is_irregular() => Some(Base::Root),
        longest => longest.map(Base::Prefix),
    }
}

fn find(method: &[u8], raw: &[u8], path: &Path<'_>, base: Base) -> Option<Endpoint> {
    if let Some(fetch) = stored_response::detect(method, raw, path, |used| is_certain(Prefix::Known, path, used, base))
    {
        return Some(fetch);
    }
    if mcp::is_session(method, path) {
        return Some(Endpoint::from(Dialect::Mcp));
    }
    if !writes(method) {
        return None;
    }
    let mut best: Option<(usize, Endpoint)> = None;
    for dialect in Dialect::ALL.iter().copied() {
        for pattern in dialect.spec().paths {
            if let Some((model, used)) = pattern.find(path) {
                let rank = pattern.rank();
                if best.as_ref().is_some_and(|(known, _)| *known >= rank) {
                    continue;
                }
                let model = model.map(|model| PathModel { name: model.name, span: model.span });
                let is_certain = is_certain(pattern.prefix, path, used, base);
                let endpoint = Endpoint { model, stream: pattern.stream, is_certain, ..Endpoint::from(dialect) };
                best = Some((rank, endpoint));
            }
        }
    }
    best.map(|(_, endpoint)| endpoint)
}

/// Returns `true` for methods with a body, in any case: some servers ignore the case.
pub(super) fn writes(method: &[u8]) -> bool {
    ["POST", "PUT", "PATCH"].iter().any(|known| method.eq_ignore_ascii_case(known.as_bytes()))
}

/// Returns `true` if a path of `used` segments is certainly that of an LLM API by what is before it.
fn is_certain(prefix: Prefix, path: &Path<'_>, used: usize, base: Base) -> bool {
    let before = path.segment_from_end(used);
    let is_at_prefix = matches!(base, Base::Prefix(length) if path.len() <= length + used);
    let is_provider = before.is_some_and(is_provider);
    match prefix {
        Prefix::Any => true,
        Prefix::Known => is_at_prefix || is_provider || before.is_none_or(is_version),
        Prefix::Provider => is_at_prefix || is_provider,
    }
}

/// Returns `true` for the name of a provider or a server.
fn is_provider(segment: &[u8]) -> bool {
    PROVIDERS.iter().any(|name| is(segment, name))
}

/// Returns `true` for a version of an API: `v1`, `v1beta`, `v4`.
fn is_version(segment: &[u8]) -> bool {
    match segment {
        [b'v' | b'V', b'0'..=b'9', rest @ ..] => {
            rest.len() <= 10 && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
        }
        _ => false,
    }
}

/// Returns the class of a path that is in the table of those that are not read.
fn listed(path: &Path<'_>, base: Base, method: &[u8], has_body: bool) -> Option<PathClass> {
    let unread::Listed { kind, dialect, is_certain } = unread::find(path, |used| match used {
        // One word is a server's only at its root: `/api/v1/slots` is another service's.
        1 => path.len() == 1 || is_certain(Prefix::Provider, path, used, base),
        _ => is_certain(Prefix::Known, path, used, base),
    })?;
    let is_certain = is_certain || is_known_root(path, base);
    let is_refused = match kind {
        UnreadKind::Every => !method.eq_ignore_ascii_case(b"OPTIONS"),
        UnreadKind::Nothing => false,
        UnreadKind::Request | UnreadKind::Batch | UnreadKind::Unlisted => writes(method) || has_body,
    };
    Some(match is_refused {
        true => PathClass::Unread { kind, dialect, is_certain },
        false => PathClass::Open { is_listed: true },
    })
}

/// Returns the class of a path that is in no table.
fn unlisted(path: &Path<'_>, base: Base, method: &[u8], has_body: bool) -> PathClass {
    if !is_known_root(path, base) {
        return PathClass::Other;
    }
    match writes(method) || has_body {
        true => PathClass::Unread { kind: UnreadKind::Unlisted, dialect: dialect_of_errors(path), is_certain: true },
        false => PathClass::Open { is_listed: false },
    }
}

/// Returns `true` if only LLM APIs are expected at the beginning of the path.
fn is_known_root(path: &Path<'_>, base: Base) -> bool {
    match base {
        Base::Prefix(_) => true,
        Base::Root => path.segment(0).is_some_and(is_root) || is_root(path.first_sent()),
    }
}

/// Returns `true` if only LLM APIs are expected below a first segment.
fn is_root(first: &[u8]) -> bool {
    let is_version = matches!(first, [b'v' | b'V', b'1' | b'2'] | [b'v' | b'V', b'1', b'a'..=b'z' | b'A'..=b'Z', ..]);
    is_version || ROOTS.iter().any(|name| is(first, name))
}

/// Returns the dialect in which clients of an unlisted path expect errors.
fn dialect_of_errors(path: &Path<'_>) -> Dialect {
    let has = |name| (0..path.len()).any(|at| path.segment(at).is_some_and(|segment| is(segment, name)));
    let first = path.segment(0).unwrap_or_default();
    let is_gemini = first.len() > 2 && is_version(first) || has("publishers") || has("projects");
    if has("anthropic") || has("messages") {
        Dialect::AnthropicMessages
    } else if is_gemini {
        Dialect::GeminiGenerate
    } else if is(first, "model") {
        Dialect::BedrockConverse
    } else if is(first, "v2") {
        Dialect::CohereChat
    } else {
        Dialect::OpenAiChat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(method: &str, path: &str) -> String {
        name(&PathClass::of(&[], method.as_bytes(), path.as_bytes(), method == "POST"))
    }

    fn name(class: &PathClass) -> String {
        match class {
            PathClass::Call(endpoint) if endpoint.is_certain => endpoint.dialect.name().to_owned(),
            PathClass::Call(endpoint) => format!("{}?", endpoint.dialect.name()),
            PathClass::Unread { kind, is_certain: true, .. } => format!("{kind:?}"),
            PathClass::Unread { kind, .. } => format!("{kind:?}?"),
            PathClass::Open { is_listed } => if *is_listed { "open" } else { "open, unlisted" }.to_owned(),
            PathClass::Other => "other".to_owned(),
        }
    }

    #[test]
    fn paths_are_classified_by_their_prefix() {
        for (method, path, want) in [
            ("POST", "/v1/messages", "anthropic.messages"),
            ("POST", "/messages", "anthropic.messages"),
            ("POST", "/proxy/team-a/v1/messages", "anthropic.messages"),
            ("POST", "/x/y/../anthropic//MESSAGES;a=b", "anthropic.messages"),
            ("POST", "/api/channels/7/messages", "anthropic.messages?"),
            ("POST", "/v1/threads/t/messages", "openai.conversations"),
            ("POST", "/forum/threads/t/messages", "anthropic.messages?"),
            ("POST", "/v1/rooms/3/messages", "anthropic.messages?"),
            ("POST", "/api/surveys/12/responses", "openai.responses?"),
            ("POST", "/openai/responses", "openai.responses"),
            ("POST", "/openai/v1/responses", "openai.responses"),
            ("POST", "/api/v3/embeddings", "openai.embeddings"),
            ("POST", "/anything/v1/chat/completions", "openai.chat"),
            ("POST", "/x/chat/completions", "openai.chat"),
            ("POST", "/v1/engines/davinci/completions", "openai.completions"),
            ("POST", "/v1/agents/completions", "openai.chat"),
            ("POST", "/v1/fim/completions", "openai.chat"),
            ("POST", "/api/chat", "ollama.chat?"),
            ("POST", "/ollama/api/chat", "ollama.chat"),
            ("POST", "/generate", "text_generation?"),
            ("POST", "/v1/videos", "openai.videos"),
            ("POST", "/tube/channels/v/v1x/videos", "other"),
            ("GET", "/v1/conversations/c/items", "openai.conversations"),
            ("GET", "/v1/chat/completions/c", "openai.chat"),
            ("GET", "/v1/responses/r/input_items", "openai.conversations"),
            ("POST", "/v1/batches", "openai.batches"),
            ("post", "/V1/Batches/?x=1", "openai.batches"),
            ("POST", "/v1/x/../batch%65s", "openai.batches"),
            ("POST", "/openai/batches?api-version=2025-04-01", "openai.batches"),
            ("POST", "/app/v1/files", "openai.files?"),
            ("POST", "/mistral/v1/files", "openai.files"),
            ("POST", "/v1/files", "openai.files"),
            ("POST", "/openai/v1/files", "openai.files"),
            ("POST", "/v1/uploads/upload_1/parts", "openai.files"),
            ("POST", "/v1/messages/batches", "anthropic.batches"),
            ("POST", "/v1/batch/jobs", "openai.batches"),
            ("POST", "/v1beta/models/gemini-2.5-flash:batchGenerateContent", "gemini.batches"),
            ("POST", "/upload/v1beta/files?uploadType=media", "gemini.files"),
            ("POST", "/v1beta/files", "gemini.files"),
            ("POST", "/v1/projects/p/locations/l/batchPredictionJobs", "Batch"),
            ("PUT", "/model-invocation-job", "Batch"),
            ("GET", "/v1/batches", "open"),
            ("GET", "/v1/files?purpose=batch", "open"),
            ("GET", "/v1beta/files", "open"),
            ("GET", "/v1/batch/jobs", "open"),
            ("POST", "/v1/batches/batch_1/cancel", "open"),
            ("DELETE", "/v1/files/file_1", "open"),
            ("GET", "/v1/files/file_1/content", "Every"),
            ("POST", "/app/files", "other"),
            ("POST", "/v1/foo", "Unlisted"),
            ("POST", "/v1/../foo", "Unlisted"),
            ("POST", "/V1beta1/foo", "Unlisted"),
            ("POST", "/model/m/ponder", "Unlisted"),
            ("POST", "/v10/foo", "other"),
            ("POST", "/api/v1/orders", "other"),
            ("GET", "/v1/models", "open"),
            ("GET", "/v1/foo", "open, unlisted"),
            ("GET", "/foo", "other"),
            ("POST", "/pause", "Request"),
            ("POST", "/player/pause", "other"),
            ("GET", "/flush_cache", "Every"),
            ("OPTIONS", "/flush_cache", "open"),
            ("DELETE", "/api/delete", "Every"),
            ("POST", "/v1/load_lora_adapter", "Every"),
            ("POST", "/v1/publishers/mistralai/models/m:rawPredict", "Request"),
        ] {
            assert_eq!(class(method, path), want, "{method} {path}");
        }
    }

    #[test]
    fn paths_of_the_policy_are_the_only_ones() {
        let prefixes: Vec<PathPrefix> =
            ["/llm", "/ai/gw/"].into_iter().map(|path| PathPrefix::try_from(path.to_owned()).unwrap()).collect();
        for (path, want) in [
            ("/llm/v1/messages", "anthropic.messages"),
            ("/LLM/messages", "anthropic.messages"),
            ("/ai/gw/api/chat", "ollama.chat"),
            ("/llm/rooms/7/messages", "anthropic.messages?"),
            ("/llm/foo", "Unlisted"),
            ("/llm/pause", "Request"),
            ("/ai/v1/messages", "other"),
            ("/v1/messages", "other"),
            ("/v1/orders", "other"),
            ("/llm/../v1/messages", "anthropic.messages"),
        ] {
            assert_eq!(name(&PathClass::of(&prefixes, b"POST", path.as_bytes(), true)), want, "{path}");
        }
        for path in ["llm", "/a?b", "/a%20b", "/a/../b", "/a;b", ""] {
            assert!(PathPrefix::try_from(path.to_owned()).is_err(), "{path}");
        }
    }

    #[test]
    fn a_path_with_many_segments_is_not_open() {
        assert_eq!(class("POST", &format!("/v1{}/foo", "/a".repeat(60))), "Unlisted");
    }

    #[test]
    fn escaped_slashes_are_accepted_in_the_model_of_bedrock_only() {
        for (path, want) in [
            ("/model/arn%3Aa%2Fus.x/converse", false),
            ("/model/arn:a%2fus.x/invoke-with-response-stream?x=%2F", false),
            ("/model/a%5Cb/converse", true),
            ("/model%2Fa/converse", true),
            ("/model/a/b%2Fconverse", true),
            ("/v1/chat%2Fcompletions", true),
            ("/v1beta/models/a%2Fb:generateContent", true),
            ("/v1/chat/completions?x=%2F", false),
        ] {
            let endpoint = Endpoint::detect(b"POST", path.as_bytes());
            assert_eq!(has_escaped_slash(endpoint.as_ref(), path.as_bytes()), want, "{path}");
        }
    }
}
