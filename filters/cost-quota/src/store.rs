//! The quota store in Envoy's shared data, common to all workers of the process.

use tollgate_kit::shared_data::{self, Status};
use tollgate_quota::{Cas, Store};

pub(crate) struct SharedData;

impl Store for SharedData {
    type Error = Status;

    fn get(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Cas)>, Status> {
        Ok(shared_data::get(key)?.map(|(value, version)| (value, Cas::version(version))))
    }

    fn put(&self, key: &[u8], value: &[u8], cas: Cas) -> Result<bool, Status> {
        shared_data::set(key, value, cas.get())
    }
}
