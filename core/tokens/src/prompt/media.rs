//! Cost of audio, video and documents in tokens, estimated from their bytes.
//!
//! Providers charge by duration or by page. The duration of a WAV file follows from its header; that of an MP4 file is in
//! a header that often, but not always, precedes the content. All others are estimated from their size, by rates that
//! are low for the format, so that the estimate is high.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Prices of media, of a family of models.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaPricing {
    /// Tokens per second of audio.
    pub(super) audio: u64,
    /// Tokens per second of video, including its sound.
    pub(super) video: u64,
    /// Tokens per page of a PDF.
    pub(super) page: u64,
}

/// Bytes per second of audio: PCM of 24 kHz and 16 bits (OpenAI, "Audio").
const PCM: u64 = 48_000;
/// Minimum and maximum bytes per second that the header of a WAV file may state: 8 kHz and 8 bits, 96 kHz in stereo and 32 bits.
const PCM_RATES: std::ops::RangeInclusive<u64> = 8_000..=768_000;
/// Bytes per second of compressed audio: MP3 of 64 kbit/s.
const MP3: u64 = 8_000;
/// Bytes per second of video: 500 kbit/s, as for 480 lines.
const VIDEO: u64 = 62_500;
/// Maximum credible bit rate of video, in bytes per second (50 Mbit/s).
const MAX_VIDEO: u64 = 6_250_000;
/// Bytes per page of a PDF, mostly text.
const PAGE: u64 = 60_000;
/// Bytes of content per token, if it is text.
const TEXT: u64 = 4;
/// Bytes at the beginning of the content that are searched for a header.
const HEAD: usize = 16 << 10;

/// Format of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// PCM, with the bytes per second that the header states.
    Wav(u64),
    /// Compressed audio.
    Audio,
    /// Video, with the milliseconds that the header states.
    Video(Option<u64>),
    Pdf,
    /// Most likely text.
    Other,
}

/// Returns the tokens of a part that is neither text nor image, from its base64 data or `data:` URL.
pub(super) fn tokens(data: &str, pricing: &MediaPricing) -> u64 {
    let base64 = data.split_once(";base64,").map_or(data, |(_, base64)| base64);
    let bytes = base64.len() as u64 * 3 / 4;
    match format(&head(base64)) {
        Format::Wav(rate) => bytes.saturating_mul(pricing.audio).div_ceil(rate),
        Format::Audio => bytes.saturating_mul(pricing.audio).div_ceil(MP3),
        Format::Video(duration) => {
            let least = bytes.saturating_mul(1000).div_ceil(MAX_VIDEO);
            let guess = bytes.saturating_mul(1000).div_ceil(VIDEO);
            duration.map_or(guess, |duration| duration.max(least)).saturating_mul(pricing.video).div_ceil(1000)
        }
        Format::Pdf => bytes.div_ceil(PAGE).max(1).saturating_mul(pricing.page),
        Format::Other => bytes.div_ceil(TEXT),
    }
}

/// Returns the first bytes of base64 data, as far as they are valid.
fn head(base64: &str) -> Vec<u8> {
    const DIGITS: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let digits = base64.as_bytes();
    let digits = digits.get(..HEAD / 3 * 4).unwrap_or(digits);
    // Other characters end the part that is read.
    let valid = digits.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')));
    let digits = digits.get(..valid.unwrap_or(digits.len())).unwrap_or_default();
    let whole = digits.get(..digits.len() / 4 * 4).unwrap_or_default();
    DIGITS.decode(whole).unwrap_or_default()
}

/// Returns the format by its magic bytes.
fn format(head: &[u8]) -> Format {
    /// Magic bytes of other containers of video: Matroska and WebM, MPEG, FLV, ASF.
    const VIDEOS: [&[u8]; 4] = [b"\x1A\x45\xDF\xA3", b"\0\0\x01\xBA", b"FLV", b"\x30\x26\xB2\x75"];
    match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Format::Video(None),
        [b'R', b'I', b'F', b'F', ..] => {
            // RFC 2361: the bytes per second follow the format, the channels and the sample rate.
            let stated =
                head.get(28..).and_then(|rest| rest.first_chunk()).map(|rate| u64::from(u32::from_le_bytes(*rate)));
            Format::Wav(stated.filter(|rate| PCM_RATES.contains(rate)).unwrap_or(PCM))
        }
        [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A' | b'B', ..] => Format::Audio,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Format::Video(duration(head)),
        [b'I', b'D', b'3', ..] | [b'O', b'g', b'g', b'S', ..] | [b'f', b'L', b'a', b'C', ..] => Format::Audio,
        [b'%', b'P', b'D', b'F', ..] => Format::Pdf,
        _ if VIDEOS.iter().any(|magic| head.starts_with(magic)) => Format::Video(None),
        // Frame of MPEG audio or AAC.
        [0xFF, second, ..] if second & 0xE0 == 0xE0 => Format::Audio,
        _ => Format::Other,
    }
}

/// Returns the milliseconds of an MP4 file, from the first bytes of its movie header (ISO/IEC 14496-12, 8.2.2).
fn duration(head: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(head, b"mvhd")? + 4;
    let field = |offset: usize| {
        head.get(at + offset..).and_then(|rest| rest.first_chunk()).map(|four| u32::from_be_bytes(*four))
    };
    // Version 0 has times of 32 bits, version 1 of 64.
    let (scale, units) = match head.get(at)? {
        0 => (field(12)?, u64::from(field(16)?)),
        _ => (field(20)?, u64::from(field(24)?) << 32 | u64::from(field(28)?)),
    };
    units.saturating_mul(1000).checked_div(u64::from(scale)).filter(|duration| *duration > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICING: MediaPricing = MediaPricing { audio: 32, video: 263, page: 258 };

    fn encoded(head: &[u8], len: usize) -> String {
        let mut bytes = head.to_vec();
        bytes.resize(len, 0);
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    /// Header of an MP4 file of that duration, in a scale of 600.
    fn mp4(seconds: u32) -> Vec<u8> {
        let mut head = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\0\0\0\x74moov\0\0\0\x6Cmvhd\0\0\0\0".to_vec();
        head.extend([0; 8]);
        head.extend(600_u32.to_be_bytes());
        head.extend((seconds * 600).to_be_bytes());
        head
    }

    fn wav(rate: u32) -> Vec<u8> {
        let mut head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        head.extend([0; 4]);
        head.extend(rate.to_le_bytes());
        head
    }

    #[test]
    fn media_cost_by_duration_and_pages() {
        for (name, data, want) in [
            ("a second of WAV", encoded(&wav(48_000), 48_000), 32),
            ("ten seconds of WAV at 8 kHz", encoded(&wav(8_000), 80_000), 320),
            ("WAV without a rate", encoded(&wav(0), 96_000), 64),
            ("WAV with an absurd rate", encoded(&wav(u32::MAX), 96_000), 64),
            ("MP3 with a tag", encoded(b"ID3", 80_000), 320),
            ("MP3 frames", encoded(b"\xFF\xFB\x90", 80_000), 320),
            ("Ogg", encoded(b"OggS", 8_000), 32),
            ("M4A", encoded(b"\0\0\0\x20ftypM4A ", 8_000), 32),
            ("MP4 of ten seconds", encoded(&mp4(10), 100_000), 2_630),
            ("MP4 of no stated duration", encoded(b"\0\0\0\x20ftypisom", 625_000), 2_630),
            ("MP4 that claims a second, of 60 MB/s", encoded(&mp4(1), 62_500_000), 2_630),
            ("WebM", encoded(b"\x1A\x45\xDF\xA3", 62_500), 263),
            ("a small PDF", encoded(b"%PDF-1.7", 600), 258),
            ("a PDF of three pages", encoded(b"%PDF-1.7", 150_000), 774),
            ("text", encoded(b"Dear", 4_000), 1_000),
            ("data URL", format!("data:application/pdf;base64,{}", encoded(b"%PDF-1.7", 600)), 258),
            ("nothing", String::new(), 0),
            ("not base64", "\u{e9}!".repeat(40), 23),
        ] {
            let got = tokens(&data, &PRICING);
            // A padded last group counts as a whole one.
            assert!(got.abs_diff(want) <= 1, "{name}: {got}, {want}");
        }
    }
}
