//! Reproducible text to count, match and stream, of the kind that people send.
//!
//! A text of few repeated words would favour implementations that cache words. So most words are common, as in any language,
//! but stems and endings make thousands more, some are new names, and between the sentences there are numbers, code and other
//! scripts. It has about four bytes per token, as English prose does.

/// Source of words.
#[derive(Clone, Debug)]
pub(crate) struct Prose {
    state: u64,
}

impl Prose {
    /// Creates a source from a seed: the same seed gives the same words.
    pub(crate) fn new(number: u64) -> Prose {
        Prose { state: number }
    }

    /// Returns sentences in paragraphs, of exactly this many bytes.
    pub(crate) fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 128);
        while text.len() < bytes {
            match self.below(24) {
                0 => text.push_str(self.pick(ASIDES)),
                1..=4 => text.push_str("\n\n"),
                _ => self.sentence(&mut text),
            }
        }
        text.truncate(text.floor_char_boundary(bytes));
        text.extend(std::iter::repeat_n('.', bytes - text.len()));
        text
    }

    /// Returns this many words, separated by spaces.
    pub(crate) fn words(&mut self, count: usize) -> String {
        let mut words = Vec::with_capacity(count);
        for at in 1..=count {
            let mut word = self.word();
            if at == count || at % 12 == 0 {
                word.push('.');
            }
            words.push(word);
        }
        words.join(" ")
    }

    fn sentence(&mut self, text: &mut String) {
        let words = 6 + self.below(14);
        for at in 0..words {
            let word = self.word();
            let mut letters = word.chars();
            match letters.next() {
                Some(first) if at == 0 => text.extend(first.to_uppercase().chain(letters)),
                _ => text.push_str(&word),
            }
            match at + 1 {
                next if next == words => text.push_str(if self.below(8) == 0 { "? " } else { ". " }),
                _ if self.below(9) == 0 => text.push_str(", "),
                _ => text.push(' '),
            }
        }
    }

    fn word(&mut self) -> String {
        match self.below(20) {
            0 => (0..2 + self.below(3)).map(|_| self.pick(SYLLABLES)).collect(),
            1..=8 => [self.pick(STEMS), self.pick(ENDINGS)].concat(),
            _ => self.pick(COMMON).to_owned(),
        }
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    /// Returns a number below `most`, by SplitMix64 (Steele, Lea and Flood, 2014).
    fn below(&mut self, most: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most.max(1) as u64) as usize
    }
}

const COMMON: &[&str] = &[
    "the", "of", "and", "to", "a", "in", "is", "that", "it", "was", "for", "on", "are", "as", "with", "they", "be",
    "at", "one", "have", "this", "from", "or", "had", "by", "not", "but", "what", "all", "were", "when", "we", "there",
    "can", "an", "your", "which", "their", "said", "if", "do", "will", "each", "about", "how", "up", "out", "them",
    "then", "she", "many", "some", "so", "these", "would", "other", "into", "has", "more", "two", "like", "him", "see",
    "time", "could", "no", "make", "than", "first", "been", "its", "who", "now", "people", "my", "made", "over", "did",
    "down", "only", "way", "find", "use", "may", "water", "long", "little", "very", "after", "words", "called", "just",
    "where", "most", "know",
];

const STEMS: &[&str] = &[
    "account",
    "act",
    "advis",
    "answer",
    "appear",
    "arrang",
    "balanc",
    "bridg",
    "build",
    "calculat",
    "carr",
    "chang",
    "collect",
    "comput",
    "connect",
    "consum",
    "count",
    "cours",
    "deliver",
    "depend",
    "deriv",
    "design",
    "develop",
    "direct",
    "discover",
    "engin",
    "estimat",
    "examin",
    "expect",
    "explor",
    "express",
    "figur",
    "form",
    "gather",
    "govern",
    "handl",
    "imagin",
    "improv",
    "inform",
    "instruct",
    "invest",
    "journey",
    "judg",
    "labour",
    "limit",
    "locat",
    "manag",
    "market",
    "measur",
    "mention",
    "model",
    "negotiat",
    "notic",
    "observ",
    "operat",
    "order",
    "organis",
    "perform",
    "plann",
    "prepar",
    "present",
    "process",
    "produc",
    "protect",
    "publish",
    "reason",
    "receiv",
    "record",
    "relat",
    "report",
    "requir",
    "research",
    "respond",
    "return",
    "schedul",
    "search",
    "select",
    "separat",
    "settl",
    "shipp",
    "signal",
    "stor",
    "structur",
    "stud",
    "suggest",
    "suppl",
    "support",
    "survey",
    "teach",
    "threaten",
    "toll",
    "translat",
    "travel",
    "treat",
    "understand",
    "valu",
    "wander",
    "weather",
    "wonder",
    "writ",
];

const ENDINGS: &[&str] =
    &["ed", "ing", "er", "ers", "able", "ation", "ations", "ive", "ively", "ment", "ments", "ings", "s", "al", "ally"];

const SYLLABLES: &[&str] = &[
    "bar", "cor", "dun", "el", "fen", "gar", "hol", "ith", "jor", "kel", "lun", "mar", "nor", "osk", "pel", "quin",
    "ros", "sil", "tor", "ul", "vey", "wex", "yar", "zin",
];

const ASIDES: &[&str] = &[
    "On 2024-03-17 order #48213 came to 1,204.50 EUR, 3.75 % less than the 1,251.43 EUR of May. ",
    "\n```rust\nlet total: u64 = items.iter().map(|item| item.price * item.count).sum();\n```\n",
    "\n```json\n{\"id\": \"a1b2-c3d4\", \"tags\": [\"new\", \"paid\"], \"items\": [{\"n\": 12, \"ok\": true}]}\n```\n",
    "\n| Route | Toll | Carts |\n|-------|-----:|------:|\n| North | 0.50 | 1,204 |\n| South | 0.75 |   982 |\n",
    "See https://example.com/tolls/north?year=2024&page=2 and /var/log/gate/2024-03.log for that. ",
    "Übermorgen kostet der Kaffee in Zürich 4,80 Fr., behauptet „der Wirt“ – wie naïve! ",
    "料金所の橋は夜に閉まります。明日また来てください。",
    "Сколько стоит проезд по мосту ночью? ",
    "- [ ] don't forget: it's the keeper's, we've asked, they'll say \"tomorrow\" 🙂\n",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_the_exact_length_whatever_character_is_at_the_cut() {
        for bytes in (0..600).chain([16 << 10]) {
            assert_eq!(Prose::new(bytes as u64).text(bytes).len(), bytes);
        }
    }

    #[test]
    fn text_depends_on_the_seed_alone() {
        assert_eq!(Prose::new(1).text(2000), Prose::new(1).text(2000));
        assert_ne!(Prose::new(1).text(2000), Prose::new(2).text(2000));
        let mut one = Prose::new(1);
        assert_ne!(one.text(2000), one.text(2000));
    }

    #[test]
    fn words_returns_the_given_number() {
        let words = Prose::new(1).words(200);
        assert_eq!(words.split(' ').count(), 200);
        assert!(words.ends_with('.'));
    }

    /// A tokenizer with a cache must not look faster than it is.
    #[test]
    fn text_has_many_distinct_words() {
        let text = Prose::new(1).text(256 << 10);
        let words: Vec<&str> = text.split_whitespace().collect();
        let different: std::collections::BTreeSet<_> = words.iter().collect();
        assert!(different.len() > 3000, "{} of {}", different.len(), words.len());
    }
}
