//! Text derived from another one, and the way back.

use std::borrow::Cow;
use std::ops::Range;

/// Text derived from another one in one or several steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Derived<'t> {
    text: Cow<'t, str>,
    /// Map of each step, the first step first.
    maps: Vec<OffsetMap>,
    /// `true` if no more than white space differs from the original text.
    is_plain: bool,
}

impl<'t> Derived<'t> {
    /// Creates a view that is the text itself.
    pub(crate) fn same(text: &'t str) -> Derived<'t> {
        Derived { text: Cow::Borrowed(text), maps: Vec::new(), is_plain: true }
    }

    /// Returns the derived text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns this view after a further step, whose result `step` derives from [`text`](Self::text).
    pub(super) fn then(mut self, step: Step) -> Derived<'t> {
        self.maps.push(step.map);
        Derived { text: Cow::Owned(step.text), maps: self.maps, is_plain: false }
    }

    /// Returns this view as one in which no more than white space differs.
    pub(super) fn plain(self, is_plain: bool) -> Derived<'t> {
        Derived { is_plain, ..self }
    }

    /// Returns `true` if no more than white space differs from the original text.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns this view with other letters in the same places.
    pub(super) fn recoded(self, text: String) -> Derived<'t> {
        debug_assert_eq!(self.text.len(), text.len(), "positions are kept");
        Derived { text: Cow::Owned(text), maps: self.maps, is_plain: false }
    }

    /// Returns the range of the original text that a range of the derived one, which is not empty, is derived from. An encoded
    /// part is in it as a whole.
    pub(crate) fn source(&self, range: Range<usize>) -> Range<usize> {
        self.maps.iter().rev().fold(range, |range, map| map.source(range))
    }
}

/// Result of a step: a text, and its map to the text that it was derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) text: String,
    map: OffsetMap,
}

/// Map of a derived text to its source: runs in ascending order, in both texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OffsetMap {
    runs: Vec<Run>,
}

/// Part of a derived text. Source text between two runs was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Start in the derived text.
    start: u32,
    source_start: u32,
    source_end: u32,
    /// `true` if the part is a copy of its source. Otherwise it is derived from its source as a whole.
    is_copy: bool,
}

impl OffsetMap {
    fn source(&self, range: Range<usize>) -> Range<usize> {
        let first = self.run_at(range.start);
        let last = self.run_at(range.end.saturating_sub(1).max(range.start));
        let start = first.map_or(range.start, |run| {
            let inside = if run.is_copy { range.start.saturating_sub(run.start as usize) } else { 0 };
            run.source_start as usize + inside
        });
        let end = last.map_or(range.end, |run| match run.is_copy {
            true => run.source_start as usize + range.end.saturating_sub(run.start as usize),
            false => run.source_end as usize,
        });
        start..end.max(start)
    }

    /// Returns the run that contains a position of the derived text.
    fn run_at(&self, at: usize) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.start as usize <= at);
        self.runs.get(after.checked_sub(1)?)
    }
}

/// Builder of a derived text, from left to right. Source text that is neither copied nor replaced is dropped.
#[derive(Debug)]
pub(super) struct Builder<'s> {
    source: &'s str,
    text: String,
    map: OffsetMap,
}

impl<'s> Builder<'s> {
    /// Creates the builder of a text derived from `source`.
    pub(super) fn new(source: &'s str) -> Builder<'s> {
        Builder { source, text: String::with_capacity(source.len()), map: OffsetMap::default() }
    }

    /// Copies a range of the source.
    pub(super) fn copy(&mut self, range: Range<usize>) {
        let Some(copied) = self.source.get(range.clone()).filter(|copied| !copied.is_empty()) else { return };
        let start = self.text.len() as u32;
        let continues = self.map.runs.last().is_some_and(|run| run.is_copy && run.source_end as usize == range.start);
        match self.map.runs.last_mut().filter(|_| continues) {
            Some(run) => run.source_end = range.end as u32,
            None => {
                let (source_start, source_end) = (range.start as u32, range.end as u32);
                self.map.runs.push(Run { start, source_start, source_end, is_copy: true });
            }
        }
        self.text.push_str(copied);
    }

    /// Appends `text`, which a range of the source may be already.
    pub(super) fn put(&mut self, range: Range<usize>, text: &str) {
        if self.source.get(range.clone()) == Some(text) { self.copy(range) } else { self.replace(range, text) }
    }

    /// Appends `text` in place of a range of the source.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &str) {
        if text.is_empty() {
            return;
        }
        let (start, source_start, source_end) = (self.text.len() as u32, range.start as u32, range.end as u32);
        self.map.runs.push(Run { start, source_start, source_end, is_copy: false });
        self.text.push_str(text);
    }

    /// Appends `c` in place of a range of the source.
    pub(super) fn replace_char(&mut self, range: Range<usize>, c: char) {
        self.replace(range, c.encode_utf8(&mut [0; 4]));
    }

    /// Returns the text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Ends the text.
    pub(super) fn finish(self) -> Step {
        Step { text: self.text, map: self.map }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_derived_text_have_a_source() {
        let source = "ab%63d--e";
        let mut builder = Builder::new(source);
        builder.copy(0..1);
        builder.copy(1..2);
        builder.replace(2..5, "c");
        builder.copy(5..6);
        builder.copy(8..9);
        let derived = Derived::same(source).then(builder.finish());
        assert_eq!(derived.text(), "abcde");
        for (range, expected) in [(0..2, "ab"), (1..3, "b%63"), (2..3, "%63"), (3..5, "d--e"), (4..5, "e")] {
            assert_eq!(&source[derived.source(range.clone())], expected, "{range:?}");
        }
        // a second step: the map of both
        let mut builder = Builder::new("abcde");
        builder.replace(1..4, "xy");
        let derived = derived.then(builder.finish());
        assert_eq!((derived.text(), derived.source(1..2)), ("xy", 1..6));
        assert_eq!(Derived::same(source).source(3..4), 3..4);
    }
}
