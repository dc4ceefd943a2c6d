//! Values that placeholders of a request stand for, and their restoration in the response.
//!
//! Restoration follows inspection: rules on responses see the placeholders, and no rule sees a restored value. A placeholder stays
//! in a URL, a link target or a tag (`restore/surroundings.rs`), as the beginning of an address (`restore/following.rs`), and in a
//! text that is JSON (`restore/json_text.rs`).

mod following;
mod json_text;
mod surroundings;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use tollgate_llm::{Part, RpcText};

use crate::json_strings::Replacement;
use following::{Following, following};
use json_text::JsonText;
use surroundings::Surroundings;

/// Maximum number of values of a call.
const MAX_VALUES: usize = 256;
/// Maximum size of all values and placeholders of a call.
const MAX_BYTES: usize = 64 * 1024;

/// Values of the placeholders in a request, for its response. It has at most 256 values and 64 KiB: further placeholders are not
/// restored.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PlaceholderValues {
    /// Sorted by placeholder. No placeholder is the beginning of another.
    list: Vec<Restorable>,
    /// Size of all values and placeholders.
    bytes: usize,
}

/// Placeholder with its value.
#[derive(Clone, PartialEq, Eq)]
struct Restorable {
    placeholder: Box<str>,
    /// `None`: two values have this placeholder.
    value: Option<Box<str>>,
}

/// Prints the number of values: they are secret.
impl fmt::Debug for PlaceholderValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlaceholderValues({})", self.list.len())
    }
}

/// Text at a position.
enum Found<'v> {
    /// No placeholder begins here.
    Nothing,
    /// The end of the text may be the beginning of a placeholder.
    Open,
    /// A placeholder.
    Placeholder(&'v Restorable),
}

impl PlaceholderValues {
    /// Empty set.
    pub const fn new() -> PlaceholderValues {
        PlaceholderValues { list: Vec::new(), bytes: 0 }
    }

    /// Returns `true` if there are no values.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a value, unless there are too many or its placeholder begins like another.
    pub(crate) fn insert(&mut self, placeholder: &str, value: &str) {
        self.insert_or_forget(placeholder, Some(value));
    }

    /// Adds a value, or no value for a placeholder that several values have.
    fn insert_or_forget(&mut self, placeholder: &str, value: Option<&str>) {
        let at = match self.list.binary_search_by(|own| (*own.placeholder).cmp(placeholder)) {
            Ok(at) => {
                let other = self.list.get_mut(at).filter(|own| own.value.as_deref() != value);
                other.into_iter().for_each(|own| own.value = None);
                return;
            }
            Err(at) => at,
        };
        let before = at.checked_sub(1).and_then(|before| self.list.get(before));
        let is_ambiguous = before.is_some_and(|before| placeholder.starts_with(&*before.placeholder))
            || self.list.get(at).is_some_and(|next| next.placeholder.starts_with(placeholder));
        let bytes = self.bytes + placeholder.len() + value.map_or(0, str::len);
        if is_ambiguous || placeholder.is_empty() || self.list.len() == MAX_VALUES || bytes > MAX_BYTES {
            return;
        }
        self.bytes = bytes;
        self.list.insert(at, Restorable { placeholder: placeholder.into(), value: value.map(Into::into) });
    }

    /// Adds the values of a later part of the same request.
    pub fn add(&mut self, later: &PlaceholderValues) {
        for Restorable { placeholder, value } in &later.list {
            self.insert_or_forget(placeholder, value.as_deref());
        }
    }

    /// Returns the first index of `text` at or after `from` at which a placeholder may begin.
    fn next(&self, text: &str, from: usize) -> Option<usize> {
        let is_first = |byte: &u8| {
            let first = |own: &Restorable| own.placeholder.bytes().next();
            let at = self.list.partition_point(|own| first(own) < Some(*byte));
            self.list.get(at).is_some_and(|own| first(own) == Some(*byte))
        };
        Some(from + text.as_bytes().get(from..)?.iter().position(is_first)?)
    }

    /// Returns what a text begins with.
    fn at(&self, text: &str) -> Found<'_> {
        let next = self.list.partition_point(|own| *own.placeholder <= *text);
        let before = next.checked_sub(1).and_then(|before| self.list.get(before));
        if let Some(found) = before.filter(|before| text.starts_with(&*before.placeholder)) {
            return Found::Placeholder(found);
        }
        let is_open = self.list.get(next).is_some_and(|next| next.placeholder.starts_with(text));
        if is_open { Found::Open } else { Found::Nothing }
    }
}

/// Returns `true` for texts that the model writes for people, in which placeholders are restored: never names and arguments of
/// tools, reasoning and texts whose purpose is not known.
pub(crate) fn is_restorable(part: Part) -> bool {
    matches!(part, Part::Content | Part::Refusal | Part::Transcript | Part::Rpc(RpcText::Result | RpcText::ResultCopy))
}

/// Restoration in one text, which arrives in pieces. What may be the beginning of a placeholder is held, and a placeholder until
/// the text behind it is known.
#[derive(Debug, Default)]
pub(crate) struct Restorer {
    held: String,
    surroundings: Surroundings,
    json: JsonText,
}

impl Restorer {
    /// Returns the number of held bytes: at most 256 more than two placeholders have.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Adds a piece and appends the text so far to `out`. `is_last` releases what is held. Returns the number of restored values.
    pub(crate) fn push(&mut self, values: &PlaceholderValues, piece: &str, is_last: bool, out: &mut String) -> u64 {
        let mut held = std::mem::take(&mut self.held);
        held.push_str(piece);
        let (mut from, mut count) = (0, 0);
        let end = self.read(values, &held, is_last, |range, value| {
            out.push_str(held.get(from..range.start).unwrap_or_default());
            out.push_str(value);
            from = range.end;
            count += 1;
        });
        out.push_str(held.get(from..end).unwrap_or_default());
        held.drain(..end);
        self.held = held;
        count
    }

    /// Finds the placeholders to restore in a text, calls `each` with the place and the value of each, and returns the index up to
    /// which the text was read.
    fn read<'v>(
        &mut self,
        values: &'v PlaceholderValues,
        text: &str,
        is_last: bool,
        mut each: impl FnMut(Range<usize>, &'v str),
    ) -> usize {
        let mut at = 0;
        while let Some(start) = values.next(text, at) {
            self.pass(text.get(at..start));
            let remaining = text.get(start..).unwrap_or_default();
            let end = match values.at(remaining) {
                Found::Open if !is_last => return start,
                Found::Open | Found::Nothing => start + remaining.chars().next().map_or(1, char::len_utf8),
                Found::Placeholder(Restorable { placeholder, value }) => {
                    let end = start + placeholder.len();
                    let stays = self.json.is_json() || self.surroundings.keep();
                    if let Some(value) = value.as_deref().filter(|_| !stays) {
                        match following(values, text.get(end..).unwrap_or_default(), is_last) {
                            Following::Open => return start,
                            Following::Address => {}
                            Following::Text => {
                                self.pass(Some(value));
                                each(start..end, value);
                                at = end;
                                continue;
                            }
                        }
                    }
                    end
                }
            };
            self.pass(text.get(start..end));
            at = end;
        }
        self.pass(text.get(at..));
        text.len()
    }

    /// Reads text that leaves.
    fn pass(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default();
        self.surroundings.read(text);
        self.json.read(text);
    }
}

/// Restores placeholders in a complete text to which ascending `replacements` will be made, as if they had been made before.
/// Returns all replacements, and the number of restored values.
pub(crate) fn restore<'w>(
    text: &str,
    replacements: Vec<Replacement<'w>>,
    values: &PlaceholderValues,
) -> (Vec<Replacement<'w>>, u64) {
    let mut edited = String::with_capacity(text.len());
    // Places of the replacements in the edited text.
    let mut places = Vec::with_capacity(replacements.len());
    let mut at = 0;
    for (range, with) in &replacements {
        edited.push_str(text.get(at..range.start).unwrap_or_default());
        let start = edited.len();
        edited.push_str(with);
        places.push(start..edited.len());
        at = range.end;
    }
    edited.push_str(text.get(at..).unwrap_or_default());
    let mut restored: Vec<(Range<usize>, &str)> = Vec::new();
    Restorer::default().read(values, &edited, true, |range, value| restored.push((range, value)));
    if restored.is_empty() {
        return (replacements, 0);
    }
    let count = restored.len() as u64;
    (merged(&edited, replacements, &places, restored), count)
}

/// Merges replacements of a text, made at `places` of the edited text, with later ones in the edited text.
fn merged<'w>(
    edited: &str,
    replacements: Vec<Replacement<'w>>,
    places: &[Range<usize>],
    later: Vec<(Range<usize>, &str)>,
) -> Vec<Replacement<'w>> {
    let mut merged = Vec::with_capacity(replacements.len() + later.len());
    let mut first = replacements.into_iter().zip(places.iter().cloned()).peekable();
    let mut later = later.into_iter().peekable();
    // Ends of the last replacement in the text and in the edited text: behind it, both advance alike.
    let mut ends = (0, 0);
    loop {
        let starts = (first.peek().map(|(_, place)| place.start), later.peek().map(|(range, _)| range.start));
        let Some(start) = starts.0.into_iter().chain(starts.1).min() else { return merged };
        let source = ends.0 + (start - ends.1);
        // Replacements that overlap become one.
        let mut end = start;
        let (mut with, mut written) = (String::new(), start);
        let mut only = None;
        let mut is_begun = false;
        loop {
            let is_next = |next: usize| next < end || !is_begun && next == start;
            if let Some(((range, text), place)) = first.next_if(|(_, place)| is_next(place.start)) {
                end = end.max(place.end);
                ends = (range.end, place.end);
                only = if is_begun { None } else { Some(text) };
            } else if let Some((range, value)) = later.next_if(|(range, _)| is_next(range.start)) {
                with.push_str(edited.get(written..range.start).unwrap_or_default());
                with.push_str(value);
                written = range.end;
                end = end.max(range.end);
                only = None;
            } else {
                break;
            }
            is_begun = true;
        }
        with.push_str(edited.get(written..end).unwrap_or_default());
        let source_end = ends.0 + (end - ends.1);
        ends = (source_end, end);
        merged.push((source..source_end, only.unwrap_or(Cow::Owned(with))));
    }
}

#[cfg(test)]
mod tests;
