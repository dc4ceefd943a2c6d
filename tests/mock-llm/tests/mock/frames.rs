//! A reader of Amazon's event streams that shares nothing with the writer: the CRC is made bit by bit.

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

/// The payloads of the frames, each with the frame's headers as members; of a `chunk`, what is packed in it.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Value> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (total, headers) = (number(&bytes[..4]), number(&bytes[4..8]));
        let (frame, rest) = bytes.split_at(total);
        assert_eq!(number(&frame[8..12]) as u32, crc(&frame[..8]), "of the prelude");
        assert_eq!(number(&frame[total - 4..]) as u32, crc(&frame[..total - 4]), "of the frame");
        let mut payload: Value = serde_json::from_slice(&frame[12 + headers..total - 4]).unwrap();
        if let Some(packed) = payload["bytes"].as_str() {
            let packed = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
            payload = serde_json::from_slice(&packed).unwrap();
        }
        let mut left = &frame[12..12 + headers];
        while !left.is_empty() {
            let name_end = 1 + usize::from(left[0]);
            assert_eq!(left[name_end], 7, "a string");
            let value_end = name_end + 3 + number(&left[name_end + 1..name_end + 3]);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            payload[text(&left[1..name_end])] = json!(text(&left[name_end + 3..value_end]));
            left = &left[value_end..];
        }
        found.push(payload);
        bytes = rest;
    }
    found
}

#[test]
#[should_panic(expected = "of the frame")]
fn a_frame_of_the_wrong_crc_is_found() {
    frames(&[0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xfe]);
}
