//! Memory of the module.

/// Returns the bytes of linear memory; 0 natively.
pub(crate) fn linear() -> usize {
    #[cfg(target_family = "wasm")]
    {
        core::arch::wasm32::memory_size::<0>() << 16
    }
    #[cfg(not(target_family = "wasm"))]
    {
        0
    }
}
