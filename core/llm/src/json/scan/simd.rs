//! SIMD operations on sixteen bytes, as few as the scan needs.

use std::ops::{BitAnd, BitOr, BitXor};

/// Sixteen bytes, or sixteen booleans: all bits of a byte set for true, none for false.
pub(super) trait Lanes: Copy + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> {
    /// Loads sixteen bytes.
    fn load(bytes: &[u8; 16]) -> Self;

    /// Repeats a byte sixteen times.
    fn all(byte: u8) -> Self;

    /// Marks the bytes that equal `byte`.
    fn equal(self, byte: u8) -> Self;

    /// Marks the bytes that are less than `than` as signed numbers: non-ASCII bytes are less than ASCII bytes.
    fn less(self, than: i8) -> Self;

    /// Subtracts bytewise, saturating at 0.
    fn minus(self, byte: Self) -> Self;

    /// Returns the upper nibble of each byte.
    fn upper(self) -> Self;

    /// Replaces each byte, which must be below 16, by the table entry at that index.
    fn look_up(self, table: &[u8; 16]) -> Self;

    /// Returns the bytes `BACK` positions (1, 2 or 3) before each, where `before` are the preceding sixteen bytes.
    fn earlier<const BACK: usize>(self, before: Self) -> Self;

    /// Collects the high bit of each byte; the first byte is the lowest bit.
    fn bits(self) -> u32;

    /// Returns `true` if any bit of any byte is set.
    fn any(self) -> bool;
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use vector::Vector;

/// SIMD instructions of WebAssembly. Their intrinsics are safe to call: a runtime without them refuses the module.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use core::arch::wasm32::{
        i8x16_bitmask, i8x16_eq, i8x16_lt, i8x16_shuffle, i8x16_splat, i8x16_swizzle, u8x16_shr, u8x16_splat,
        u8x16_sub_sat, u64x2, v128, v128_and, v128_any_true, v128_or, v128_xor,
    };
    use std::ops::{BitAnd, BitOr, BitXor};

    use super::Lanes;

    #[derive(Clone, Copy)]
    pub(crate) struct Vector(v128);

    impl Lanes for Vector {
        #[inline(always)]
        fn load(bytes: &[u8; 16]) -> Vector {
            // The compiler merges two adjacent words into one load.
            let number = u128::from_le_bytes(*bytes);
            Vector(u64x2(number as u64, (number >> 64) as u64))
        }

        #[inline(always)]
        fn all(byte: u8) -> Vector {
            Vector(u8x16_splat(byte))
        }

        #[inline(always)]
        fn equal(self, byte: u8) -> Vector {
            Vector(i8x16_eq(self.0, u8x16_splat(byte)))
        }

        #[inline(always)]
        fn less(self, than: i8) -> Vector {
            Vector(i8x16_lt(self.0, i8x16_splat(than)))
        }

        #[inline(always)]
        fn minus(self, byte: Vector) -> Vector {
            Vector(u8x16_sub_sat(self.0, byte.0))
        }

        #[inline(always)]
        fn upper(self) -> Vector {
            Vector(u8x16_shr(self.0, 4))
        }

        #[inline(always)]
        fn look_up(self, table: &[u8; 16]) -> Vector {
            Vector(i8x16_swizzle(Vector::load(table).0, self.0))
        }

        #[inline(always)]
        fn earlier<const BACK: usize>(self, before: Vector) -> Vector {
            let (a, b) = (before.0, self.0);
            Vector(match BACK {
                1 => i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(a, b),
                2 => i8x16_shuffle::<14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29>(a, b),
                _ => i8x16_shuffle::<13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28>(a, b),
            })
        }

        #[inline(always)]
        fn bits(self) -> u32 {
            u32::from(i8x16_bitmask(self.0))
        }

        #[inline(always)]
        fn any(self) -> bool {
            v128_any_true(self.0)
        }
    }

    impl BitAnd for Vector {
        type Output = Vector;

        #[inline(always)]
        fn bitand(self, other: Vector) -> Vector {
            Vector(v128_and(self.0, other.0))
        }
    }

    impl BitOr for Vector {
        type Output = Vector;

        #[inline(always)]
        fn bitor(self, other: Vector) -> Vector {
            Vector(v128_or(self.0, other.0))
        }
    }

    impl BitXor for Vector {
        type Output = Vector;

        #[inline(always)]
        fn bitxor(self, other: Vector) -> Vector {
            Vector(v128_xor(self.0, other.0))
        }
    }
}

/// Bytewise implementation, to test natively the code built on [`Lanes`].
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) [u8; 16]);

#[cfg(test)]
mod bytes {
    use super::*;

    fn both(a: Bytes, b: Bytes, of: impl Fn(u8, u8) -> u8) -> Bytes {
        Bytes(std::array::from_fn(|at| of(a.0[at], b.0[at])))
    }

    impl Lanes for Bytes {
        fn load(bytes: &[u8; 16]) -> Bytes {
            Bytes(*bytes)
        }

        fn all(byte: u8) -> Bytes {
            Bytes([byte; 16])
        }

        fn equal(self, byte: u8) -> Bytes {
            Bytes(self.0.map(|own| if own == byte { 0xff } else { 0 }))
        }

        fn less(self, than: i8) -> Bytes {
            Bytes(self.0.map(|own| if (own as i8) < than { 0xff } else { 0 }))
        }

        fn minus(self, byte: Bytes) -> Bytes {
            both(self, byte, u8::saturating_sub)
        }

        fn upper(self) -> Bytes {
            Bytes(self.0.map(|own| own >> 4))
        }

        fn look_up(self, table: &[u8; 16]) -> Bytes {
            Bytes(self.0.map(|own| table[usize::from(own)]))
        }

        fn earlier<const BACK: usize>(self, before: Bytes) -> Bytes {
            let both = [before.0, self.0].concat();
            Bytes(std::array::from_fn(|at| both[16 + at - BACK]))
        }

        fn bits(self) -> u32 {
            self.0.iter().enumerate().map(|(at, own)| u32::from(own >> 7) << at).sum()
        }

        fn any(self) -> bool {
            self.0 != [0; 16]
        }
    }

    impl BitAnd for Bytes {
        type Output = Bytes;

        fn bitand(self, other: Bytes) -> Bytes {
            both(self, other, |a, b| a & b)
        }
    }

    impl BitOr for Bytes {
        type Output = Bytes;

        fn bitor(self, other: Bytes) -> Bytes {
            both(self, other, |a, b| a | b)
        }
    }

    impl BitXor for Bytes {
        type Output = Bytes;

        fn bitxor(self, other: Bytes) -> Bytes {
            both(self, other, |a, b| a ^ b)
        }
    }
}

#[cfg(all(test, target_arch = "wasm32", target_feature = "simd128"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the bytes of a vector.
    fn out(lanes: Vector) -> [u8; 16] {
        std::array::from_fn(|at| {
            let bit = |bit: u32| ((lanes & Vector::all(1 << bit)).equal(1 << bit).bits() >> at & 1) << bit;
            (0..8).map(bit).sum::<u32>() as u8
        })
    }

    proptest! {
        #[test]
        fn simd_operations_match_bytewise_operations(a: [u8; 16], b: [u8; 16], byte: u8) {
            let (va, vb, ba, bb) = (Vector::load(&a), Vector::load(&b), Bytes::load(&a), Bytes::load(&b));
            prop_assert_eq!(out(va), a);
            prop_assert_eq!(out(Vector::all(byte)), [byte; 16]);
            prop_assert_eq!(out(va.equal(byte)), ba.equal(byte).0);
            prop_assert_eq!(out(va.less(byte as i8)), ba.less(byte as i8).0);
            prop_assert_eq!(out(va.minus(vb)), ba.minus(bb).0);
            prop_assert_eq!(out(va.upper()), ba.upper().0);
            prop_assert_eq!(out(va.upper().look_up(&b)), ba.upper().look_up(&b).0);
            prop_assert_eq!(out(va.earlier::<1>(vb)), ba.earlier::<1>(bb).0);
            prop_assert_eq!(out(va.earlier::<2>(vb)), ba.earlier::<2>(bb).0);
            prop_assert_eq!(out(va.earlier::<3>(vb)), ba.earlier::<3>(bb).0);
            prop_assert_eq!(out(va & vb), (ba & bb).0);
            prop_assert_eq!(out(va | vb), (ba | bb).0);
            prop_assert_eq!(out(va ^ vb), (ba ^ bb).0);
            prop_assert_eq!((va.bits(), va.any()), (ba.bits(), ba.any()));
            prop_assert_eq!(Vector::all(0).any(), false);
        }
    }
}
