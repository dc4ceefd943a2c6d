//! Leads of all rules on responses: where a search of a rule begins in a streamed text.

use crate::pattern::char_set::CharSets;
use crate::pattern::lead::Lead;
use crate::rule::RuleIndex;

/// Maximum number of rules whose leads are tracked: one bit each. A search of any further rule begins at every character
/// that a match may start with.
pub(crate) const MAX_LEADS: usize = 64;

/// Leads of the rules on responses, by character. Each lead has a bit in every mask, in file order of the rules.
#[derive(Debug, Default)]
pub(crate) struct Leads {
    leads: Box<[(RuleIndex, Lead)]>,
    /// Masks of the ASCII characters.
    ascii: Box<[Masks]>,
    /// Leads that begin with an assertion.
    looks: u64,
    /// Leads that other characters than ASCII belong to.
    wide: u64,
}

/// Leads that a character belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Masks {
    /// Leads that the character may be in.
    lead: u64,
    /// Leads that it may follow.
    gate: u64,
}

/// Leads in progress at the end of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeadRuns {
    /// Leads in progress.
    running: u64,
    /// Leads whose gate was read: a search is in progress.
    searching: u64,
    /// By bit: the position at which the run of a lead began.
    starts: Vec<u64>,
}

impl Leads {
    /// Creates the masks of at most [`MAX_LEADS`] leads.
    pub(crate) fn new(leads: Vec<(RuleIndex, Lead)>, sets: &CharSets) -> Leads {
        debug_assert!(leads.len() <= MAX_LEADS);
        let looks = leads.iter().enumerate().filter(|(_, (_, lead))| lead.has_look());
        let looks = looks.fold(0, |mask, (bit, _)| mask | 1 << bit);
        let wide = leads.iter().enumerate().filter(|(_, (_, lead))| lead.has_wide(sets));
        let wide = wide.fold(0, |mask, (bit, _)| mask | 1 << bit);
        let mut table = Leads { leads: leads.into(), ascii: Box::default(), looks, wide };
        table.ascii = (0..0x80u8).map(|byte| table.find(char::from(byte), sets)).collect();
        table
    }

    /// Returns `true` if a lead may begin with `c`.
    pub(crate) fn has(&self, c: char, sets: &CharSets) -> bool {
        self.masks(c, sets).lead != 0
    }

    fn masks(&self, c: char, sets: &CharSets) -> Masks {
        if self.leads.is_empty() {
            return Masks::default();
        }
        match self.ascii.get(c as usize) {
            Some(masks) => *masks,
            None if self.wide == 0 => Masks::default(),
            None => self.find(c, sets),
        }
    }

    fn find(&self, c: char, sets: &CharSets) -> Masks {
        let mask = |is_in: fn(&Lead, char, &CharSets) -> bool| {
            let bits = self.leads.iter().enumerate();
            let bits = bits.filter(|(bit, _)| c.is_ascii() || self.wide >> bit & 1 != 0);
            let bits = bits.filter(|(_, (_, lead))| is_in(lead, c, sets));
            bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
        };
        Masks { lead: mask(Lead::has), gate: mask(Lead::is_gate) }
    }

    /// Returns those of the leads in `mask` that may begin between these characters.
    fn begin_between(&self, mask: u64, before: Option<char>, after: char) -> u64 {
        let failing = self
            .leads
            .iter()
            .enumerate()
            .filter(|(bit, (_, lead))| (mask & self.looks) >> bit & 1 != 0 && !lead.begins_between(before, after));
        failing.fold(mask, |mask, (bit, _)| mask & !(1 << bit))
    }

    /// Returns the bit of a rule's lead.
    fn bit(&self, rule: RuleIndex) -> Option<usize> {
        self.leads.binary_search_by_key(&rule, |(own, _)| *own).ok()
    }
}

impl LeadRuns {
    /// Reads a character at `at`, behind the character that `before` returns. Returns the leads whose gate it is: their rules
    /// are to be searched from their [`starts`](Self::starts).
    pub(crate) fn read(
        &mut self,
        leads: &Leads,
        sets: &CharSets,
        before: impl FnOnce() -> Option<char>,
        c: char,
        at: u64,
    ) -> u64 {
        let masks = leads.masks(c, sets);
        let gated = self.running & masks.gate;
        let mut begins = masks.lead & !self.running & !self.searching;
        if begins & leads.looks != 0 {
            begins = leads.begin_between(begins, before(), c);
        }
        self.running = self.running & masks.lead | begins;
        if begins != 0 {
            self.starts.resize(leads.leads.len(), 0);
        }
        while begins != 0 {
            if let Some(start) = self.starts.get_mut(begins.trailing_zeros() as usize) {
                *start = at;
            }
            begins &= begins - 1;
        }
        self.searching |= gated;
        gated
    }

    /// Returns `true` if no lead is in progress.
    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// Ends the search of a rule: its next lead may begin.
    pub(crate) fn end_search(&mut self, leads: &Leads, rule: RuleIndex) {
        if let Some(bit) = leads.bit(rule) {
            self.searching &= !(1 << bit);
        }
    }

    /// Ends all leads at the end of the text.
    pub(crate) fn clear(&mut self) {
        (self.running, self.searching) = (0, 0);
    }

    /// Returns the rules of the leads in `mask`, each with the earliest position at which a match may start whose lead ends
    /// at the end of `kept`, which is the text from `base` on. Matches have at most `max_bytes` bytes.
    pub(crate) fn starts<'l>(
        &'l self,
        leads: &'l Leads,
        mask: u64,
        kept: &'l str,
        base: u64,
        max_bytes: usize,
    ) -> impl Iterator<Item = (RuleIndex, u64)> + 'l {
        let bits = leads.leads.iter().zip(&self.starts).enumerate();
        bits.filter(move |(bit, _)| mask >> bit & 1 != 0).map(move |(_, ((rule, lead), start))| {
            let from = start.saturating_sub(base).max((kept.len() as u64).saturating_sub(max_bytes as u64)) as usize;
            // The bytes of a character that starts before the maximum length belong to no match.
            let from = (from..kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(kept.len());
            let run = kept.get(from..).unwrap_or_default();
            let skipped = match lead.max_chars() {
                Some(max) if run.len() > max as usize => run.char_indices().rev().nth(max as usize - 1),
                _ => None,
            };
            (*rule, base + (from + skipped.map_or(0, |(at, _)| at)) as u64)
        })
    }

    /// Returns the mask of all leads in progress.
    pub(crate) fn running(&self) -> u64 {
        self.running
    }
}
