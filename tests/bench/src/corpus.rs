//! Texts for bodies that differ from each other: pieces of a long text, each from another place and with a number in front.
//!
//! The filters cache the token counts of texts that they have counted. A benchmark that sends the same body again would measure
//! that cache, so no text of a run is sent twice unless a conversation is measured.

use crate::prose::Prose;

/// Length of the text in bytes. It exceeds the caches of a processor core, as the texts of many users do.
const BYTES: usize = 6 << 20;

/// Long text of which pieces are taken.
#[derive(Clone, Debug)]
pub(crate) struct Corpus(String);

impl Corpus {
    /// Writes the text, which takes a fraction of a second.
    pub(crate) fn new() -> Corpus {
        Corpus(Prose::new(1).text(BYTES))
    }

    /// Returns the text with a number, of exactly this many bytes (at least 20). Other numbers have other texts.
    pub(crate) fn text(&self, number: u64, bytes: usize) -> String {
        let mut text = format!("{number} ");
        let wanted = bytes.saturating_sub(text.len());
        // Multiplication by an odd constant (2^64 / golden ratio) spreads consecutive numbers over the text.
        let spread = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        let latest = self.0.len().saturating_sub(wanted + 4);
        let start = self.0.ceil_char_boundary(spread.checked_rem(latest).unwrap_or(0));
        let end = self.0.floor_char_boundary((start + wanted).min(self.0.len()));
        text.push_str(self.0.get(start..end).unwrap_or_default());
        text.extend(std::iter::repeat_n('.', bytes.saturating_sub(text.len())));
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_has_another_text_of_the_given_length() {
        let corpus = Corpus::new();
        let mut found = BTreeSet::new();
        for number in (0..300).chain([1 << 40, u64::MAX]) {
            let text = corpus.text(number, 100 + number as usize % 64);
            assert_eq!(text.len(), 100 + number as usize % 64);
            let (_, words) = text.split_once(' ').unwrap();
            assert!(found.insert(words[..40].to_owned()), "{number}: {text}");
        }
        assert_eq!(corpus.text(7, 5000), corpus.text(7, 5000));
        assert_eq!(corpus.text(3, BYTES / 2).len(), BYTES / 2);
    }
}
