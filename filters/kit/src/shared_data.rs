//! Envoy's shared data: one table for all workers of the process (of all plugins with the same `vm_id`).

use crate::abi;
pub use crate::abi::Status;

/// A value and the version it was read at.
pub fn get(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, Status> {
    abi::get_shared_data(key)
}

/// Writes a value if its version is still `cas`; 0 writes whatever the version. `Ok(false)`: another was first.
///
/// Envoy accepts any `cas` for a key that does not exist yet: two first writers both succeed.
pub fn set(key: &[u8], value: &[u8], cas: u32) -> Result<bool, Status> {
    match abi::set_shared_data(key, value, cas) {
        Ok(()) => Ok(true),
        Err(Status::CasMismatch) => Ok(false),
        Err(status) => Err(status),
    }
}
