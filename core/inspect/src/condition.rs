//! Conditions on a match: a match counts only if all conditions of its rule hold.
//!
//! A match whose conditions fail is treated as if the pattern did not match at this position: the search goes on at the next
//! character. (Skipping to the end of the failed match would let a digit in front of a card number hide the number.) Of one
//! position, only the match that the pattern prefers is tried.
//!
//! Conditions see the match, the character behind it and a bounded amount of text in front of it, all of which a stream still
//! has when the match becomes certain. Their result is therefore the same whether the text arrives whole or in pieces.

pub(crate) mod allow;
pub(crate) mod context;
pub(crate) mod entropy;
pub(crate) mod keywords;
pub(crate) mod list;
pub(crate) mod neighbor;
pub(crate) mod url;
pub(crate) mod validate;
mod word_set;

use crate::pattern::char_set::CharSets;
use crate::search::groups::Groups;
use allow::Allow;
use context::Context;
use entropy::Entropy;
use keywords::Keywords;
use neighbor::Neighbors;
use url::Url;
use validate::Validators;

/// Number of bytes in front of a window that a stream keeps, too: the window begins between characters, and conditions look
/// at the character before it.
const MARGIN: usize = 8;

/// Match that is a candidate: it counts if the conditions hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'t> {
    /// Text in front of the match: at least the last [`Conditions::look_behind`] bytes, if there are as many.
    pub(crate) before: &'t str,
    /// Character in front of the match.
    pub(crate) previous: Option<char>,
    /// Whole match.
    pub(crate) matched: &'t str,
    /// Part that is reported: the group of the rule, else the whole match.
    pub(crate) reported: &'t str,
    /// Character behind the match.
    pub(crate) next: Option<char>,
}

/// Conditions of a rule, in the order in which they are checked: cheap ones first.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    /// Character sets of `neighbors`, apart from those of the patterns, which the prefilter distinguishes.
    pub(crate) sets: CharSets,
    pub(crate) neighbors: Neighbors,
    pub(crate) url: Option<Url>,
    pub(crate) entropy: Option<Entropy>,
    pub(crate) validators: Validators,
    pub(crate) keywords: Option<Keywords>,
    pub(crate) context: Option<Context>,
    pub(crate) allow: Allow,
}

impl Conditions {
    /// Returns `true` if all conditions hold. Counts the characters that the conditions read as work.
    pub(crate) fn hold(&self, candidate: &Candidate<'_>, memory: &mut Groups) -> bool {
        self.rejecting(candidate, memory).is_none()
    }

    /// Returns the name, as in a rule, of the first condition that does not hold. Counts work like [`hold`](Self::hold).
    pub(crate) fn rejecting(&self, candidate: &Candidate<'_>, memory: &mut Groups) -> Option<&'static str> {
        if !self.neighbors.may_follow(candidate.previous, &self.sets) {
            return Some("not_before");
        }
        if !self.neighbors.may_precede(candidate.next, &self.sets) {
            return Some("not_after");
        }
        memory.work += candidate.reported.len() as u64;
        if self.entropy.as_ref().is_some_and(|entropy| !entropy.holds(candidate.reported)) {
            return Some("entropy");
        }
        if self.url.as_ref().is_some_and(|url| !url.holds(candidate.reported)) {
            return Some("url");
        }
        if !self.validators.hold(candidate.reported) {
            return Some("validate");
        }
        memory.work += (candidate.matched.len() + self.look_behind().min(candidate.before.len())) as u64;
        if self.keywords.as_ref().is_some_and(|keywords| !keywords.hold(candidate)) {
            return Some("keywords");
        }
        if self.context.as_ref().is_some_and(|context| !context.holds(candidate)) {
            return Some("context");
        }
        self.allow.permits(candidate, memory).then_some("allow")
    }

    /// Returns `false` if `not_before` excludes this character in front of a match.
    pub(crate) fn may_begin_behind(&self, before: Option<char>) -> bool {
        self.neighbors.may_follow(before, &self.sets)
    }

    /// Returns `true` if every match counts.
    pub(crate) fn is_empty(&self) -> bool {
        let Conditions { sets: _, neighbors, url, entropy, validators, keywords, context, allow } = self;
        neighbors.is_empty()
            && url.is_none()
            && entropy.is_none()
            && validators.is_empty()
            && keywords.is_none()
            && context.is_none()
            && allow.is_empty()
    }

    /// Returns the number of compiled nodes of the conditions.
    pub(crate) fn nodes(&self) -> usize {
        self.allow.nodes()
    }

    /// Returns the number of bytes in front of a match that the conditions need.
    pub(crate) fn look_behind(&self) -> usize {
        let keywords = self.keywords.as_ref().map_or(0, Keywords::window);
        let context = self.context.as_ref().map_or(0, Context::window);
        match keywords.max(context).max(self.allow.window()) {
            0 => 0,
            window => window + MARGIN,
        }
    }
}

/// Splits the text in front of a match into the last `window` bytes, as far as they are whole characters, and the character
/// before them.
fn window(before: &str, window: usize) -> (Option<char>, &str) {
    let from = before.ceil_char_boundary(before.len().saturating_sub(window));
    let (outside, inside) = before.split_at_checked(from).unwrap_or(("", before));
    (outside.chars().next_back(), inside)
}
