//! Environment variables of the virtual machine.

/// Returns an environment variable that Envoy's configuration gives the virtual machine (`vm_config.environment_variables`).
/// `None` if it is missing, empty, or not UTF-8.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
