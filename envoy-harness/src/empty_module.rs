//! Module that does nothing, for tests of what surrounds the filters.

/// Smallest proxy-wasm module that Envoy accepts: memory, an allocator that is never called, the ABI's marker, no callbacks.
pub const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f\
    \x03\x03\x02\x00\x01\
    \x05\x03\x01\x00\x01\
    \x07\x3b\x04\
    \x06memory\x02\x00\
    \x17proxy_abi_version_0_2_1\x00\x00\
    \x0b_initialize\x00\x00\
    \x06malloc\x00\x01\
    \x0a\x0a\x02\x02\x00\x0b\x05\x00\x41\x80\x08\x0b";
