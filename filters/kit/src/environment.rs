//! Environment variables of the virtual machine.

use std::ffi::OsString;

/// Returns an environment variable that Envoy's configuration gives the virtual machine (`vm_config.environment_variables`).
/// `None` if it is missing or empty.
#[must_use]
pub fn environment(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(OsString::into_encoded_bytes).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::environment;

    #[test]
    fn missing_variables_are_none() {
        assert_eq!(environment("TOLLGATE_NO_SUCH_VARIABLE"), None);
        assert!(environment("PATH").is_some());
    }
}
