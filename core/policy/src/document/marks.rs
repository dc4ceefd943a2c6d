//! Positions of values.

use std::collections::BTreeMap;

use tollgate_config::{Path, Step};

/// Position in a file of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Index of the file in the document.
    pub(crate) source: usize,
    /// Line, from 1; 0 if unknown.
    pub line: usize,
    /// Column in characters, from 1; 0 if unknown.
    pub column: usize,
    /// Number of characters on the line, at least 1.
    pub length: usize,
}

/// Positions of a value and of its members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) value: Position,
    /// Position of the key, for a member of a map.
    pub(crate) key: Option<Position>,
    pub(crate) members: BTreeMap<Step, Marks>,
}

impl Marks {
    /// Returns the position of a value or its key; of a value that does not exist, the position of the value around it.
    pub(crate) fn position(&self, path: &Path, at_key: bool) -> Position {
        let mut node = self;
        for step in &path.0 {
            match node.members.get(step) {
                Some(member) => node = member,
                None => return node.key.unwrap_or(node.value),
            }
        }
        node.key.filter(|_| at_key).unwrap_or(node.value)
    }

    /// Returns the marks of the value at a path; adds them where they are missing.
    pub(crate) fn entry(&mut self, path: &Path) -> &mut Marks {
        let mut node = self;
        for step in &path.0 {
            node = node.members.entry(step.clone()).or_default();
        }
        node
    }

    /// Moves all positions to another file.
    pub(crate) fn set_source(&mut self, offset: usize) {
        self.value.source += offset;
        if let Some(key) = &mut self.key {
            key.source += offset;
        }
        for member in self.members.values_mut() {
            member.set_source(offset);
        }
    }
}
