//! Literals that every match of a pattern contains.
//!
//! A search first looks for literals, of all rules at once, and searches for a pattern only where one of its literals allows
//! a match.

use super::byte_rates::rate;
use super::texts::{
    MAX_LITERAL, MAX_LITERALS, Texts, UNBOUNDED, WINDOW_CHARS, begin_with_words, is_border, members, minimal, optional,
    product, shortest, union,
};
use regex_syntax::hir::{Hir, HirKind, Repetition};

/// Maximum number of characters that searches around literals read per byte of an average text. A rule with more is searched
/// by the prefilter.
const MAX_WINDOW_RATE: f64 = 0.1;
/// Cost of a lead. A stream has to hold back text that may be a lead, so a literal that a match begins with is preferred unless
/// it is a common one.
const LEAD_COST: f64 = 0.002;

/// Set of literals such that every match of a pattern contains one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literals {
    /// Literals in lower case, sorted, none the prefix of another. ASCII letters match in any case.
    pub(crate) list: Vec<Box<[u8]>>,
    /// Largest distance in bytes from the start of a match to the start of its literal; `None` if there is no bound.
    pub(crate) lead: Option<usize>,
    /// `true` if a match begins with its literal and no ASCII letter, digit or `_` may be in front.
    pub(crate) at_border: bool,
}

impl Literals {
    /// Returns the literals of an expression that select best; `None` if there are none that select well.
    pub(crate) fn of(hir: &Hir) -> Option<Literals> {
        let mut sequence = Sequence::default();
        sequence.push(Part::of(hir));
        let Part { best, .. } = sequence.finish();
        let Candidate { list, lead, .. } = best.filter(|best| best.cost <= MAX_WINDOW_RATE)?;
        let at_border = lead == Some(0) && begins_at_border(hir) && begin_with_words(&list);
        Some(Literals { list: list.into_iter().map(Vec::into_boxed_slice).collect(), lead, at_border })
    }

    /// Returns literals with one of which every match begins, in lower case; `None` if one of them is empty.
    pub(crate) fn at_start(list: Vec<Vec<u8>>) -> Option<Literals> {
        let list = minimal(list)?.into_iter().map(Vec::into_boxed_slice).collect();
        Some(Literals { list, lead: Some(0), at_border: false })
    }

    /// Returns the literals of a list of keywords, given as the variants of each of their characters. `at_border` says that no
    /// word character may be in front of them.
    pub(crate) fn of_keywords<'k>(
        keywords: impl Iterator<Item = &'k str>,
        ignore_case: bool,
        at_border: bool,
    ) -> Option<Literals> {
        let mut list: Texts = Vec::new();
        let mut lead = 0;
        for keyword in keywords {
            let (start, literal) = longest_run(keyword, ignore_case)?;
            lead = lead.max(start);
            list.push(literal);
        }
        let at_border = at_border && lead == 0 && begin_with_words(&list);
        let list = minimal(list)?.into_iter().map(Vec::into_boxed_slice).collect();
        Some(Literals { list, lead: Some(lead), at_border })
    }
}

/// Returns the longest part of a keyword that has one spelling in lower case, and the largest distance from the start of a
/// match.
fn longest_run(keyword: &str, ignore_case: bool) -> Option<(usize, Vec<u8>)> {
    let mut best: Option<(usize, Vec<u8>)> = None;
    let (mut offset, mut start, mut run) = (0, 0, Vec::new());
    for c in keyword.chars() {
        let has_case = ignore_case && !c.is_ascii() && super::keywords::case_variants(c, true).len() > 1;
        if has_case {
            run.clear();
        } else {
            if run.is_empty() {
                start = offset;
            }
            run.extend_from_slice(c.encode_utf8(&mut [0; 4]).to_ascii_lowercase().as_bytes());
            if best.as_ref().is_none_or(|(_, best)| run.len() > best.len()) {
                best = Some((start, run.clone()));
            }
        }
        // The variants of a letter have at most one byte more than the letter.
        offset += c.len_utf8() + usize::from(has_case);
    }
    best
}

/// Literals that every match contains, with their estimated cost.
#[derive(Clone, Debug)]
struct Candidate {
    list: Texts,
    lead: Option<usize>,
    /// Occurrences per byte of an average text.
    rate: f64,
    /// Characters that searches around the literals read, per byte of an average text.
    cost: f64,
}

impl Candidate {
    fn new(list: Texts, lead: Option<usize>) -> Option<Candidate> {
        let list = minimal(list)?;
        let rate = list.iter().map(|literal| rate(literal)).sum();
        Some(Candidate { list, lead, rate, cost: cost(rate, lead) })
    }

    /// Moves the literals behind a text of at most `offset` bytes.
    fn behind(self, offset: Option<usize>) -> Candidate {
        let lead = add(self.lead, offset);
        Candidate { lead, cost: cost(self.rate, lead), ..self }
    }
}

fn cost(rate: f64, lead: Option<usize>) -> f64 {
    let window = WINDOW_CHARS + lead.unwrap_or(UNBOUNDED).min(UNBOUNDED) as f64;
    rate * window + if lead == Some(0) { 0.0 } else { LEAD_COST }
}

/// Literals and longest match of a part of an expression.
#[derive(Clone, Debug, Default)]
struct Part {
    /// All texts that the part matches, in lower case, if they are few.
    exact: Option<Texts>,
    /// Otherwise texts of which every match ends with one, in lower case, if they are few.
    suffix: Option<Texts>,
    /// Best literals that every match of the part contains.
    best: Option<Candidate>,
    /// Length of the longest match in bytes; `None` if there is no bound.
    longest: Option<usize>,
}

impl Part {
    fn of(hir: &Hir) -> Part {
        let longest = hir.properties().maximum_len();
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Part { exact: Some(vec![Vec::new()]), longest, ..Part::default() },
            HirKind::Literal(literal) => {
                Part { exact: Some(vec![literal.0.to_ascii_lowercase()]), longest, ..Part::default() }
            }
            HirKind::Class(class) => Part { exact: members(class), longest, ..Part::default() },
            HirKind::Capture(capture) => Part::of(&capture.sub),
            HirKind::Concat(parts) => {
                let mut sequence = Sequence::default();
                parts.iter().for_each(|part| sequence.push(Part::of(part)));
                sequence.finish()
            }
            HirKind::Alternation(choices) => {
                let parts: Vec<Part> = choices.iter().map(Part::of).collect();
                Part {
                    exact: union(parts.iter().map(|part| part.exact.as_ref())),
                    best: best_of_all(parts),
                    longest,
                    ..Part::default()
                }
            }
            HirKind::Repetition(repetition) => Part { longest, ..Part::repeated(repetition) },
        }
    }

    fn repeated(repetition: &Repetition) -> Part {
        let Repetition { min, max, ref sub, .. } = *repetition;
        let part = Part::of(sub);
        if min == 0 {
            return Part { exact: optional(part.exact, max), ..Part::default() };
        }
        // `x{2,9}` is `xx`, any number of `x`, and a last `x`.
        let copies = min.min(MAX_LITERAL as u32);
        let mut sequence = Sequence::default();
        for _ in 0..copies {
            sequence.push(part.clone());
        }
        if max != Some(copies) {
            let between = max.and_then(|max| part.longest?.checked_mul(max.saturating_sub(copies + 1) as usize));
            sequence.push(Part { longest: between, ..Part::default() });
            sequence.push(part);
        }
        sequence.finish()
    }

    /// Returns the best literals of the part alone.
    fn candidate(self) -> Option<Candidate> {
        let own = self.exact.and_then(|exact| Candidate::new(exact, Some(0)));
        better(own, self.best)
    }
}

/// Returns literals of which every match of any of the parts contains one.
fn best_of_all(parts: Vec<Part>) -> Option<Candidate> {
    let (mut list, mut lead) = (Vec::new(), Some(0));
    for part in parts {
        let candidate = part.candidate()?;
        list.extend(candidate.list);
        lead = lead.zip(candidate.lead).map(|(lead, own): (usize, usize)| lead.max(own));
        if list.len() > MAX_LITERALS {
            return None;
        }
    }
    Candidate::new(list, lead)
}

fn better(a: Option<Candidate>, b: Option<Candidate>) -> Option<Candidate> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.cost < a.cost { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Sequence of parts.
struct Sequence {
    /// Texts that the parts since the last one without a short list of texts match.
    current: Texts,
    /// Length in bytes of the longest match of the parts before `current`.
    lead: Option<usize>,
    /// Length in bytes of the longest match of all parts.
    longest: Option<usize>,
    /// `true` if `current` are the texts of all parts.
    is_exact: bool,
    /// Best literals so far, without `current` if its cost is not known yet.
    best: Option<Candidate>,
    is_best_known: bool,
}

impl Default for Sequence {
    fn default() -> Sequence {
        Sequence {
            current: vec![Vec::new()],
            lead: Some(0),
            longest: Some(0),
            is_exact: true,
            best: None,
            is_best_known: true,
        }
    }
}

impl Sequence {
    fn push(&mut self, part: Part) {
        let product = part.exact.as_ref().and_then(|exact| product(&self.current, exact));
        // A single text that is continued by another one is rarer than both: the letters of a word are chosen at once.
        let is_single = |texts: &Texts| texts.len() == 1;
        let is_continued = product.as_ref().is_some_and(is_single);
        if !is_continued {
            self.choose();
            let behind = part.best.map(|best| best.behind(self.longest));
            self.best = better(self.best.take(), behind);
            let alone = part.exact.clone().and_then(|exact| Candidate::new(exact, self.longest));
            self.best = better(self.best.take(), alone);
        }
        match product {
            Some(product) => self.current = product,
            None => {
                self.is_exact = false;
                self.lead = self.longest;
                if part.exact.is_none() {
                    let shortest = part.suffix.as_ref().map_or(0, shortest);
                    self.lead = add(self.longest, part.longest).map(|lead| lead.saturating_sub(shortest));
                }
                self.current = part.exact.or(part.suffix).unwrap_or_else(|| vec![Vec::new()]);
            }
        }
        self.longest = add(self.longest, part.longest);
        self.is_best_known = false;
    }

    /// Compares the current texts with the best literals.
    fn choose(&mut self) {
        if !std::mem::replace(&mut self.is_best_known, true) {
            // Of candidates of the same cost, the last one is the longest.
            self.best = better(Candidate::new(self.current.clone(), self.lead), self.best.take());
        }
    }

    fn finish(mut self) -> Part {
        self.choose();
        let (exact, suffix) = if self.is_exact { (Some(self.current), None) } else { (None, Some(self.current)) };
        Part { exact, suffix, best: self.best, longest: self.longest }
    }
}

fn add(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    a.zip(b).and_then(|(a, b)| a.checked_add(b))
}

/// Returns `true` if a match begins with an assertion that an ASCII word begins.
fn begins_at_border(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Look(look) => is_border(*look),
        HirKind::Capture(capture) => begins_at_border(&capture.sub),
        HirKind::Concat(parts) => parts.first().is_some_and(begins_at_border),
        HirKind::Alternation(choices) => choices.iter().all(begins_at_border),
        HirKind::Repetition(repetition) => repetition.min > 0 && begins_at_border(&repetition.sub),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::syntax;

    const DIGIT_AND_SIGN: &[&str] = &[
        "0%", "0|", "1%", "1|", "2%", "2|", "3%", "3|", "4%", "4|", "5%", "5|", "6%", "6|", "7%", "7|", "8%", "8|",
        "9%", "9|",
    ];

    #[test]
    fn literals_of_patterns() {
        for (pattern, expected) in [
            (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", Some((&["akia", "asia"][..], Some(0), true))),
            (r"(?i)password\s*=\s*\w+", Some((&["password"], Some(0), false))),
            (r"[\w.]{1,64}@[\w.]{1,99}", Some((&["@"], Some(64), false))),
            (r"-----BEGIN ([A-Z]{2,10} ){0,2}PRIVATE KEY-----", Some((&["-----begin "], Some(0), false))),
            (r"\b\d{15,16}(\||%)\w", Some((DIGIT_AND_SIGN, Some(15), false))),
            (r"\b(sk-(proj|admin)-\w{9}T3BlbkFJ|sk-\w{20}T3BlbkFJ)", Some((&["sk-"], Some(0), true))),
            (r"[a-z]{5}(key1|x+y)[0-9]{9}_zq_", Some((&["_zq_"], None, false))),
            (r"https://[a-z]+\.webhook\.example/\w", Some((&[".webhook.example"], None, false))),
            (r"\w+-secret-?key", Some((&["-secret"], None, false))),
            (r"[a-z]{3}(foo1|x[0-9]+bar2)", Some((&["bar2", "foo1"], None, false))),
            (r"\b(?i)(?:key|token)[:=]\S{9}", Some((&["key:", "key=", "token:", "token="], Some(0), true))),
            (r"(ab){3,}c", Some((&["ababab"], Some(0), false))),
            (r"[12]zzz[34567]", Some((&["1zzz", "2zzz"], Some(0), false))),
            (r"(?i)straße \d", Some((&["straße ", "straẞe "], Some(0), false))),
            (r"秘密\w", Some((&["秘密"], Some(0), false))),
            (r"\b\d{3}[- ]\d{4}\b", None),
            (r"[a-z]+", None),
            (r"foo|[a-z]{9}", None),
            (r"a|zq", None),
        ] {
            let found = Literals::of(&syntax::parse(pattern, false).unwrap());
            let expected = expected.map(|(list, lead, at_border)| Literals {
                list: list.iter().map(|literal| literal.as_bytes().into()).collect(),
                lead,
                at_border,
            });
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn literals_of_keywords() {
        for (keywords, ignore_case, expected) in [
            (&["Stop", "stopping", "éclair"][..], true, Some((&["clair", "stop"][..], Some(3)))),
            (&["éclair"], false, Some((&["éclair"], Some(0)))),
            (&["这是秘密文件这是秘密文件"], true, Some((&["这是秘密文"], Some(0)))),
            (&["stop", "é"], true, None),
        ] {
            let found = Literals::of_keywords(keywords.iter().copied(), ignore_case, false);
            let found = found.map(|found| (found.list, found.lead));
            let expected = expected.map(|(list, lead)| (list.iter().map(|one| one.as_bytes().into()).collect(), lead));
            assert_eq!(found, expected, "{keywords:?}");
        }
    }
}
