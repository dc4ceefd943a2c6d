//! Exports that Envoy requires of a module.

/// Marker of the proxy-wasm ABI version. Envoy then runs the module once, when it is loaded.
#[allow(unsafe_code, reason = "only so far as the host finds it by its name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Allocator that Envoy requires for data that it passes to a module; it passes none here.
#[allow(unsafe_code, reason = "only so far as the host finds it by its name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(_: usize) -> usize {
    0
}
