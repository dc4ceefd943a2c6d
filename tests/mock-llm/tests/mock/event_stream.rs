//! Decoder for Amazon's event streams that shares no code with the encoder; it computes the CRC bit by bit.

use base64::Engine as _;
use serde_json::{Value, json};

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Decodes the payloads of all frames, with the headers of the frame as further members. The payload of a `chunk` is the
/// document that it contains in base64.
pub(crate) fn decode_frames(mut bytes: &[u8]) -> Vec<Value> {
    let mut payloads = Vec::new();
    while !bytes.is_empty() {
        let (total, headers) = (number(&bytes[..4]), number(&bytes[4..8]));
        let (frame, rest) = bytes.split_at(total);
        assert_eq!(number(&frame[8..12]) as u32, crc(&frame[..8]), "CRC of the prelude");
        assert_eq!(number(&frame[total - 4..]) as u32, crc(&frame[..total - 4]), "CRC of the frame");
        let mut payload: Value = serde_json::from_slice(&frame[12 + headers..total - 4]).unwrap();
        if let Some(packed) = payload["bytes"].as_str() {
            let packed = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
            payload = serde_json::from_slice(&packed).unwrap();
        }
        let mut remaining = &frame[12..12 + headers];
        while !remaining.is_empty() {
            let name_end = 1 + usize::from(remaining[0]);
            assert_eq!(remaining[name_end], 7, "header type is string");
            let value_end = name_end + 3 + number(&remaining[name_end + 1..name_end + 3]);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            payload[text(&remaining[1..name_end])] = json!(text(&remaining[name_end + 3..value_end]));
            remaining = &remaining[value_end..];
        }
        payloads.push(payload);
        bytes = rest;
    }
    payloads
}

#[test]
#[should_panic(expected = "CRC of the frame")]
fn a_wrong_crc_is_detected() {
    decode_frames(&[0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xfe]);
}
