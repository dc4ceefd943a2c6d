//! Reasons why one rule does not match a request, or the response to it.

mod texts;

use serde::Serialize;
use serde_json::{Value, json};
use tollgate_inspect::{Attempt, Cause, Direction, Policy, Rule, ViewDiagnosis};
use tollgate_policy::document::Document;
use tollgate_policy::{CompiledPolicy, Mode, nearest};

use super::{Call, firewall, identity, request};
use crate::rule_packs;
use texts::Texts;

/// Maximum number of literals that a line lists.
const MAX_SHOWN: usize = 8;
/// Maximum number of texts that a line names.
const MAX_POINTERS: usize = 3;

/// Reasons why a rule does not match a request or a response.
#[derive(Clone, Debug, Serialize)]
pub struct WhyNot {
    /// Id of the rule.
    pub rule: String,
    /// `true` if the rule matches.
    pub matches: bool,
    /// Sentences for people.
    pub lines: Vec<String>,
    /// Texts of the request or the response that the rule was compared with, as data.
    pub texts: Vec<Value>,
}

impl WhyNot {
    fn new(rule: &str, line: String) -> WhyNot {
        WhyNot { rule: rule.to_owned(), matches: false, lines: vec![line], texts: Vec::new() }
    }

    /// Renders the reasons as text.
    #[must_use]
    pub fn render(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Explains why a rule of a policy, or of a pack, does not match a request or, if it is given, the response to it. Nothing of their
/// texts is in the answer.
///
/// # Errors
/// Neither the policy nor a pack has the rule, or the response cannot be read.
pub fn why_not(
    document: &Document,
    policy: &CompiledPolicy,
    (call, response): (&Call, Option<&[u8]>),
    id: &str,
) -> Result<WhyNot, String> {
    let rules = policy.firewall.as_ref();
    let all = rules.map(Policy::rules).unwrap_or_default();
    let Some((rules, index)) = rules.zip(all.iter().position(|rule| rule.id() == id)) else {
        return left_out(document, all, id).map(|line| WhyNot::new(id, line));
    };
    let Some(rule) = all.get(index) else { return Err(unknown(all, id)) };
    let (stage, view) = request::explain(policy, call);
    let Some(view) = view else {
        let reason = stage.lines.join(" ");
        return Ok(WhyNot::new(id, format!("No rule inspects this request. {reason}")));
    };
    let raw = document.value().pointer(&format!("/firewall/rules/{index}")).unwrap_or(&Value::Null);
    let identity = identity::explain(policy, call);
    let consumer = identity.facts.get("consumer").and_then(Value::as_str);
    let excluded = firewall::excluded(policy, rules, &view, call, consumer);
    let texts = Texts::of(&view, policy, response)?;
    let report = texts.inspect(rules, &excluded);
    if report.rules.iter().any(|found| found.get() == index) {
        return Ok(WhyNot { matches: true, ..WhyNot::new(id, effect(policy, rule, raw)) });
    }
    let mut answer = WhyNot::new(id, format!("Rule {id} does not match."));
    if report.cause == Some(Cause::TooCostly) {
        answer.lines.push("The text takes too long to inspect, so matches may be missing.".to_owned());
    }
    let is_excluded = excluded.iter().any(|own| own.get() == index);
    let is_off = rule.searches_texts() && !rule.is_on(texts.direction());
    if is_off {
        let line = match texts.direction() {
            Direction::Request => "It applies to responses only (`applies_to`), which --response gives. Without that:",
            Direction::Response => "It applies to requests only (`applies_to`). Without that:",
        };
        answer.lines.push(line.to_owned());
    }
    if is_excluded {
        let line =
            "It does not apply to this call, by its `scope` (consumers, teams, models) or an exception. Otherwise:";
        answer.lines.push(line.to_owned());
    }
    if !rule.searches_texts() {
        answer.lines.push(subject(rule, raw, texts.direction()).to_owned());
        return Ok(answer);
    }
    let applies = !is_off && !is_excluded;
    let mut reasons = Reasons::default();
    for index in 0..texts.count() {
        answer.texts.extend(text((rules, rule, raw), (&texts, index), applies, &mut reasons));
    }
    answer.lines.extend(reasons.lines());
    Ok(answer)
}

/// Describes the effect of a rule that matches.
fn effect(policy: &CompiledPolicy, rule: &Rule, raw: &Value) -> String {
    let action = raw.get("action").and_then(Value::as_str).unwrap_or_else(|| rule.action().name());
    let id = rule.id();
    match (rule.is_audit(), policy.mode) {
        (true, _) => {
            format!("Rule {id} matches, but only logs in place of `action: {action}`, because of `mode: audit`.")
        }
        (false, Mode::Audit) => format!("Rule {id} matches. The policy is in audit mode, so that nothing is done."),
        (false, Mode::Enforce) => format!("Rule {id} matches (`action: {action}`)."),
    }
}

/// Describes what a rule judges that searches no texts.
fn subject(rule: &Rule, raw: &Value, direction: Direction) -> &'static str {
    let has = |member: &str| raw.get("match").and_then(|pattern| pattern.get(member)).is_some();
    let is_request = direction == Direction::Request;
    if rule.guard().is_some() {
        "It is a guard, a service that this command does not ask."
    } else if has("overlap") {
        match is_request {
            true => "It compares responses with the system prompt; --response gives one.",
            false => "It compares responses with the system prompt, of which this one does not repeat enough.",
        }
    } else if has("provenance") {
        match is_request {
            true => "It judges where arguments of calls of tools come from, in responses; --response gives one.",
            false => {
                "It judges where arguments of calls of tools come from, and no argument that it judges has a value of a result only."
            }
        }
    } else if rule.judges_arguments() {
        match is_request {
            true => "It judges arguments of calls of tools, in responses; --response gives one.",
            false => "It judges arguments of calls of tools, and none of this response that it judges matches.",
        }
    } else if has("members") {
        match is_request {
            true => "It judges names of members of the request, and the request has none of them.",
            false => "It judges names of members of requests.",
        }
    } else {
        match is_request {
            true => "It judges names of tools, and the request has no tool with such a name.",
            false => "It judges names of tools, and the response calls no tool with such a name.",
        }
    }
}

/// Reasons, each with the pointers of the texts that it is about, in the order of the texts.
#[derive(Default)]
struct Reasons(Vec<(String, Vec<String>)>);

impl Reasons {
    fn add(&mut self, pointer: &str, reason: String) {
        match self.0.iter_mut().find(|(own, _)| *own == reason) {
            Some((_, pointers)) => pointers.push(pointer.to_owned()),
            None => self.0.push((reason, vec![pointer.to_owned()])),
        }
    }

    /// Returns a line per reason, which names its first texts.
    fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(reason, pointers)| {
            let shown = pointers.iter().take(MAX_POINTERS).map(String::as_str).collect::<Vec<_>>().join(", ");
            match pointers.len().saturating_sub(MAX_POINTERS) {
                0 => format!("{shown}: {reason}."),
                more => format!("{shown} and {more} more texts: {reason}."),
            }
        })
    }
}

/// Adds the reasons why a rule does not match a text. `applies` is `false` if the rule does not apply to the call.
fn text(
    (rules, rule, raw): (&Policy, &Rule, &Value),
    (texts, index): (&Texts<'_>, usize),
    applies: bool,
    reasons: &mut Reasons,
) -> Option<Value> {
    let views = texts.diagnose(rules, rule, index)?;
    let (pointer, scope) = (texts.pointer(index), texts.out_of_scope(rule, index));
    let mut own = attempts(raw, &views, applies && scope.is_none());
    if own.is_empty() {
        own.push(literals(&views));
    }
    let lead = scope.map(|member| format!("not in `scope.{member}`; otherwise ")).unwrap_or_default();
    own.iter().for_each(|reason| reasons.add(&pointer, format!("{lead}{reason}")));
    let of_view = |own: &ViewDiagnosis| {
        let attempt = |Attempt { range, in_json, rejected_by }: &Attempt| json!({"range": [range.start, range.end], "in_json": in_json, "rejected_by": rejected_by});
        let attempts = own.attempts.iter().map(attempt);
        json!({
            "view": own.view.name(), "searched": own.is_searched, "literals": own.literals.len(), "present": own.present,
            "pattern_matches": attempts.collect::<Vec<_>>(),
        })
    };
    let views: Vec<Value> = views.iter().map(of_view).collect();
    Some(json!({"pointer": pointer, "out_of_scope": scope, "reasons": own, "views": views}))
}

/// Describes the matches of the pattern of a rule in all views.
fn attempts(raw: &Value, views: &[ViewDiagnosis], applies: bool) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for view in views {
        for attempt in &view.attempts {
            let (from, to) = (attempt.range.start, attempt.range.end);
            let reason = match (attempt.rejected_by, view.is_searched) {
                (Some(condition), true) => format!(", {}", condition_fails(raw, condition)),
                (Some(_), false) => continue,
                (None, false) => ", which the rule does not search (`match.view`)".to_owned(),
                (None, true) if applies => {
                    ", but the text is base64 data, must not be edited or is searched joined with others".to_owned()
                }
                (None, true) => String::new(),
            };
            let place = if attempt.in_json { " of a decoded string" } else { "" };
            let reason = format!("bytes {from} to {to} match in the view {}{place}{reason}", view.view.name());
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    reasons
}

/// Describes the literals of a rule that occur in a text in which its pattern does not match.
fn literals(views: &[ViewDiagnosis]) -> String {
    let searched = || views.iter().filter(|view| view.is_searched);
    let mut present: Vec<&str> = searched().flat_map(|view| &view.present).map(String::as_str).collect();
    present.sort_unstable();
    present.dedup();
    if searched().all(|view| view.literals.is_empty()) {
        "the pattern matches nowhere".to_owned()
    } else if present.is_empty() {
        "no literal of the rule occurs".to_owned()
    } else {
        format!("{} but the pattern matches nowhere", occurring(&present))
    }
}

/// Lists literals that occur.
fn occurring(present: &[&str]) -> String {
    let shown: Vec<String> = present.iter().take(MAX_SHOWN).map(|literal| format!("`{literal}`")).collect();
    let more = present.len().saturating_sub(MAX_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let verb = if present.len() == 1 { "occurs" } else { "occur" };
    format!("{}{more} {verb},", shown.join(", "))
}

/// Describes a condition that rejects a match.
fn condition_fails(raw: &Value, condition: &str) -> String {
    let value = |path: &str| raw.pointer(&format!("/match/{path}"));
    let text = |path: &str| value(path).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    match condition {
        "validate" => format!("but fail `validate: {}`", text("validate").unwrap_or_default()),
        "entropy" => format!("but have less than `entropy.min: {}`", text("entropy/min").unwrap_or_default()),
        "context" => "but no word of `context` is in front".to_owned(),
        "keywords" => "but none of `keywords` is near".to_owned(),
        "not_before" => "but `not_before` excludes the character in front".to_owned(),
        "not_after" => "but `not_after` excludes the character behind".to_owned(),
        "allow" => "but `allow` permits them".to_owned(),
        "url" => "but `url` excludes the host or the query".to_owned(),
        "max_match_bytes" => "but are more than `max_match_bytes`".to_owned(),
        other => format!("but `{other}` rejects them"),
    }
}

/// Explains why a rule of a pack is not in the policy.
fn left_out(document: &Document, rules: &[Rule], id: &str) -> Result<String, String> {
    for name in rule_packs::names() {
        let pack = rule_packs::rules(name);
        let Some(rule) = pack.iter().find(|rule| rule_id(rule) == Some(id)) else { continue };
        let is_used = pack.iter().filter_map(rule_id).any(|own| rules.iter().any(|rule| rule.id() == own));
        let level = rule.get("paranoia").and_then(Value::as_u64).unwrap_or(1);
        let paranoia = document.value().pointer("/firewall/paranoia");
        let detect = paranoia.and_then(|levels| levels.get("detect").unwrap_or(levels).as_u64()).unwrap_or(1);
        return Ok(match (is_used, level > detect) {
            (false, _) => format!("Rule {id} is in the pack `{name}`, which the policy does not use."),
            (true, true) => {
                format!("Rule {id} of the pack `{name}` has level {level}; `firewall.paranoia` is {detect}.")
            }
            (true, false) => format!("Rule {id} of the pack `{name}` is left out by its `except`."),
        });
    }
    Err(unknown(rules, id))
}

fn rule_id(rule: &Value) -> Option<&str> {
    rule.get("id")?.as_str()
}

fn unknown(rules: &[Rule], id: &str) -> String {
    let near = nearest(id, rules.iter().map(Rule::id));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("--why-not: neither the policy nor a pack has a rule `{id}`{near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
version: 1
identity: {consumer: {header: x-user}}
firewall:
  packs: [{name: pii, except: [pii.email]}]
  rules:
  - {id: card, match: {regex: '\b[0-9]{16}\b', validate: card}, action: redact}
  - {id: word, match: {keywords: [heron]}, action: block}
  - {id: audited, match: {keywords: [crane]}, action: block, mode: audit}
  - {id: matched, match: {keywords: [crane]}, action: log}
  - {id: answer, match: {keywords: [crane]}, applies_to: [response], action: block}
  - {id: called, match: {keywords: [heron]}, scope: {tools: f}, action: block}
  - {id: injected, match: {provenance: tool_result}, scope: {tools: f}, action: block}
  - {id: repeated, match: {overlap: {with: system}}, action: block}
  - {id: of-tools, match: {keywords: [crane]}, scope: {roles: [tool]}, action: block}
  - {id: of-others, match: {keywords: [crane]}, scope: {consumers: [b]}, action: block}
  - {id: both, match: {regex: 'heron[0-9]{3}'}, action: block}
  - {id: of-requests, match: {keywords: [heron]}, applies_to: [request], action: log}
  - {id: of-reasoning, match: {keywords: [heron]}, scope: {parts: reasoning}, action: log}
  - {id: asked, match: {members: [logprobs]}, action: log}
"#;

    const BODY: &str =
        r#"{"model":"m","messages":[{"role":"user","content":"4111111111111112, a h\u200beron, a crane, herons"}]}"#;

    fn answer(id: &str) -> Result<WhyNot, String> {
        answer_to(BODY, None, id)
    }

    fn answer_to(body: &str, response: Option<&str>, id: &str) -> Result<WhyNot, String> {
        let mut document = Document::parse("p.yaml", POLICY);
        crate::policy_file::add_packs(&mut document);
        let policy = document.compile().unwrap();
        let call = Call {
            path: "/v1/chat/completions".into(),
            headers: vec![("x-user".into(), "a".into())],
            consumer: None,
            body: body.into(),
        };
        why_not(&document, &policy, (&call, response.map(str::as_bytes)), id)
    }

    #[test]
    fn strings_of_a_text_that_is_json_are_searched() {
        let body = r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"c","content":"{\"a\":\"x\\n4111111111111112\"}"}]}"#;
        let answer = answer_to(body, None, "card").unwrap();
        let line =
            "/messages/0/content: bytes 9 to 25 match in the view raw of a decoded string, but fail `validate: card`.";
        assert!(answer.lines.iter().any(|own| own == line), "{:#?}", answer.lines);
    }

    #[test]
    fn reasons_in_responses_are_named() {
        let response = r#"{"choices":[{"message":{"role":"assistant","content":"4111111111111112, a heron","tool_calls":
            [{"id":"c","type":"function","function":{"name":"g","arguments":"{\"a\":\"x\\n4111111111111112\"}"}}]}}]}"#;
        for (id, expected) in [
            ("card", "/choices/0/message/content: bytes 0 to 16 match in the view raw, but fail `validate: card`."),
            (
                "card",
                "/choices/0/message/tool_calls/0/function/arguments: bytes 9 to 25 match in the view raw of a decoded string, but \
                 fail `validate: card`.",
            ),
            ("word", "Rule word matches (`action: block`)."),
            ("answer", "/choices/0/message/content, /choices/0/message/tool_calls/0/function/name, "),
            ("of-others", "It does not apply to this call, by its `scope`"),
            ("both", "/choices/0/message/content: `heron` occurs, but the pattern matches nowhere."),
            ("of-requests", "It applies to requests only (`applies_to`). Without that:"),
            (
                "of-reasoning",
                "/choices/0/message/content: not in `scope.parts`; otherwise bytes 20 to 25 match in the view raw.",
            ),
            ("called", "It judges arguments of calls of tools, and none of this response that it judges matches."),
            ("injected", "It judges where arguments of calls of tools come from, and no argument"),
            ("repeated", "It compares responses with the system prompt, of which this one does not repeat enough."),
            ("asked", "It judges names of members of requests."),
        ] {
            let answer = answer_to(BODY, Some(response), id).unwrap();
            let found = answer.lines.iter().any(|line| line.starts_with(expected));
            assert!(found, "{id}: {:#?}", answer.lines);
            assert_eq!(answer.matches, id == "word", "{id}");
        }
        let error = answer_to(BODY, Some("data: {}\n\n"), "word").unwrap_err();
        assert!(
            error.starts_with("--response: the body cannot be read") && error.ends_with("streams are not read"),
            "{error}"
        );
    }

    #[test]
    fn the_reason_of_each_kind_of_rule_is_named() {
        let at = "/messages/0/content:";
        for (id, expected) in [
            ("card", format!("{at} bytes 0 to 16 match in the view raw, but fail `validate: card`.")),
            (
                "word",
                format!("{at} bytes 20 to 28 match in the view folded, which the rule does not search (`match.view`)."),
            ),
            (
                "audited",
                "Rule audited matches, but only logs in place of `action: block`, because of `mode: audit`.".into(),
            ),
            ("matched", "Rule matched matches (`action: log`).".into()),
            ("answer", "It applies to responses only (`applies_to`), which --response gives. Without that:".into()),
            ("of-tools", format!("{at} not in `scope.roles`; otherwise bytes")),
            ("of-others", "It does not apply to this call, by its `scope`".into()),
            ("both", format!("{at} `heron` occurs, but the pattern matches nowhere.")),
            ("called", "It judges arguments of calls of tools, in responses; --response gives one.".into()),
            (
                "injected",
                "It judges where arguments of calls of tools come from, in responses; --response gives one.".into(),
            ),
            ("repeated", "It compares responses with the system prompt; --response gives one.".into()),
            ("asked", "It judges names of members of the request".into()),
            ("pii.email", "Rule pii.email of the pack `pii` is left out by its `except`.".into()),
            ("pii.iban", "/model, /messages/0/content: ".into()),
            (
                "secrets.aws.access-key",
                "Rule secrets.aws.access-key is in the pack `secrets`, which the policy does not use.".into(),
            ),
        ] {
            let answer = answer(id).unwrap();
            assert!(answer.lines.iter().any(|line| line.starts_with(&expected)), "{id}: {:#?}", answer.lines);
            assert_eq!(answer.matches, matches!(id, "audited" | "matched"), "{id}");
        }
        let level = rule_packs::rules("pii").into_iter().find(|rule| rule.get("paranoia") == Some(&json!(3))).unwrap();
        let line = answer(rule_id(&level).unwrap()).unwrap().lines.remove(0);
        assert!(line.ends_with("of the pack `pii` has level 3; `firewall.paranoia` is 1."), "{line}");
        let unknown = answer("wrd").unwrap_err();
        assert!(unknown.contains("neither the policy nor a pack has a rule `wrd`; did you mean `word`?"), "{unknown}");
    }
}
