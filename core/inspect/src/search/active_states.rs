//! Active states of a search: the nodes it is at, each with its match starts.

use super::start_set::StartSet;
use crate::pattern::program::NodeId;

/// Nodes that a search is at between two characters, each with the set of positions where its matches started.
///
/// Edges that read nothing have not been followed, because assertions on them depend on the next character.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveStates {
    pub(crate) nodes: Vec<NodeId>,
    /// Start sets: [`StartSet::width`] words for each node.
    pub(crate) sets: Vec<u64>,
}

impl ActiveStates {
    /// Removes all nodes.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.sets.clear();
    }

    /// Removes the starts `from..to` from all sets, and then the nodes with empty sets.
    pub(crate) fn remove_starts(&mut self, starts: StartSet, from: u64, to: u64) {
        let width = starts.width();
        let mut kept = 0;
        for at in 0..self.nodes.len() {
            let Some(set) = self.sets.get_mut(at * width..(at + 1) * width) else { break };
            starts.remove(set, from, to);
            if !starts.is_empty(set) {
                self.move_node(at, kept, width);
                kept += 1;
            }
        }
        self.nodes.truncate(kept);
        self.sets.truncate(kept * width);
    }

    /// Removes matches that started at `start` or later.
    pub(crate) fn keep_before(&mut self, starts: StartSet, start: u64, at: u64) {
        match starts {
            StartSet::Window { .. } => self.remove_starts(starts, start, at + 1),
            StartSet::Earliest => {
                let mut kept = 0;
                for node in 0..self.nodes.len() {
                    if self.sets.get(node).is_some_and(|own| *own < start) {
                        self.move_node(node, kept, 1);
                        kept += 1;
                    }
                }
                self.nodes.truncate(kept);
                self.sets.truncate(kept);
            }
        }
    }

    /// Moves a node and its set to a smaller index.
    fn move_node(&mut self, from: usize, to: usize, width: usize) {
        if from == to {
            return;
        }
        self.nodes.swap(from, to);
        self.sets.copy_within(from * width..(from + 1) * width, to * width);
    }

    /// Returns the earliest start of all nodes.
    pub(crate) fn earliest(&self, starts: StartSet, at: u64) -> Option<u64> {
        self.sets.chunks(starts.width()).filter_map(|set| starts.earliest(set, at)).min()
    }
}
