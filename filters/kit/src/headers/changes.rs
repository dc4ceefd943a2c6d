//! Changes of a header map that are made together.

use super::{Head, Headers, encode};
use crate::abi::{self, Status};

/// Number of changes from which on the whole map is replaced with one host call.
const REPLACE_FROM: usize = 3;

/// Changes of a header map that was read in the same callback.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderChanges {
    set: Vec<(&'static str, String)>,
    removed: Vec<&'static str>,
}

impl HeaderChanges {
    /// Sets a header to one value, in place of all earlier ones.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        debug_assert!(!self.removed.contains(&name), "a header is either set or removed");
        self.set.retain(|(own, _)| *own != name);
        self.set.push((name, value));
    }

    /// Removes every value of a header.
    pub(crate) fn remove(&mut self, name: &'static str) {
        debug_assert!(self.set.iter().all(|(own, _)| *own != name), "a header is either set or removed");
        self.removed.push(name);
    }

    /// Makes the changes in `map`, whose headers are `head`.
    pub(crate) fn apply(mut self, map: Headers, head: &Head) -> Result<(), Status> {
        self.removed.retain(|name| head.has(name));
        if self.set.len() + self.removed.len() >= REPLACE_FROM && head.is_whole() {
            return abi::set_headers(map.0, &self.changed(head));
        }
        for (name, value) in &self.set {
            map.set(name, value)?;
        }
        self.removed.iter().try_for_each(|name| map.remove(name))
    }

    /// Returns the changed headers in the ABI's layout: those that stay in their order, then those that were set.
    fn changed(&self, head: &Head) -> Vec<u8> {
        let is_replaced = |name: &[u8]| {
            let set = self.set.iter().map(|(own, _)| own);
            set.chain(&self.removed).any(|own| own.as_bytes() == name)
        };
        let kept: Vec<_> = head.pairs().filter(|(name, _)| !is_replaced(name)).collect();
        let set = self.set.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        encode(kept.into_iter().chain(set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_was_not_read_to_its_end_is_not_replaced() {
        let bytes = encode([(&b"a"[..], &b"1"[..]), (b"b", b"2")].into_iter());
        assert!(Head(bytes.clone()).is_whole());
        for end in 0..bytes.len() - 1 {
            assert!(!Head(bytes[..end].to_vec()).is_whole(), "{end}");
        }
        assert!(!Head::default().is_whole());
    }

    #[test]
    fn changed_headers_keep_the_others_in_order() {
        let pairs =
            [(":status", "200"), ("set-cookie", "a"), ("old", "1"), ("x", "1"), ("set-cookie", "b"), ("x", "2")];
        let head = Head(encode(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))));
        let mut changes = HeaderChanges::default();
        changes.set("x", "3".to_owned());
        changes.set("new", "4".to_owned());
        changes.set("x", "5".to_owned());
        changes.remove("old");
        changes.remove("absent");
        let changed = Head(changes.changed(&head));
        let found: Vec<_> = changed.pairs().map(|(n, v)| [n, b"=", v].concat()).collect();
        let expected = [":status=200", "set-cookie=a", "set-cookie=b", "new=4", "x=5"];
        assert_eq!(found, expected.map(|line| line.as_bytes().to_vec()));
    }
}
