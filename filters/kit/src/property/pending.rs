//! Write-behind of the properties of one stream.
//!
//! Several steps of a call set the same property: a verdict is `allow`, then `redact`; the tokens of a prompt are counted,
//! then reported by the provider. A host call costs more than such a value, so the values of a stream are collected and
//! written when somebody may read them: before a request or a local reply goes on, and at the end of `on_log`.

use std::cell::RefCell;
use std::rc::Rc;

use super::audit::{Audit, Audited};

/// Properties of a stream that were set, with the values that Envoy does not have yet.
#[derive(Debug, Default)]
pub(crate) struct PendingProperties {
    entries: Vec<Entry>,
    /// Values of the entries, one after the other.
    bytes: Vec<u8>,
    /// Verdicts of the stream, if its filter audits.
    audit: Option<Audit>,
    /// Names of the properties that Envoy gets; `None` for all.
    published: Option<Rc<[&'static str]>>,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    start: usize,
    len: usize,
    is_written: bool,
}

thread_local! {
    /// Properties of the stream whose callback runs. A virtual machine has one thread and runs one callback at a time.
    static CURRENT: RefCell<Option<PendingProperties>> = const { RefCell::new(None) };
}

impl PendingProperties {
    /// Returns the properties of a new stream.
    pub(crate) fn new(is_audit: bool, published: Option<Rc<[&'static str]>>) -> PendingProperties {
        PendingProperties { audit: is_audit.then(Audit::default), published, ..PendingProperties::default() }
    }

    /// Runs a callback of the stream with these properties as the target of [`set`](super::set).
    pub(crate) fn during<R>(&mut self, callback: impl FnOnce() -> R) -> R {
        let outer = CURRENT.replace(Some(std::mem::take(self)));
        debug_assert!(outer.is_none(), "callbacks do not nest");
        let result = callback();
        *self = CURRENT.replace(outer).unwrap_or_default();
        result
    }

    fn value(&self, entry: &Entry) -> &[u8] {
        self.bytes.get(entry.start..entry.start + entry.len).unwrap_or_default()
    }

    /// Keeps a value until the next flush. The last value of a property wins; one that Envoy already has is not written
    /// again, and one that is not published is dropped.
    fn set(&mut self, name: &'static str, value: &[u8]) {
        if self.published.as_ref().is_some_and(|names| !names.contains(&name)) {
            return;
        }
        let known = self.entries.iter().position(|entry| entry.name == name);
        if let Some(entry) = known.and_then(|at| self.entries.get(at))
            && self.value(entry) == value
        {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        let entry = Entry { name, start, len: value.len(), is_written: false };
        match known.and_then(|at| self.entries.get_mut(at)) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Returns a value that Envoy does not have yet.
    fn unwritten(&self, name: &str) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|entry| entry.name == name && !entry.is_written)?;
        Some(self.value(entry))
    }

    /// Hands every new value to `write`.
    fn flush(&mut self, mut write: impl FnMut(&'static str, &[u8])) {
        let PendingProperties { entries, bytes, .. } = self;
        for entry in entries.iter_mut().filter(|entry| !entry.is_written) {
            write(entry.name, bytes.get(entry.start..entry.start + entry.len).unwrap_or_default());
            entry.is_written = true;
        }
    }
}

/// Keeps a value for the stream whose callback runs. Returns `false` outside of callbacks of a stream.
pub(super) fn set(name: &'static str, value: &[u8]) -> bool {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(|pending| pending.set(name, value)).is_some())
}

/// Records a verdict in an audit. `None`: the filter of the stream does not audit.
pub(super) fn audit(verdict: &str) -> Option<Audited> {
    CURRENT.with_borrow_mut(|current| Some(current.as_mut()?.audit.as_mut()?.record(verdict)))
}

/// Returns a value that Envoy does not have yet.
pub(super) fn unwritten(name: &str) -> Option<Vec<u8>> {
    CURRENT.with_borrow(|current| current.as_ref()?.unwritten(name).map(<[u8]>::to_vec))
}

/// Hands every new value of the stream whose callback runs to `write`.
pub(super) fn flush(write: impl FnMut(&'static str, &[u8])) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(pending) = current {
            pending.flush(write);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flushed() -> Vec<(&'static str, Vec<u8>)> {
        let mut written = Vec::new();
        flush(|name, value| written.push((name, value.to_vec())));
        written
    }

    #[test]
    fn the_last_value_is_written_once() {
        let mut stream = PendingProperties::default();
        stream.during(|| {
            for (name, value) in [("a", "1"), ("b", "long value"), ("a", "2"), ("b", "3"), ("c", "")] {
                assert!(set(name, value.as_bytes()));
            }
            assert_eq!(unwritten("a"), Some(b"2".to_vec()));
            assert_eq!(flushed(), [("a", b"2".to_vec()), ("b", b"3".to_vec()), ("c", Vec::new())]);
            assert_eq!((unwritten("a"), flushed()), (None, Vec::new()));
        });
        // The next callback of the stream knows what Envoy has.
        stream.during(|| {
            assert!(set("a", b"2") && set("b", b"4") && set("d", b"5"));
            assert_eq!(flushed(), [("b", b"4".to_vec()), ("d", b"5".to_vec())]);
        });
    }

    #[test]
    fn what_is_not_published_is_dropped() {
        for (published, written) in [(None, vec!["a", "b"]), (Some(vec!["b", "c"]), vec!["b"]), (Some(vec![]), vec![])]
        {
            let mut stream = PendingProperties::new(false, published.map(Rc::from));
            stream.during(|| {
                assert!(set("a", b"1") && set("b", b"2"));
                assert_eq!(flushed().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), written);
            });
        }
    }

    #[test]
    fn streams_do_not_see_each_other() {
        let (mut one, mut two) = (PendingProperties::default(), PendingProperties::default());
        one.during(|| assert!(set("a", b"1")));
        two.during(|| assert_eq!(unwritten("a"), None));
        one.during(|| assert_eq!(unwritten("a"), Some(b"1".to_vec())));
        assert!(!set("a", b"1"), "no callback runs");
    }
}
