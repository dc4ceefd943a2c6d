//! Quota store in which nothing has been used.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use tollgate_quota::{Cas, Store};

/// Empty store. A reservation in it is that of the first call of a window.
#[derive(Debug, Default)]
pub(super) struct Unused {
    records: RefCell<Records>,
}

#[derive(Debug, Default)]
struct Records {
    values: BTreeMap<Vec<u8>, (Vec<u8>, Cas)>,
    version: u32,
}

impl Store for Unused {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Infallible> {
        Ok(self.records.borrow().values.get(key).cloned())
    }

    /// There is one writer, so no version is stale but that of a key which exists.
    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Infallible> {
        let records = &mut *self.records.borrow_mut();
        if records.values.get(key).is_some_and(|(_, version)| cas != Cas::ANY && cas != *version) {
            return Ok(false);
        }
        records.version += 1;
        records.values.insert(key.to_vec(), (value.to_vec(), Cas::version(records.version)));
        Ok(true)
    }
}
