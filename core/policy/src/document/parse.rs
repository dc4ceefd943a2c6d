//! Tree of values and positions, from the events of the YAML parser.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};
use tollgate_config::{Finding, Path, Step};

use crate::document::marks::{Marks, Position};
use crate::document::scalar;

/// Maximum number of values of a document, also by aliases (`*name`).
const MAX_VALUES: usize = 200_000;

/// Document as far as it could be parsed.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) value: Value,
    pub(super) marks: Marks,
    pub(super) findings: Vec<(Finding, Position)>,
}

/// Value under construction.
struct Node {
    value: Value,
    marks: Marks,
    anchor: usize,
    /// Key of the next member, in a map.
    key: Option<(String, Position)>,
    /// Members that `<<` brings in.
    merged: Vec<(Value, Marks)>,
}

/// Parser of a document.
struct Builder {
    open: Vec<Node>,
    anchors: BTreeMap<usize, (Value, Marks)>,
    root: Option<(Value, Marks)>,
    findings: Vec<(Finding, Position)>,
    values: usize,
}

/// Parses the text of a file.
pub(super) fn parse(text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder =
        Builder { open: Vec::new(), anchors: BTreeMap::new(), root: None, findings: Vec::new(), values: 0 };
    for next in Parser::new_from_str(text) {
        let step = match next {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                let marker = error.marker();
                let position = Position { source: 0, line: marker.line(), column: marker.col() + 1, length: 1 };
                Err((error.info().lines().next().unwrap_or_default().to_owned(), position))
            }
        };
        if let Err((message, position)) = step {
            builder.findings.push((Finding::error("syntax", Path::default(), message), position));
            break;
        }
    }
    let (value, marks) = builder.root.unwrap_or_default();
    let value = if value.is_null() { Value::Object(Map::new()) } else { value };
    Parsed { value, marks, findings: builder.findings }
}

/// Result of an event: a syntax error and its position.
type Outcome = Result<(), (String, Position)>;

fn position(span: Span) -> Position {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Position { source: 0, line: start.line(), column: start.col() + 1, length: length.max(1) }
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Outcome {
        let place = position(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag.as_ref().is_some_and(|tag| tag.suffix() == "str");
                if self.needs_key() {
                    return self.key(text.into_owned(), place);
                }
                let plain = style == ScalarStyle::Plain && !text_tag;
                let value = if plain { scalar::plain(&text) } else { Value::String(text.into_owned()) };
                self.finish(value, Marks { value: place, ..Marks::default() }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Value::Array(Vec::new()), place, anchor),
            Event::MappingStart(_, anchor, _) => self.begin(Value::Object(Map::new()), place, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(node) = self.open.pop() else {
                    debug_assert!(false, "a collection ends after its start");
                    return Ok(());
                };
                let (anchor, value, marks) = complete(node);
                self.finish(value, marks, anchor)
            }
            Event::Alias(anchor) => {
                let Some((value, marks)) = self.anchors.get(&anchor).cloned() else {
                    return Err(("the alias is inside of the value that it names".to_owned(), place));
                };
                if self.needs_key() {
                    return Err(("a key must be a string".to_owned(), place));
                }
                self.values += size(&value);
                self.finish(value, marks, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(("a policy is one document; `---` begins another one".to_owned(), place))
            }
            _ => Ok(()),
        }
    }

    /// Returns `true` if the next value is the key of a map.
    fn needs_key(&self) -> bool {
        self.open.last().is_some_and(|node| node.value.is_object() && node.key.is_none())
    }

    fn key(&mut self, key: String, place: Position) -> Outcome {
        if let Some(node) = self.open.last_mut() {
            node.key = Some((key, place));
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, place: Position, anchor: usize) -> Outcome {
        if self.needs_key() {
            return Err(("a key must be a string".to_owned(), place));
        }
        let marks = Marks { value: Position { length: 1, ..place }, ..Marks::default() };
        self.open.push(Node { value, marks, anchor, key: None, merged: Vec::new() });
        Ok(())
    }

    fn finish(&mut self, value: Value, mut marks: Marks, anchor: usize) -> Outcome {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err((format!("the document has more than {MAX_VALUES} values"), marks.value));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), marks.clone()));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some((value, marks));
            return Ok(());
        };
        let key = parent.key.take();
        match (&mut parent.value, key) {
            (Value::Array(elements), _) => {
                parent.marks.members.insert(Step::Index(elements.len()), marks);
                elements.push(value);
            }
            (Value::Object(_), Some((key, _))) if key == "<<" => parent.merged.push((value, marks)),
            (Value::Object(members), Some((key, place))) => {
                marks.key = Some(place);
                if let Some(first) = parent.marks.members.get(&Step::Key(key.clone())) {
                    let line = first.key.unwrap_or_default().line;
                    let finding = Finding::error("duplicate-key", Path::default(), "duplicate key");
                    self.findings.push((finding.with_help(format!("the first one is on line {line}")), place));
                    return Ok(());
                }
                parent.marks.members.insert(Step::Key(key.clone()), marks);
                members.insert(key, value);
            }
            _ => debug_assert!(false, "a member of a map has a key"),
        }
        Ok(())
    }
}

/// Adds the members that `<<` brings in, which never replace one.
fn complete(node: Node) -> (usize, Value, Marks) {
    let Node { mut value, mut marks, anchor, merged, .. } = node;
    for (other, other_marks) in merged {
        let maps: Vec<(Value, Marks)> = match other {
            Value::Array(elements) => {
                let marks = other_marks.members.into_values();
                elements.into_iter().zip(marks).collect()
            }
            map => vec![(map, other_marks)],
        };
        for (map, mut map_marks) in maps {
            let (Value::Object(map), Value::Object(members)) = (map, &mut value) else { continue };
            for (key, member) in map {
                if members.contains_key(&key) {
                    continue;
                }
                let step = Step::Key(key.clone());
                if let Some(member_marks) = map_marks.members.remove(&step) {
                    marks.members.insert(step, member_marks);
                }
                members.insert(key, member);
            }
        }
    }
    (anchor, value, marks)
}

/// Returns the number of values in a value.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}
