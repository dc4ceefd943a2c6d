//! Envoy's shared data: one table per `vm_id`, shared by all workers of the process.

use crate::abi;
pub use crate::abi::Status;

/// Returns a value and its version.
pub fn get(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
    abi::get_shared_data(key)
}

/// Writes a value if its version is still `cas`; a `cas` of 0 writes unconditionally. Returns `false` if the version has
/// changed.
///
/// Envoy accepts any `cas` for a key that does not exist yet: two first writers both succeed.
pub fn set(key: &[u8], value: &[u8], cas: u32) -> Result<bool, Status> {
    match abi::set_shared_data(key, value, cas) {
        Ok(()) => Ok(true),
        Err(Status::CasMismatch) => Ok(false),
        Err(status) => Err(status),
    }
}
