//! Trie of keywords: common prefixes are stored and matched once.

use super::script::Script;
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Inclusive ranges of the characters that match one character of a keyword: itself, or all its case variants.
pub(crate) type CaseVariants = Vec<(char, char)>;

/// Node of the trie: a common prefix of keywords.
#[derive(Debug, Default)]
pub(crate) struct TrieNode {
    /// `true` if a keyword ends here.
    pub(crate) ends: bool,
    /// Script of the last character of the prefix; `None` for the empty prefix.
    pub(crate) script: Option<Script>,
    /// Next characters (no two sets of variants overlap) and the indices of their nodes, which are always larger.
    pub(crate) children: Vec<(CaseVariants, usize)>,
}

/// Trie of all keywords of a rule.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<TrieNode>,
    shortest: usize,
    longest: usize,
}

impl Trie {
    /// Builds the trie. With `ignore_case`, characters are equal if Unicode's simple case folding makes them equal, but ASCII
    /// letters are equal to ASCII letters only.
    pub(crate) fn new<'k>(keywords: impl IntoIterator<Item = &'k str>, ignore_case: bool) -> Trie {
        let mut trie = Trie { nodes: vec![TrieNode::default()], shortest: usize::MAX, longest: 0 };
        for keyword in keywords {
            let (mut at, mut shortest, mut longest) = (0, 0, 0);
            for c in keyword.chars() {
                let variants = case_variants(c, ignore_case);
                shortest += variants.iter().map(|&(low, _)| low.len_utf8()).min().unwrap_or(0);
                longest += variants.iter().map(|&(_, high)| high.len_utf8()).max().unwrap_or(0);
                at = trie.child(at, Script::of(c), variants);
            }
            trie.shortest = trie.shortest.min(shortest);
            trie.longest = trie.longest.max(longest);
            if let Some(node) = trie.nodes.get_mut(at) {
                node.ends = true;
            }
        }
        trie
    }

    /// Returns the child of a node for `variants`, adding it if it is new.
    fn child(&mut self, at: usize, script: Script, variants: CaseVariants) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        if let Some((_, child)) = node.children.iter().find(|(own, _)| *own == variants) {
            return *child;
        }
        node.children.push((variants, next));
        self.nodes.push(TrieNode { script: Some(script), ..TrieNode::default() });
        next
    }

    /// Returns the number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the nodes; parents come before their children.
    pub(crate) fn nodes(&self) -> impl DoubleEndedIterator<Item = &TrieNode> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// Returns the script of the last character of a node's prefix.
    pub(crate) fn script(&self, node: usize) -> Option<Script> {
        self.nodes.get(node).and_then(|node| node.script)
    }

    /// Returns the length in bytes of the shortest text that matches a keyword.
    pub(crate) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Returns the length in bytes of the longest text that matches a keyword.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }
}

/// Returns `c`, or all its case variants.
pub(crate) fn case_variants(c: char, ignore_case: bool) -> CaseVariants {
    if !ignore_case {
        return vec![(c, c)];
    }
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    // On an error, matching would be case-sensitive.
    let folded = class.try_case_fold_simple();
    debug_assert!(folded.is_ok(), "the feature `unicode-case` links the folding tables");
    let variants = class.iter().flat_map(|range| range.start()..=range.end());
    variants.filter(|variant| variant.is_ascii() == c.is_ascii()).map(|variant| (variant, variant)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_prefixes_are_stored_once() {
        assert_eq!(Trie::new(["password", "passport", "pass"], false).len(), 1 + "password".len() + "port".len());
        assert_eq!(Trie::new(["Stop", "sTOP"], true).len(), 5);
        assert_eq!(Trie::new(["Stop", "sTOP"], false).len(), 9);
    }

    #[test]
    fn the_longest_match_uses_the_widest_case_variant() {
        assert_eq!(Trie::new(["ⱥ"], false).longest(), 3);
        // its upper case takes two bytes
        let trie = Trie::new(["ⱥ"], true);
        assert_eq!((trie.shortest(), trie.longest()), (2, 3));
    }

    #[test]
    fn ascii_letters_are_equal_to_ascii_letters_only() {
        assert_eq!(case_variants('k', true), [('K', 'K'), ('k', 'k')]);
        assert_eq!(case_variants('ſ', true), [('ſ', 'ſ')]);
        assert_eq!(case_variants('é', true), [('É', 'É'), ('é', 'é')]);
    }
}
