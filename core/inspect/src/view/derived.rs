//! Text derived from another one, and the way back.

use std::borrow::Cow;
use std::ops::Range;

/// Text derived from another one in one or several steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Derived<'t> {
    text: Cow<'t, str>,
    /// Map of each step, the first step first.
    maps: Vec<OffsetMap>,
    /// `true` if all letters are others.
    is_recoded: bool,
}

impl<'t> Derived<'t> {
    /// Creates a view that is the text itself.
    pub(crate) fn same(text: &'t str) -> Derived<'t> {
        Derived { text: Cow::Borrowed(text), maps: Vec::new(), is_recoded: false }
    }

    /// Returns the derived text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns this view after a further step, whose result `step` derives from [`text`](Self::text).
    pub(super) fn then(mut self, step: Step) -> Derived<'t> {
        self.maps.push(step.map);
        Derived { text: Cow::Owned(step.text), ..self }
    }

    /// Returns the parts of the derived text in which more than white space differs from the original one, ascending and apart. A
    /// part is empty where text was dropped.
    pub(crate) fn changes(&self) -> Vec<Range<usize>> {
        if self.is_recoded {
            return std::iter::once(0..self.text.len()).collect();
        }
        self.maps.iter().fold(Vec::new(), |before, map| map.changes_with(&before))
    }

    /// Returns this view with other letters in the same places.
    pub(super) fn recoded(self, text: String) -> Derived<'t> {
        debug_assert_eq!(self.text.len(), text.len(), "positions are kept");
        Derived { text: Cow::Owned(text), maps: self.maps, is_recoded: true }
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

impl Step {
    /// Returns the parts of the text that are not copied, and the places where text was dropped, ascending.
    pub(super) fn rewritten(&self) -> impl Iterator<Item = Range<usize>> {
        let runs = &self.map.runs;
        let ends = runs.iter().skip(1).map(|run| run.start).chain([self.map.len]);
        let mut read = 0;
        runs.iter().zip(ends).filter_map(move |(run, end)| {
            let drops = run.source_start > read;
            read = run.source_end;
            let end = if run.is_copy { run.start } else { end };
            (drops || !run.is_copy).then_some(run.start as usize..end as usize)
        })
    }
}

/// Map of a derived text to its source: runs in ascending order, in both texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OffsetMap {
    runs: Vec<Run>,
    /// Parts of the derived text in which more than white space differs from its source, ascending.
    changes: Vec<(u32, u32)>,
    /// Length of the derived text.
    len: u32,
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

    fn changes(&self) -> impl Iterator<Item = Range<usize>> {
        self.changes.iter().map(|(start, end)| *start as usize..*end as usize)
    }

    /// Returns the changes of the derived text, with those of its source at `before`.
    fn changes_with(&self, before: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut all: Vec<_> = before.iter().map(|range| self.derived(range)).chain(self.changes()).collect();
        all.sort_unstable_by_key(|range| (range.start, range.end));
        all.dedup_by(|next, last| {
            let is_joined = next.start <= last.end;
            if is_joined {
                last.end = last.end.max(next.end);
            }
            is_joined
        });
        all
    }

    /// Returns the range of the derived text that a range of the source, which may be empty, is in.
    fn derived(&self, range: &Range<usize>) -> Range<usize> {
        let position = |at: usize, is_end: bool| {
            // The first run that does not end in front of the position.
            let next = self.runs.partition_point(|run| (run.source_end as usize) < at);
            let Some(run) = self.runs.get(next) else { return self.len as usize };
            let end = self.runs.get(next + 1).map_or(self.len, |run| run.start) as usize;
            let start = run.start as usize;
            match at.checked_sub(run.source_start as usize) {
                None => start,
                Some(inside) if run.is_copy => (start + inside).min(end),
                Some(_) if is_end => end,
                Some(_) => start,
            }
        };
        let start = position(range.start, false);
        start..position(range.end, true).max(start)
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
    /// End of the source that has been read.
    read: usize,
}

impl<'s> Builder<'s> {
    /// Creates the builder of a text derived from `source`.
    pub(super) fn new(source: &'s str) -> Builder<'s> {
        Builder { source, text: String::with_capacity(source.len()), map: OffsetMap::default(), read: 0 }
    }

    /// Copies a range of the source.
    pub(super) fn copy(&mut self, range: Range<usize>) {
        let Some(copied) = self.source.get(range.clone()).filter(|copied| !copied.is_empty()) else { return };
        self.read(&range);
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

    /// Notes that the source is read up to the end of a range. What is in front of it was dropped.
    fn read(&mut self, range: &Range<usize>) {
        if self.read < range.start {
            self.change(self.text.len());
        }
        self.read = self.read.max(range.end);
    }

    /// Notes that the text from `start` on is changed.
    fn change(&mut self, start: usize) {
        let (start, end) = (start as u32, self.text.len() as u32);
        match self.map.changes.last_mut().filter(|last| last.1 >= start) {
            Some(last) => last.1 = end,
            None => self.map.changes.push((start, end)),
        }
    }

    /// Appends text in place of a range of the source that separates words like it, which is no change.
    pub(super) fn separate(&mut self, range: Range<usize>, text: &str) {
        if self.source.get(range.clone()) == Some(text) { self.copy(range) } else { self.push(range, text) }
    }

    /// Appends white space in place of a range of the source that is white space too: a change only if it is not ASCII.
    pub(super) fn space(&mut self, range: Range<usize>, text: &str) {
        let is_ascii = self.source.get(range.clone()).is_some_and(str::is_ascii);
        if is_ascii { self.separate(range, text) } else { self.replace(range, text) }
    }

    /// Appends `text` in place of a range of the source.
    pub(super) fn replace(&mut self, range: Range<usize>, text: &str) {
        if !text.is_empty() {
            let start = self.text.len();
            self.push(range, text);
            self.change(start);
        }
    }

    fn push(&mut self, range: Range<usize>, text: &str) {
        self.read(&range);
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
    pub(super) fn finish(mut self) -> Step {
        let end = self.source.len();
        self.read(&(end..end));
        self.map.len = self.text.len() as u32;
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
