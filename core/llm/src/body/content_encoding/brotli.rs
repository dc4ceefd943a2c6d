//! Brotli decoder (RFC 7932).

use brotli_decompressor::{
    Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, SliceWrapperMut,
};

use super::{DecoderStep, InflateError, Need};

/// Maximum bytes of one allocation of the decoder. The sender of a stream determines what it requests, and wasm memory
/// never shrinks. The largest allocation is the window, which grows with the output and has a few extra bytes: 4 MiB is
/// the encoders' default (window bits 22).
const MAX_MEMORY: usize = (4 << 20) + 1024;

type State = BrotliState<Heap, Heap, Heap>;

pub(super) struct Brotli {
    state: State,
}

impl Default for Brotli {
    fn default() -> Brotli {
        Brotli { state: BrotliState::new(Heap::default(), Heap::default(), Heap::default()) }
    }
}

impl Brotli {
    pub(super) fn step(&mut self, input: &mut &[u8], room: &mut [u8]) -> DecoderStep {
        let (mut left, mut taken) = (input.len(), 0);
        let (mut free, mut written, mut total) = (room.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            input,
            &mut free,
            &mut written,
            room,
            &mut total,
            &mut self.state,
        );
        debug_assert!(taken <= input.len());
        *input = input.get(taken..).unwrap_or_default();
        match result {
            BrotliResult::ResultSuccess => Ok((written, Need::Nothing)),
            BrotliResult::NeedsMoreInput => Ok((written, Need::Input)),
            BrotliResult::NeedsMoreOutput => Ok((written, Need::Room)),
            BrotliResult::ResultFailure if self.state.alloc_u8.refused => Err(InflateError::TooLarge),
            BrotliResult::ResultFailure => Err(InflateError::Corrupt),
        }
    }
}

/// Allocator for the decoder, up to [`MAX_MEMORY`] per allocation.
#[derive(Default)]
struct Heap {
    refused: bool,
}

impl<T: Clone + Default> Allocator<T> for Heap {
    type AllocatedMemory = Memory<T>;

    fn alloc_cell(&mut self, len: usize) -> Memory<T> {
        if len.saturating_mul(size_of::<T>()) > MAX_MEMORY {
            // The returned slice is shorter than requested, which the decoder treats as a failure.
            self.refused = true;
            return Memory::default();
        }
        Memory(vec![T::default(); len])
    }

    fn free_cell(&mut self, _: Memory<T>) {}
}

#[derive(Default)]
struct Memory<T>(Vec<T>);

impl<T> SliceWrapper<T> for Memory<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Memory<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}
