//! Shared data and queues: process-wide, keyed by vm id, across virtual machines and workers.

use std::collections::{BTreeMap, VecDeque};

use crate::abi::Status;

/// Root context that is notified of a queue's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) vm: usize,
    pub(crate) root: u32,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Vec<u8>>,
    reader: Reader,
}

/// Values by key, each with its compare-and-swap number.
type Data = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

/// Shared data and queues of a process.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    data: BTreeMap<String, Data>,
    last_cas: u32,
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
}

impl Shared {
    /// Returns a value and its compare-and-swap number.
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(&[u8], u32)> {
        self.data.get(vm_id)?.get(key).map(|(value, cas)| (value.as_slice(), *cas))
    }

    /// Sets a value. A `cas` of 0 is unconditional; a key that does not exist accepts any number.
    pub(crate) fn set(&mut self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Status {
        if !self.data.contains_key(vm_id) {
            self.data.insert(vm_id.to_owned(), BTreeMap::new());
        }
        let Some(data) = self.data.get_mut(vm_id) else { return Status::InternalFailure };
        match data.get_mut(key) {
            Some((_, current)) if cas != 0 && cas != *current => return Status::CasMismatch,
            Some(entry) => {
                self.last_cas += 1;
                *entry = (value.to_vec(), self.last_cas);
            }
            None => {
                self.last_cas += 1;
                data.insert(key.to_vec(), (value.to_vec(), self.last_cas));
            }
        }
        Status::Ok
    }

    /// Registers the reader of a queue, in place of an earlier one. The queue keeps its items.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], reader: Reader) -> u32 {
        let next = u32::try_from(self.tokens.len() + 1).unwrap_or(u32::MAX);
        let token = *self.tokens.entry((vm_id.to_owned(), name.to_vec())).or_insert(next);
        self.queues.entry(token).or_default().reader = reader;
        token
    }

    /// Returns the token of a registered queue.
    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    pub(crate) fn enqueue(&mut self, token: u32, item: &[u8]) -> Status {
        match self.queues.get_mut(&token) {
            Some(queue) => {
                queue.items.push_back(item.to_vec());
                Status::Ok
            }
            None => Status::NotFound,
        }
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        self.queues.get_mut(&token).ok_or(Status::NotFound)?.items.pop_front().ok_or(Status::Empty)
    }

    pub(crate) fn reader(&self, token: u32) -> Option<Reader> {
        self.queues.get(&token).map(|queue| queue.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compare_and_swap_as_recorded_from_envoy() {
        let mut shared = Shared::default();
        assert_eq!(shared.get("v", b"k"), None);
        assert_eq!(shared.set("v", b"k", b"v", 77), Status::Ok, "a new key accepts any number");
        assert_eq!(shared.get("v", b"k"), Some((&b"v"[..], 1)));
        assert_eq!(shared.set("v", b"k", b"w", 1001), Status::CasMismatch);
        assert_eq!(shared.set("v", b"k", b"w", 0), Status::Ok);
        assert_eq!(shared.set("v", b"k", b"w", 1), Status::CasMismatch);
        assert_eq!(shared.get("v", b"k"), Some((&b"w"[..], 2)));
        assert_eq!(shared.get("other", b"k"), None, "keyed by vm id");
    }

    #[test]
    fn queues_keep_order_and_report_errors() {
        let mut shared = Shared::default();
        assert_eq!(shared.enqueue(1, b"a"), Status::NotFound);
        let token = shared.register("v", b"q", Reader { vm: 1, root: 1 });
        assert_eq!(shared.resolve("v", b"q"), Some(token));
        assert_eq!(shared.resolve("w", b"q"), None);
        assert_eq!(shared.enqueue(token, b"a"), Status::Ok);
        assert_eq!(shared.enqueue(token, b"b"), Status::Ok);
        assert_eq!(shared.register("v", b"q", Reader { vm: 2, root: 1 }), token);
        assert_eq!(shared.reader(token), Some(Reader { vm: 2, root: 1 }));
        assert_eq!(shared.dequeue(token), Ok(b"a".to_vec()));
        assert_eq!(shared.dequeue(token), Ok(b"b".to_vec()));
        assert_eq!(shared.dequeue(token), Err(Status::Empty));
    }
}
