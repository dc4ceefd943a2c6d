//! Rules on the arguments of calls of tools, by the name of the tool and the place of the value.
//!
//! A rule whose scope names tools or arguments judges no texts. When a call of the model is complete, each value in its arguments that
//! the scope contains is searched for the pattern, as a text of its own: `\A` and `\z` are the borders of the value. Calls in requests
//! are those of earlier turns, which were judged when the model made them.

use crate::condition::list::OneOrMany;
use crate::error::Problem;
use crate::policy::Policy;
use crate::raw::{OnUnscannable, RawRule};
use crate::report::{Cause, Report};
use crate::rule::{Action, Direction, RuleIndex};
use crate::rule_scope::ScopeMessages;
use crate::rule_set::RuleSet;
use crate::search::meter::Meter;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Maximum number of names of tools, and of pointers, of a rule.
const MAX_ENTRIES: usize = 256;
const MAX_ENTRY_BYTES: usize = 200;
/// Work of judging a value, whatever its length, in the unit of the meter.
const VALUE_WORK: u64 = 64;
/// Members that have the arguments of a call, beside `name`.
const ARGUMENTS: [&str; 4] = ["arguments", "input", "args", "parameters"];

/// Calls of tools and values in their arguments that a rule judges.
#[derive(Debug)]
pub(crate) struct ArgumentScope {
    /// Names, exact or with `*` at the end; `None`: all tools.
    tools: Option<Box<[String]>>,
    /// Pointers; `None`: all values.
    pointers: Option<Box<[Pointer]>>,
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
    /// Returns `true` if the scope contains calls of a tool that may have one of these names. A call without a name may be one of
    /// any tool.
    fn has_tool(&self, names: &[&str]) -> bool {
        let Some(tools) = self.tools.as_ref().filter(|_| !names.is_empty()) else { return true };
        let has = |name: &str| {
            tools.iter().any(|tool| match tool.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => tool == name,
            })
        };
        names.iter().any(|name| has(name))
    }

    fn has_path(&self, path: &[String]) -> bool {
        self.pointers.as_ref().is_none_or(|pointers| pointers.iter().any(|pointer| pointer.has(path)))
    }
}

/// Name of the tool of a call in a stream, which some servers repeat, some split, and some follow by that of the next call.
#[derive(Debug, Default)]
pub(crate) struct CalledName {
    joined: String,
    last: String,
}

/// Maximum length of a name in pieces. The APIs allow 128.
const MAX_JOINED_BYTES: usize = 1024;

impl CalledName {
    /// Adds a name or a piece of one.
    pub(crate) fn add(&mut self, piece: &str) {
        if self.joined != piece && self.joined.len() + piece.len() <= MAX_JOINED_BYTES {
            self.joined.push_str(piece);
        }
        piece.clone_into(&mut self.last);
    }

    /// Returns the names that the tool may have.
    pub(crate) fn names(&self) -> [&str; 2] {
        [&self.joined, &self.last]
    }
}

/// Takes the calls that a rule judges from its scope; `None` if it judges texts.
///
/// # Errors
/// The field that is wrong, and why.
pub(crate) fn expand(rule: &mut RawRule) -> Result<Option<ArgumentScope>, (&'static str, Problem)> {
    let Some(scope) = rule.scope.as_mut().filter(|scope| scope.tools.is_some() || scope.arguments.is_some()) else {
        return Ok(None);
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
    if rule.action.action() == Action::Redact {
        return Err(("action", Problem::ActionOfArguments));
    }
    match rule.applies_to.as_deref() {
        None => rule.applies_to = Some(vec![Direction::Response]),
        Some([Direction::Response]) => {}
        Some(_) => return Err(("applies_to", Problem::ResponsesOnly)),
    }
    let check = |field: &'static str, list: &OneOrMany<String>| {
        let problem = if list.0.is_empty() || list.0.iter().any(String::is_empty) {
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
    let pointers = match pointers {
        None => None,
        Some(OneOrMany(list)) => {
            let list: Option<Vec<Pointer>> = list.iter().map(|text| Pointer::of(text)).collect();
            Some(list.ok_or(("scope.arguments", Problem::ArgumentPointer))?.into())
        }
    };
    Ok(Some(ArgumentScope { tools: tools.map(|OneOrMany(tools)| tools.into()), pointers }))
}

/// Judges the complete arguments of a call of a tool with one of these names. Returns the cause if they are blocked.
pub(crate) fn inspect(
    policy: &Policy,
    excluded: &RuleSet,
    names: &[&str],
    arguments: &str,
    report: &mut Report,
) -> Option<Cause> {
    let on = policy.on_arguments().iter().copied().filter(|index| !excluded.contains(*index));
    let on: Vec<(RuleIndex, &ArgumentScope)> = on
        .filter_map(|index| Some((index, policy.rule(index)?.arguments.as_deref()?)))
        .filter(|(_, scope)| scope.has_tool(names))
        .collect();
    if on.is_empty() || arguments.trim_ascii().is_empty() {
        return None;
    }
    let mut found: Vec<RuleIndex> = Vec::new();
    let result = policy.with_memory(|memory| {
        memory.scratch.meter = Meter::for_bytes(arguments.len() as u64);
        let judge = |path: &[String], value: &str| {
            for (index, _) in on.iter().filter(|(_, scope)| scope.has_path(path)) {
                memory.scratch.meter.add(VALUE_WORK);
                if policy.rule(*index).is_some_and(|rule| policy.matches_raw(rule, value, &mut memory.scratch)) {
                    found.push(*index);
                }
                if memory.scratch.meter.is_exceeded() {
                    return Err(Cause::TooCostly);
                }
            }
            Ok(())
        };
        let result = each_value(arguments, judge);
        memory.scratch.meter = Meter::default();
        result
    });
    let mut cause = None;
    for index in found {
        let Some(rule) = policy.rule(index) else { continue };
        report.matched(index, rule.action());
        match rule.action() {
            Action::Log | Action::Redact => {}
            Action::Score => report.scores.add(index, rule.points(), false),
            Action::Block => cause = cause.min(Some(index)).or(Some(index)),
        }
    }
    let cause = cause.map(Cause::Rule).or_else(|| report.reached(policy, Direction::Response));
    match (cause, result, policy.on_unscannable(Direction::Response)) {
        (Some(cause), _, _) => Some(cause),
        (None, Ok(()), _) => None,
        (None, Err(cause), OnUnscannable::Block) => Some(cause),
        (None, Err(_), OnUnscannable::Pass) => {
            report.unscanned += 1;
            None
        }
    }
}

/// Calls `each` with the path and the text of every string, number, boolean and `null` of a JSON text. Text that does not look like
/// JSON is one value.
///
/// # Errors
/// [`Cause::Unreadable`] if the text looks like JSON, but is not; those of `each`.
fn each_value(json: &str, mut each: impl FnMut(&[String], &str) -> Result<(), Cause>) -> Result<(), Cause> {
    if !json.trim_ascii_start().starts_with(['{', '[', '"']) {
        return each(&[], json);
    }
    let (mut path, mut stopped) = (Vec::new(), None);
    let mut reader = serde_json::Deserializer::from_str(json);
    let values = Values { path: &mut path, each: &mut each, stopped: &mut stopped };
    let result = values.deserialize(&mut reader).and_then(|()| reader.end());
    match (stopped, result) {
        (Some(cause), _) => Err(cause),
        (None, result) => result.map_err(|_| Cause::Unreadable),
    }
}

/// Reader of the values of a JSON text. It does not build the value, in which the last of several members of one name would hide the
/// others.
struct Values<'v, F> {
    path: &'v mut Vec<String>,
    each: &'v mut F,
    stopped: &'v mut Option<Cause>,
}

impl<F: FnMut(&[String], &str) -> Result<(), Cause>> Values<'_, F> {
    fn value<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        (self.each)(self.path, text).map_err(|cause| {
            *self.stopped = Some(cause);
            E::custom("stopped")
        })
    }

    /// Returns the reader of a value in the current one.
    fn inner(&mut self) -> Values<'_, F> {
        Values { path: &mut *self.path, each: &mut *self.each, stopped: &mut *self.stopped }
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
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// Returns the calls in a complete response, or in an event: objects with a `name` and arguments, in all APIs, or with an `action` of a
/// tool of the provider, whose `type` is its name. `with_text` says whether arguments that are a string count: in an event they may be
/// the first piece. `None` if the body is not JSON.
pub(crate) fn calls(body: &[u8], with_text: bool) -> Option<Vec<Call>> {
    let mut calls = Vec::new();
    add_calls(&serde_json::from_slice(body).ok()?, with_text, &mut calls);
    Some(calls)
}

fn add_calls(value: &Value, with_text: bool, calls: &mut Vec<Call>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| add_calls(value, with_text, calls)),
        Value::Object(members) => {
            let named = members.get("name").zip(ARGUMENTS.into_iter().find_map(|name| members.get(name)));
            let of_provider = || members.get("type").zip(members.get("action").filter(|action| action.is_object()));
            if let Some((Value::String(name), arguments)) = named.or_else(of_provider) {
                let arguments = match arguments {
                    Value::String(text) => with_text.then(|| text.clone()),
                    other => Some(other.to_string()),
                };
                calls.extend(arguments.map(|arguments| Call { name: name.clone(), arguments }));
            }
            // Definitions that a response repeats.
            let others = members.iter().filter(|(name, _)| *name != "tools");
            others.for_each(|(_, value)| add_calls(value, with_text, calls));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
