//! A text whose beginning may be gone and whose end may not be there yet.

/// What is left of a text, by positions in the whole of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'t> {
    /// Position of the first byte of `text`.
    base: u64,
    /// The character that stood before it.
    before: Option<char>,
    text: &'t str,
}

impl<'t> View<'t> {
    pub(crate) fn whole(text: &'t str) -> View<'t> {
        View { base: 0, before: None, text }
    }

    pub(crate) fn rest(base: u64, before: Option<char>, text: &'t str) -> View<'t> {
        View { base, before, text }
    }

    pub(crate) fn text(&self) -> &'t str {
        self.text
    }

    /// The index into [`View::text`] of a position.
    pub(crate) fn index(&self, at: u64) -> usize {
        at.saturating_sub(self.base).min(self.text.len() as u64) as usize
    }

    /// The position of an index into [`View::text`].
    pub(crate) fn position(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    /// The character that begins at `at`.
    pub(crate) fn after(&self, at: u64) -> Option<char> {
        let index = self.index(at);
        match self.text.as_bytes().get(index) {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            Some(_) => self.text.get(index..)?.chars().next(),
            None => None,
        }
    }

    /// The character that ends at `at`.
    pub(crate) fn before(&self, at: u64) -> Option<char> {
        match self.index(at) {
            0 => self.before,
            index => self.text.get(..index)?.chars().next_back(),
        }
    }
}
