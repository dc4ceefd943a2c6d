//! Splits a response into its JSON documents, without code of Tollgate.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Deserializer, Value, json};

use crate::api::Format;

/// Decompresses as much of a gzip stream as there is.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(bytes);
    let mut buffer = [0; 16 << 10];
    // A stream that was cut ends with an error, after its last readable byte.
    while let Ok(count @ 1..) = decoder.read(&mut buffer) {
        plain.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    plain
}

/// Returns the complete documents of a response.
pub(crate) fn documents(format: Format, bytes: &[u8]) -> Vec<Value> {
    match format {
        // A number or a text is JSON, but no response.
        Format::Whole => serde_json::from_slice(bytes).into_iter().filter(Value::is_object).collect(),
        Format::Events => events(&String::from_utf8_lossy(bytes)),
        Format::Array => items(bytes),
        Format::Lines => {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
            lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
        }
        Format::Frames => frames(bytes),
    }
}

fn events(text: &str) -> Vec<Value> {
    let complete = text.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n"));
    let data = complete.filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn items(bytes: &[u8]) -> Vec<Value> {
    let mut items = Vec::new();
    let mut rest = bytes;
    loop {
        let between = |byte: &u8| matches!(byte, b'[' | b',') || byte.is_ascii_whitespace();
        let start = rest.iter().position(|byte| !between(byte)).unwrap_or(rest.len());
        rest = rest.get(start..).unwrap_or_default();
        let mut values = Deserializer::from_slice(rest).into_iter::<Value>();
        let Some(Ok(item)) = values.next() else { return items };
        let end = values.byte_offset();
        rest = rest.get(end..).unwrap_or_default();
        items.push(item);
    }
}

/// Bytes of a frame before its headers, and behind its payload.
const PRELUDE: usize = 12;
const CRC: usize = 4;

fn frames(bytes: &[u8]) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut rest = bytes;
    while let Some((total, headers)) = number(rest, 0).zip(number(rest, 4)) {
        let Some(frame) = rest.get(..total).filter(|frame| frame.len() >= PRELUDE + headers + CRC) else { break };
        let head = frame.get(PRELUDE..PRELUDE + headers).unwrap_or_default();
        let payload = frame.get(PRELUDE + headers..total - CRC).unwrap_or_default();
        let is_exception = head.windows(EXCEPTION.len()).any(|part| part == EXCEPTION);
        match serde_json::from_slice(payload) {
            // InvokeModel wraps the documents of the model's provider.
            Ok(Value::Object(chunk)) if chunk.contains_key("bytes") => {
                let bytes = chunk.get("bytes").and_then(Value::as_str).unwrap_or_default();
                let bytes = STANDARD.decode(bytes).unwrap_or_default();
                documents.extend(serde_json::from_slice::<Value>(&bytes));
            }
            Ok(document) if is_exception => documents.push(json!({"error": document})),
            Ok(document) => documents.push(document),
            Err(_) => {}
        }
        rest = rest.get(total..).unwrap_or_default();
    }
    documents
}

const EXCEPTION: &[u8] = b":exception-type";

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*four)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_documents_count() {
        for (format, text, count) in [
            (Format::Whole, r#"{"a":1}"#, 1),
            (Format::Whole, r#"{"a":"#, 0),
            (Format::Whole, "1847 ", 0),
            (Format::Events, "event: x\ndata: {}\n\ndata: [DONE]\n\n", 1),
            (Format::Events, "data: {}\n\ndata: {}\n", 1),
            (Format::Lines, "{}\n{}", 1),
            (Format::Array, "[{},\r\n{\"a\":[1,2]}\n]", 2),
            (Format::Array, "[{},\r\n{\"a\":[1,", 1),
            (Format::Frames, "\0\0", 0),
        ] {
            assert_eq!(documents(format, text.as_bytes()).len(), count, "{format:?} {text}");
        }
    }
}
