//! Zstandard decoder (RFC 8878, RFC 9659): frames, their blocks and checksums.
//!
//! Written here because a stream must leave event by event: the crate `ruzstd` keeps the last window (2 MiB with the usual
//! level) until a frame ends. docs/decisions.md has the comparison.

mod bits;
mod block;
mod fse;
mod huffman;
mod xxhash;

use self::block::Tables;
use self::xxhash::XxHash64;
use super::{DecoderStep, InflateError, Need};

/// Maximum window: what RFC 9659, section 3 allows a sender of HTTP content, and what every receiver supports.
const MAX_WINDOW: u64 = 8 << 20;

/// Maximum bytes of a block, compressed or not (RFC 8878, section 3.1.1.2.4).
const MAX_BLOCK: usize = 128 << 10;

const MAGIC: u32 = 0xfd2f_b528;

/// First of the sixteen magic numbers of frames that a decoder skips.
const SKIPPABLE: u32 = 0x184d_2a50;

/// Decoder of a sequence of frames.
pub(super) struct Zstd {
    place: Place,
    /// Bytes of the current header or block, until it is complete.
    held: Vec<u8>,
    frame: Frame,
    tables: Tables,
    /// Window of the current frame, then the bytes that were not handed out yet.
    history: Vec<u8>,
    /// Index in `history` of the first byte that was not handed out.
    given: usize,
    has_frame: bool,
    /// Error in the input behind bytes that have not been handed out.
    failed: Option<InflateError>,
}

/// Part of the body that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Magic number of a frame.
    Start,
    /// First byte of a frame header.
    Descriptor,
    /// Remainder of a frame header.
    Header(u8),
    BlockHeader,
    /// Content of a block; `size` is its decompressed size, except of a compressed block.
    Block {
        kind: BlockKind,
        size: usize,
        is_last: bool,
    },
    Checksum,
    /// Length of a skippable frame.
    SkippableLength,
    /// Content of a skippable frame, of which so many bytes are left.
    Skippable(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlockKind {
    Raw,
    /// One byte, repeated.
    Rle,
    Compressed,
}

/// Header of the current frame.
#[derive(Default)]
struct Frame {
    window: usize,
    content_size: Option<u64>,
    has_checksum: bool,
    /// Bytes that were produced.
    produced: u64,
    hash: XxHash64,
}

impl Default for Zstd {
    fn default() -> Zstd {
        Zstd {
            place: Place::Start,
            held: Vec::new(),
            frame: Frame::default(),
            tables: Tables::default(),
            history: Vec::new(),
            given: 0,
            has_frame: false,
            failed: None,
        }
    }
}

impl Zstd {
    /// Returns `true` between frames, after at least one: the body may end here.
    pub(super) fn may_end(&self) -> bool {
        self.has_frame && self.place == Place::Start && self.held.is_empty()
    }

    pub(super) fn step(&mut self, input: &mut &[u8], room: &mut [u8]) -> DecoderStep {
        let mut written = 0;
        loop {
            let fresh = self.history.get(self.given..).unwrap_or_default();
            let place = room.get_mut(written..).unwrap_or_default();
            let size = fresh.len().min(place.len());
            if let (Some(to), Some(from)) = (place.get_mut(..size), fresh.get(..size)) {
                to.copy_from_slice(from);
            }
            (written, self.given) = (written + size, self.given + size);
            if self.given < self.history.len() || written == room.len() {
                return Ok((written, Need::Room));
            }
            self.forget();
            if let Some(error) = self.failed {
                return Err(error);
            }
            match self.advance(input) {
                Ok(true) => {}
                Ok(false) => return Ok((written, Need::Input)),
                Err(error) if written == 0 => return Err(error),
                Err(error) => {
                    // What came before it is handed out first.
                    self.failed = Some(error);
                    return Ok((written, Need::Room));
                }
            }
        }
    }

    /// Drops bytes beyond the window, a part of the window at a time.
    fn forget(&mut self) {
        let excess = self.history.len().saturating_sub(self.frame.window);
        if excess > MAX_BLOCK.max(self.frame.window / 4) {
            self.history.drain(..excess);
            self.given = self.given.saturating_sub(excess);
        }
    }

    /// Reads the next part. Returns `false` if more input is needed.
    fn advance(&mut self, input: &mut &[u8]) -> Result<bool, InflateError> {
        if let Place::Skippable(left) = self.place {
            let size = left.min(input.len());
            *input = input.get(size..).unwrap_or_default();
            self.place = if size == left { Place::Start } else { Place::Skippable(left - size) };
            return Ok(size == left);
        }
        let wanted = match self.place {
            Place::Start | Place::Checksum | Place::SkippableLength => 4,
            Place::Descriptor | Place::Block { kind: BlockKind::Rle, .. } => 1,
            Place::Header(descriptor) => HeaderFields::of(descriptor).size(),
            Place::BlockHeader => 3,
            Place::Block { size, .. } => size,
            Place::Skippable(_) => 0,
        };
        let missing = wanted.saturating_sub(self.held.len());
        let (taken, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
        self.held.extend_from_slice(taken);
        *input = rest;
        if self.place == Place::Start {
            self.check_magic()?;
        }
        if self.held.len() < wanted {
            return Ok(false);
        }
        let mut part = std::mem::take(&mut self.held);
        self.place = self.read(&part)?;
        part.clear();
        self.held = part;
        Ok(true)
    }

    /// Detects a wrong magic number at its first wrong byte.
    fn check_magic(&self) -> Result<(), InflateError> {
        let is_skippable = self.held.iter().zip(SKIPPABLE.to_le_bytes()).enumerate().all(|(at, (byte, known))| {
            // The low half of the first byte is free.
            if at == 0 { byte & 0xf0 == known } else { *byte == known }
        });
        if is_skippable || MAGIC.to_le_bytes().starts_with(&self.held) {
            return Ok(());
        }
        Err(if self.has_frame { InflateError::TrailingData } else { InflateError::Corrupt })
    }

    /// Reads a complete part and returns the next place.
    fn read(&mut self, part: &[u8]) -> Result<Place, InflateError> {
        Ok(match self.place {
            Place::Start if little_endian(part) == u64::from(MAGIC) => Place::Descriptor,
            Place::Start => Place::SkippableLength,
            Place::Descriptor => Place::Header(part.first().copied().unwrap_or_default()),
            Place::Header(descriptor) => {
                self.frame = Frame::read(descriptor, part)?;
                self.tables.reset();
                self.history.clear();
                self.given = 0;
                Place::BlockHeader
            }
            Place::BlockHeader => {
                let header = little_endian(part);
                let kind = match header >> 1 & 3 {
                    0 => BlockKind::Raw,
                    1 => BlockKind::Rle,
                    2 => BlockKind::Compressed,
                    _ => return Err(InflateError::Corrupt),
                };
                let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
                if size > self.frame.max_block() {
                    return Err(InflateError::Corrupt);
                }
                Place::Block { kind, size, is_last: header & 1 != 0 }
            }
            Place::Block { kind, size, is_last } => {
                self.block(kind, size, part)?;
                match is_last {
                    false => Place::BlockHeader,
                    true if self.frame.content_size.is_some_and(|size| size != self.frame.produced) => {
                        return Err(InflateError::Corrupt);
                    }
                    true if self.frame.has_checksum => Place::Checksum,
                    true => self.end_frame(),
                }
            }
            Place::Checksum if little_endian(part) == self.frame.hash.finish() & 0xffff_ffff => self.end_frame(),
            Place::Checksum => return Err(InflateError::Corrupt),
            Place::SkippableLength => {
                self.has_frame = true;
                Place::Skippable(usize::try_from(little_endian(part)).unwrap_or(usize::MAX))
            }
            Place::Skippable(_) => self.place,
        })
    }

    /// Decompresses a block to the end of the history.
    fn block(&mut self, kind: BlockKind, size: usize, content: &[u8]) -> Result<(), InflateError> {
        let start = self.history.len();
        self.reserve();
        match kind {
            BlockKind::Raw => self.history.extend_from_slice(content),
            BlockKind::Rle => {
                let byte = content.first().copied().unwrap_or_default();
                self.history.resize(start.saturating_add(size), byte);
            }
            BlockKind::Compressed => {
                self.tables.decompress(content, &mut self.history, self.frame.window, self.frame.max_block())?;
            }
        }
        let produced = self.history.get(start..).unwrap_or_default();
        self.frame.produced = self.frame.produced.saturating_add(produced.len() as u64);
        if self.frame.has_checksum {
            self.frame.hash.write(produced);
        }
        Ok(())
    }

    /// Makes room for a block. The history grows to what it may hold at most, not beyond it.
    fn reserve(&mut self) {
        let (window, block) = (self.frame.window, self.frame.max_block());
        let (len, capacity) = (self.history.len(), self.history.capacity());
        if capacity - len < block {
            let most = window.saturating_add(MAX_BLOCK.max(window / 4)).saturating_add(block);
            let wanted = capacity.saturating_mul(2).min(most).max(len.saturating_add(block));
            self.history.reserve_exact(wanted - len);
        }
    }

    fn end_frame(&mut self) -> Place {
        self.has_frame = true;
        Place::Start
    }
}

/// Sizes of the fields of a frame header, by its first byte (RFC 8878, section 3.1.1.1).
#[derive(Clone, Copy)]
struct HeaderFields {
    window: usize,
    dictionary: usize,
    content_size: usize,
}

impl HeaderFields {
    fn of(descriptor: u8) -> HeaderFields {
        let is_single_segment = descriptor & 1 << 5 != 0;
        HeaderFields {
            window: usize::from(!is_single_segment),
            dictionary: match descriptor & 3 {
                3 => 4,
                size => usize::from(size),
            },
            content_size: match descriptor >> 6 {
                0 => usize::from(is_single_segment),
                flag => 1 << flag,
            },
        }
    }

    fn size(self) -> usize {
        self.window + self.dictionary + self.content_size
    }
}

impl Frame {
    /// Reads a frame header behind its first byte, `descriptor`.
    fn read(descriptor: u8, header: &[u8]) -> Result<Frame, InflateError> {
        let sizes = HeaderFields::of(descriptor);
        let (window, rest) = header.split_at_checked(sizes.window).unwrap_or_default();
        let (dictionary, content_size) = rest.split_at_checked(sizes.dictionary).unwrap_or_default();
        let is_reserved = descriptor & 1 << 3 != 0;
        // No dictionary is agreed upon: without it another text would result.
        if is_reserved || little_endian(dictionary) != 0 {
            return Err(InflateError::Corrupt);
        }
        let content_size = match (sizes.content_size, little_endian(content_size)) {
            (0, _) => None,
            (2, size) => Some(size + 256),
            (_, size) => Some(size),
        };
        let window = match (window, content_size) {
            (&[window], _) => {
                let base = 1u64 << (10 + (window >> 3));
                base + base / 8 * u64::from(window & 7)
            }
            (_, size) => size.unwrap_or_default(),
        };
        let window = if window > MAX_WINDOW { Err(InflateError::TooLarge) } else { Ok(window) }?;
        Ok(Frame {
            window: usize::try_from(window).unwrap_or(usize::MAX),
            content_size,
            has_checksum: descriptor & 1 << 2 != 0,
            produced: 0,
            hash: XxHash64::default(),
        })
    }

    /// Returns the maximum bytes of a block, compressed or not.
    fn max_block(&self) -> usize {
        MAX_BLOCK.min(self.window)
    }
}

/// Reads up to eight bytes as a little-endian number.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
