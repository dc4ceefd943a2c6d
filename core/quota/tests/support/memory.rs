//! In-memory [`Store`] with exactly the semantics of Envoy's shared data.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use tollgate_quota::{Cas, Store};

/// Key-value map with one version counter for all keys.
///
/// `SharedData` of proxy-wasm-cpp-host does the same: its `cas_` starts at 1, increases with every successful write of
/// any key, and skips 0 when it wraps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shared {
    pub(crate) values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    /// Version that the next write receives.
    pub(crate) next: u32,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { values: BTreeMap::new(), next: 1 }
    }
}

impl Shared {
    /// Returns the value under `key` and its version.
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Vec<u8>, Cas)> {
        self.values.get(key).map(|(value, version)| (value.clone(), Cas::version(*version)))
    }

    /// Writes `value` under `key`. Returns `false` if `cas` is stale.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8], cas: Cas) -> bool {
        if let Some((_, version)) = self.values.get(key)
            && cas != Cas::ANY
            && cas.get() != *version
        {
            return false;
        }
        self.values.insert(key.to_vec(), (value.to_vec(), self.next));
        self.next = self.next.checked_add(1).unwrap_or(1);
        true
    }
}

/// Store for one thread.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub(crate) RefCell<Shared>);

impl Store for Memory {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Infallible> {
        Ok(self.0.borrow().get(key))
    }

    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Infallible> {
        Ok(self.0.borrow_mut().put(key, value, cas))
    }
}
