//! CRC-32 as of ISO/IEC 3309 and ITU-T V.42: what AWS event streams and gzip (RFC 1952, section 8) check with.

/// The reflected polynomial.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What a byte does to the sum, and what it does with zero bytes behind it: eight tables, for eight bytes at a time.
static TABLES: [[u32; 256]; 8] = tables();

#[allow(clippy::indexing_slicing, reason = "computed when compiling")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A sum over bytes that come in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The sum over nothing.
    pub(crate) const START: Crc32 = Crc32(u32::MAX);

    /// The sum of `bytes` alone.
    pub(crate) fn of(bytes: &[u8]) -> u32 {
        Crc32::START.with(bytes).sum()
    }

    /// The sum with `bytes` added.
    #[must_use]
    pub(crate) fn with(self, bytes: &[u8]) -> Crc32 {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        let (words, tail) = bytes.as_chunks::<8>();
        let sum = words.iter().fold(self.0, |sum, [a, b, c, d, e, f, g, h]| {
            let [s0, s1, s2, s3] = sum.to_le_bytes();
            at(t7, a ^ s0)
                ^ at(t6, b ^ s1)
                ^ at(t5, c ^ s2)
                ^ at(t4, d ^ s3)
                ^ at(t3, *e)
                ^ at(t2, *f)
                ^ at(t1, *g)
                ^ at(t0, *h)
        });
        Crc32(tail.iter().fold(sum, |sum, byte| sum >> 8 ^ at(t0, sum.to_le_bytes()[0] ^ byte)))
    }

    pub(crate) fn sum(self) -> u32 {
        !self.0
    }
}

/// A table has an entry for each byte.
#[allow(clippy::indexing_slicing, reason = "a byte is below 256")]
fn at(table: &[u32; 256], byte: u8) -> u32 {
    table[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        // "123456789" is the check value that catalogues of such sums give for CRC-32/ISO-HDLC; the others were made
        // with zlib.
        for (bytes, want) in [
            (&b""[..], 0),
            (b"123456789", 0xcbf4_3926),
            (b"a", 0xe8b7_be43),
            (b"The quick brown fox jumps over the lazy dog", 0x414f_a339),
            (&[0; 32], 0x190a_55ad),
            (&[0xff; 32], 0xff6c_ab0b),
        ] {
            assert_eq!(Crc32::of(bytes), want);
        }
    }

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..=255).chain(3..99).collect();
        let slow = bytes.iter().fold(Crc32::START, |sum, byte| sum.with(&[*byte]));
        assert_eq!(slow.sum(), Crc32::of(&bytes));
        for cut in 0..bytes.len() {
            assert_eq!(Crc32::START.with(&bytes[..cut]).with(&bytes[cut..]).sum(), slow.sum());
        }
    }
}
