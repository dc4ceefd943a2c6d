//! Inspection of texts and bodies with the rules of a policy, natively, with the engine that the filters use.

pub mod corpus;
pub mod speed;
pub mod wilson;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use tollgate_inspect::{
    Action, Direction, PlaceholderValues, Policy, Report, RequestFacts, RuleSet, inspect_request_without,
    inspect_response_without, inspect_text_without, severity_points,
};
use tollgate_llm::{Endpoint, ParseLimits, Request, Response};

/// Line of input.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Id, repeated in the output.
    pub id: Value,
    /// Text.
    pub text: Option<String>,
    /// Body in place of a text: a JSON value, or a string with one.
    pub body: Option<Value>,
    /// Scope: `response` for what a model generates.
    pub scope: Option<String>,
}

/// Parses a line of input.
///
/// # Errors
/// The line is not valid. The message quotes nothing of it: a text may be secret, and messages end up in logs.
pub fn parse<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| match error.classify() {
        Category::Data => format!("a member has a value of the wrong type (column {})", error.column()),
        Category::Eof => "the JSON ends too early".to_owned(),
        _ => format!("not valid JSON (column {})", error.column()),
    })
}

/// Line of output.
#[derive(Clone, Debug, Serialize)]
pub struct Output {
    /// Id of the input.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub id: Value,
    /// `allow`, `log`, `redact` or `block`.
    pub verdict: &'static str,
    /// Sum of the severities of the rules that match: critical 5 (also if a rule has none), error 4, warning 3, notice 2.
    pub score: u32,
    /// Points of the rules with `action: score` that match, which the thresholds of the policy count; absent without points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<u32>,
    /// Matches, at most 64.
    pub rules: Vec<Hit>,
    /// Text or body after all edits, if it is to be shown and not blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Match of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// Id of the rule.
    pub id: String,
    /// Risks that the rule is about, by their ids in the OWASP Top 10 for LLM applications.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owasp: Vec<String>,
    /// Bytes in the text: what is reported and redacted.
    pub span: [usize; 2],
    /// View of the text that the rule matched: `raw`, the text as decoded from JSON.
    pub view: &'static str,
    /// JSON pointer of the text in a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// Policy and settings of an inspection.
#[derive(Clone, Copy, Debug)]
pub struct Inspector<'p> {
    /// Rules.
    pub policy: &'p Policy,
    /// Rules that do not apply to the caller of the texts.
    pub excluded: &'p RuleSet,
    /// Direction of all inputs. `None`: that of their scope.
    pub direction: Option<Direction>,
    /// API of bodies.
    pub endpoint: &'p Endpoint,
    /// `true` to return texts.
    pub show_text: bool,
}

impl Inspector<'_> {
    /// Inspects a line of input.
    ///
    /// # Errors
    /// The line has neither a text nor a body, or the body cannot be read.
    pub fn inspect(&self, input: &Input) -> Result<Output, String> {
        let direction = self.direction_of(input.scope.as_deref());
        match (&input.text, &input.body) {
            (Some(text), None) => {
                let report = inspect_text_without(self.policy, self.excluded, direction, text);
                Ok(self.output(input, &report, text.as_bytes(), |_| None))
            }
            (None, Some(Value::String(body))) => self.body(input, direction, body.as_bytes()),
            (None, Some(body)) => self.body(input, direction, body.to_string().as_bytes()),
            _ => Err("expected either `text` or `body`".to_owned()),
        }
    }

    /// Inspects a text of a scope.
    #[must_use]
    pub fn report(&self, scope: Option<&str>, text: &str) -> Report {
        inspect_text_without(self.policy, self.excluded, self.direction_of(scope), text)
    }

    fn direction_of(&self, scope: Option<&str>) -> Direction {
        let of_scope = if scope == Some("response") { Direction::Response } else { Direction::Request };
        self.direction.unwrap_or(of_scope)
    }

    fn body(&self, input: &Input, direction: Direction, body: &[u8]) -> Result<Output, String> {
        let limits = ParseLimits::default();
        let unreadable = |error: tollgate_llm::Error| format!("the body cannot be read: {error}");
        let spans: Vec<_>;
        let report = match direction {
            Direction::Request => {
                let request = Request::parse_at(self.endpoint, body, &limits).map_err(unreadable)?;
                spans = request.texts.iter().map(|text| text.str.span).collect();
                inspect_request_without(self.policy, self.excluded, &request, body)
            }
            Direction::Response => {
                let response = Response::parse(self.endpoint.dialect, body, &limits).map_err(unreadable)?;
                spans = response.texts.iter().map(|text| text.str.span).collect();
                let (values, facts) = (PlaceholderValues::new(), RequestFacts::new());
                inspect_response_without(self.policy, self.excluded, (&values, &facts), &response, body)
            }
        };
        Ok(self.output(input, &report, body, |text| spans.get(text).map(|span| Request::pointer(body, *span))))
    }

    fn output(&self, input: &Input, report: &Report, text: &[u8], pointer: impl Fn(usize) -> Option<String>) -> Output {
        let rules = report.rules.iter().filter_map(|rule| self.policy.rule(*rule));
        let score = rules.map(|rule| u32::from(severity_points(rule.severity()))).sum();
        let hits = report.findings.iter().filter_map(|finding| {
            let rule = self.policy.rule(finding.rule)?;
            Some(Hit {
                id: rule.id().to_owned(),
                owasp: rule.owasp().to_vec(),
                span: [finding.range.start, finding.range.end],
                view: finding.view.name(),
                pointer: pointer(finding.text),
            })
        });
        let is_shown = self.show_text && report.verdict != Some(Action::Block);
        let edited = is_shown.then(|| String::from_utf8_lossy(&report.edits.apply(text)).into_owned());
        let counted = Some(report.scores.total()).filter(|counted| *counted > 0);
        let verdict = report.verdict_name();
        Output { id: input.id.clone(), verdict, score, counted, rules: hits.collect(), text: edited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(show_text: bool, direction: Option<Direction>, inputs: &[&str]) -> Vec<String> {
        let rules = r#"{"rules": [
            {"id": "card", "match": {"regex": "number ([0-9 ]{13,23})", "group": 1, "validate": "card"}, "action": "redact",
             "severity": "error"},
            {"id": "asks", "match": {"keywords": ["egret"]}, "action": "score", "severity": "notice"},
            {"id": "begs", "match": {"keywords": ["wren"]}, "action": "score", "severity": "warning"},
            {"id": "word", "owasp": "LLM01:2025", "match": {"keywords": ["heron"]}, "action": "block", "applies_to": ["request"]}], "scores": {"request": 5}}"#;
        let policy = Policy::from_raw(serde_json::from_str(rules).unwrap()).unwrap();
        let endpoint = Endpoint::detect(b"POST", b"/v1/chat/completions").unwrap();
        let inspector =
            Inspector { policy: &policy, excluded: &RuleSet::new(), direction, endpoint: &endpoint, show_text };
        let line = |input: &&str| match inspector.inspect(&serde_json::from_str(input).unwrap()) {
            Ok(output) => serde_json::to_string(&output).unwrap(),
            Err(error) => error,
        };
        inputs.iter().map(line).collect()
    }

    #[test]
    fn texts_and_bodies_are_inspected() {
        let found = lines(
            true,
            None,
            &[
                r#"{"id": 1, "text": "number 4111 1111 1111 1111, thanks"}"#,
                r#"{"id": "b", "text": "number 4111 1111 1111 1112"}"#,
                r#"{"text": "a heron"}"#,
                r#"{"text": "a heron", "scope": "response"}"#,
                r#"{"body": {"messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "number 4111111111111111"}]}}"#,
                r#"{"text": "an egret, number 4111111111111111"}"#,
                r#"{"text": "an egret, a wren"}"#,
                r#"{"id": 2}"#,
                r#"{"body": "{"}"#,
            ],
        );
        assert_eq!(
            found[..7],
            [
                r#"{"id":1,"verdict":"redact","score":4,"rules":[{"id":"card","span":[7,26],"view":"raw"}],"text":"number [card], thanks"}"#,
                r#"{"id":"b","verdict":"allow","score":0,"rules":[],"text":"number 4111 1111 1111 1112"}"#,
                r#"{"verdict":"block","score":5,"rules":[{"id":"word","owasp":["LLM01:2025"],"span":[2,7],"view":"raw"}]}"#,
                r#"{"verdict":"allow","score":0,"rules":[],"text":"a heron"}"#,
                r#"{"verdict":"redact","score":4,"rules":[{"id":"card","span":[7,23],"view":"raw","pointer":"/messages/1/content"}],"text":"{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"},{\"content\":\"number [card]\",\"role\":\"user\"}]}"}"#,
                r#"{"verdict":"redact","score":6,"counted":2,"rules":[{"id":"asks","span":[3,8],"view":"raw"},{"id":"card","span":[17,33],"view":"raw"}],"text":"an egret, number [card]"}"#,
                r#"{"verdict":"block","score":5,"counted":5,"rules":[{"id":"asks","span":[3,8],"view":"raw"},{"id":"begs","span":[12,16],"view":"raw"}]}"#,
            ]
        );
        assert!(found[7].contains("either `text` or `body`") && found[8].contains("cannot be read"), "{found:?}");
    }

    #[test]
    fn errors_quote_nothing_of_the_line() {
        for (line, expected) in [
            (r#""AKIAIOSFODNN7EXAMPLE""#, "a member has a value of the wrong type"),
            (r#"{"text": ["AKIAIOSFODNN7EXAMPLE"]}"#, "a member has a value of the wrong type"),
            (r#"{"text": 41111111}"#, "a member has a value of the wrong type"),
            (r#"{"text": AKIAIOSFODNN7EXAMPLE}"#, "not valid JSON (column 10)"),
            (r#"{"text": "AKIAIOSFODNN7EXAMPLE"#, "the JSON ends too early"),
        ] {
            let message = parse::<Input>(line).unwrap_err();
            assert!(message.starts_with(expected), "{line}: {message}");
            assert!(!message.contains("AKIA") && !message.contains("4111"), "{message}");
        }
        assert_eq!(parse::<Input>(r#"{"text": "a"}"#).unwrap().text.as_deref(), Some("a"));
    }

    #[test]
    fn a_direction_overrides_scopes_and_texts_are_not_shown_unless_asked_for() {
        let found = lines(false, Some(Direction::Response), &[r#"{"text": "a heron", "scope": "user"}"#]);
        assert_eq!(found, [r#"{"verdict":"allow","score":0,"rules":[]}"#]);
        let body =
            r#"{"body": {"choices": [{"message": {"role": "assistant", "content": "number 4111111111111111"}}]}}"#;
        let found = lines(false, Some(Direction::Response), &[body]);
        assert!(
            found[0].contains(r#""pointer":"/choices/0/message/content""#) && !found[0].contains("text"),
            "{found:?}"
        );
    }
}
