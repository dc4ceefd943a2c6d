//! Exceptions: calls to which a rule does not apply.

use crate::caller::{Caller, CallerNeeds, Callers, RawCallers, matches};
use crate::condition::list::OneOrMany;
use crate::date::Date;
use crate::error::{PolicyError, Problem};
use crate::rule::{Rule, RuleIndex};
use crate::rule_set::RuleSet;
use serde::Deserialize;

/// Maximum length of a reason in bytes.
const MAX_REASON_BYTES: usize = 256;

/// Exception, such as `{consumers: [red-team], until: 2027-01-31, reason: exercise}`: calls to which a rule does not apply; all
/// other rules do. A call must be in each list that is present.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawException {
    /// Ids of the rules, each exact or with `*` at its end: `secrets.*`. Only in a list for all rules.
    #[serde(default)]
    pub rules: Option<OneOrMany<String>>,
    /// Tags of the rules, `data=pii`: a rule must have one of them. Only in a list for all rules.
    #[serde(default)]
    pub tags: Option<OneOrMany<String>>,
    /// Names of consumers, each exact or with `*` at its end.
    #[serde(default)]
    pub consumers: Option<OneOrMany<String>>,
    /// Names of teams, each exact or with `*` at its end.
    #[serde(default)]
    pub teams: Option<OneOrMany<String>>,
    /// Names of models: exact, or a wildcard such as `llama-*`. As in `models`, a name also stands for its prefixes and versions.
    #[serde(default)]
    pub models: Option<OneOrMany<String>>,
    /// Names of routes, each exact or with `*` at its end.
    #[serde(default)]
    pub routes: Option<OneOrMany<String>>,
    /// Last day of the exception, in UTC: `2027-01-31`. From the next day on the rule applies again. Default: it does not end.
    #[serde(default)]
    pub until: Option<Date>,
    /// Reason, for people. At most 256 bytes.
    pub reason: String,
}

/// Condition on calls under which rules do not apply.
#[derive(Debug)]
struct Restriction {
    callers: Callers,
    rules: Box<[RuleIndex]>,
    /// `true` if the rules apply to the calls in the lists only, `false` if they apply to all others.
    is_scope: bool,
    /// Last day.
    until: Option<Date>,
}

/// Restrictions of all rules to some calls.
#[derive(Debug, Default)]
pub(crate) struct Restrictions {
    all: Vec<Restriction>,
    /// Facts of a call that one of them asks for; `None` if there are none.
    needs: Option<CallerNeeds>,
}

impl Restrictions {
    /// Adds the scope of a rule.
    pub(crate) fn add_scope(&mut self, rule: RuleIndex, callers: Callers) {
        if !callers.is_everyone() {
            self.push(Restriction { callers, rules: [rule].into(), is_scope: true, until: None });
        }
    }

    /// Adds an exception of a rule. An error has the name of the field.
    pub(crate) fn add(&mut self, rule: RuleIndex, raw: &RawException) -> Result<(), (&'static str, Problem)> {
        for (field, is_present) in [("rules", raw.rules.is_some()), ("tags", raw.tags.is_some())] {
            if is_present {
                return Err((field, Problem::OnlyWith("`exceptions` beside `rules`")));
            }
        }
        self.insert([rule].into(), raw)
    }

    /// Adds the exceptions of all rules.
    pub(crate) fn add_all(&mut self, exceptions: &[RawException], rules: &[Rule]) -> Result<(), PolicyError> {
        for (index, raw) in exceptions.iter().enumerate() {
            let error = |field: &str, problem| PolicyError {
                path: format!("exceptions[{index}].{field}"),
                rule: None,
                problem,
            };
            let list = |list: &'_ Option<OneOrMany<String>>| list.as_ref().map_or(Vec::new(), |list| list.0.clone());
            let (ids, tags) = (list(&raw.rules), list(&raw.tags));
            if ids.is_empty() && tags.is_empty() {
                return Err(error("rules", Problem::Empty));
            }
            let is_named = |id: &String| rules.iter().any(|rule| matches(id, rule.id()));
            if let Some(at) = ids.iter().position(|id| !is_named(id)) {
                return Err(error(&format!("rules[{at}]"), Problem::UnknownRule));
            }
            let is_set = |tag: &String| rules.iter().any(|rule| rule.tags().any(|own| own == tag));
            if let Some(at) = tags.iter().position(|tag| !is_set(tag)) {
                return Err(error(&format!("tags[{at}]"), Problem::UnknownTag));
            }
            let has_id = |rule: &Rule| ids.is_empty() || ids.iter().any(|id| matches(id, rule.id()));
            let has_tag = |rule: &Rule| tags.is_empty() || rule.tags().any(|own| tags.iter().any(|tag| tag == own));
            let named = rules.iter().enumerate().filter(|(_, rule)| has_id(rule) && has_tag(rule));
            let named = named.map(|(at, _)| RuleIndex(at as u32)).collect();
            self.insert(named, raw).map_err(|(field, problem)| error(field, problem))?;
        }
        Ok(())
    }

    fn insert(&mut self, rules: Box<[RuleIndex]>, raw: &RawException) -> Result<(), (&'static str, Problem)> {
        let RawException { consumers, teams, models, routes, until, reason, .. } = raw;
        let callers = Callers::new(RawCallers { consumers, teams, models, routes })?;
        if callers.is_everyone() {
            return Err(("consumers", Problem::NeedsCallers));
        }
        if reason.trim().is_empty() {
            return Err(("reason", Problem::Empty));
        }
        if reason.len() > MAX_REASON_BYTES {
            return Err(("reason", Problem::TooLong(MAX_REASON_BYTES)));
        }
        self.push(Restriction { callers, rules, is_scope: false, until: *until });
        Ok(())
    }

    fn push(&mut self, restriction: Restriction) {
        let needs = restriction.callers.needs();
        self.needs = Some(self.needs.map_or(needs, |own| own.or(needs)));
        self.all.push(restriction);
    }

    /// Returns the facts of a call that the restrictions ask for; `None` if there are no restrictions.
    pub(crate) fn needs(&self) -> Option<CallerNeeds> {
        self.needs
    }

    /// Returns the rules that do not apply to a call.
    pub(crate) fn excluded(&self, caller: &Caller<'_>) -> RuleSet {
        let mut excluded = RuleSet::default();
        for own in &self.all {
            if own.callers.contain(caller) != own.is_scope && !own.has_ended(caller) {
                own.rules.iter().for_each(|rule| excluded.insert(*rule));
            }
        }
        excluded
    }
}

impl Restriction {
    /// Returns `true` if the last day is over or the day is not known.
    fn has_ended(&self, caller: &Caller<'_>) -> bool {
        self.until.is_some_and(|until| caller.today.is_none_or(|today| today() > until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlaceholderValues, RequestFacts, inspect_request, inspect_uneditable_without};
    use crate::{Policy, StreamInspector, StreamVerdict, inspect_request_without, inspect_response_without};
    use std::convert::Infallible;
    use std::sync::Arc;
    use tollgate_llm::{Dialect, EventParser, FrameError, Framer, Framing, ParseLimits, Request, Response};

    fn policy(json: &str) -> Result<Policy, PolicyError> {
        Policy::from_raw(serde_json::from_str(json).unwrap())
    }

    const RULES: &str = r#"{"rules": [
        {"id": "secrets.key", "match": {"regex": "key-[0-9]{4}"}, "action": "block",
         "exceptions": [{"consumers": ["red-*"], "until": "2027-01-31", "reason": "exercise"}]},
        {"id": "secrets.word", "match": {"keywords": ["heron"]}, "action": "redact"},
        {"id": "own", "match": {"keywords": ["egret"]}, "action": "log", "scope": {"consumers": "bob"}},
        {"id": "local", "match": {"keywords": ["wren"]}, "action": "log", "scope": {"models": ["llama-*"]}}],
        "exceptions": [{"rules": "secrets.*", "teams": ["soc"], "models": ["gpt-4o"], "reason": "they search for secrets"},
                       {"rules": ["own", "local"], "routes": ["lab"], "reason": "a laboratory"}]}"#;

    /// Returns a time shortly after the begin of a day.
    fn day(text: &'static str) -> impl Fn() -> Date {
        move || Date::parse(text).unwrap()
    }

    #[test]
    fn excluded_rules_depend_on_the_call_and_the_day() {
        let policy = policy(RULES).unwrap();
        let (last, after) = (day("2027-01-31"), day("2027-02-01"));
        let caller = |consumer, team, models| Caller { consumer, team, models, route: None, today: Some(&last) };
        let red = caller(Some("red-1"), None, &["gpt-4o"]);
        for (caller, applied) in [
            (Caller::default(), "key word"),
            (red, "word"),
            (Caller { today: Some(&after), ..red }, "key word"),
            (Caller { today: None, ..red }, "key word"),
            (caller(Some("bob"), None, &[]), "key word own"),
            (caller(Some("bob"), Some("soc"), &["gpt-4o"]), "own"),
            (caller(Some("bob"), Some("soc"), &["o3"]), "key word own"),
            (caller(None, None, &["fast", "llama-3"]), "key word local"),
            (Caller { route: Some("lab"), ..caller(Some("bob"), None, &["llama-3"]) }, "key word"),
        ] {
            let excluded = policy.excluded(&caller);
            let text = "key-1234 heron egret wren";
            let names: Vec<&str> = applied.split(' ').collect();
            let is_applied = |id: &str| names.contains(&id.trim_start_matches("secrets."));
            let want: Vec<&str> = policy.rules().iter().map(Rule::id).filter(|id| is_applied(id)).collect();

            let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
            let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let request = inspect_request_without(&policy, &excluded, &view, body.as_bytes());
            let body = format!(r#"{{"choices":[{{"message":{{"role":"assistant","content":"{text}"}}}}]}}"#);
            let view = Response::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
            let of_request = (&PlaceholderValues::new(), &RequestFacts::new());
            let response = inspect_response_without(&policy, &excluded, of_request, &view, body.as_bytes());
            let tokens = inspect_uneditable_without(&policy, &excluded, text);
            for report in [request, response, tokens] {
                assert_eq!(report.rule_names(&policy), want.join(","), "{caller:?}");
            }
        }
    }

    #[test]
    fn excluded_rules_do_not_stop_or_edit_a_stream() {
        let policy = Arc::new(policy(RULES).unwrap());
        let last = day("2027-01-31");
        for (caller, out, rules) in [
            (Caller::default(), None, "secrets.key"),
            (
                Caller { consumer: Some("red-1"), today: Some(&last), ..Caller::default() },
                Some("a key-1234 and a [secrets.word]."),
                "secrets.word",
            ),
            (
                Caller { team: Some("soc"), models: &["gpt-4o"], ..Caller::default() },
                Some("a key-1234 and a heron."),
                "",
            ),
        ] {
            let stream = StreamInspector::new(policy.clone(), Dialect::OpenAiChat);
            let mut stream = stream.without(policy.excluded(&caller));
            let (mut framer, mut parser) = (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
            let mut sent = Vec::new();
            let mut is_blocked = false;
            for part in ["a ke", "y-12", "34 and a her", "on."] {
                let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{part}\"}}}}]}}\n\n");
                let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                    is_blocked |= stream.event(&parser.parse(event), &mut sent) != StreamVerdict::Continue;
                    Ok(())
                });
                fed.unwrap();
            }
            is_blocked |= stream.finish(&mut sent) != StreamVerdict::Continue;
            let sent = String::from_utf8(sent).unwrap();
            let text: String = sent.split("\"content\":\"").skip(1).filter_map(|part| part.split('"').next()).collect();
            assert_eq!((is_blocked, Some(text.as_str()).filter(|_| !is_blocked)), (out.is_none(), out), "{caller:?}");
            assert_eq!(stream.report().rule_names(&policy), rules, "{caller:?}");
        }
    }

    /// A rule that does not apply made a stream too costly, which then was blocked.
    #[test]
    fn an_excluded_rule_takes_no_work_in_a_stream() {
        // Searches that begin at a literal, behind a lead, and at any character.
        for regex in
            ["(?s)zqx.{1,900}(y.{1,20}){9}z", "(?s)q+x.{1,900}(y.{1,20}){9}z", "(?s)[xq].{1,900}(y.{1,20}){9}z"]
        {
            let rule = serde_json::json!({"id": "costly", "match": {"regex": regex}, "action": "block"});
            let raw = serde_json::from_value(serde_json::json!({ "rules": [rule] })).unwrap();
            let policy = Arc::new(Policy::from_raw(raw).unwrap());
            for is_excluded in [false, true] {
                let mut excluded = RuleSet::default();
                if is_excluded {
                    excluded.insert(RuleIndex(0));
                }
                let mut stream = StreamInspector::new(policy.clone(), Dialect::OpenAiChat).without(excluded);
                let (mut framer, mut parser) =
                    (Framer::new(Framing::Sse, 1 << 20), EventParser::new(Dialect::OpenAiChat));
                let text = "zqx yyyy".repeat(10_000);
                let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
                let mut is_blocked = false;
                let fed: Result<(), FrameError<Infallible>> = framer.push(event.as_bytes(), |event| {
                    is_blocked |= stream.event(&parser.parse(event), &mut Vec::new()) != StreamVerdict::Continue;
                    Ok(())
                });
                fed.unwrap();
                assert_eq!((is_blocked, stream.held_bytes()), (!is_excluded, 0), "{regex}");
            }
        }
    }

    #[test]
    fn a_text_of_a_call_with_an_exception_is_not_remembered_as_clean() {
        let mut policy = policy(RULES).unwrap();
        policy.remember_clean_texts(|| [7; 16]);
        let (text, last) = ("a long text with a key-1234. ".repeat(600), day("2027-01-31"));
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let view = Request::parse(Dialect::OpenAiChat, body.as_bytes(), &ParseLimits::default()).unwrap();
        let red = Caller { consumer: Some("red-1"), today: Some(&last), ..Caller::default() };
        for (excluded, is_blocked) in [(policy.excluded(&red), false), (RuleSet::default(), true)] {
            let report = inspect_request_without(&policy, &excluded, &view, body.as_bytes());
            assert_eq!(report.cause.is_some(), is_blocked);
        }
        assert!(inspect_request(&policy, &view, body.as_bytes()).cause.is_some());
    }

    #[test]
    fn exceptions_name_rules_by_tags() {
        let json = r#"{"rules": [
            {"id": "a.1", "match": {"regex": "x"}, "action": "log", "tag": {"data": "pii"}},
            {"id": "a.2", "match": {"regex": "x"}, "action": "tag", "tag": {"data": "pii", "kind": "card"}},
            {"id": "b", "match": {"regex": "x"}, "action": "block", "tag": {"data": "secret"}}],
            "exceptions": [{"tags": "data=pii", "consumers": "one", "reason": "r"},
                           {"tags": ["data=secret", "kind=card"], "rules": ["a*"], "consumers": "two", "reason": "r"}]}"#;
        let policy = policy(json).unwrap();
        for (consumer, excluded, tags) in [
            ("one", "0 1", "data=secret"),
            ("two", "1", "data=pii data=secret"),
            ("no", "", "data=pii data=secret kind=card"),
        ] {
            let rules = policy.excluded(&Caller { consumer: Some(consumer), ..Caller::default() });
            let found: Vec<String> = rules.iter().map(|rule| rule.get().to_string()).collect();
            assert_eq!(found.join(" "), excluded, "{consumer}");
            assert_eq!(inspect_uneditable_without(&policy, &rules, "x").tags(&policy).join(" "), tags, "{consumer}");
        }
    }

    #[test]
    fn a_rule_in_audit_is_found_by_its_tags_and_sets_none() {
        let json = r#"{"rules": [
            {"id": "trial", "match": {"regex": "x"}, "action": "block", "mode": "audit", "tag": {"data": "pii"}},
            {"id": "real", "match": {"regex": "x"}, "action": "log", "tag": {"kind": "card"}}],
            "exceptions": [{"tags": "data=pii", "consumers": "one", "reason": "r"}]}"#;
        let policy = policy(json).unwrap();
        for (consumer, rules) in [("one", "real"), ("two", "trial,real")] {
            let excluded = policy.excluded(&Caller { consumer: Some(consumer), ..Caller::default() });
            let report = inspect_uneditable_without(&policy, &excluded, "x");
            assert_eq!((report.rule_names(&policy), report.tags(&policy)), (rules.to_owned(), vec!["kind=card"]));
        }
    }

    #[test]
    fn only_facts_that_a_restriction_asks_for_are_needed() {
        let needs = |json: &str| policy(json).unwrap().caller_needs();
        let rule = r#"{"id": "a", "match": {"regex": "x"}, "action": "log"}"#;
        assert_eq!(needs(&format!(r#"{{"rules": [{rule}]}}"#)), None);
        let exceptions =
            |list: &str| format!(r#"{{"rules": [{rule}], "exceptions": [{{"rules": "a", "reason": "r", {list}}}]}}"#);
        let none = CallerNeeds::default();
        assert_eq!(needs(&exceptions(r#""teams": "t""#)), Some(CallerNeeds { teams: true, ..none }));
        let two = r#""teams": "t"}, {"rules": "a", "reason": "r", "models": "m""#;
        assert_eq!(needs(&exceptions(two)), Some(CallerNeeds { teams: true, models: true, ..none }));
    }

    #[test]
    fn exceptions_need_calls_a_reason_and_rules() {
        let rule = |exception: &str| {
            format!(
                r#"{{"rules": [{{"id": "a", "match": {{"regex": "x"}}, "action": "log", "exceptions": [{exception}]}}]}}"#
            )
        };
        let all = |exception: &str| {
            format!(
                r#"{{"rules": [{{"id": "a", "match": {{"regex": "x"}}, "action": "log"}}], "exceptions": [{exception}]}}"#
            )
        };
        for (json, path) in [
            (rule(r#"{"reason": "r"}"#), "rules[0].exceptions[0].consumers"),
            (rule(r#"{"consumers": [], "reason": "r"}"#), "rules[0].exceptions[0].consumers"),
            (rule(r#"{"consumers": "a", "reason": " "}"#), "rules[0].exceptions[0].reason"),
            (rule(r#"{"rules": "a", "consumers": "a", "reason": "r"}"#), "rules[0].exceptions[0].rules"),
            (all(r#"{"consumers": "a", "reason": "r"}"#), "exceptions[0].rules"),
            (all(r#"{"rules": ["a", "b*"], "consumers": "a", "reason": "r"}"#), "exceptions[0].rules[1]"),
            (all(r#"{"tags": ["data=pii"], "consumers": "a", "reason": "r"}"#), "exceptions[0].tags[0]"),
            (rule(r#"{"tags": "a=b", "consumers": "a", "reason": "r"}"#), "rules[0].exceptions[0].tags"),
            (all(r#"{"rules": ["a"], "teams": [""], "reason": "r"}"#), "exceptions[0].teams"),
            (all(r#"{"rules": ["a"], "models": ["*x*"], "reason": "r"}"#), "exceptions[0].models"),
        ] {
            assert_eq!(policy(&json).map(|_| ()).unwrap_err().path, path, "{json}");
        }
        for exception in [r#"{"consumers": "a"}"#, r#"{"consumers": "a", "reason": "r", "until": "soon"}"#] {
            assert!(serde_json::from_str::<RawException>(exception).is_err(), "{exception}");
        }
    }
}
