//! Compressed blocks: literals, and sequences that copy them and earlier bytes (RFC 8878, section 3.1.1.3).

use super::super::InflateError;
use super::bits::BackwardBits;
use super::fse::FseTable;
use super::huffman::HuffmanTable;

/// Table entries that may be built in addition to [`ENTRIES_PER_BYTE`].
const FREE_ENTRIES: usize = 64 << 10;

/// Maximum table entries per byte of the compressed blocks so far. Encoders describe a table where it saves more bytes than
/// its description takes, so that theirs have up to three; tables alone, without content, would have fifty.
const ENTRIES_PER_BYTE: usize = 8;

/// State that the blocks of a frame share.
#[derive(Default)]
pub(super) struct Tables {
    huffman: HuffmanTable,
    literal_lengths: Symbols,
    offsets: Symbols,
    match_lengths: Symbols,
    /// Last three offsets.
    recent: [usize; 3],
    /// Literals of the current block, kept for their memory.
    literals: Vec<u8>,
    /// Table entries that were built, and bytes of the blocks.
    built: usize,
    read: usize,
}

/// Tables of one kind of symbol.
#[derive(Default)]
struct Symbols {
    /// Default table, empty before its first use.
    default: FseTable,
    /// Last table of a block's own.
    own: FseTable,
    current: Option<Source>,
}

/// Table that the last block has used.
#[derive(Clone, Copy)]
enum Source {
    Default,
    Own,
}

/// Kind of symbol: its maximum accuracy, number of symbols, and default distribution with its accuracy.
struct SymbolKind {
    max_accuracy: u32,
    symbols: u8,
    default: (u32, &'static [i16]),
}

const LITERAL_LENGTHS: SymbolKind = SymbolKind {
    max_accuracy: 9,
    symbols: 36,
    default: (
        6,
        &[
            4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1,
            -1,
        ],
    ),
};

const OFFSETS: SymbolKind = SymbolKind {
    max_accuracy: 8,
    symbols: 32,
    default: (5, &[1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1]),
};

const MATCH_LENGTHS: SymbolKind = SymbolKind {
    max_accuracy: 9,
    symbols: 53,
    default: (
        6,
        &[
            1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
        ],
    ),
};

/// Returns the base of a literal length and the number of bits to add.
fn literal_length(code: u8) -> (usize, u32) {
    let code = usize::from(code);
    match code {
        0..16 => (code, 0),
        16..20 => (16 + 2 * (code - 16), 1),
        20..22 => (24 + 4 * (code - 20), 2),
        22..24 => (32 + 8 * (code - 22), 3),
        24 => (48, 4),
        _ => (1 << (code - 19), u32::try_from(code - 19).unwrap_or(0)),
    }
}

/// Returns the base of a match length and the number of bits to add.
fn match_length(code: u8) -> (usize, u32) {
    let code = usize::from(code);
    match code {
        0..32 => (3 + code, 0),
        32..36 => (35 + 2 * (code - 32), 1),
        36..38 => (43 + 4 * (code - 36), 2),
        38..40 => (51 + 8 * (code - 38), 3),
        40..42 => (67 + 16 * (code - 40), 4),
        42 => (99, 5),
        _ => (3 + (1 << (code - 36)), u32::try_from(code - 36).unwrap_or(0)),
    }
}

impl Symbols {
    /// Reads the table of a block by its mode; returns the bytes of its description.
    fn read(&mut self, kind: &SymbolKind, mode: u8, bytes: &[u8]) -> Result<usize, InflateError> {
        let (source, size) = match (mode & 3, self.current) {
            (0, _) => {
                if self.default.len() == 0 {
                    let (accuracy, probabilities) = kind.default;
                    self.default.build(accuracy, probabilities)?;
                }
                (Source::Default, 0)
            }
            (1, _) => {
                let symbol = bytes.first().copied().filter(|symbol| *symbol < kind.symbols);
                self.own.repeat(symbol.ok_or(InflateError::Corrupt)?);
                (Source::Own, 1)
            }
            (2, _) => (Source::Own, self.own.read(bytes, kind.max_accuracy, usize::from(kind.symbols))?),
            (_, Some(source)) => (source, 0),
            (_, None) => return Err(InflateError::Corrupt),
        };
        self.current = Some(source);
        Ok(size)
    }

    fn table(&self) -> &FseTable {
        match self.current {
            Some(Source::Own) => &self.own,
            Some(Source::Default) | None => &self.default,
        }
    }
}

impl Tables {
    /// Begins a frame.
    pub(super) fn reset(&mut self) {
        self.huffman.clear();
        for symbols in [&mut self.literal_lengths, &mut self.offsets, &mut self.match_lengths] {
            symbols.current = None;
        }
        self.recent = [1, 4, 8];
    }

    /// Decompresses a block to the end of `out`, which begins with the bytes of the frame before the block, or with
    /// those that are in its window. It produces at most `max` bytes.
    pub(super) fn decompress(
        &mut self,
        block: &[u8],
        out: &mut Vec<u8>,
        window: usize,
        max: usize,
    ) -> Result<(), InflateError> {
        self.read = self.read.saturating_add(block.len());
        let mut literals = std::mem::take(&mut self.literals);
        literals.clear();
        let size = self.read_literals(block, &mut literals, max)?;
        let rest = block.get(size..).ok_or(InflateError::Corrupt)?;
        let limit = out.len().saturating_add(max);
        let left = self.read_sequences(rest, &literals, out, window, limit)?;
        out.extend_from_slice(left);
        self.literals = literals;
        if out.len() > limit { Err(InflateError::Corrupt) } else { Ok(()) }
    }

    /// Charges the entries of a table.
    fn charge(&mut self, entries: usize) -> Result<(), InflateError> {
        self.built = self.built.saturating_add(entries);
        let allowed = self.read.saturating_mul(ENTRIES_PER_BYTE).saturating_add(FREE_ENTRIES);
        if self.built > allowed { Err(InflateError::TooDense) } else { Ok(()) }
    }

    /// Decodes the literals of a block; returns the bytes of their section.
    fn read_literals(&mut self, block: &[u8], out: &mut Vec<u8>, max: usize) -> Result<usize, InflateError> {
        let first = block.first().copied().ok_or(InflateError::Corrupt)?;
        let (kind, format) = (first & 3, first >> 2 & 3);
        if kind < 2 {
            let (header, shift) = match format {
                1 => (2, 4),
                3 => (3, 4),
                _ => (1, 3),
            };
            let fields = super::little_endian(block.get(..header).ok_or(InflateError::Corrupt)?);
            let count = usize::try_from(fields >> shift).map_err(|_| InflateError::Corrupt)?;
            if count > max {
                return Err(InflateError::Corrupt);
            }
            if kind == 1 {
                let byte = block.get(header).copied().ok_or(InflateError::Corrupt)?;
                out.resize(count, byte);
                return Ok(header + 1);
            }
            out.extend_from_slice(block.get(header..header + count).ok_or(InflateError::Corrupt)?);
            return Ok(header + count);
        }
        let (header, bits) = match format {
            2 => (4, 14),
            3 => (5, 18),
            _ => (3, 10),
        };
        let fields = super::little_endian(block.get(..header).ok_or(InflateError::Corrupt)?) >> 4;
        let field = |value: u64| usize::try_from(value & ((1 << bits) - 1)).unwrap_or(usize::MAX);
        let (count, size) = (field(fields), field(fields >> bits));
        let section = block.get(header..header.saturating_add(size)).ok_or(InflateError::Corrupt)?;
        if count > max {
            return Err(InflateError::Corrupt);
        }
        let mut streams = section;
        if kind == 2 {
            let description = self.huffman.read(section)?;
            self.charge(self.huffman.len())?;
            streams = section.get(description..).ok_or(InflateError::Corrupt)?;
        }
        if self.huffman.len() == 0 {
            return Err(InflateError::Corrupt);
        }
        if format == 0 {
            self.huffman.decode(streams, count, out)?;
            return Ok(header + size);
        }
        let (sizes, mut streams) = streams.split_first_chunk::<6>().ok_or(InflateError::Corrupt)?;
        let each = count.div_ceil(4);
        for size in sizes.as_chunks::<2>().0 {
            let size = usize::from(u16::from_le_bytes(*size));
            let (stream, rest) = streams.split_at_checked(size).ok_or(InflateError::Corrupt)?;
            self.huffman.decode(stream, each, out)?;
            streams = rest;
        }
        let last = count.checked_sub(3 * each).ok_or(InflateError::Corrupt)?;
        self.huffman.decode(streams, last, out)?;
        Ok(header + size)
    }

    /// Reads the sequences of a block and executes them; returns the literals that none of them has copied.
    fn read_sequences<'l>(
        &mut self,
        section: &[u8],
        literals: &'l [u8],
        out: &mut Vec<u8>,
        window: usize,
        limit: usize,
    ) -> Result<&'l [u8], InflateError> {
        let (count, size) = match section {
            [0] => return Ok(literals),
            [0, ..] => return Err(InflateError::Corrupt),
            [first @ 1..128, ..] => (usize::from(*first), 1),
            [first @ 128..=254, low, ..] => (usize::from(u16::from_be_bytes([first - 128, *low])), 2),
            [255, low, high, ..] => (usize::from(u16::from_le_bytes([*low, *high])) + 0x7f00, 3),
            _ => return Err(InflateError::Corrupt),
        };
        let modes = section.get(size).copied().filter(|modes| modes & 3 == 0).ok_or(InflateError::Corrupt)?;
        let mut at = size + 1;
        let mut built = 0;
        for (symbols, kind, mode) in [
            (&mut self.literal_lengths, LITERAL_LENGTHS, modes >> 6),
            (&mut self.offsets, OFFSETS, modes >> 4),
            (&mut self.match_lengths, MATCH_LENGTHS, modes >> 2),
        ] {
            at += symbols.read(&kind, mode, section.get(at..).unwrap_or_default())?;
            built += if mode & 3 == 2 { symbols.own.len() } else { 0 };
        }
        self.charge(built)?;
        let mut bits = BackwardBits::new(section.get(at..).unwrap_or_default())?;
        let Tables { literal_lengths, offsets, match_lengths, recent, .. } = self;
        let (literal_lengths, offsets, match_lengths) =
            (literal_lengths.table(), offsets.table(), match_lengths.table());
        let mut of_literals = literal_lengths.start(&mut bits);
        let mut of_offset = offsets.start(&mut bits);
        let mut of_match = match_lengths.start(&mut bits);
        let mut literals = literals;
        for left in (0..count).rev() {
            let code = u32::from(offsets.symbol(of_offset)).min(31);
            let offset_value = (1usize << code).saturating_add(bits.read(code) as usize);
            let (base, extra) = match_length(match_lengths.symbol(of_match));
            let match_size = base + bits.read(extra) as usize;
            let (base, extra) = literal_length(literal_lengths.symbol(of_literals));
            let literal_size = base + bits.read(extra) as usize;
            if left > 0 {
                of_literals = literal_lengths.next(of_literals, &mut bits);
                of_match = match_lengths.next(of_match, &mut bits);
                of_offset = offsets.next(of_offset, &mut bits);
            }
            if bits.is_overread() {
                return Err(InflateError::Corrupt);
            }
            let (copied, rest) = literals.split_at_checked(literal_size).ok_or(InflateError::Corrupt)?;
            literals = rest;
            out.extend_from_slice(copied);
            let offset = resolve_offset(recent, offset_value, literal_size == 0)?;
            if offset > window || out.len().saturating_add(match_size) > limit {
                return Err(InflateError::Corrupt);
            }
            copy_match(out, offset, match_size)?;
        }
        if bits.is_spent() { Ok(literals) } else { Err(InflateError::Corrupt) }
    }
}

/// Returns the offset of a sequence, and moves it to the front of the recent ones.
fn resolve_offset(recent: &mut [usize; 3], value: usize, has_no_literals: bool) -> Result<usize, InflateError> {
    let [first, second, third] = *recent;
    if value > 3 {
        *recent = [value - 3, first, second];
        return Ok(value - 3);
    }
    *recent = match value + usize::from(has_no_literals) {
        1 => [first, second, third],
        2 => [second, first, third],
        3 => [third, first, second],
        _ => [first.wrapping_sub(1), first, second],
    };
    let [offset, ..] = *recent;
    if offset == 0 { Err(InflateError::Corrupt) } else { Ok(offset) }
}

/// Appends `size` bytes from `offset` bytes before the end, which may overlap what is appended.
fn copy_match(out: &mut Vec<u8>, offset: usize, size: usize) -> Result<(), InflateError> {
    let start = out.len().checked_sub(offset).ok_or(InflateError::Corrupt)?;
    let mut left = size;
    while left > 0 {
        // What was appended repeats what is before it, so that a copy may take both.
        let piece = left.min(out.len() - start);
        out.extend_from_within(start..start + piece);
        left -= piece;
    }
    Ok(())
}
