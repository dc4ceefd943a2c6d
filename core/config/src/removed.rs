//! Values of a document that are skipped because they are invalid.

use std::collections::BTreeMap;

use crate::path::{Path, Step};

/// Tree of the removed values.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    members: BTreeMap<Step, Removed>,
    /// `true`: the value at this node is removed, with all below it.
    whole: bool,
}

impl Removed {
    /// Removes the value at `path`. Returns `false` if it was removed before.
    pub(crate) fn add(&mut self, path: &Path) -> bool {
        let mut node = self;
        for step in &path.0 {
            if node.whole {
                return false;
            }
            node = node.members.entry(step.clone()).or_default();
        }
        !std::mem::replace(&mut node.whole, true)
    }

    /// Returns the node of a member. Its step is needed only if there is a removed member.
    pub(crate) fn member(&self, step: impl FnOnce() -> Step) -> Option<&Removed> {
        if self.members.is_empty() { None } else { self.members.get(&step()) }
    }

    /// Returns `true` if the value at this node is removed.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Returns `true` if the value at `path`, or one that contains it, is removed.
    pub fn has(&self, path: &Path) -> bool {
        let mut node = self;
        for step in &path.0 {
            if node.whole {
                return true;
            }
            match node.members.get(step) {
                Some(member) => node = member,
                None => return false,
            }
        }
        node.whole
    }

    /// Returns the original indices of the elements of the list at `path` that are not removed.
    pub fn indices(&self, path: &Path, remaining: usize) -> Vec<usize> {
        let mut node = Some(self);
        for step in &path.0 {
            node = node.and_then(|node| node.members.get(step));
        }
        let gone = |index: &usize| {
            node.and_then(|node| node.members.get(&Step::Index(*index))).is_some_and(|member| member.whole)
        };
        (0..).filter(|index| !gone(index)).take(remaining).collect()
    }
}
