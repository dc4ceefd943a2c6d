//! Encoder for Amazon's `application/vnd.amazon.eventstream`.
//!
//! A frame is a prelude (total length, length of the headers, CRC of these two), headers, a payload, and a CRC of everything
//! before it. Numbers are big-endian, the CRC is CRC-32 as in gzip.

/// Encodes an event of the type `name`.
pub(crate) fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload)
}

/// Encodes an exception of the type `name`, which reports a failure of the service.
pub(crate) fn exception(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(&[(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")], payload)
}

/// Type of a header value that is a string, preceded by its length in two bytes.
const STRING: u8 = 7;

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(96);
    for (name, value) in headers {
        // All names and values are constants of this crate, and short.
        block.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.extend_from_slice(name.as_bytes());
        block.push(STRING);
        block.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        block.extend_from_slice(value.as_bytes());
    }
    let total = PRELUDE + block.len() + payload.len() + CRC;
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&length(total));
    out.extend_from_slice(&length(block.len()));
    let prelude = crc(&out);
    out.extend_from_slice(&prelude);
    out.extend_from_slice(&block);
    out.extend_from_slice(payload);
    let whole = crc(&out);
    out.extend_from_slice(&whole);
    out
}

/// Bytes of the prelude: two lengths and their CRC.
const PRELUDE: usize = 12;
/// Bytes of a CRC.
const CRC: usize = 4;

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check value of CRC-32: https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc
    #[test]
    fn the_crc_is_crc32() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926_u32.to_be_bytes());
    }

    /// Frame without headers and payload, from the published test vectors of the format (`empty_message`).
    #[test]
    fn an_empty_frame_equals_the_published_vector() {
        let expected = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(frame(&[], b""), expected);
    }
}
