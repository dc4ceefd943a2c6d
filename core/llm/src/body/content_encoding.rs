//! Bodies that come compressed (`content-encoding`), read within caps.
//!
//! A body that is not read is a way around every rule, and one that is inflated without bounds is a way to take the
//! gateway down: a kilobyte may stand for a megabyte. So `gzip`, `deflate` and `br` are read, piece by piece as they
//! come, with a cap on what comes out and on how many times larger it is than what went in; everything that two
//! receivers could read differently (bytes after the end, a second member, a wrong checksum, two codings on top of each
//! other) is refused.
//!
//! ```
//! use tollgate_llm::content_encoding::{InflateLimits, ContentEncoding, InflateError, inflate};
//!
//! let body = [0x78, 0x9c, 0x4b, 0xcc, 0x4d, 0x4c, 0x1c, 0x45, 0xc4, 0x21, 0x00, 0x9a, 0x4d, 0x76, 0x5d];
//! let encoding = ContentEncoding::detect(b"deflate")?.ok_or("not encoded")?;
//! assert_eq!(inflate(encoding, &body, InflateLimits::default()), Ok("ama".repeat(100).into_bytes()));
//! assert_eq!(inflate(encoding, &body, InflateLimits { max_bytes: 200, ..InflateLimits::default() }), Err(InflateError::TooLarge));
//! assert!(ContentEncoding::detect(b"zstd").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The decoders add 0.21 MB to a wasm module: 0.19 MB Brotli, of which 0.12 MB are the dictionary of RFC 7932, and
//! 0.02 MB inflate.

mod brotli;
mod deflate;
mod gzip;
#[cfg(test)]
mod tests;

/// A coding of a body (IANA, HTTP Content Coding Registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncoding {
    /// `gzip`, `x-gzip`: RFC 1952.
    Gzip,
    /// `deflate`: RFC 1950 (zlib), and without its header (RFC 1951), as RFC 9110, section 8.4.1.2 notes some send it.
    Deflate,
    /// `br`: RFC 7932.
    Brotli,
}

/// A coding that is not read, or several on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content-encoding is not one that is read")]
pub struct UnsupportedEncoding;

impl ContentEncoding {
    /// What a `content-encoding` says (RFC 9110, section 8.4; several header lines joined by commas): `None` when the
    /// body is as it is.
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
            } else {
                return Err(UnsupportedEncoding);
            };
            if found.replace(encoding).is_some() {
                return Err(UnsupportedEncoding);
            }
        }
        Ok(found)
    }

    /// Its name in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContentEncoding::Gzip => "gzip",
            ContentEncoding::Deflate => "deflate",
            ContentEncoding::Brotli => "br",
        }
    }
}

/// How large a body may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// Bytes that come out. 16 MiB.
    pub max_bytes: usize,
    /// How many times more bytes may come out than went in, once more than 64 KiB have. 100: chat requests have 3 to 20,
    /// the codings reach 1,000 (gzip) and 100,000 (Brotli).
    pub max_ratio: usize,
    /// Bytes that come out of one push, to the step: what a stream's frame becomes is in memory at once, however long the
    /// stream was before. 4 MiB, which is four times the largest frame that Envoy hands over with its default buffers.
    pub max_push: usize,
}

impl Default for InflateLimits {
    fn default() -> InflateLimits {
        InflateLimits { max_bytes: 16 << 20, max_ratio: 100, max_push: 4 << 20 }
    }
}

/// So much may come out whatever went in.
const FREE: usize = 64 << 10;

/// Why a body was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// More comes out than [`InflateLimits::max_bytes`] or [`InflateLimits::max_push`], or the coding asks for a window of more than 4 MiB.
    #[error("the body is larger than the limit once it is inflated")]
    TooLarge,
    /// More comes out for what went in than [`InflateLimits::max_ratio`].
    #[error("the body is compressed more than the limit allows")]
    TooDense,
    /// It is not in the coding that it says, or a checksum or length is wrong.
    #[error("the body is not in its content-encoding")]
    Corrupt,
    /// It ends before the coding does.
    #[error("the compressed body is cut off")]
    Truncated,
    /// Something follows the end of the coding.
    #[error("there is something after the end of the compressed body")]
    TrailingData,
}

/// What a decoder needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// More bytes: it took all that it got.
    Input,
    /// More room for what comes out.
    Room,
    /// Nothing: it is at its end.
    Nothing,
}

/// One step of a decoder: takes bytes from the front of `input`, writes to the front of `room`; how many, and what it
/// needs to go on.
type Step = Result<(usize, Need), InflateError>;

/// Inflates a body that comes in pieces.
pub struct Inflater {
    decoder: Decoder,
    caps: InflateLimits,
    taken: usize,
    given: usize,
    ended: bool,
    failed: Option<InflateError>,
}

enum Decoder {
    Gzip(Box<gzip::Gzip>),
    Deflate(Box<deflate::Deflate>),
    Brotli(Box<brotli::Brotli>),
}

impl Inflater {
    /// At the start of a body. Takes 43 KiB for gzip and deflate, and up to 4 MiB, as the body needs, for Brotli.
    #[must_use]
    pub fn new(encoding: ContentEncoding, caps: InflateLimits) -> Inflater {
        let decoder = match encoding {
            ContentEncoding::Gzip => Decoder::Gzip(Box::default()),
            ContentEncoding::Deflate => Decoder::Deflate(Box::default()),
            ContentEncoding::Brotli => Decoder::Brotli(Box::default()),
        };
        Inflater { decoder, caps, taken: 0, given: 0, ended: false, failed: None }
    }

    /// Takes the next bytes of the body and appends what comes out.
    ///
    /// # Errors
    /// [`InflateError`], for this push and all that follow it. What came out before stands in `out`: it is at most one
    /// byte more than the cap.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        let result = match self.failed {
            Some(error) => Err(error),
            None => self.feed(bytes, out),
        };
        self.failed = result.err();
        result
    }

    /// At the end of the body.
    ///
    /// # Errors
    /// [`InflateError::Truncated`] when the coding is not at its end; the error of an earlier push.
    pub fn finish(&self) -> Result<(), InflateError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.ended => Ok(()),
            None => Err(InflateError::Truncated),
        }
    }

    fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
        /// Room is made in steps of this size.
        const ROOM: usize = 16 << 10;
        let before_push = self.given;
        let mut input = bytes;
        while !self.ended {
            let start = out.len();
            // One byte more than may be, to tell a body that fills its cap from one that exceeds it.
            let room = (self.caps.max_bytes - self.given.min(self.caps.max_bytes)).saturating_add(1).min(ROOM);
            out.resize(start.saturating_add(room), 0);
            let before = input.len();
            let place = out.get_mut(start..).unwrap_or_default();
            let step = match &mut self.decoder {
                Decoder::Gzip(gzip) => gzip.step(&mut input, place),
                Decoder::Deflate(deflate) => deflate.step(&mut input, place),
                Decoder::Brotli(brotli) => brotli.step(&mut input, place),
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
            if self.given > self.caps.max_bytes || self.given - before_push > self.caps.max_push {
                return Err(InflateError::TooLarge);
            }
            if self.given > FREE && self.given > self.taken.saturating_mul(self.caps.max_ratio) {
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

/// Inflates a whole body.
///
/// # Errors
/// [`InflateError`].
pub fn inflate(encoding: ContentEncoding, body: &[u8], caps: InflateLimits) -> Result<Vec<u8>, InflateError> {
    // Text is a quarter of its size in all of these; less room than that would be copied once it is full.
    let mut out = Vec::with_capacity(body.len().saturating_mul(4).min(caps.max_bytes));
    let mut inflater = Inflater::new(encoding, InflateLimits { max_push: caps.max_bytes, ..caps });
    inflater.push(body, &mut out)?;
    inflater.finish()?;
    Ok(out)
}
