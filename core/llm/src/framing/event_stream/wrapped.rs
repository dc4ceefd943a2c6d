//! Payloads that wrap an event in base64.
//!
//! Bedrock's `InvokeModelWithResponseStream` passes on the output of a model unchanged: as an event `chunk` with
//! `{"bytes":".."}`, whose bytes are an event in the model's own format (Amazon Bedrock API reference, "PayloadPart").

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, Span};

/// Builds a decoder as lenient as the clients': trailing bits beyond the last byte are ignored. Text that clients can
/// read and Tollgate cannot would pass without inspection.
const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true))
}

/// Standard alphabet: used for writing, and tried first for reading.
const PLAIN: GeneralPurpose = engine(&STANDARD);
/// URL-safe alphabet (RFC 4648, section 5).
const URL: GeneralPurpose = engine(&URL_SAFE);

/// Returns the wrapped bytes and the span of their base64 in the payload; `None` if the payload wraps nothing.
pub(super) fn unwrap(payload: &[u8]) -> Option<(Vec<u8>, Span)> {
    let (span, is_ambiguous) = find(payload).ok()??;
    let text = span.of(payload);
    if is_ambiguous {
        // Receivers disagree about what counts: the data are what no event is.
        return Some((text.to_vec(), span));
    }
    let bytes = PLAIN.decode(text).or_else(|_| URL.decode(text));
    Some((bytes.ok()?, span))
}

/// Finds the member `bytes`; `true` if there are several, from the first to the last, or if it has escapes, which no encoder writes
/// into base64.
fn find(payload: &[u8]) -> Result<Option<(Span, bool)>, Error> {
    let mut scratch = Scratch::default();
    // The frame size is bounded already.
    let limits = ParseLimits { max_bytes: usize::MAX, ..ParseLimits::default() };
    let mut reader = Reader::new(payload, &limits, Side::Response, &mut scratch)?;
    let Value::Object(_) = reader.value()? else { return Ok(None) };
    let mut found: Option<(Span, bool)> = None;
    while let Some((_, field)) = reader.field(&["bytes"])? {
        match (field, reader.value()?) {
            ("bytes", Value::String(str)) => {
                found = Some(match found {
                    None => (str.span, str.escaped),
                    Some((first, _)) => (Span::new(first.start, str.span.end), true),
                });
            }
            (_, value) => reader.walk(value, |_| Ok(()))?,
        }
    }
    reader.end()?;
    Ok(found)
}

/// Returns the payload with other bytes wrapped.
pub(super) fn rewrap(payload: &[u8], span: Span, bytes: &[u8]) -> Vec<u8> {
    debug_assert!(span.start <= span.end && span.end <= payload.len());
    let mut out = payload.get(..span.start).unwrap_or_default().to_vec();
    out.extend_from_slice(PLAIN.encode(bytes).as_bytes());
    out.extend_from_slice(payload.get(span.end..).unwrap_or_default());
    out
}
