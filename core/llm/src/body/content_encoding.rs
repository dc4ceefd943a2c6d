//! Decompression of bodies (`content-encoding`) within limits.
//!
//! A compressed body that is not inspected bypasses every rule, and unbounded decompression lets a kilobyte become a
//! megabyte and take the gateway down. So `gzip`, `deflate`, `br` and `zstd` are decoded incrementally, with limits on the
//! size of the result and on the compression ratio. Everything that two receivers could decode differently (bytes after the
//! end, a second member, a wrong checksum, a dictionary, two codings on top of each other) is refused.
//!
//! ```
//! use tollgate_llm::content_encoding::{InflateLimits, ContentEncoding, InflateError, inflate};
//!
//! let body = [0x78, 0x9c, 0x4b, 0xcc, 0x4d, 0x4c, 0x1c, 0x45, 0xc4, 0x21, 0x00, 0x9a, 0x4d, 0x76, 0x5d];
//! let encoding = ContentEncoding::detect(b"deflate")?.ok_or("not encoded")?;
//! assert_eq!(inflate(encoding, &body, InflateLimits::default()), Ok("ama".repeat(100).into_bytes()));
//! assert_eq!(inflate(encoding, &body, InflateLimits { max_bytes: 200, ..InflateLimits::default() }), Err(InflateError::TooLarge));
//! assert!(ContentEncoding::detect(b"compress").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The decoders add 0.23 MB to a wasm module: 0.19 MB for Brotli, of which 0.12 MB are the dictionary of RFC 7932, and
//! 0.02 MB each for inflate and zstd.

mod brotli;
mod deflate;
mod gzip;
#[cfg(test)]
mod tests;
mod zstd;

/// Compression format of a body (IANA, HTTP Content Coding Registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncoding {
    /// `gzip`, `x-gzip`: RFC 1952.
    Gzip,
    /// `deflate`: RFC 1950 (zlib), or raw RFC 1951 without the zlib header, which some senders use according to RFC
    /// 9110, section 8.4.1.2.
    Deflate,
    /// `br`: RFC 7932.
    Brotli,
    /// `zstd`: RFC 8878, with windows of up to 8 MiB (RFC 9659). Several frames are one body, as both demand.
    Zstd,
}

/// Error: an unsupported coding, or several codings on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content-encoding is not supported")]
pub struct UnsupportedEncoding;

impl ContentEncoding {
    /// Parses a `content-encoding` (RFC 9110, section 8.4; several header lines joined by commas); returns `None` if
    /// the body is not compressed.
    ///
    /// # Errors
    /// [`UnsupportedEncoding`].
    pub fn detect(value: &[u8]) -> Result<Option<ContentEncoding>, UnsupportedEncoding> {
        let mut found = None;
        for coding in value.split(|byte| *byte == b',') {
            let is = |name: &str| coding.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
            let encoding = if is("") || is("identity") {
                continue;
            } else if is("gzip") || is("x-gzip") {
                ContentEncoding::Gzip
            } else if is("deflate") {
                ContentEncoding::Deflate
            } else if is("br") {
                ContentEncoding::Brotli
            } else if is("zstd") {
                ContentEncoding::Zstd
            } else {
                return Err(UnsupportedEncoding);
            };
            if found.replace(encoding).is_some() {
                return Err(UnsupportedEncoding);
            }
        }
        Ok(found)
    }

    /// Returns the name used in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContentEncoding::Gzip => "gzip",
            ContentEncoding::Deflate => "deflate",
            ContentEncoding::Brotli => "br",
            ContentEncoding::Zstd => "zstd",
        }
    }
}

/// Limits on decompression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// Maximum bytes of the decompressed body. Default: 16 MiB.
    pub max_bytes: usize,
    /// Maximum ratio of decompressed to compressed bytes, checked once more than 64 KiB have been produced. Default:
    /// 100. Chat requests have 3 to 20; the codings reach 1,000 (gzip) and 100,000 (Brotli).
    pub max_ratio: usize,
    /// Maximum bytes produced by one push: the result of one stream frame is in memory at once, however long the stream
    /// was before. Default: 4 MiB, four times the largest frame that Envoy passes on with its default buffers.
    pub max_push: usize,
}

impl Default for InflateLimits {
    fn default() -> InflateLimits {
        InflateLimits { max_bytes: 16 << 20, max_ratio: 100, max_push: 4 << 20 }
    }
}

/// Bytes that may be produced regardless of the ratio.
const FREE: usize = 64 << 10;

/// Reason why a body was not decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// The result exceeds [`InflateLimits::max_bytes`] or [`InflateLimits::max_push`], or the coding requests a window
    /// of more than 4 MiB (`br`) or 8 MiB (`zstd`).
    #[error("the decompressed body is larger than the limit")]
    TooLarge,
    /// The result exceeds [`InflateLimits::max_ratio`].
    #[error("the compression ratio of the body exceeds the limit")]
    TooDense,
    /// The body does not follow the declared coding, or a checksum or length is wrong.
    #[error("the body does not match its content-encoding")]
    Corrupt,
    /// The body ends before the coding does.
    #[error("the compressed body is truncated")]
    Truncated,
    /// Bytes follow the end of the coding.
    #[error("unexpected data after the end of the compressed body")]
    TrailingData,
}

/// Next need of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// More input: all of it was consumed.
    Input,
    /// More room for output.
    Room,
    /// Nothing: the end was reached.
    Nothing,
}

/// Result of one decoder step, which consumes bytes from the front of `input` and writes to the front of `room`: the
/// number of bytes written, and the next need.
type DecoderStep = Result<(usize, Need), InflateError>;

/// Decompresses a body incrementally.
pub struct Inflater {
    decoder: Decoder,
    limits: InflateLimits,
    taken: usize,
    given: usize,
    ended: bool,
    failed: Option<InflateError>,
}

enum Decoder {
    Gzip(Box<gzip::Gzip>),
    Deflate(Box<deflate::Deflate>),
    Brotli(Box<brotli::Brotli>),
    Zstd(Box<zstd::Zstd>),
}

impl Inflater {
    /// Creates a decompressor at the start of a body. It takes 43 KiB for gzip and deflate, and, depending on the
    /// body, up to 4 MiB for Brotli and 11 MiB for zstd, which takes them in steps: 18 MiB while
    /// the last one is copied.
    #[must_use]
    pub fn new(encoding: ContentEncoding, limits: InflateLimits) -> Inflater {
        let decoder = match encoding {
            ContentEncoding::Gzip => Decoder::Gzip(Box::default()),
            ContentEncoding::Deflate => Decoder::Deflate(Box::default()),
            ContentEncoding::Brotli => Decoder::Brotli(Box::default()),
            ContentEncoding::Zstd => Decoder::Zstd(Box::default()),
        };
        Inflater { decoder, limits, taken: 0, given: 0, ended: false, failed: None }
    }

    /// Consumes the next bytes of the body and appends the result.
    ///
    /// # Errors
    /// [`InflateError`], for this push and all later ones. Bytes produced before the error stay in `out`: at most one
    /// byte more than the limit.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        let result = match self.failed {
            Some(error) => Err(error),
            None => self.feed(bytes, out),
        };
        self.failed = result.err();
        result
    }

    /// Ends the body.
    ///
    /// # Errors
    /// [`InflateError::Truncated`] if the coding has not ended; the error of an earlier push.
    pub fn finish(&self) -> Result<(), InflateError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.ended || matches!(&self.decoder, Decoder::Zstd(zstd) if zstd.may_end()) => Ok(()),
            None => Err(InflateError::Truncated),
        }
    }

    fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        /// Output buffer growth per step.
        const ROOM: usize = 16 << 10;
        let before_push = self.given;
        let mut input = bytes;
        while !self.ended {
            let start = out.len();
            // One byte more than allowed, to tell a body that reaches its limit from one that exceeds it.
            let room = (self.limits.max_bytes - self.given.min(self.limits.max_bytes)).saturating_add(1).min(ROOM);
            out.resize(start.saturating_add(room), 0);
            let before = input.len();
            let place = out.get_mut(start..).unwrap_or_default();
            let step = match &mut self.decoder {
                Decoder::Gzip(gzip) => gzip.step(&mut input, place),
                Decoder::Deflate(deflate) => deflate.step(&mut input, place),
                Decoder::Brotli(brotli) => brotli.step(&mut input, place),
                Decoder::Zstd(zstd) => zstd.step(&mut input, place),
            };
            let (written, need) = match step {
                Ok(step) => step,
                Err(error) => {
                    out.truncate(start);
                    return Err(error);
                }
            };
            out.truncate(start.saturating_add(written));
            self.taken = self.taken.saturating_add(before - input.len());
            self.given = self.given.saturating_add(written);
            if self.given > self.limits.max_bytes || self.given - before_push > self.limits.max_push {
                return Err(InflateError::TooLarge);
            }
            if self.given > FREE && self.given > self.taken.saturating_mul(self.limits.max_ratio) {
                return Err(InflateError::TooDense);
            }
            match need {
                Need::Room => {}
                Need::Input => return Ok(()),
                Need::Nothing => self.ended = true,
            }
        }
        if input.is_empty() { Ok(()) } else { Err(InflateError::TrailingData) }
    }
}

/// Shows counts only.
impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("taken", &self.taken).field("given", &self.given).finish_non_exhaustive()
    }
}

/// Decompresses a whole body.
///
/// # Errors
/// [`InflateError`].
pub fn inflate(encoding: ContentEncoding, body: &[u8], limits: InflateLimits) -> Result<Vec<u8>, InflateError> {
    // Text compresses to about a quarter in all of these; a smaller buffer would be copied once it is full.
    let mut out = Vec::with_capacity(body.len().saturating_mul(4).min(limits.max_bytes));
    let mut inflater = Inflater::new(encoding, InflateLimits { max_push: limits.max_bytes, ..limits });
    inflater.push(body, &mut out)?;
    inflater.finish()?;
    Ok(out)
}
