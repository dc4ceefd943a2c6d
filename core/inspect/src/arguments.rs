//! Rules on the arguments of calls of tools, by the name of the tool and the place of the value.
//!
//! A rule whose scope names tools or arguments judges no texts. When a call of the model is complete, each value in its arguments that
//! the scope contains is searched for the pattern, as a text of its own: `\A` and `\z` are the borders of the value. Calls in requests
//! are those of earlier turns, which were judged when the model made them.

use crate::body::is_arguments;
use crate::caller::Names;
use crate::condition::Candidate;
use crate::condition::list::OneOrMany;
use crate::entities::Source;
use crate::error::Problem;
use crate::pattern::tool::has_other_pattern;
use crate::policy::Policy;
use crate::raw::{OnUnscannable, RawRule};
use crate::report::{Cause, Report};
use crate::request_facts::RequestFacts;
use crate::rule::{Action, Direction, Rule, RuleIndex};
use crate::rule_scope::ScopeMessages;
use crate::rule_set::RuleSet;
use crate::search::meter::Meter;
use crate::search::scratch::Scratch;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use tollgate_llm::Part;

/// Maximum number of names of tools, and of pointers, of a rule.
const MAX_ENTRIES: usize = 256;
const MAX_ENTRY_BYTES: usize = 200;
/// Work of judging a value, whatever its length, in the unit of the meter.
const VALUE_WORK: u64 = 64;
/// Members that have the arguments of a call, beside `name`.
const ARGUMENTS: [&str; 4] = ["arguments", "input", "args", "parameters"];
/// Members that have the arguments of a call of a tool of the provider.
const PROVIDER_ARGUMENTS: [&str; 5] = ["action", "actions", "operation", "code", "queries"];

/// Calls of tools and values in their arguments that a rule judges.
#[derive(Debug)]
pub(crate) struct ArgumentScope {
    /// Names; `None`: all tools.
    tools: Option<Names>,
    /// Pointers; `None`: all values.
    pointers: Option<Box<[Pointer]>>,
    /// `true` if the rule judges where a value comes from, in place of a pattern.
    judges_provenance: bool,
}

/// Source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProvenanceSource {
    /// Result of a tool in the request.
    ToolResult,
}

/// JSON pointer (RFC 6901). It stands for the value and everything in it.
#[derive(Debug)]
struct Pointer(Box<[Step]>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Any member or element.
    Any,
    /// Member of this name, or element at this index.
    Key(Box<str>),
}

impl Pointer {
    /// Returns the pointer; `None` unless it begins with `/`.
    fn of(text: &str) -> Option<Pointer> {
        let steps = text.strip_prefix('/')?.split('/').map(|step| match step {
            "*" => Step::Any,
            _ => Step::Key(step.replace("~1", "/").replace("~0", "~").into()),
        });
        Some(Pointer(steps.collect()))
    }

    /// Returns `true` if the pointer stands for the value at a path.
    fn has(&self, path: &[String]) -> bool {
        let is_equal = |(step, key): (&Step, &String)| match step {
            Step::Any => true,
            Step::Key(own) => **own == **key,
        };
        path.len() >= self.0.len() && self.0.iter().zip(path).all(is_equal)
    }
}

impl ArgumentScope {
    /// Returns `true` if the scope may contain calls of a tool.
    fn has_tool(&self, tool: &Tool<'_>) -> bool {
        let Some(own) = &self.tools else { return true };
        match tool {
            Tool::Unnamed => false,
            Tool::OneOf(names) => names.iter().any(|name| own.contain(name)),
            Tool::Any => true,
        }
    }

    /// Returns `true` if the rule judges where a value comes from.
    pub(crate) fn judges_provenance(&self) -> bool {
        self.judges_provenance
    }

    /// Returns `true` if text without places cannot be judged: it should have some.
    fn needs_places(&self) -> bool {
        self.tools.is_some() && self.pointers.is_some()
    }

    fn has_path(&self, path: &[String]) -> bool {
        self.pointers.as_ref().is_none_or(|pointers| pointers.iter().any(|pointer| pointer.has(path)))
    }
}

/// Tool of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tool<'n> {
    /// No function: code that the provider runs.
    Unnamed,
    /// Tool with one of these names.
    OneOf(Vec<&'n str>),
    /// Tool with any name.
    Any,
}

/// Names of the tool of a call in a stream. Servers repeat a name, split it over events, send empty ones behind it, and begin the next
/// call under the index of the last one.
#[derive(Debug, Default)]
pub(crate) struct CalledNames {
    names: Vec<String>,
    joined: String,
    has_more: bool,
}

/// Maximum number of names under one index.
const MAX_NAMES: usize = 16;
/// Maximum length of a name in pieces. The APIs allow 128.
const MAX_JOINED_BYTES: usize = 1024;

impl CalledNames {
    /// Adds a name or a piece of one.
    pub(crate) fn add(&mut self, piece: &str) {
        if piece.is_empty() || self.names.iter().any(|name| name == piece) {
            return;
        }
        self.has_more |= self.names.len() == MAX_NAMES || self.joined.len() + piece.len() > MAX_JOINED_BYTES;
        if !self.has_more {
            self.joined.push_str(piece);
            self.names.push(piece.to_owned());
        }
    }

    /// Returns the tool.
    pub(crate) fn tool(&self) -> Tool<'_> {
        match (self.has_more, self.joined.is_empty()) {
            (true, _) => Tool::Any,
            (false, true) => Tool::Unnamed,
            (false, false) => Tool::OneOf(self.names.iter().chain([&self.joined]).map(String::as_str).collect()),
        }
    }
}

/// Takes the calls that a rule judges from its scope; `None` if it judges texts.
///
/// # Errors
/// The field that is wrong, and why.
pub(crate) fn expand(rule: &mut RawRule) -> Result<Option<ArgumentScope>, (&'static str, Problem)> {
    let provenance = rule.pattern.provenance.take();
    let Some(scope) = rule.scope.as_mut().filter(|scope| scope.tools.is_some() || scope.arguments.is_some()) else {
        return if provenance.is_some() { Err(("match.provenance", Problem::ProvenanceOfTexts)) } else { Ok(None) };
    };
    let of_texts = [
        ("scope.roles", scope.roles.is_some()),
        ("scope.messages", scope.messages != ScopeMessages::All),
        ("scope.parts", scope.parts.is_some()),
    ];
    if let Some((field, _)) = of_texts.into_iter().find(|(_, is_present)| *is_present) {
        return Err((field, Problem::OnlyWith("rules on texts: `tools` and `arguments` are of calls")));
    }
    let (tools, pointers) = (scope.tools.take(), scope.arguments.take());
    if rule.pattern.tool.is_some() || rule.pattern.members.is_some() {
        return Err(("match", Problem::PatternOfArguments));
    }
    if provenance.is_some() {
        expand_provenance(rule)?;
    }
    if rule.action.action() == Action::Redact {
        return Err(("action", Problem::ActionOfArguments));
    }
    match rule.applies_to.as_deref() {
        None => rule.applies_to = Some(vec![Direction::Response]),
        Some([Direction::Response]) => {}
        Some(_) => return Err(("applies_to", Problem::ResponsesOnly)),
    }
    let check = |field: &'static str, list: &OneOrMany<String>| {
        let problem = if list.0.is_empty() {
            Problem::Empty
        } else if list.0.len() > MAX_ENTRIES {
            Problem::TooMany(MAX_ENTRIES)
        } else if list.0.iter().any(|entry| entry.len() > MAX_ENTRY_BYTES) {
            Problem::TooLong(MAX_ENTRY_BYTES)
        } else {
            return Ok(());
        };
        Err((field, problem))
    };
    tools.iter().try_for_each(|tools| check("scope.tools", tools))?;
    pointers.iter().try_for_each(|pointers| check("scope.arguments", pointers))?;
    let tools = tools.as_ref().map(Names::new).transpose().map_err(|problem| ("scope.tools", problem))?;
    let pointers =
        pointers.map(|OneOrMany(list)| list.iter().map(|text| Pointer::of(text)).collect::<Option<Box<[_]>>>());
    let pointers = pointers.map(|list| list.ok_or(("scope.arguments", Problem::ArgumentPointer))).transpose()?;
    Ok(Some(ArgumentScope { tools, pointers, judges_provenance: provenance.is_some() }))
}

/// Checks a rule that judges where a value comes from. A keyword takes the place of its pattern, because a rule has one.
fn expand_provenance(rule: &mut RawRule) -> Result<(), (&'static str, Problem)> {
    let allow = rule.pattern.allow.take();
    if has_other_pattern(&rule.pattern) {
        return Err(("match", Problem::ProvenanceAlone));
    }
    if !rule.examples.matches.is_empty() || !rule.examples.no_match.is_empty() {
        return Err(("examples", Problem::ExamplesOfCalls));
    }
    rule.pattern.keywords = Some(vec!["provenance".to_owned()]);
    rule.pattern.allow = allow;
    Ok(())
}

/// Judges the complete arguments of a call of a tool. Returns the cause if they are blocked.
pub(crate) fn inspect(
    policy: &Policy,
    excluded: &RuleSet,
    facts: &RequestFacts,
    (tool, arguments): (&Tool<'_>, &str),
    meter: &mut Meter,
    report: &mut Report,
) -> Option<Cause> {
    let on: Vec<(RuleIndex, &ArgumentScope)> =
        applicable(policy, excluded, facts).filter(|(_, scope)| scope.has_tool(tool)).collect();
    if on.is_empty() || arguments.trim_ascii().is_empty() {
        return None;
    }
    let checks = on.iter().map(|(_, scope)| 1 + scope.pointers.as_ref().map_or(0, |pointers| pointers.len())).sum();
    let mut found: Vec<RuleIndex> = Vec::new();
    // Rules that could not judge a value, because results of tools have too many entities.
    let mut unknown: Vec<(RuleIndex, &ArgumentScope)> = Vec::new();
    let result = policy.with_memory(|memory| {
        memory.scratch.meter = *meter;
        let mut judge = |path: &[String], value: &str| {
            memory.scratch.meter.add_checks(checks);
            for (index, scope) in on.iter().filter(|(_, scope)| scope.has_path(path)) {
                memory.scratch.meter.add(VALUE_WORK);
                let Some(rule) = policy.rule(*index) else { continue };
                let matches = match scope.judges_provenance {
                    true => {
                        let source = source_of(rule, facts, value, &mut memory.scratch);
                        if source == Source::Unknown && !unknown.iter().any(|(own, _)| own == index) {
                            unknown.push((*index, *scope));
                        }
                        source == Source::Result
                    }
                    false => policy.matches_raw(rule, value, &mut memory.scratch),
                };
                if matches {
                    found.push(*index);
                }
            }
            if memory.scratch.meter.is_exceeded() { Err(Cause::TooCostly) } else { Ok(()) }
        };
        let result = if *tool == Tool::Unnamed {
            judge(&[], arguments)
        } else {
            match each_value(arguments, 0, &mut judge) {
                Ok(Form::Text) if on.iter().any(|(_, scope)| scope.needs_places()) => Err(Cause::Unreadable),
                result => result.map(|_| ()),
            }
        };
        *meter = std::mem::take(&mut memory.scratch.meter);
        result
    });
    let mut cause = None;
    for index in found {
        let Some(rule) = policy.rule(index) else { continue };
        report.matched(index, rule.action());
        match rule.action() {
            Action::Log | Action::Redact => {}
            Action::Score => report.scores.add(index, rule.points(), false),
            Action::Block => cause = Some(cause.map_or(index, |first: RuleIndex| first.min(index))),
        }
    }
    let cause = cause.map(Cause::Rule).or_else(|| report.reached(policy, Direction::Response));
    match (cause, result) {
        (Some(cause), _) => Some(cause),
        (None, Ok(())) if unknown.is_empty() => None,
        (None, Ok(())) => unscanned(policy, unknown.into_iter(), Cause::Unreadable, report),
        (None, Err(cause)) => unscanned(policy, on.into_iter(), cause, report),
    }
}

/// Returns the source of a value, as far as the rule does not allow it.
fn source_of(rule: &Rule, facts: &RequestFacts, value: &str, scratch: &mut Scratch) -> Source {
    scratch.meter.add(value.len() as u64);
    facts.entities.source(value, |before, run| {
        let (previous, next) = (before.chars().next_back(), None);
        let candidate = Candidate { before, previous, matched: run, reported: run, next };
        let is_allowed = !rule.conditions.hold(&candidate, &mut scratch.groups);
        scratch.meter.add(std::mem::take(&mut scratch.groups.work));
        is_allowed
    })
}

/// Returns the rules on arguments that apply to a call: those on the source of a value only if there are any in the request.
fn applicable<'p>(
    policy: &'p Policy,
    excluded: &'p RuleSet,
    facts: &'p RequestFacts,
) -> impl Iterator<Item = (RuleIndex, &'p ArgumentScope)> + 'p {
    let on = policy.on_arguments().iter().copied().filter(|index| !excluded.contains(*index));
    let on = on.filter_map(|index| Some((index, policy.rule(index)?.arguments.as_deref()?)));
    on.filter(|(_, scope)| !scope.judges_provenance || !facts.entities.is_empty())
}

/// Returns `true` if a rule judges arguments of a call.
pub(crate) fn has_rules(policy: &Policy, excluded: &RuleSet, facts: &RequestFacts) -> bool {
    applicable(policy, excluded, facts).next().is_some()
}

/// Counts arguments that cannot be judged. Returns the cause if they are blocked: not if all rules on them only log.
fn unscanned<'p>(
    policy: &Policy,
    mut on: impl Iterator<Item = (RuleIndex, &'p ArgumentScope)>,
    cause: Cause,
    report: &mut Report,
) -> Option<Cause> {
    let may_act = on.any(|(index, _)| policy.rule(index).is_some_and(|rule| rule.may_act_on(Direction::Response)));
    if may_act && policy.on_unscannable(Direction::Response) == OnUnscannable::Block {
        return Some(cause);
    }
    report.unscanned += 1;
    None
}

/// Counts calls that cannot be found or judged, like arguments.
pub(crate) fn unreadable(
    policy: &Policy,
    excluded: &RuleSet,
    facts: &RequestFacts,
    report: &mut Report,
) -> Option<Cause> {
    unscanned(policy, applicable(policy, excluded, facts), Cause::Unreadable, report)
}

/// Number of times that arguments may be JSON in a JSON string.
const MAX_DEPTH: usize = 3;

/// Form of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Text,
}

/// Returns `true` if a text is read as JSON.
fn looks_like_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with(['{', '[', '"'])
}

/// Calls `each` with the text of every string and number of a JSON text, as far as it can be read.
pub(crate) fn each_json_value(text: &str, each: &mut impl FnMut(&str)) {
    if looks_like_json(text) {
        let _ = each_value(text, 0, &mut |_: &[String], value: &str| {
            each(value);
            Ok(())
        });
    }
}

/// Calls `each` with the path and the text of every string, number, boolean and `null` of a JSON text, of several ones in a row, and of
/// JSON in a string. Text that does not look like JSON is one value.
///
/// # Errors
/// [`Cause::Unreadable`] if the text looks like JSON, but is not; those of `each`.
fn each_value<F>(json: &str, depth: usize, each: &mut F) -> Result<Form, Cause>
where
    F: FnMut(&[String], &str) -> Result<(), Cause>,
{
    if !looks_like_json(json) {
        return each(&[], json).map(|()| Form::Text);
    }
    let (mut path, mut stopped, mut nested) = (Vec::new(), None, Vec::new());
    let mut reader = serde_json::Deserializer::from_str(json);
    loop {
        let values = Values { path: &mut path, each: &mut *each, stopped: &mut stopped, nested: &mut nested };
        let result = values.deserialize(&mut reader);
        if let Some(cause) = stopped {
            return Err(cause);
        }
        result.map_err(|_| Cause::Unreadable)?;
        if reader.end().is_ok() {
            break;
        }
    }
    if depth == MAX_DEPTH && !nested.is_empty() {
        return Err(Cause::Unreadable);
    }
    nested.iter().try_for_each(|json| each_value(json, depth + 1, each).map(|_| ()))?;
    Ok(Form::Json)
}

/// Reader of the values of a JSON text. It does not build the value, in which the last of several members of one name would hide the
/// others.
struct Values<'v, F> {
    path: &'v mut Vec<String>,
    each: &'v mut F,
    stopped: &'v mut Option<Cause>,
    /// Strings in place of the arguments that look like JSON.
    nested: &'v mut Vec<String>,
}

impl<F: FnMut(&[String], &str) -> Result<(), Cause>> Values<'_, F> {
    fn value<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if self.path.is_empty() && looks_like_json(text) {
            self.nested.push(text.to_owned());
        }
        (self.each)(self.path, text).map_err(|cause| {
            *self.stopped = Some(cause);
            E::custom("stopped")
        })
    }

    /// Returns the reader of a value in the current one.
    fn inner(&mut self) -> Values<'_, F> {
        let Values { path, each, stopped, nested } = self;
        Values { path, each: &mut **each, stopped, nested }
    }
}

impl<'de, F: FnMut(&[String], &str) -> Result<(), Cause>> DeserializeSeed<'de> for Values<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&[String], &str) -> Result<(), Cause>> Visitor<'de> for Values<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.value(text)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.value(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.value(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.value(&number.to_string())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.value(if value { "true" } else { "false" })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.value("null")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0u64;
        loop {
            self.path.push(index.to_string());
            let element = list.next_element_seed(self.inner())?;
            self.path.pop();
            if element.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.path.push(name);
            members.next_value_seed(self.inner())?;
            self.path.pop();
        }
        Ok(())
    }
}

/// Call of a tool in a complete response or event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    names: Vec<String>,
    pub(crate) arguments: String,
}

impl Call {
    /// Returns the tool.
    pub(crate) fn tool(&self) -> Tool<'_> {
        Tool::OneOf(self.names.iter().map(String::as_str).collect())
    }
}

/// Returns `true` if a body may contain calls whose texts are these.
pub(crate) fn may_call(parts: impl Iterator<Item = Part>, body: &[u8]) -> bool {
    let is_call = |part| is_arguments(part) || matches!(part, Part::ToolName(_) | Part::ToolNumber);
    parts.into_iter().any(is_call) || has(body, b"_call\"")
}

/// Returns `true` if a body contains these bytes.
pub(crate) fn has(body: &[u8], bytes: &[u8]) -> bool {
    body.windows(bytes.len()).any(|own| own == bytes)
}

/// Returns the calls in a complete response, or in an event: objects with a `name` and arguments, in all APIs, and items of tools of
/// the provider, whose `type` is the name, with and without `_call`. `with_text` says whether arguments that are a string count: in
/// an event they may be the first piece. `None` if the body is not JSON.
pub(crate) fn calls(body: &[u8], with_text: bool) -> Option<Vec<Call>> {
    let mut calls = Vec::new();
    add_calls(&serde_json::from_slice(body).ok()?, with_text, &mut calls);
    Some(calls)
}

fn add_calls(value: &Value, with_text: bool, calls: &mut Vec<Call>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| add_calls(value, with_text, calls)),
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            let (names, own): (Vec<String>, &[&str]) = match (text("name"), text("type")) {
                (Some(name), _) => (vec![name.to_owned()], &ARGUMENTS),
                (None, Some(kind)) if kind.ends_with("_call") => {
                    (vec![kind.to_owned(), kind.trim_end_matches("_call").to_owned()], &PROVIDER_ARGUMENTS)
                }
                _ => (Vec::new(), &[]),
            };
            for (name, value) in members {
                if own.contains(&name.as_str()) {
                    let arguments = match value {
                        Value::Null => None,
                        Value::String(text) => with_text.then(|| text.clone()),
                        other => Some(other.to_string()),
                    };
                    calls.extend(arguments.map(|arguments| Call { names: names.clone(), arguments }));
                } else if name != "tools" {
                    // `tools` are definitions that a response repeats.
                    add_calls(value, with_text, calls);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
