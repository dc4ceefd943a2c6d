//! Names of the tools that a streamed response calls.

use crate::arguments::CalledNames;
use tollgate_llm::{Channel, Part};

/// Maximum number of calls in progress whose names are known.
const MAX_CALLS: usize = 512;

/// Names of tools by candidate and call.
#[derive(Debug, Default)]
pub(super) struct CalledTools {
    list: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    choice: u32,
    index: u32,
    name: CalledNames,
    /// `true` once its arguments have ended: a further name at this place is that of another call.
    is_over: bool,
}

impl CalledTools {
    /// Adds a piece of a name. Beyond [`MAX_CALLS`], names are not known.
    pub(super) fn add(&mut self, choice: u32, index: u32, piece: &str) {
        if let Some(call) = self.list.iter_mut().find(|call| (call.choice, call.index) == (choice, index)) {
            if std::mem::take(&mut call.is_over) {
                call.name = CalledNames::default();
            }
            call.name.add(piece);
            return;
        }
        if self.list.len() >= MAX_CALLS {
            let Some(at) = self.list.iter().position(|call| call.is_over) else { return };
            self.list.remove(at);
        }
        let mut name = CalledNames::default();
        name.add(piece);
        self.list.push(Call { choice, index, name, is_over: false });
    }

    /// Ends the call whose arguments a text is.
    pub(super) fn end(&mut self, channel: Channel) {
        let Part::ToolArguments(index) = channel.part else { return };
        let ended = self.list.iter_mut().filter(|call| (call.choice, call.index) == (channel.choice, index));
        ended.for_each(|call| call.is_over = true);
    }

    /// Returns the name of the tool whose arguments a text is.
    pub(super) fn of(&self, channel: Channel) -> Option<&CalledNames> {
        let Part::ToolArguments(index) = channel.part else { return None };
        let found = self.list.iter().find(|call| (call.choice, call.index) == (channel.choice, index));
        found.map(|call| &call.name)
    }
}
