//! Gates of complete texts: where the literals of a rule's chains occur, the rule may match.

use super::chain_progress::{ChainSlots, ChainStep};
use super::literal_scan::{Literal, LiteralScan};
use crate::pattern::chain::Chain;
use crate::rule::{Direction, RuleIndex};
use crate::view::{View, ViewSet};
use std::collections::BTreeMap;

/// Maximum length of all literals together in bytes. Further rules have no gate.
const MAX_BYTES: usize = 256 * 1024;

/// Pattern of a rule as seen by the gates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GatedPattern<'r> {
    pub(crate) rule: RuleIndex,
    pub(crate) chains: &'r [Chain],
    /// Views in which the rule is searched for with this pattern.
    pub(crate) views: ViewSet,
    /// Views that the rule is searched for only around what they change.
    pub(crate) repeated: ViewSet,
    pub(crate) request: bool,
    pub(crate) response: bool,
}

/// Step of a rule's chain that a literal belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) rule: RuleIndex,
    pub(crate) step: ChainStep,
    pub(crate) views: ViewSet,
    pub(crate) repeated: ViewSet,
}

/// Texts that have the same literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Response,
    Raw,
    Folded,
    /// Folded texts, for rules that search them as a whole.
    FoldedWhole,
    Letters,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Response, Kind::Raw, Kind::Folded, Kind::FoldedWhole, Kind::Letters];

    fn of(direction: Direction, view: View, places: Places) -> Kind {
        match (direction, view) {
            (Direction::Request, View::Folded) if places == Places::Whole => Kind::FoldedWhole,
            (Direction::Response, _) => Kind::Response,
            (Direction::Request, View::Raw) => Kind::Raw,
            (Direction::Request, View::Letters) => Kind::Letters,
            (Direction::Request, View::Folded | View::Decoded | View::Hidden) => Kind::Folded,
        }
    }

    /// Returns `true` if the pattern is searched for in texts of this kind.
    fn has(self, pattern: &GatedPattern<'_>) -> bool {
        let shares = |views: ViewSet| !pattern.views.is_disjoint(views);
        match self {
            Kind::Response => pattern.response && shares(ViewSet::RAW),
            Kind::Raw => pattern.request && shares(ViewSet::RAW),
            Kind::Folded => pattern.request && shares(ViewSet::FOLDED),
            Kind::FoldedWhole => {
                pattern.request && pattern.views.has(View::Folded) && !pattern.repeated.has(View::Folded)
            }
            Kind::Letters => pattern.request && shares(ViewSet::LETTERS),
        }
    }
}

/// Rules that a text is read for, by where they are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    All,
    /// Those that are searched for everywhere.
    Whole,
    /// Those that are searched for only around what the view changes.
    Changed,
}

impl Places {
    /// Returns `true` for a rule that is searched for only around changes if `is_repeated`.
    pub(crate) fn have(self, is_repeated: bool) -> bool {
        match self {
            Places::All => true,
            Places::Whole => !is_repeated,
            Places::Changed => is_repeated,
        }
    }
}

/// Literals of all rules.
#[derive(Debug)]
pub(crate) struct TextGates {
    /// Literals of each [`Kind`].
    literals: [KindGates; Kind::ALL.len()],
    /// Rules with a gate, ascending, each with the views that have it.
    rules: Box<[(RuleIndex, ViewSet)]>,
}

/// Literals of the texts of one [`Kind`].
#[derive(Debug)]
pub(crate) struct KindGates {
    scan: LiteralScan,
    /// Owners of each literal, the last step of a chain first.
    owners: Box<[Box<[Owner]>]>,
    slots: ChainSlots,
}

impl TextGates {
    /// Collects the literals. Matches have at most `max_match_bytes` bytes.
    pub(crate) fn new(patterns: &[GatedPattern<'_>], max_match_bytes: usize) -> TextGates {
        let mut bytes = 0;
        let mut gated = patterns.to_vec();
        gated.retain(|pattern| {
            let steps = pattern.chains.iter().flat_map(|chain| &chain.steps);
            bytes += steps.flat_map(|step| &step.list).map(|literal| literal.len()).sum::<usize>();
            !pattern.chains.is_empty() && bytes <= MAX_BYTES
        });
        let literals =
            Kind::ALL.map(|kind| KindGates::new(gated.iter().filter(|pattern| kind.has(pattern)), max_match_bytes));
        TextGates { literals, rules: gated.iter().map(|pattern| (pattern.rule, pattern.views)).collect() }
    }

    /// Returns `true` if the rule is searched only where a literal is found, in this view.
    pub(crate) fn has(&self, rule: RuleIndex, view: View) -> bool {
        let from = self.rules.partition_point(|(own, _)| *own < rule);
        let own = self.rules.get(from..).unwrap_or_default().iter().take_while(|(own, _)| *own == rule);
        own.map(|(_, views)| views).any(|views| views.has(view))
    }

    /// Returns the literals of rules for a view of a direction, among those of others.
    pub(crate) fn literals(&self, direction: Direction, view: View, places: Places) -> &KindGates {
        let [first, ..] = &self.literals;
        self.literals.get(Kind::of(direction, view, places) as usize).unwrap_or(first)
    }
}

impl KindGates {
    fn new<'p>(patterns: impl Iterator<Item = &'p GatedPattern<'p>>, max_match_bytes: usize) -> KindGates {
        let mut all: BTreeMap<(&[u8], bool), Vec<Owner>> = BTreeMap::new();
        let mut slots = ChainSlots::new(max_match_bytes);
        for pattern in patterns {
            for chain in pattern.chains {
                // The last step first: a literal of several steps must not continue a chain that it has begun itself.
                for (step, known) in chain.steps.iter().zip(slots.add(chain)).rev() {
                    let GatedPattern { rule, views, repeated, .. } = *pattern;
                    let owner = Owner { rule, step: known, views, repeated };
                    for literal in &step.list {
                        all.entry((literal, step.at_border)).or_default().push(owner);
                    }
                }
            }
        }
        let literals = all.keys().map(|(text, at_border)| Literal { text: (*text).into(), at_border: *at_border });
        KindGates {
            scan: LiteralScan::new(&literals.collect::<Vec<_>>()),
            owners: all.into_values().map(Vec::into_boxed_slice).collect(),
            slots,
        }
    }

    /// Returns the layout of the progress of chains.
    pub(crate) fn slots(&self) -> &ChainSlots {
        &self.slots
    }

    /// Calls `each` with the owners, start and end of every literal in `text`, in the order of their starts, until it returns
    /// `false`.
    pub(crate) fn each(&self, text: &str, mut each: impl FnMut(&[Owner], usize, usize) -> bool) {
        self.scan.each(text.as_bytes(), |literal, start, end| {
            let owners = self.owners.get(literal as usize).map_or(&[][..], |owners| owners);
            each(owners, start, end)
        });
    }
}

#[cfg(test)]
mod tests;
