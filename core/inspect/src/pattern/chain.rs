//! Chains: sequences of literals that every match of a pattern contains in order.
//!
//! A phrase has several words, each of which is frequent in ordinary texts: `ignore`, then `previous`, then `instructions`. Only
//! where all of them occur, in this order and at most so far apart as a match allows, a search for the pattern is worth its
//! time. [`Literals`] are one step of such a chain; a stream, which has to know early where a match may begin, uses only them.

mod element;
mod position;

use super::byte_rates::rate;
use super::literals::Literals;
use super::texts::{MAX_LITERALS, Texts, UNBOUNDED, WINDOW_CHARS, shortest};
use element::{Element, Sequence};
use regex_syntax::hir::{Hir, HirKind};

/// Maximum number of chains of a pattern, one for each of its alternatives.
const MAX_CHAINS: usize = 16;
/// Number of the rarest elements of a pattern among which the steps are chosen.
const MAX_ELEMENTS: usize = 7;
/// Share of the text in front of a literal that a search reads if its matches begin with a literal.
const READ_SHARE: f64 = 0.1;
/// Cost of beginning a search, in nodes visited.
const SEARCH_COST: f64 = 20.0;
/// Nodes that are visited in the time in which a search reads a character.
const NODES_PER_CHAR: f64 = 0.5;
/// Cost of finding a literal, in nodes visited.
const HIT_COST: f64 = 4.0;
/// Maximum cost of a pattern in nodes visited per byte of an average text. A rule with more is searched by the prefilter.
const MAX_COST: f64 = 0.5;
/// Occurrences per byte of a rare literal.
const RARE: f64 = 0.01;
/// Alternatives with a smaller cost together have one chain.
const SMALL_COST: f64 = 0.002;

/// Sequence of literals such that every match of an alternative of a pattern contains one of each step, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) steps: Vec<Step>,
    /// Largest distance in bytes from the start of a match to the start of a literal of the last step, of all chains of the
    /// pattern; `None` if there is no bound.
    pub(crate) lead: Option<usize>,
}

/// Literals of one step of a [`Chain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Literals in lower case, sorted, none the prefix of another. ASCII letters match in any case.
    pub(crate) list: Vec<Box<[u8]>>,
    /// `true` if no ASCII letter, digit or `_` may be in front of a literal.
    pub(crate) at_border: bool,
    /// Largest distance in bytes from the start of a literal of the step before to the end of one of this step; `None` if there
    /// is no bound, or no step before.
    pub(crate) gap: Option<usize>,
}

impl Chain {
    /// Returns the chains of the alternatives of an expression, none if its literals do not select well; and `true` if every match
    /// of it contains a literal of a set that is rare, however far from its start.
    pub(crate) fn of(hir: &Hir) -> (Vec<Chain>, bool) {
        let elements = elements(hir);
        let has_rare_literal = elements.iter().any(|element| element.rate <= RARE);
        (Chain::of_elements(hir, elements), has_rare_literal)
    }

    fn of_elements(hir: &Hir, elements: Vec<Element>) -> Vec<Chain> {
        let whole = Choice::of(elements);
        let is_good = |choice: &Choice| choice.cost <= SMALL_COST;
        let split = if whole.as_ref().is_some_and(is_good) { None } else { Choice::of_alternatives(hir) };
        let best = match (whole, split) {
            (Some(whole), Some(split)) => Some(if split.cost < whole.cost { split } else { whole }),
            (whole, split) => whole.or(split),
        };
        let mut chains = best.filter(|best| best.cost <= MAX_COST).map(|best| best.chains).unwrap_or_default();
        // A match of one alternative may begin in front of a match of another one whose literals come first.
        let leads = || chains.iter().map(|chain| chain.lead);
        let longest = if leads().any(|lead| lead.is_none()) { None } else { leads().max().flatten() };
        chains.iter_mut().for_each(|chain| chain.lead = longest);
        chains
    }

    /// Returns the estimated work of searches for the chain, in nodes visited per byte of an average text. Differs from the cost by
    /// which chains are chosen in the text that is read in front of the last literal.
    pub(crate) fn cost(&self) -> f64 {
        let rate = |step: &Step| -> f64 { step.list.iter().map(|literal| rate(literal)).sum() };
        let hits: f64 = self.steps.iter().map(rate).sum();
        let follows = |pair: &[Step]| match pair {
            [first, next] => (rate(first) * bounded(next.gap)).min(1.0),
            _ => 1.0,
        };
        let ordered: f64 = self.steps.windows(2).map(follows).product();
        let complete = self.steps.last().map_or(0.0, rate) * ordered;
        hits * HIT_COST + complete * (SEARCH_COST + (WINDOW_CHARS + READ_SHARE * bounded(self.lead)) * NODES_PER_CHAR)
    }

    /// Returns the chain with a single step.
    pub(crate) fn of_literals(literals: &Literals) -> Chain {
        let step = Step { list: literals.list.clone(), at_border: literals.at_border, gap: None };
        Chain { steps: vec![step], lead: literals.lead }
    }
}

/// Returns the elements of an expression.
fn elements(hir: &Hir) -> Vec<Element> {
    let mut sequence = Sequence::default();
    sequence.push_expression(hir);
    sequence.finish().candidates()
}

/// Chains with their estimated cost.
struct Choice {
    chains: Vec<Chain>,
    /// Nodes visited per byte of an average text.
    cost: f64,
}

impl Choice {
    /// Returns the cheapest chain of an expression with these elements.
    fn of(elements: Vec<Element>) -> Option<Choice> {
        let share = if elements.first().is_some_and(Element::is_first) { READ_SHARE } else { 1.0 };
        let elements = rarest(elements);
        let mut best: Option<(f64, Vec<&Element>)> = None;
        each_selection(&elements, &mut |steps| {
            let cost = cost(steps, share);
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, steps.to_vec()));
            }
        });
        let (cost, steps) = best?;
        Some(Choice { chains: vec![chain(&steps)?], cost })
    }

    /// Returns the cheapest chain of each alternative of an expression, if it has alternatives.
    fn of_alternatives(hir: &Hir) -> Option<Choice> {
        match hir.kind() {
            HirKind::Capture(capture) => Choice::of_alternatives(&capture.sub),
            HirKind::Concat(parts) => {
                let mut reading = parts.iter().filter(|part| !matches!(part.kind(), HirKind::Look(_)));
                match (reading.next(), reading.next()) {
                    (Some(only), None) => Choice::of_alternatives(only),
                    _ => None,
                }
            }
            HirKind::Alternation(choices) if choices.len() <= MAX_CHAINS => {
                let mut all = Choice { chains: Vec::new(), cost: 0.0 };
                for choice in choices {
                    let own = Choice::of(elements(choice))?;
                    all.chains.extend(own.chains);
                    all.cost += own.cost;
                }
                Some(all)
            }
            _ => None,
        }
    }
}

/// Returns the rarest elements, in order.
fn rarest(mut elements: Vec<Element>) -> Vec<Element> {
    while elements.len() > MAX_ELEMENTS {
        let most = elements.iter().enumerate().max_by(|(_, a), (_, b)| a.rate.total_cmp(&b.rate));
        let Some((most, _)) = most else { break };
        elements.remove(most);
    }
    elements
}

/// Calls `each` with every selection of at most three elements, in order. More steps select no better, and their literals take
/// memory.
fn each_selection<'e>(elements: &'e [Element], each: &mut impl FnMut(&[&'e Element])) {
    for (at, first) in elements.iter().enumerate() {
        each(&[first]);
        let behind = elements.get(at + 1..).unwrap_or_default();
        for (at, second) in behind.iter().enumerate() {
            each(&[first, second]);
            for third in behind.get(at + 1..).unwrap_or_default() {
                each(&[first, second, third]);
            }
        }
    }
}

/// Returns the estimated cost of a chain of these elements, as if literals occurred independently. `share` is the part of the text
/// in front of the last one that a search reads.
fn cost(steps: &[&Element], share: f64) -> f64 {
    let hits: f64 = steps.iter().map(|step| step.rate).sum();
    let follows = |pair: &[&Element]| match pair {
        [first, next] => (first.rate * bounded(next.end.since(first.start))).min(1.0),
        _ => 1.0,
    };
    let ordered: f64 = steps.windows(2).map(follows).product();
    let last = steps.last();
    let complete = last.map_or(0.0, |last| last.rate) * ordered;
    let window = WINDOW_CHARS + share * last.map_or(0.0, |last| bounded(last.end.distance_from_start()));
    hits * HIT_COST + complete * (SEARCH_COST + window * NODES_PER_CHAR)
}

fn bounded(distance: Option<usize>) -> f64 {
    distance.unwrap_or(UNBOUNDED).min(UNBOUNDED) as f64
}

fn chain(steps: &[&Element]) -> Option<Chain> {
    let last = steps.last()?;
    let lead = last.end.distance_from_start().map(|end| end.saturating_sub(shortest(&last.list)));
    let mut before: Option<&Element> = None;
    let mut list = Vec::with_capacity(steps.len());
    for step in steps {
        list.push(Step {
            list: step.list.iter().map(|literal| literal.as_slice().into()).collect(),
            at_border: step.at_border,
            gap: before.and_then(|before| step.end.since(before.start)),
        });
        before = Some(step);
    }
    Some(Chain { steps: list, lead })
}

/// Returns the estimated number of occurrences of any of the literals per byte of a text.
fn rate_of(list: &Texts) -> f64 {
    debug_assert!(list.len() <= MAX_LITERALS * 2, "lists are bounded where they grow");
    list.iter().map(|literal| rate(literal)).sum()
}

#[cfg(test)]
mod tests;
