//! Elements: the literals of a pattern from which the steps of a chain are chosen.

use super::position::Position;
use super::rate_of;
use crate::pattern::texts::{
    MAX_LITERAL, MAX_LITERALS, Texts, begin_with_words, is_border, is_word, longest, members, minimal, optional,
    product, shortest, union,
};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Set of literals of which every match contains one, and where.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) list: Texts,
    /// Occurrences per byte of an average text.
    pub(super) rate: f64,
    /// Distances from here to any later position are not shorter than those from the start of a literal.
    pub(super) start: Position,
    /// Distances from any earlier position to here are not shorter than those to the end of a literal.
    pub(super) end: Position,
    /// `true` if no ASCII word character is in front of a literal.
    pub(super) at_border: bool,
    /// `true` if a literal begins where the part begins that it belongs to.
    is_first: bool,
}

impl Element {
    /// Creates an element of literals that begin at `start`, or up to `slack` bytes behind it.
    fn new(list: Texts, (start, slack): (Position, usize), at_border: bool) -> Option<Element> {
        let list = minimal(list)?;
        let longest = longest(&list);
        let at_border = at_border && begin_with_words(&list);
        let end = start + Position::behind(longest.checked_add(slack));
        Some(Element { rate: rate_of(&list), list, start, end, at_border, is_first: start.is_start() })
    }

    /// Returns `true` if the pattern begins with a literal.
    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Moves the element into a sequence, behind `position`.
    fn behind(self, position: Position, at_border: bool) -> Element {
        let is_border = at_border && self.is_first && begin_with_words(&self.list);
        Element {
            start: position + self.start,
            end: position + self.end,
            at_border: self.at_border || is_border,
            is_first: self.is_first && position.is_start(),
            ..self
        }
    }
}

/// Part of an expression.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// All texts that the part matches, in lower case, if they are few.
    exact: Option<Texts>,
    /// Otherwise texts of which every match ends with one, in lower case, if they are few.
    suffix: Option<Texts>,
    /// Literals that every match of the part contains, in order.
    elements: Vec<Element>,
    /// Position behind the part.
    end: Position,
    /// `true` if no match ends with an ASCII word character. The empty text does not.
    ends_apart: bool,
    /// `true` if the part may match the empty text.
    may_be_empty: bool,
    /// `true` for an assertion that an ASCII word begins if a word character follows.
    is_border: bool,
}

impl Part {
    fn new(hir: &Hir) -> Part {
        Part {
            exact: None,
            suffix: None,
            elements: Vec::new(),
            end: Position::behind(hir.properties().maximum_len()),
            ends_apart: false,
            may_be_empty: hir.properties().minimum_len().unwrap_or(0) == 0,
            is_border: false,
        }
    }

    fn of(hir: &Hir) -> Part {
        let own = Part::new(hir);
        match hir.kind() {
            HirKind::Empty => Part { exact: Some(vec![Vec::new()]), ends_apart: true, ..own },
            HirKind::Look(look) => {
                Part { exact: Some(vec![Vec::new()]), ends_apart: true, is_border: is_border(*look), ..own }
            }
            HirKind::Literal(literal) => {
                let ends_apart = literal.0.last().is_some_and(|&last| !is_word(last));
                Part { exact: Some(vec![literal.0.to_ascii_lowercase()]), ends_apart, ..own }
            }
            HirKind::Class(class) => Part { exact: members(class), ends_apart: !has_word(class), ..own },
            HirKind::Capture(capture) => Part::of(&capture.sub),
            HirKind::Concat(parts) => {
                let mut sequence = Sequence::default();
                parts.iter().for_each(|part| sequence.push_expression(part));
                Part { may_be_empty: own.may_be_empty, ..sequence.finish() }
            }
            HirKind::Alternation(choices) => {
                let parts: Vec<Part> = choices.iter().map(Part::of).collect();
                let end = if own.end.distance_from_start().is_some() { own.end } else { Position::behind(None) };
                Part {
                    exact: union(parts.iter().map(|part| part.exact.as_ref())),
                    ends_apart: parts.iter().all(|part| part.ends_apart),
                    elements: any_of(parts, end).into_iter().collect(),
                    end,
                    ..own
                }
            }
            HirKind::Repetition(repetition) => Part::repeated(repetition, own),
        }
    }

    fn repeated(repetition: &Repetition, own: Part) -> Part {
        let Repetition { min, max, ref sub, .. } = *repetition;
        let part = Part::of(sub);
        let ends_apart = part.ends_apart;
        if min == 0 {
            return Part { exact: optional(part.exact, max), ends_apart, ..own };
        }
        let mut sequence = Sequence::default();
        // `x{2,9}` is `xx` and any number of `x`, of which the last one may be that of `xx`.
        let copies = min.min(MAX_LITERAL as u32);
        for _ in 0..copies {
            sequence.push(part.clone());
        }
        if max != Some(copies) {
            let longest = part.end.distance_from_start();
            let others = max.and_then(|max| longest?.checked_mul(max.saturating_sub(copies) as usize));
            sequence.push(Part {
                exact: None,
                suffix: part.exact.or(part.suffix),
                elements: Vec::new(),
                end: Position::behind(others),
                may_be_empty: true,
                is_border: false,
                ..part
            });
        }
        Part { may_be_empty: own.may_be_empty, ends_apart, ..sequence.finish() }
    }

    /// Returns the elements from which steps may be chosen.
    pub(super) fn candidates(self) -> Vec<Element> {
        let whole = self.exact.and_then(|exact| Element::new(exact, (Position::default(), 0), false));
        if self.elements.is_empty() { whole.into_iter().collect() } else { self.elements }
    }
}

/// Returns `true` if a class has an ASCII word character.
fn has_word(class: &Class) -> bool {
    let is_in = |byte: u8| match class {
        Class::Unicode(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
        Class::Bytes(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&byte)),
    };
    (0..0x80).filter(|&byte| is_word(byte)).any(is_in)
}

/// Returns an element of which every match of any of the parts contains a literal. `end` is the position behind the longest.
fn any_of(parts: Vec<Part>, end: Position) -> Option<Element> {
    let mut all: Option<Element> = None;
    for part in parts {
        let behind = part.end;
        let own = part.candidates().into_iter().min_by(|a, b| a.rate.total_cmp(&b.rate))?;
        // Where the literal is, counted from the ends of the parts, which are at the same place.
        let start = behind.since(own.start).map_or(Position::default(), |to_end| end.before(to_end));
        let last = own
            .end
            .distance_from_start()
            .map_or(end, |distance_from_start| Position::behind(Some(distance_from_start)));
        let own = Element { start, end: last, ..own };
        all = Some(match all {
            None => own,
            Some(all) => all.or(own, end),
        });
        if all.as_ref().is_some_and(|all| all.list.len() > MAX_LITERALS) {
            return None;
        }
    }
    let all = all?;
    Some(Element { list: minimal(all.list)?, ..all })
}

impl Element {
    /// Returns an element of which every match contains a literal that contains one of either. `end` is the position behind
    /// the longest match.
    fn or(self, other: Element, end: Position) -> Element {
        let earlier = |a: Position, b: Position| match (end.since(a), end.since(b)) {
            (Some(a), Some(b)) => end.before(a.max(b)),
            _ => Position::default(),
        };
        let later = |a: Position, b: Position| match (a.distance_from_start(), b.distance_from_start()) {
            (Some(a), Some(b)) => Position::behind(Some(a.max(b))),
            _ => end,
        };
        Element {
            rate: self.rate + other.rate,
            start: earlier(self.start, other.start),
            end: later(self.end, other.end),
            at_border: self.at_border && other.at_border,
            is_first: self.is_first && other.is_first,
            list: [self.list, other.list].concat(),
        }
    }
}

/// Sequence of parts.
pub(super) struct Sequence {
    /// Texts that the parts since the last one without a short list of texts match.
    run: Texts,
    /// Position in front of the run, of its longest text if they begin at several places.
    run_start: Position,
    /// Distance between the first and the last of these places in bytes.
    run_slack: usize,
    /// `true` if no ASCII word character is in front of the run.
    run_at_border: bool,
    /// `true` if the run begins with the end of a part whose elements are known.
    run_overlaps: bool,
    /// Best literals of the run so far, without those of the run itself if they are not known yet.
    best: Option<Element>,
    is_best_known: bool,
    elements: Vec<Element>,
    /// Position behind all parts.
    end: Position,
    /// `true` if no ASCII word character is in front of the next part that begins with one.
    at_border: bool,
    /// `true` if no match of all parts ends with an ASCII word character.
    ends_apart: bool,
    /// `true` if the run are the texts of all parts.
    is_exact: bool,
}

impl Default for Sequence {
    fn default() -> Sequence {
        Sequence {
            run: vec![Vec::new()],
            run_start: Position::default(),
            run_slack: 0,
            run_at_border: false,
            run_overlaps: false,
            best: None,
            is_best_known: true,
            elements: Vec::new(),
            end: Position::default(),
            at_border: false,
            ends_apart: true,
            is_exact: true,
        }
    }
}

impl Sequence {
    /// Appends an expression.
    pub(super) fn push_expression(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.push_expression(part)),
            HirKind::Capture(capture) => self.push_expression(&capture.sub),
            _ => self.push(Part::of(hir)),
        }
    }

    fn push(&mut self, part: Part) {
        let product = part.exact.as_ref().and_then(|exact| product(&self.run, exact));
        match product {
            Some(product) => {
                if self.run.iter().all(Vec::is_empty) {
                    self.run_at_border = self.at_border;
                }
                // A text continued by a single one is rarer: the letters of a word are chosen at once.
                if part.exact.as_ref().is_some_and(|exact| exact.len() > 1) {
                    self.choose();
                }
                self.run = product;
                self.is_best_known = false;
            }
            None => {
                self.end_run();
                self.is_exact = false;
                if let Some(exact) = part.exact {
                    (self.run_start, self.run_slack) = (self.end, 0);
                    (self.run_at_border, self.run_overlaps) = (self.at_border, false);
                    self.run = exact;
                } else {
                    let (end, at_border) = (self.end, self.at_border);
                    self.elements.extend(part.elements.into_iter().map(|element| element.behind(end, at_border)));
                    let suffix = part.suffix.unwrap_or_else(|| vec![Vec::new()]);
                    let longest = longest(&suffix);
                    self.run_start = (self.end + part.end).before(longest);
                    self.run_slack = longest - shortest(&suffix);
                    self.run_at_border = false;
                    self.run_overlaps = longest > 0;
                    self.run = suffix;
                }
                self.best = None;
                self.is_best_known = false;
            }
        }
        self.end = self.end + part.end;
        self.at_border = match (part.is_border, part.may_be_empty) {
            (true, _) => true,
            (false, true) => self.at_border && part.ends_apart,
            (false, false) => part.ends_apart,
        };
        self.ends_apart = if part.may_be_empty { self.ends_apart && part.ends_apart } else { part.ends_apart };
    }

    /// Chooses between the run and its beginning, whose literals are shorter and fewer.
    fn choose(&mut self) {
        if std::mem::replace(&mut self.is_best_known, true) {
            return;
        }
        let Some(own) = Element::new(self.run.clone(), (self.run_start, self.run_slack), self.run_at_border) else {
            return;
        };
        // Of literals that are as rare, the longest are the last.
        if self.best.as_ref().is_none_or(|best| own.rate <= best.rate) {
            self.best = Some(own);
        }
    }

    /// Ends the run and adds its literals.
    fn end_run(&mut self) {
        self.choose();
        let Some(own) = self.best.take() else { return };
        match self.elements.last_mut().filter(|_| self.run_overlaps) {
            None => self.elements.push(own),
            // Both may be the same text.
            Some(last) if own.rate < last.rate => *last = own,
            Some(_) => {}
        }
    }

    pub(super) fn finish(mut self) -> Part {
        self.end_run();
        let (exact, suffix) = if self.is_exact { (Some(self.run), None) } else { (None, Some(self.run)) };
        Part {
            exact,
            suffix,
            elements: self.elements,
            end: self.end,
            ends_apart: self.ends_apart,
            may_be_empty: false,
            is_border: false,
        }
    }
}
