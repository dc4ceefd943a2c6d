//! Scope of a rule: the texts and calls that it judges.

use crate::condition::list::OneOrMany;
use crate::policy::Policy;
use crate::rule::{Rule, RuleIndex};
use crate::rule_set::RuleSet;
use serde::Deserialize;
use tollgate_llm::{OutputText, Part, Request, Role, RpcText, Text, TextKind};

/// Scope of a rule: texts and calls that it judges. Responses of models are judged whatever `roles`
/// and `messages` are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawScope {
    /// Authors of the texts: `system` (also `developer`), `user`, `assistant`, `tool` (results of tools), `tools` (definitions of
    /// tools), `other` (fields outside of messages). Default: all.
    #[serde(default)]
    pub roles: Option<OneOrMany<ScopeRole>>,
    /// Messages: `all`, or `last`, those behind the last message of the model, which are new in this turn; texts outside of
    /// messages, such as instructions, are new in every turn. Default: `all`.
    #[serde(default)]
    pub messages: ScopeMessages,
    /// Purposes of the texts, in requests and responses: `text`, `reasoning`, `tool_name`, `tool_arguments`, `tool_result`,
    /// `tool_definition`, `media` or `other`. Default: all.
    #[serde(default)]
    pub parts: Option<OneOrMany<ScopePart>>,
    /// Names of consumers to whose calls the rule applies, each exact or with `*` at its end. Default: all calls.
    #[serde(default)]
    pub consumers: Option<OneOrMany<String>>,
    /// Names of teams to whose calls the rule applies, each exact or with `*` at its end. Default: all calls.
    #[serde(default)]
    pub teams: Option<OneOrMany<String>>,
    /// Names of models to whose calls the rule applies: exact, or a wildcard such as `llama-*`. As in `models`, a name also stands for
    /// its prefixes and versions. Default: all calls.
    #[serde(default)]
    pub models: Option<OneOrMany<String>>,
    /// Names of tools, each exact or with `*` at its end: the rule judges the arguments of their calls by the model, and no texts.
    #[serde(default)]
    pub tools: Option<OneOrMany<String>>,
    /// Places in the arguments of calls, one or a list of JSON pointers, with `*` for any member or element: `/to`, `/files/*/path`. Each
    /// string, number, boolean and `null` there is judged as a text of its own, and no other text is. Default, with `tools`: all.
    #[serde(default)]
    pub arguments: Option<OneOrMany<String>>,
}

impl RawScope {
    /// Returns `true` if the scope contains texts of one of these parts.
    fn has_part(&self, parts: &[ScopePart]) -> bool {
        self.parts.as_ref().is_none_or(|own| parts.iter().any(|part| own.0.contains(part)))
    }
}

impl RawScope {
    /// Returns the member of the scope that leaves out texts of a part of a response: `parts`, or `roles` where a text has an author
    /// of its own (Model Context Protocol).
    fn exclusion_of_output(&self, part: Part) -> Option<&'static str> {
        let role = if let Part::Rpc(text) = part { Some(ScopeRole::of(text.role())) } else { None };
        if role.is_some_and(|role| self.roles.as_ref().is_some_and(|roles| !roles.0.contains(&role))) {
            return Some("roles");
        }
        (!self.has_part(ScopePart::of_output(part))).then_some("parts")
    }
}

impl ScopeRole {
    fn of(role: Role) -> ScopeRole {
        match role {
            Role::System | Role::Developer => ScopeRole::System,
            Role::User => ScopeRole::User,
            Role::Assistant => ScopeRole::Assistant,
            Role::Tool | Role::Function => ScopeRole::Tool,
            Role::Tools => ScopeRole::Tools,
            _ => ScopeRole::Other,
        }
    }
}

/// Author of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopeRole {
    /// Operator of the application: `system` and `developer`.
    System,
    /// End user.
    User,
    /// Model, in an earlier turn.
    Assistant,
    /// Result of a tool.
    Tool,
    /// Definitions of tools and response formats.
    Tools,
    /// No particular author: fields outside of messages, unknown roles.
    Other,
}

/// Messages that a rule judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopeMessages {
    /// All messages.
    #[default]
    All,
    /// Messages behind the last one of the model.
    Last,
}

/// Purpose of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScopePart {
    /// Content of messages and instructions, also text of documents and uploaded files; refusals, transcripts, prompts and inputs of APIs without
    /// messages.
    Text,
    /// Reasoning of the model.
    Reasoning,
    /// Name of the tool in a call by the model.
    ToolName,
    /// Arguments of a call by the model.
    ToolArguments,
    /// Result of a tool.
    ToolResult,
    /// Definition of a tool or a response format.
    ToolDefinition,
    /// URL or base64 data of an image, of audio or of a file.
    Media,
    /// Any other string: names, metadata, fields unknown to the API.
    Other,
}

impl ScopePart {
    /// Returns the part of a text of a request.
    pub(crate) fn of_text(text: &Text) -> ScopePart {
        let is_result = matches!(text.role, Role::Tool | Role::Function);
        match text.kind {
            TextKind::Content | TextKind::ToolNumber if is_result => ScopePart::ToolResult,
            TextKind::Content | TextKind::Document | TextKind::Refusal => ScopePart::Text,
            TextKind::Reasoning => ScopePart::Reasoning,
            TextKind::ToolName => ScopePart::ToolName,
            TextKind::ToolArguments | TextKind::ToolNumber => ScopePart::ToolArguments,
            TextKind::ToolDefinition => ScopePart::ToolDefinition,
            TextKind::ImageUrl | TextKind::ImageData | TextKind::Data => ScopePart::Media,
            _ => ScopePart::Other,
        }
    }

    /// Returns the parts that a text of a response may be of. Text that is repeated as a whole may be content or reasoning.
    pub(crate) fn of_output(part: Part) -> &'static [ScopePart] {
        match part {
            Part::Content | Part::Refusal | Part::Transcript | Part::Logprobs => &[ScopePart::Text],
            Part::Reasoning | Part::ReasoningCopy | Part::ReasoningDetails => &[ScopePart::Reasoning],
            Part::Whole => &[ScopePart::Text, ScopePart::Reasoning],
            Part::Rpc(RpcText::System | RpcText::User | RpcText::Assistant) => &[ScopePart::Text],
            Part::Rpc(RpcText::Definition) => &[ScopePart::ToolDefinition],
            Part::Rpc(RpcText::Result | RpcText::ResultCopy) => &[ScopePart::ToolResult],
            Part::Rpc(RpcText::Media) => &[ScopePart::Media],
            Part::ToolName(_) => &[ScopePart::ToolName],
            Part::ToolArguments(_) | Part::ToolValue(_) | Part::ToolNumber | Part::WholeArguments => {
                &[ScopePart::ToolArguments]
            }
            _ => &[ScopePart::Other],
        }
    }
}

/// Texts that are inspected, for the scopes of rules.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScopedTexts<'r> {
    /// Texts in the scope of every rule: nothing is known of them.
    All,
    /// Texts of a request.
    Request {
        texts: &'r [Text],
        /// Index of the first message behind the last one of the model.
        first_new: u32,
    },
    /// Texts of a response.
    Response(&'r [OutputText]),
    /// Names of tools in definitions.
    DefinedTools,
    /// A text of a response.
    Part(Part),
}

impl<'r> ScopedTexts<'r> {
    pub(crate) fn of_request(request: &'r Request) -> ScopedTexts<'r> {
        let of_model = request.texts.iter().filter(|text| text.role == Role::Assistant);
        let last = of_model.filter_map(|text| text.message).max();
        ScopedTexts::Request { texts: &request.texts, first_new: last.map_or(0, |last| last + 1) }
    }

    /// Returns `true` if the text at an index is the result of a tool.
    pub(crate) fn is_tool_result(self, index: usize) -> bool {
        let ScopedTexts::Request { texts, .. } = self else { return false };
        texts.get(index).is_some_and(|text| matches!(text.role, Role::Tool | Role::Function))
    }

    /// Returns `true` if a scope contains the text at an index.
    pub(crate) fn contains(self, scope: &RawScope, index: usize) -> bool {
        self.exclusion(scope, index).is_none()
    }

    /// Returns the member of a scope that leaves out the text at an index: `roles`, `messages` or `parts`.
    pub(crate) fn exclusion(self, scope: &RawScope, index: usize) -> Option<&'static str> {
        let unless = |contains: bool, member: &'static str| if contains { None } else { Some(member) };
        let (texts, first_new) = match self {
            ScopedTexts::All | ScopedTexts::DefinedTools => return None,
            ScopedTexts::Part(part) => return scope.exclusion_of_output(part),
            ScopedTexts::Response(texts) => return scope.exclusion_of_output(texts.get(index)?.channel.part),
            ScopedTexts::Request { texts, first_new } => (texts, first_new),
        };
        let text = texts.get(index)?;
        let role = ScopeRole::of(text.role);
        let is_new = text.message.is_none_or(|message| message >= first_new);
        unless(scope.roles.as_ref().is_none_or(|roles| roles.0.contains(&role)), "roles")
            .or_else(|| unless(is_new || scope.messages == ScopeMessages::All, "messages"))
            .or_else(|| unless(scope.has_part(&[ScopePart::of_text(text)]), "parts"))
    }
}

/// Rules that apply to the texts of an inspection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applicable<'r> {
    /// Rules that do not apply to the call.
    pub(crate) excluded: &'r RuleSet,
    /// Texts, of which a scope may contain some only.
    pub(crate) texts: ScopedTexts<'r>,
}

impl<'r> Applicable<'r> {
    /// Returns the rules for texts of which nothing is known.
    pub(crate) fn except(excluded: &'r RuleSet) -> Applicable<'r> {
        Applicable { excluded, texts: ScopedTexts::All }
    }

    /// Returns the rules for a text of a response.
    pub(crate) fn to_part(part: Part, excluded: &'r RuleSet) -> Applicable<'r> {
        Applicable { excluded, texts: ScopedTexts::Part(part) }
    }

    /// Returns `true` if a rule applies to the text at an index.
    pub(crate) fn has(&self, index: RuleIndex, rule: &Rule, text: impl FnOnce() -> Option<usize>) -> bool {
        let in_scope = |scope: &RawScope| text().is_none_or(|text| self.texts.contains(scope, text));
        let is_name = match self.texts {
            ScopedTexts::All => !rule.is_tool,
            ScopedTexts::DefinedTools => rule.is_tool,
            _ => true,
        };
        is_name && !self.excluded.contains(index) && rule.scope.as_ref().is_none_or(in_scope)
    }

    /// Returns `true` if a rule applies to a text that is the only one.
    pub(crate) fn has_only(&self, policy: &Policy, index: RuleIndex) -> bool {
        policy.rule(index).is_some_and(|rule| self.has(index, rule, || Some(0)))
    }

    /// Returns the rules that apply to none of the texts with these indexes: they are not searched for.
    pub(crate) fn off(&self, policy: &Policy, texts: impl Iterator<Item = usize> + Clone) -> RuleSet {
        let mut off = self.excluded.clone();
        for index in policy.scoped() {
            let applies = |rule: &Rule| texts.clone().any(|text| self.has(*index, rule, || Some(text)));
            if !policy.rule(*index).is_some_and(applies) {
                off.insert(*index);
            }
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use crate::generators::policy;
    use crate::{StreamInspector, StreamVerdict, inspect_request, inspect_response};
    use std::convert::Infallible;
    use tollgate_llm::{Dialect, EventParser, FrameError, Framer, Framing, ParseLimits, Request, Response};

    /// Returns the body after the redaction of `x`.
    fn edited(scope: &str, body: &str) -> String {
        let policy = policy(&[&format!(
            r#"{{"id":"a","match":{{"regex":"x"}},"action":"redact","replacement":"","scope":{scope}}}"#
        )]);
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        String::from_utf8(inspect_request(&policy, &view, body.as_bytes()).edits.apply(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_rule_judges_the_texts_of_its_scope() {
        const BODY: &str = r#"{"user":"6x","messages":[{"role":"developer","content":"1x"},{"role":"user","content":"2x"},{"role":"assistant","content":"3x"},{"role":"tool","tool_call_id":"c","content":"4x"},{"role":"user","content":[{"type":"text","text":"5x"}]}],"tools":[{"type":"function","function":{"name":"f","description":"7x"}}]}"#;
        for (scope, redacted) in [
            ("{}", "1234567"),
            (r#"{"roles":"user"}"#, "25"),
            (r#"{"roles":["tool","assistant"]}"#, "34"),
            (r#"{"roles":["system"]}"#, "1"),
            (r#"{"roles":["tools","other"]}"#, "67"),
            (r#"{"messages":"last"}"#, "4567"),
            (r#"{"messages":"last","roles":["user"]}"#, "5"),
            (r#"{"parts":"text"}"#, "1235"),
            (r#"{"parts":["tool_result","tool_definition"]}"#, "47"),
            (r#"{"parts":["tool_arguments","media","reasoning","tool_name"]}"#, ""),
            (r#"{"parts":"other"}"#, "6"),
            (r#"{"parts":"text","roles":"system"}"#, "1"),
        ] {
            let out = edited(scope, BODY);
            let found: String = ('1'..='7').filter(|digit| !out.contains(&format!("{digit}x"))).collect();
            assert_eq!(found, redacted, "{scope}");
        }
        assert_eq!(
            edited(r#"{"messages":"last"}"#, r#"{"messages":[{"content":"x1"}]}"#),
            r#"{"messages":[{"content":"1"}]}"#
        );
    }

    #[test]
    fn a_rule_judges_the_parts_of_a_response_in_its_scope() {
        const BODY: &str = r#"{"id":"6x","choices":[{"message":{"role":"assistant","content":"1x","refusal":"2x","reasoning_content":"3x","tool_calls":[{"id":"c","type":"function","function":{"name":"4x","arguments":"{\"a\":\"5x\"}"}}]}}]}"#;
        const EVENT: &str = r#"{"id":"6x","choices":[{"index":0,"delta":{"content":"1x","refusal":"2x","reasoning_content":"3x","tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"4x","arguments":"{\"a\":\"5x\"}"}}]},"finish_reason":"stop"}]}"#;
        for (scope, redacted) in [
            (r#"{"parts":"text"}"#, "12"),
            (r#"{"parts":["reasoning","tool_name"]}"#, "34"),
            (r#"{"parts":"tool_arguments"}"#, "5"),
            (r#"{"parts":"tool_result"}"#, ""),
            (r#"{"roles":"user","messages":"last"}"#, "12345"),
        ] {
            let policy = policy(&[&format!(
                r#"{{"id":"a","match":{{"regex":"x"}},"action":"redact","replacement":"","scope":{scope}}}"#
            )]);
            let view = Response::parse(Dialect::OpenAiChat, BODY.as_bytes(), &ParseLimits::default()).unwrap();
            let whole = inspect_response(&policy, &view, BODY.as_bytes()).edits.apply(BODY.as_bytes());
            let (mut stream, mut out) = (StreamInspector::new(policy, Dialect::OpenAiChat), Vec::new());
            let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
            let event = format!("data: {EVENT}\n\n");
            let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                assert_eq!(stream.event(&parser.parse(event), &mut out), StreamVerdict::Continue);
                Ok(())
            });
            fed.unwrap();
            for out in [whole, out] {
                let out = String::from_utf8(out).unwrap();
                let found: String = ('1'..='5').filter(|digit| !out.contains(&format!("{digit}x"))).collect();
                assert_eq!(found, redacted, "{scope}: {out}");
            }
        }
    }

    #[test]
    fn a_text_that_is_clean_in_one_role_is_judged_in_another() {
        let mut policy = policy(&[r#"{"id":"a","match":{"regex":"x"},"action":"block","scope":{"roles":["user"]}}"#]);
        std::sync::Arc::get_mut(&mut policy).unwrap().remember_clean_texts(|| [7; 16]);
        let text = "A long text with an x. ".repeat(600);
        for (role, is_blocked) in [("assistant", false), ("user", true), ("assistant", false)] {
            let body = format!(r#"{{"messages":[{{"role":"{role}","content":"{text}"}}]}}"#);
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            assert_eq!(inspect_request(&policy, &view, body.as_bytes()).cause.is_some(), is_blocked, "{role}");
        }
    }
}
