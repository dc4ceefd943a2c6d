//! What makes this program a module that Envoy starts.

/// Envoy looks for an export of this name. What it does with the module is to run it, once, when it is loaded.
#[allow(unsafe_code, reason = "only so far as the host finds it by its name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Envoy looks for this one as well: where it would put what it gives to a module. It gives nothing here.
#[allow(unsafe_code, reason = "only so far as the host finds it by its name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(_: usize) -> usize {
    0
}
