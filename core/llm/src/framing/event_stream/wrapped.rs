//! Payloads that hold what they say in base64.
//!
//! `InvokeModelWithResponseStream` of Bedrock sends what a model writes as it came from the model: an event `chunk` with
//! `{"bytes":".."}`, whose bytes are an event in the model's own format (Amazon Bedrock API reference, "PayloadPart").

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, Span};

/// As clients read it: what the last digit says beyond the last byte does not count. What they read and we did not would
/// pass without being looked at.
const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true))
}

/// What is written, and what is read first.
const PLAIN: GeneralPurpose = engine(&STANDARD);
/// The alphabet for URLs (RFC 4648, section 5).
const URL: GeneralPurpose = engine(&URL_SAFE);

/// The bytes inside of a payload, and where their base64 stands in it; `None` when it is none of these.
pub(super) fn unwrap(payload: &[u8]) -> Option<(Vec<u8>, Span)> {
    let span = find(payload).ok()??;
    let text = span.of(payload);
    let bytes = PLAIN.decode(text).or_else(|_| URL.decode(text));
    Some((bytes.ok()?, span))
}

/// The member `bytes`. An escape in it would be none that an encoder writes.
fn find(payload: &[u8]) -> Result<Option<Span>, Error> {
    let mut scratch = Scratch::default();
    // A frame is bounded already.
    let limits = ParseLimits { max_bytes: usize::MAX, ..ParseLimits::default() };
    let mut reader = Reader::new(payload, &limits, Side::Response, &mut scratch)?;
    let Value::Object(_) = reader.value()? else { return Ok(None) };
    let mut found = None;
    while let Some((_, field)) = reader.field(&["bytes"])? {
        match (field, reader.value()?) {
            ("bytes", Value::String(str)) if !str.escaped => found = Some(str.span),
            (_, value) => reader.walk(value, |_| Ok(()))?,
        }
    }
    reader.end()?;
    Ok(found)
}

/// The payload with other bytes inside.
pub(super) fn rewrap(payload: &[u8], span: Span, bytes: &[u8]) -> Vec<u8> {
    let mut out = payload.get(..span.start).unwrap_or_default().to_vec();
    out.extend_from_slice(PLAIN.encode(bytes).as_bytes());
    out.extend_from_slice(payload.get(span.end..).unwrap_or_default());
    out
}
