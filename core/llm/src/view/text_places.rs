//! Places of texts in events: which strings of a stream are pieces of one text, in members that no dialect knows.
//!
//! A place is the path of member names to a string, the name of the event, and the members on the way that tell one item from
//! another: `type`, `index` and the like. Strings at the same place of different events are taken for pieces of one text. In an
//! array whose elements have no such member, the position among the strings of the same path takes its place.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{ParseLimits, Str};

/// Maximum bytes of the value of a member that tells items apart.
const MAX_VALUE_BYTES: usize = 256;

/// Place of a text in the events of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextPlace(u64);

/// Object that contains texts.
#[derive(Clone, Copy, Debug)]
struct Container {
    /// Index of the object around it; `None` for the event itself.
    parent: Option<usize>,
    /// Digest of the members that tell it from others. They may follow the texts.
    identity: u64,
}

/// Open object or array.
#[derive(Clone, Copy, Debug)]
struct Frame {
    is_object: bool,
    /// Digest of the names of the members around it.
    path: u64,
    /// Index of the innermost object.
    container: usize,
}

/// Returns the places of strings of an event, in the order of `wanted`: the offsets of their opening quotes, ascending. `None` for
/// an identifier, which is never a piece of a text.
///
/// `name` is the name that the framing gives the event, and `data` its data, which is valid JSON.
#[must_use]
pub fn text_places(name: Option<&[u8]>, data: &[u8], wanted: &[usize]) -> Vec<Option<TextPlace>> {
    let mut found = vec![None; wanted.len()];
    let limits =
        ParseLimits { max_bytes: usize::MAX, max_depth: usize::MAX, max_items: usize::MAX, ..ParseLimits::default() };
    let mut scratch = Scratch::default();
    let Ok(mut reader) = Reader::new(data, &limits, Side::Response, &mut scratch) else { return found };
    let mut search = Search { wanted, next: 0, containers: Vec::new(), texts: Vec::new() };
    let walked = search.read(&mut reader, digest(&[name.unwrap_or_default()]));
    debug_assert!(walked.is_some(), "the data was parsed before");
    // Strings with the same path in one event are different texts.
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for (at, path, container) in &search.texts {
        let place = search.place(*path, *container);
        let count = counts.entry(place).or_default();
        if let Some(slot) = found.get_mut(*at) {
            *slot = Some(TextPlace(digest(&(place, *count))));
        }
        *count += 1;
    }
    found
}

/// Search for strings in an event.
struct Search<'w> {
    wanted: &'w [usize],
    /// Index of the next wanted string.
    next: usize,
    containers: Vec<Container>,
    /// Strings: the index among the wanted ones, the digest of the path, and the innermost object.
    texts: Vec<(usize, u64, usize)>,
}

impl Search<'_> {
    fn read(&mut self, reader: &mut Reader<'_, '_>, root: u64) -> Option<()> {
        let body = reader.body();
        let mut frames: Vec<Frame> = Vec::new();
        let value = reader.value().ok()?;
        self.containers.push(Container { parent: None, identity: 0 });
        match value {
            Value::Object(_) => frames.push(Frame { is_object: true, path: root, container: 0 }),
            Value::Array(_) => frames.push(Frame { is_object: false, path: root, container: 0 }),
            _ => return Some(()),
        }
        while let Some(frame) = frames.last().copied() {
            let entry = if frame.is_object {
                match reader.key().ok()? {
                    Some(key) => Some((Some(key), reader.value().ok()?)),
                    None => None,
                }
            } else {
                reader.element().ok()?.map(|value| (None, value))
            };
            let Some((key, value)) = entry else {
                frames.pop();
                continue;
            };
            let name = key.map(|key| key.decode(body)).unwrap_or_default();
            let path = digest(&(frame.path, &*name));
            match value {
                Value::Object(_) => {
                    self.containers.push(Container { parent: Some(frame.container), identity: 0 });
                    frames.push(Frame { is_object: true, path, container: self.containers.len() - 1 });
                }
                Value::Array(_) => frames.push(Frame { is_object: false, path, container: frame.container }),
                Value::String(str) if is_identifier(&name, body, str) => {
                    self.skip(str);
                    if tells_apart(&name) {
                        self.identify(frame.container, &name, str.span.of(body));
                    }
                }
                Value::String(str) => {
                    if let Some(at) = self.skip(str) {
                        self.texts.push((at, path, frame.container));
                    }
                }
                Value::Number(span) if is_index(&name) => self.identify(frame.container, &name, span.of(body)),
                _ => {}
            }
        }
        Some(())
    }

    /// Returns the index of a string if it is wanted.
    fn skip(&mut self, str: Str) -> Option<usize> {
        let start = str.literal().start;
        while self.wanted.get(self.next).is_some_and(|wanted| *wanted < start) {
            self.next += 1;
        }
        (self.wanted.get(self.next) == Some(&start)).then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    fn identify(&mut self, container: usize, name: &str, value: &[u8]) {
        if let Some(container) = self.containers.get_mut(container) {
            // The order of the members does not matter.
            container.identity ^= digest(&(name, value));
        }
    }

    /// Returns the digest of a path and of what tells the objects on it apart.
    fn place(&self, path: u64, container: usize) -> u64 {
        let mut place = path;
        let mut next = self.containers.get(container);
        while let Some(container) = next {
            place = digest(&(place, container.identity));
            next = container.parent.and_then(|parent| self.containers.get(parent));
        }
        place
    }
}

/// Returns `true` for the name of a number that tells items apart: `index`, `output_index`, `contentBlockIndex`.
fn is_index(name: &str) -> bool {
    let of = name.strip_suffix("_index").or_else(|| name.strip_suffix("Index"));
    // Not the number of a piece, which every event of a text has another one of.
    name == "index" || of.is_some_and(|of| !PIECES.contains(&of))
}

/// Things that are numbered from event to event.
const PIECES: [&str; 7] = ["char", "chunk", "delta", "event", "piece", "sequence", "token"];

/// Returns `true` for the name of a string that tells items apart: the same in all events of an item.
fn tells_apart(name: &str) -> bool {
    matches!(name, "type" | "item_id" | "itemId" | "jsonPath" | "json_path")
}

/// Returns `true` for a short string that names something and is no text.
fn is_identifier(name: &str, body: &[u8], value: Str) -> bool {
    let is_id = || name == "id" || name.ends_with("_id") || name.ends_with("Id");
    let raw = value.span.of(body);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-/$[]'\"\\".contains(byte);
    raw.len() <= MAX_VALUE_BYTES && (tells_apart(name) || is_id()) && raw.iter().all(is_name)
}

fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the places of the strings of `data` that begin with `@`.
    fn places(name: Option<&str>, data: &str) -> Vec<Option<TextPlace>> {
        let wanted: Vec<usize> = data.match_indices("\"@").map(|(at, _)| at).collect();
        text_places(name.map(str::as_bytes), data.as_bytes(), &wanted)
    }

    #[test]
    fn pieces_of_one_text_have_one_place() {
        for (one, other) in [
            (r#"{"type":"a.delta","n":1,"delta":"@"}"#, r#"{"delta":"@","n":2,"type":"a.delta"}"#),
            (r#"{"delta":{"stdout":"@x","stderr":"y"}}"#, r#"{"delta":{"stdout":"@"}}"#),
            (
                r#"{"choices":[{"index":1,"delta":{"x":"@"}}]}"#,
                r#"{"choices":[{"index":0},{"delta":{"x":"@"},"index":1}]}"#,
            ),
            (r#"{"parts":[{"text":"a"},{"call":{"x":"@"}}]}"#, r#"{"parts":[{"call":{"x":"@"}}]}"#),
            (
                r#"{"args":[{"jsonPath":"$.a","value":"@"}]}"#,
                r#"{"args":[{"jsonPath":"$.b","value":"x"},{"value":"@","jsonPath":"$.a"}]}"#,
            ),
            (r#"{"id":"1","x":"@"}"#, r#"{"id":"2","x":"@"}"#),
            (r#"{"chunk_index":1,"tokenIndex":4,"x":"@"}"#, r#"{"chunk_index":2,"tokenIndex":9,"x":"@"}"#),
            (r#"["@"]"#, r#"["@","x"]"#),
            (r#"{"\u0061":"@"}"#, r#"{"a":"@"}"#),
        ] {
            assert_eq!(places(None, one), places(None, other), "{one} {other}");
            assert!(places(None, one)[0].is_some(), "{one}");
        }
    }

    #[test]
    fn different_texts_have_different_places() {
        for (one, other) in [
            (r#"{"type":"a","x":"@"}"#, r#"{"type":"b","x":"@"}"#),
            (r#"{"item_id":"a","x":"@"}"#, r#"{"item_id":"b","x":"@"}"#),
            (r#"{"output_index":1,"x":"@"}"#, r#"{"output_index":2,"x":"@"}"#),
            (r#"{"partIndex":1,"x":"@"}"#, r#"{"partIndex":2,"x":"@"}"#),
            (r#"{"x":"@"}"#, r#"{"y":"@"}"#),
            (r#"{"x":{"y":"@"}}"#, r#"{"x":"@"}"#),
            (r#"{"c":[{"index":0,"x":"@"}]}"#, r#"{"c":[{"index":1,"x":"@"}]}"#),
            (r#"{"a":[{"jsonPath":"$.a","v":"@"}]}"#, r#"{"a":[{"jsonPath":"$.b","v":"@"}]}"#),
        ] {
            assert_ne!(places(None, one), places(None, other), "{one} {other}");
        }
        assert_ne!(places(Some("a"), r#"{"x":"@"}"#), places(Some("b"), r#"{"x":"@"}"#));
        let places = places(None, r#"{"urls":["@","@"],"x":{"urls":["@"]}}"#);
        assert!(places[0] != places[1] && places[1] != places[2] && places[0] != places[2], "{places:?}");
    }

    #[test]
    fn identifiers_are_no_texts() {
        for (data, want) in [
            (r#"{"type":"@a"}"#, true),
            (r#"{"id":"@a b"}"#, true),
            (r#"{"event_id":"evt_1","note":"@"}"#, true),
            (r#"{"valid":"@a"}"#, true),
        ] {
            assert_eq!(places(None, data)[0].is_some(), want, "{data}");
        }
        let id = |data: &str| text_places(None, data.as_bytes(), &[data.find(":\"").unwrap() + 1])[0];
        for (data, want) in [
            (r#"{"type":"new_delta"}"#, false),
            (r#"{"id":"call_1"}"#, false),
            (r#"{"responseId":"a-1"}"#, false),
            (r#"{"id":"ask bob"}"#, true),
            (r#"{"jsonPath":"$.a[0]['b']"}"#, false),
            (r#"{"text":"call_1"}"#, true),
        ] {
            assert_eq!(id(data).is_some(), want, "{data}");
        }
    }
}
