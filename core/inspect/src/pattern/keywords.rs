//! Keyword lists as a trie: what many words begin with is looked at once.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Ranges of characters that count as one letter of a keyword: one character, or all its cases.
pub(crate) type Letter = Vec<(char, char)>;

/// One prefix shared by some keywords.
#[derive(Debug, Default)]
pub(crate) struct Branch {
    /// A keyword ends here.
    pub(crate) ends: bool,
    /// The letters that may follow (no two share a character) and where they lead: always further on in the trie.
    pub(crate) children: Vec<(Letter, usize)>,
}

/// All keywords of a rule.
#[derive(Debug)]
pub(crate) struct Trie {
    branches: Vec<Branch>,
    shortest: usize,
    longest: usize,
}

impl Trie {
    /// `ignore_case`: characters that Unicode's simple case folding makes equal are equal.
    pub(crate) fn new<'k>(keywords: impl IntoIterator<Item = &'k str>, ignore_case: bool) -> Trie {
        let mut trie = Trie { branches: vec![Branch::default()], shortest: usize::MAX, longest: 0 };
        for keyword in keywords {
            let (mut at, mut least, mut most) = (0, 0, 0);
            for c in keyword.chars() {
                let letter = letter(c, ignore_case);
                least += letter.iter().map(|&(low, _)| low.len_utf8()).min().unwrap_or(0);
                most += letter.iter().map(|&(_, high)| high.len_utf8()).max().unwrap_or(0);
                at = trie.child(at, letter);
            }
            trie.shortest = trie.shortest.min(least);
            trie.longest = trie.longest.max(most);
            if let Some(branch) = trie.branches.get_mut(at) {
                branch.ends = true;
            }
        }
        trie
    }

    fn child(&mut self, at: usize, letter: Letter) -> usize {
        let next = self.branches.len();
        let Some(branch) = self.branches.get_mut(at) else { return at };
        if let Some((_, child)) = branch.children.iter().find(|(own, _)| *own == letter) {
            return *child;
        }
        branch.children.push((letter, next));
        self.branches.push(Branch::default());
        next
    }

    pub(crate) fn len(&self) -> usize {
        self.branches.len()
    }

    pub(crate) fn branches(&self) -> impl DoubleEndedIterator<Item = &Branch> + ExactSizeIterator {
        self.branches.iter()
    }

    /// Bytes of the shortest text that is one of the keywords.
    pub(crate) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Bytes of the longest text that is one of the keywords.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }
}

fn letter(c: char, ignore_case: bool) -> Letter {
    if !ignore_case {
        return vec![(c, c)];
    }
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    // The folding tables are linked (feature `unicode-case`), so this cannot fail; if it did, the case would count.
    let _ = class.try_case_fold_simple();
    class.iter().map(|range| (range.start(), range.end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_prefixes_are_stored_once() {
        assert_eq!(Trie::new(["password", "passport", "pass"], false).len(), 1 + "password".len() + "port".len());
        assert_eq!(Trie::new(["Stop", "sTOP"], true).len(), 5);
        assert_eq!(Trie::new(["Stop", "sTOP"], false).len(), 9);
    }

    #[test]
    fn length_counts_the_widest_case() {
        assert_eq!(Trie::new(["kit"], false).longest(), 3);
        // KELVIN SIGN is a case of k, and three bytes long
        assert_eq!(Trie::new(["kit"], true).longest(), 5);
    }
}
