//! Scope of a rule: the texts of requests that it judges.

use crate::condition::list::OneOrMany;
use serde::Deserialize;
use tollgate_llm::{Request, Role, Text};

/// Scope of a rule on requests. Responses are judged whatever the scope.
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

/// Texts of a request, for the scopes of rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScopedTexts<'r> {
    texts: &'r [Text],
    /// Index of the first message behind the last one of the model.
    first_new: u32,
}

impl<'r> ScopedTexts<'r> {
    pub(crate) fn new(request: &'r Request) -> ScopedTexts<'r> {
        let of_model = request.texts.iter().filter(|text| text.role == Role::Assistant);
        let last = of_model.filter_map(|text| text.message).max();
        ScopedTexts { texts: &request.texts, first_new: last.map_or(0, |last| last + 1) }
    }

    /// Returns `true` if a scope contains the text at an index.
    pub(crate) fn contains(&self, scope: &RawScope, index: usize) -> bool {
        let Some(text) = self.texts.get(index) else { return true };
        let role = match text.role {
            Role::System | Role::Developer => ScopeRole::System,
            Role::User => ScopeRole::User,
            Role::Assistant => ScopeRole::Assistant,
            Role::Tool | Role::Function => ScopeRole::Tool,
            Role::Tools => ScopeRole::Tools,
            _ => ScopeRole::Other,
        };
        let is_new = text.message.is_none_or(|message| message >= self.first_new);
        scope.roles.as_ref().is_none_or(|roles| roles.0.contains(&role))
            && (is_new || scope.messages == ScopeMessages::All)
    }
}

#[cfg(test)]
mod tests {
    use crate::generators::policy;
    use crate::inspect_request;
    use tollgate_llm::{Dialect, ParseLimits, Request};

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
