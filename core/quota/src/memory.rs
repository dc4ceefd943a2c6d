//! A store in memory, for tests: the semantics of Envoy's shared data, to the letter.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::store::{Cas, Store};

/// The map and its one counter of versions. `SharedData` of proxy-wasm-cpp-host: `cas_` begins at 1, counts up with
/// every successful write of any key, and skips 0 when it wraps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shared {
    pub(crate) values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    pub(crate) next: u32,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { values: BTreeMap::new(), next: 1 }
    }
}

impl Shared {
    pub(crate) fn get(&self, key: &[u8]) -> Option<(Vec<u8>, Cas)> {
        self.values.get(key).map(|(value, version)| (value.clone(), Cas::version(*version)))
    }

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

/// The store of one thread.
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

#[test]
fn shared_data_as_recorded_from_envoy() {
    // reference/envoy_probe: `set(cas=77 on missing)=0 get=0`, `set(stale)=8 set(0)=0 set(cas old)=8`; the next
    // virtual machine then finds `set(cas=77 on missing)=8`.
    let store = Memory::default();
    let version = |key: &[u8]| store.get(key).unwrap().unwrap().1;
    assert_eq!(store.get(b"k"), Ok(None));
    assert_eq!(store.put(b"k", b"v", Cas::version(77)), Ok(true));
    let first = version(b"k");
    assert_eq!(store.put(b"k", b"w", Cas::version(first.get() + 1000)), Ok(false));
    assert_eq!(store.put(b"k", b"w", Cas::ANY), Ok(true));
    assert_eq!(store.put(b"k", b"w", first), Ok(false));
    assert_eq!(store.put(b"k", b"v", Cas::version(77)), Ok(false));
    // One counter for all keys, which never gives zero.
    store.put(b"other", b"v", Cas::ANY).unwrap();
    assert!(version(b"other") > version(b"k"));
    store.0.borrow_mut().next = u32::MAX;
    store.put(b"k", b"v", Cas::ANY).unwrap();
    store.put(b"other", b"v", Cas::ANY).unwrap();
    assert_eq!((version(b"k"), version(b"other")), (Cas::version(u32::MAX), Cas::version(1)));
}
