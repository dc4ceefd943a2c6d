//! Names of tools, in definitions and calls.

use crate::condition::allow::RawAllow;
use crate::condition::list::OneOrMany;
use crate::error::Problem;
use crate::raw::{RawPattern, RawRule};
use crate::rule::Action;
use crate::rule_scope::ScopePart;
use serde::Deserialize;

/// Maximum number of names of a rule.
const MAX_NAMES: usize = 256;
/// Maximum length of a name. The APIs allow 64 (OpenAI) or 128 (Anthropic).
const MAX_NAME_BYTES: usize = 100;
/// Number of characters of a name that an allow list looks at: longer names are in no list.
const SEEN: usize = 128;
/// Least `max_match_bytes`: so many characters of four bytes.
const MIN_MATCH_BYTES: usize = 4 * SEEN;

/// Names of tools, in definitions of requests and in calls by the model: exactly one of `allow` and `deny`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawTool {
    /// Names of the only tools that are allowed, each exact or with `*` at its end: the rule matches all others.
    pub allow: Option<OneOrMany<String>>,
    /// Names of tools that are not allowed, each exact or with `*` at its end: the rule matches these.
    pub deny: Option<OneOrMany<String>>,
}

/// Field of a rule, and its problem.
type FieldProblem = (&'static str, Problem);

/// Replaces the pattern `tool` of a rule by an expression on names of tools. Returns `true` if the rule has the pattern.
pub(crate) fn expand(rule: &mut RawRule, max_match_bytes: usize) -> Result<bool, FieldProblem> {
    let Some(tool) = rule.pattern.tool.take() else { return Ok(false) };
    if has_other_pattern(&rule.pattern) {
        return Err(("match", Problem::ToolAlone));
    }
    if rule.action.action() == Action::Redact {
        return Err(("action", Problem::ActionOfTool));
    }
    if max_match_bytes < MIN_MATCH_BYTES {
        return Err(("match.tool", Problem::OnlyWith("a `max_match_bytes` of at least 512")));
    }
    let scope = rule.scope.get_or_insert_default();
    if scope.parts.is_some() {
        return Err(("scope.parts", Problem::OnlyWith("other patterns than `tool`")));
    }
    scope.parts = Some(OneOrMany(vec![ScopePart::ToolName]));
    match tool {
        RawTool { allow: Some(names), deny: None } => {
            let names = expression(&names.0).map_err(|problem| ("match.tool.allow", problem))?;
            rule.pattern.regex = Some(format!(r"(?s)\A.{{1,{SEEN}}}"));
            rule.pattern.allow = Some(RawAllow { regex: vec![names], ..RawAllow::default() });
        }
        RawTool { allow: None, deny: Some(names) } => {
            let names = expression(&names.0).map_err(|problem| ("match.tool.deny", problem))?;
            rule.pattern.regex = Some(names);
        }
        _ => return Err(("match.tool", Problem::AllowOrDeny)),
    }
    Ok(true)
}

/// Returns `true` if a pattern has a member beside `tool` or `members`.
pub(crate) fn has_other_pattern(pattern: &RawPattern) -> bool {
    let RawPattern { regex, head, tail, url, codepoints, unicode, keywords, phrase, ignore_case, word, .. } = pattern;
    let RawPattern { group, entropy, validate, not_before, not_after, context, allow, view, .. } = pattern;
    let RawPattern { tool, members, canary, overlap, provenance, .. } = pattern;
    let texts = [regex.is_some(), head.is_some(), tail.is_some(), url.is_some(), codepoints.is_some()];
    let words = [unicode.is_some(), keywords.is_some(), phrase.is_some(), ignore_case.is_some(), word.is_some()];
    let conditions = [group.is_some(), entropy.is_some(), validate.is_some(), not_before.is_some()];
    let others = [not_after.is_some(), context.is_some(), allow.is_some(), view.is_some()];
    let special = [tool.is_some(), members.is_some(), canary.is_some()];
    let compared = [overlap.is_some(), provenance.is_some()];
    texts
        .into_iter()
        .chain(words)
        .chain(conditions)
        .chain(others)
        .chain(special)
        .chain(compared)
        .any(|is_present| is_present)
}

/// Returns the expression for names: whole ones, and beginnings of names.
fn expression(names: &[String]) -> Result<String, Problem> {
    if names.is_empty() {
        return Err(Problem::Empty);
    }
    if names.len() > MAX_NAMES {
        return Err(Problem::TooMany(MAX_NAMES));
    }
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let (start, end) = name.strip_suffix('*').map_or((name.as_str(), r"\z"), |start| (start, ""));
        if start.is_empty() {
            return Err(Problem::Empty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(Problem::TooLong(MAX_NAME_BYTES));
        }
        parts.push(format!("{}{end}", regex_syntax::escape(start)));
    }
    Ok(format!(r"\A(?:{})", parts.join("|")))
}

#[cfg(test)]
mod tests {
    use crate::{Policy, RuleSet, StreamInspector, StreamVerdict, inspect_request, inspect_response, inspect_text};
    use std::convert::Infallible;
    use std::sync::Arc;
    use tollgate_llm::{Dialect, ErrorKind, EventParser, FrameError, Framer, Framing, ParseLimits, Request, Response};

    fn policy(tool: &str, rest: &str) -> Result<Policy, String> {
        let json = format!(r#"{{"rules": [{{"id": "a", "match": {{"tool": {tool}}}, "action": "block"{rest}}}]}}"#);
        Policy::from_raw(serde_json::from_str(&json).map_err(|error| error.to_string())?).map_err(|error| error.path)
    }

    #[test]
    fn names_of_tools_are_allowed_or_denied_in_calls_and_definitions() {
        let long = format!("search{}", "x".repeat(3000));
        for (tool, name, is_blocked) in [
            (r#"{"allow": ["search", "db_*"]}"#, "search", false),
            (r#"{"allow": ["search", "db_*"]}"#, "db_read", false),
            (r#"{"allow": ["search", "db_*"]}"#, "db_", false),
            (r#"{"allow": ["search", "db_*"]}"#, "Search", true),
            (r#"{"allow": ["search", "db_*"]}"#, "search ", true),
            (r#"{"allow": ["search", "db_*"]}"#, "shell", true),
            (r#"{"allow": "search"}"#, "research", true),
            (r#"{"allow": "search"}"#, &long, true),
            (r#"{"allow": "a.c"}"#, "abc", true),
            (r#"{"deny": ["shell", "exec*"]}"#, "shell", true),
            (r#"{"deny": ["shell", "exec*"]}"#, "execute_sql", true),
            (r#"{"deny": ["shell", "exec*"]}"#, "my_exec", false),
            (r#"{"deny": "search*"}"#, &long, true),
        ] {
            let policy = Arc::new(policy(tool, "").unwrap());
            let call = format!(
                r#"{{"messages":[{{"role":"assistant","content":"use shell or execute","tool_calls":[{{"id":"c","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}]}}]}}"#
            );
            let defined = format!(
                r#"{{"messages":[],"tools":[{{"type":"function","function":{{"name":"{name}","description":"shell","parameters":{{"type":"object","properties":{{"name":{{"type":"string","default":"shell"}}}}}}}}}}]}}"#
            );
            for body in [call, defined] {
                let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
                let report = inspect_request(&policy, &view, body.as_bytes());
                assert_eq!(
                    (report.cause.is_some(), report.matches),
                    (is_blocked, u64::from(is_blocked)),
                    "{tool} {body}"
                );
            }
            let body = format!(
                r#"{{"choices":[{{"message":{{"role":"assistant","content":"use shell or execute","tool_calls":[{{"id":"c","type":"function","function":{{"name":"{name}","arguments":"{{\"a\":\"shell\"}}"}}}}]}}}}]}}"#
            );
            let view = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            assert_eq!(inspect_response(&policy, &view, body.as_bytes()).cause.is_some(), is_blocked, "{tool} {body}");
            let stream = stream(policy.clone(), name);
            assert_eq!(stream, (is_blocked, !is_blocked, true), "{tool} {name}");
        }
    }

    /// Streams a content and a call. Returns whether it was blocked, whether the call left, and whether the content left before the
    /// call came.
    fn stream(policy: Arc<Policy>, name: &str) -> (bool, bool, bool) {
        let mut stream = StreamInspector::new(policy, Dialect::OpenAiChat).without(RuleSet::new());
        let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
        let (mut sent, mut is_blocked, mut was_released) = (Vec::new(), false, false);
        for delta in [
            r#"{"content":"I use a shell"}"#.to_owned(),
            r#"{"content":" now"}"#.to_owned(),
            format!(
                r#"{{"tool_calls":[{{"index":0,"id":"c","type":"function","function":{{"name":"{name}","arguments":""}}}}]}}"#
            ),
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}"#.to_owned(),
        ] {
            was_released |= String::from_utf8_lossy(&sent).contains("I use a");
            let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
            let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                is_blocked |= stream.event(&parser.parse(event), &mut sent) != StreamVerdict::Continue;
                Ok(())
            });
            fed.unwrap();
        }
        is_blocked |= stream.finish(&mut sent) != StreamVerdict::Continue;
        (is_blocked, String::from_utf8(sent).unwrap().contains(r#"{\"a\":1}"#), was_released)
    }

    #[test]
    fn definitions_of_all_apis_have_names() {
        let policy = policy(r#"{"allow": ["ok"]}"#, r#", "applies_to": ["request"]"#).unwrap();
        for (dialect, body, is_blocked) in [
            (Dialect::OpenAiChat, r#"{"messages":[],"functions":[{"name":"no"}]}"#, true),
            (Dialect::OpenAiChat, r#"{"messages":[],"tools":[{"type":"custom","custom":{"name":"no"}}]}"#, true),
            (Dialect::OpenAiChat, r#"{"messages":[],"tools":[{"type":"function","function":{"name":"ok"}}]}"#, false),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"function","name":"no"}]}"#, true),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"web_search"}]}"#, true),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"function","name":"ok"}]}"#, false),
            (
                Dialect::AnthropicMessages,
                r#"{"max_tokens":1,"messages":[],"tools":[{"name":"no","input_schema":{}}]}"#,
                true,
            ),
            (
                Dialect::AnthropicMessages,
                r#"{"max_tokens":1,"messages":[],"tools":[{"name":"ok","input_schema":{"type":"object"}}]}"#,
                false,
            ),
            (
                Dialect::GeminiGenerate,
                r#"{"contents":[],"tools":[{"functionDeclarations":[{"name":"ok"},{"name":"no"}]}]}"#,
                true,
            ),
            (Dialect::GeminiGenerate, r#"{"contents":[],"tools":[{"googleSearch":{}}]}"#, true),
            (Dialect::GeminiGenerate, r#"{"contents":[],"tools":[{"functionDeclarations":[{"name":"ok"}]}]}"#, false),
            (Dialect::BedrockConverse, r#"{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"no"}}]}}"#, true),
            (Dialect::BedrockConverse, r#"{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"ok"}}]}}"#, false),
        ] {
            let view = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).unwrap();
            assert_eq!(inspect_request(&policy, &view, body.as_bytes()).cause.is_some(), is_blocked, "{body}");
        }
    }

    /// Returns `true` if a request is blocked; the error of one that cannot be read.
    fn is_blocked(policy: &Policy, dialect: Dialect, body: &str) -> Result<bool, ErrorKind> {
        let view = Request::parse(dialect, body.as_bytes(), &ParseLimits::default()).map_err(|error| error.kind)?;
        Ok(inspect_request(policy, &view, body.as_bytes()).cause.is_some())
    }

    #[test]
    fn a_single_definition_in_place_of_a_list_is_judged() {
        let policy = policy(r#"{"allow": ["ok"]}"#, r#", "applies_to": ["request"]"#).unwrap();
        for (dialect, body) in [
            (Dialect::GeminiGenerate, r#"{"contents":[],"tools":{"functionDeclarations":{"name":"NAME"}}}"#),
            (Dialect::GeminiGenerate, r#"{"contents":[],"tools":{"function_declarations":[{"name":"NAME"}]}}"#),
            (Dialect::GeminiGenerate, r#"{"contents":[],"tools":[{"functionDeclarations":{"name":"NAME"}}]}"#),
            (Dialect::OpenAiChat, r#"{"messages":[],"functions":{"name":"NAME"}}"#),
            (Dialect::OpenAiChat, r#"{"messages":[],"tools":{"type":"function","function":{"name":"NAME"}}}"#),
            (Dialect::AnthropicMessages, r#"{"max_tokens":1,"messages":[],"tools":{"name":"NAME"}}"#),
            (Dialect::BedrockConverse, r#"{"messages":[],"toolConfig":{"tools":{"toolSpec":{"name":"NAME"}}}}"#),
        ] {
            for (name, expected) in [("ok", false), ("no", true)] {
                let body = body.replace("NAME", name);
                assert_eq!(is_blocked(&policy, dialect, &body), Ok(expected), "{body}");
            }
        }
        let google = r#"{"contents":[],"tools":{"googleSearch":{}}}"#;
        assert_eq!(is_blocked(&policy, Dialect::GeminiGenerate, google), Ok(true));
    }

    #[test]
    fn a_definition_with_keys_in_another_case_is_refused() {
        let policy = policy(r#"{"allow": ["ok"]}"#, "").unwrap();
        for (dialect, body) in [
            (
                Dialect::OpenAiChat,
                r#"{"messages":[],"tools":[{"type":"function","function":{"name":"ok","Name":"no"}}]}"#,
            ),
            (Dialect::OpenAiChat, r#"{"messages":[],"tools":[{"type":"function","Function":{"name":"no"}}]}"#),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"name":"ok","TYPE":"web_search"}]}"#),
            (Dialect::AnthropicMessages, r#"{"max_tokens":1,"messages":[],"tools":[{"NAME":"no"}]}"#),
            (Dialect::BedrockConverse, r#"{"messages":[],"toolConfig":{"tools":[{"toolspec":{"name":"no"}}]}}"#),
        ] {
            assert_eq!(is_blocked(&policy, dialect, body), Err(ErrorKind::AmbiguousKey), "{body}");
        }
    }

    #[test]
    fn a_tool_of_the_provider_does_not_hide_behind_a_name() {
        let policy = policy(r#"{"allow": ["ok"]}"#, r#", "applies_to": ["request"]"#).unwrap();
        for (dialect, body, expected) in [
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"web_search","name":"ok"}]}"#, true),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"name":"ok","type":"code_interpreter"}]}"#, true),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"custom","name":"ok"}]}"#, false),
            (Dialect::OpenAiResponses, r#"{"input":"a","tools":[{"type":"ok","name":"ok"}]}"#, false),
            (Dialect::OpenAiChat, r#"{"messages":[],"tools":[{"type":"x_search","function":{"name":"ok"}}]}"#, true),
            (
                Dialect::AnthropicMessages,
                r#"{"max_tokens":1,"messages":[],"tools":[{"type":"web_search_20250305","name":"ok"}]}"#,
                false,
            ),
            (
                Dialect::AnthropicMessages,
                r#"{"max_tokens":1,"messages":[],"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#,
                true,
            ),
            (Dialect::AnthropicMessages, r#"{"max_tokens":1,"messages":[],"tools":[{"type":"mcp_toolset"}]}"#, true),
            (
                Dialect::BedrockConverse,
                r#"{"messages":[],"toolConfig":{"tools":[{"systemTool":{"name":"no"}}]}}"#,
                true,
            ),
            (
                Dialect::BedrockConverse,
                r#"{"messages":[],"toolConfig":{"tools":[{"systemTool":{"name":"ok"}}]}}"#,
                false,
            ),
            (
                Dialect::BedrockConverse,
                r#"{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"ok"}},{"cachePoint":{"type":"default"}}]}}"#,
                false,
            ),
        ] {
            assert_eq!(is_blocked(&policy, dialect, body), Ok(expected), "{body}");
        }
    }

    #[test]
    fn a_name_that_was_clean_as_a_text_is_judged_as_a_name() {
        let mut policy = policy(r#"{"allow": ["ok"]}"#, r#", "applies_to": ["request"]"#).unwrap();
        policy.remember_clean_texts(|| [7; 16]);
        let long = "a long text. ".repeat(2000);
        let content = format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#);
        let call = format!(
            r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"{long}","arguments":"{{}}"}}}}]}}]}}"#
        );
        for (body, is_blocked) in [(&content, false), (&content, false), (&call, true), (&content, false)] {
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            assert_eq!(inspect_request(&policy, &view, body.as_bytes()).cause.is_some(), is_blocked);
        }
        assert_eq!(policy.clean_texts(), 2);
    }

    #[test]
    fn texts_are_no_names_of_tools() {
        let policy = policy(r#"{"allow": ["ok"]}"#, "").unwrap();
        assert_eq!(inspect_text(&policy, crate::Direction::Request, "a text").matches, 0);
        assert_eq!(crate::all_matches(&policy, "a text"), Ok(Vec::new()));
    }

    #[test]
    fn invalid_rules_name_the_field() {
        for (tool, rest, path) in [
            ("{}", "", "rules[0].match.tool"),
            (r#"{"allow": ["a"], "deny": ["b"]}"#, "", "rules[0].match.tool"),
            (r#"{"allow": []}"#, "", "rules[0].match.tool.allow"),
            (r#"{"deny": ["*"]}"#, "", "rules[0].match.tool.deny"),
            (r#"{"deny": ["a"]}, "keywords": ["b"]"#, "", "rules[0].match"),
            (r#"{"deny": ["a"]}"#, r#", "scope": {"parts": ["text"]}"#, "rules[0].scope.parts"),
        ] {
            let json = format!(r#"{{"rules": [{{"id": "a", "match": {{"tool": {tool}}}, "action": "block"{rest}}}]}}"#);
            let raw = serde_json::from_str(&json).unwrap();
            assert_eq!(Policy::from_raw(raw).map(|_| ()).unwrap_err().path, path, "{json}");
        }
        let redacts = r#"{"rules": [{"id": "a", "match": {"tool": {"deny": "b"}}, "action": "redact"}]}"#;
        assert_eq!(
            Policy::from_raw(serde_json::from_str(redacts).unwrap()).map(|_| ()).unwrap_err().path,
            "rules[0].action"
        );
    }
}
