//! The memory of the module.

/// Bytes of linear memory; natively, where there is none, 0.
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
