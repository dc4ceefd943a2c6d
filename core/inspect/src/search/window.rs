//! Window of a text that arrives in pieces.

/// Available part of a text, addressed by positions in the whole text.
///
/// The beginning of the text may have been discarded, and its end may not have arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'t> {
    /// Position of the first byte of `text`.
    base: u64,
    /// Character before `text`.
    before: Option<char>,
    text: &'t str,
    /// `true` if the whole text ends with `text`.
    is_last: bool,
    /// Position at which a search stops if no match is in progress.
    until: u64,
}

impl<'t> Window<'t> {
    /// Creates a window of a complete text.
    pub(crate) fn whole(text: &'t str) -> Window<'t> {
        Window::part(0, None, text, true)
    }

    /// Creates a window of a part that begins at position `base`, after the character `before`.
    pub(crate) fn part(base: u64, before: Option<char>, text: &'t str, is_last: bool) -> Window<'t> {
        Window { base, before, text, is_last, until: u64::MAX }
    }

    /// Limits searches to matches that start before `until`, which lies between two characters.
    pub(crate) fn until(self, until: u64) -> Window<'t> {
        Window { until, ..self }
    }

    /// Returns the available text.
    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// Returns `true` if the whole text ends with this part.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Returns the position at which a search stops if no match is in progress.
    pub(crate) fn limit(&self) -> u64 {
        self.until
    }

    /// Converts a position to an index into [`Window::text`].
    pub(crate) fn index(&self, at: u64) -> usize {
        at.saturating_sub(self.base).min(self.text.len() as u64) as usize
    }

    /// Converts an index into [`Window::text`] to a position.
    pub(crate) fn position(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    /// Returns the character that begins at `at`.
    pub(crate) fn after(&self, at: u64) -> Option<char> {
        let index = self.index(at);
        match self.text.as_bytes().get(index) {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            Some(_) => self.text.get(index..)?.chars().next(),
            None => None,
        }
    }

    /// Returns the character that ends at `at`.
    pub(crate) fn before(&self, at: u64) -> Option<char> {
        match self.index(at) {
            0 => self.before,
            index => self.text.get(..index)?.chars().next_back(),
        }
    }
}
