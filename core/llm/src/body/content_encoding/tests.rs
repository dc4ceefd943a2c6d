use std::io::Write;

use super::*;
use proptest::prelude::*;

const TEXT: &str = r#"{"model":"m","messages":[{"role":"user","content":"What is brotli good for? Text, text and the time of the year."}]}"#;

/// Written by the zlib of Node.js.
const DEFLATED: &str = "1dc6410ac2301005d0ab0c7f1d3c40365e4270212ea2f96d0349066646a894de5df0adde81a1951d19030983ee65a5233f0e987622e3e3\
    3424bc75066720e3be9590e6f2328dde6455adb2a85de5c63d9204f79032abc446893628bafcff65b10bcee7f903";
const BROTLI: &str = "1b7300408cd462cd19ee84e0b6d4978a2988c52008cae1d88ec5a203cd38607fd0acbb241c0ec6f318eb1b4b92635854585717f6c65e6c5a\
    4a01216acb6b66bcb3fb4957647b178191e14f0ff03e4efdf101";
const BROTLI_FAST: &str = "8b39000080aaaaaaeaff7465e0b382c35d2f7eb938801f1cfca0eeca66aa008b00a88a03988381b1011cb8868be11c0067c2f264b7acc6c8\
    cec0aeb5d2aec5f83a39ad8991bfa5c9c0af0dd770463e4b72d485cf346f15bb59c666f38e870e0f701d8e3432bc085ebb601bbc087fa579\
    e3f5be06";
/// Five MiB of one letter, with a window of 22 bits and with one of 24.
const BROTLI_BOMB: &str = "9bffff4ff825c2e2b14020f7fe09";
const BROTLI_WIDE: &str = "9fffff4ff825c2e2b14020f7fe09";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns a gzip body with these optional header fields, in the order of RFC 1952.
fn gzip_with(flags: u8, fields: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255];
    out.extend_from_slice(fields);
    if flags & 2 != 0 {
        let [a, b, _, _] = crc32fast::hash(&out).to_le_bytes();
        out.extend_from_slice(&[a, b]);
    }
    out.extend_from_slice(&hex(DEFLATED));
    out.extend_from_slice(&crc32fast::hash(TEXT.as_bytes()).to_le_bytes());
    out.extend_from_slice(&u32::try_from(TEXT.len()).unwrap().to_le_bytes());
    out
}

fn in_pieces(
    encoding: ContentEncoding,
    body: &[u8],
    size: usize,
    limits: InflateLimits,
) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Inflater::new(encoding, limits);
    let mut out = Vec::new();
    for piece in body.chunks(size) {
        inflater.push(piece, &mut out)?;
    }
    inflater.finish()?;
    Ok(out)
}

#[test]
fn encodings_are_detected_by_name() {
    for (value, want) in [
        ("", Ok(None)),
        ("identity", Ok(None)),
        ("gzip", Ok(Some(ContentEncoding::Gzip))),
        ("X-GZip", Ok(Some(ContentEncoding::Gzip))),
        (" deflate ", Ok(Some(ContentEncoding::Deflate))),
        ("identity, br,", Ok(Some(ContentEncoding::Brotli))),
        ("gzip, gzip", Err(UnsupportedEncoding)),
        ("gzip,br", Err(UnsupportedEncoding)),
        ("zstd", Err(UnsupportedEncoding)),
        ("gzip;q=1", Err(UnsupportedEncoding)),
        ("compress", Err(UnsupportedEncoding)),
    ] {
        assert_eq!(ContentEncoding::detect(value.as_bytes()), want, "{value}");
    }
    for encoding in [ContentEncoding::Gzip, ContentEncoding::Deflate, ContentEncoding::Brotli] {
        assert_eq!(ContentEncoding::detect(encoding.name().as_bytes()), Ok(Some(encoding)));
    }
}

#[test]
fn every_encoding_in_any_chunking() {
    let raw = hex(DEFLATED);
    for (encoding, body) in [
        (ContentEncoding::Gzip, gzip(TEXT.as_bytes())),
        (ContentEncoding::Gzip, gzip_with(0, b"")),
        (ContentEncoding::Gzip, gzip_with(1, b"")),
        (ContentEncoding::Gzip, gzip_with(2, b"")),
        (ContentEncoding::Gzip, gzip_with(4, b"\x00\x00")),
        (ContentEncoding::Gzip, gzip_with(4, b"\x03\x00abc")),
        (ContentEncoding::Gzip, gzip_with(8, b"name\x00")),
        (ContentEncoding::Gzip, gzip_with(16, b"a comment\x00")),
        (ContentEncoding::Gzip, gzip_with(30, b"\x01\x00xname\x00a comment\x00")),
        (ContentEncoding::Deflate, zlib(TEXT.as_bytes())),
        (ContentEncoding::Deflate, raw),
        (ContentEncoding::Brotli, hex(BROTLI)),
        (ContentEncoding::Brotli, hex(BROTLI_FAST)),
    ] {
        assert_eq!(inflate(encoding, &body, InflateLimits::default()), Ok(TEXT.as_bytes().to_vec()), "{encoding:?}");
        for size in 1..=body.len() {
            let out = in_pieces(encoding, &body, size, InflateLimits::default());
            assert_eq!(out.as_deref(), Ok(TEXT.as_bytes()), "{encoding:?} {size}");
        }
        for cut in 0..body.len() {
            let out = inflate(encoding, &body[..cut], InflateLimits::default());
            assert_eq!(out, Err(InflateError::Truncated), "{encoding:?} {cut}");
        }
        let more = [&body[..], b"x"].concat();
        assert_eq!(inflate(encoding, &more, InflateLimits::default()), Err(InflateError::TrailingData), "{encoding:?}");
        assert_eq!(
            in_pieces(encoding, &more, 1, InflateLimits::default()),
            Err(InflateError::TrailingData),
            "{encoding:?}"
        );
        let twice = [&body[..], &body].concat();
        assert_eq!(
            inflate(encoding, &twice, InflateLimits::default()),
            Err(InflateError::TrailingData),
            "{encoding:?}"
        );
        // Exactly the limit.
        for (max_bytes, fits) in [(TEXT.len(), true), (TEXT.len() - 1, false), (1, false), (0, false)] {
            let out = inflate(encoding, &body, InflateLimits { max_bytes, ..InflateLimits::default() });
            assert_eq!(out.err(), (!fits).then_some(InflateError::TooLarge), "{encoding:?} {max_bytes}");
        }
    }
}

#[test]
fn empty_bodies() {
    for (encoding, body) in [
        (ContentEncoding::Gzip, gzip(b"")),
        (ContentEncoding::Deflate, zlib(b"")),
        (ContentEncoding::Deflate, vec![3, 0]),
        (ContentEncoding::Brotli, vec![0x3b]),
    ] {
        assert_eq!(
            inflate(encoding, &body, InflateLimits { max_bytes: 0, max_ratio: 0, ..InflateLimits::default() }),
            Ok(Vec::new()),
            "{encoding:?}"
        );
    }
    for encoding in [ContentEncoding::Gzip, ContentEncoding::Deflate, ContentEncoding::Brotli] {
        assert_eq!(inflate(encoding, b"", InflateLimits::default()), Err(InflateError::Truncated), "{encoding:?}");
    }
}

#[test]
fn wrong_checksums_and_headers_are_detected() {
    let good = gzip_with(2, b"");
    for at in (0..4).chain(10..12).chain(good.len() - 8..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        let out = inflate(ContentEncoding::Gzip, &bad, InflateLimits::default());
        assert_eq!(out, Err(InflateError::Corrupt), "{at}");
    }
    let mut bad = zlib(TEXT.as_bytes());
    *bad.last_mut().unwrap() ^= 1;
    assert_eq!(inflate(ContentEncoding::Deflate, &bad, InflateLimits::default()), Err(InflateError::Corrupt));
    for (encoding, body) in [
        (ContentEncoding::Gzip, &b"{\"model\":\"m\"}"[..]),
        (ContentEncoding::Deflate, b"\xff\xff"),
        (ContentEncoding::Brotli, b"\x11\x00"),
        (ContentEncoding::Brotli, b"\xff\xff\xff\xff"),
    ] {
        assert_eq!(inflate(encoding, body, InflateLimits::default()), Err(InflateError::Corrupt), "{encoding:?}");
    }
}

#[test]
fn decompression_bombs_are_stopped_early() {
    let zeros = vec![0; 5 << 20];
    for (encoding, body) in [
        (ContentEncoding::Gzip, gzip(&zeros)),
        (ContentEncoding::Deflate, zlib(&zeros)),
        (ContentEncoding::Brotli, hex(BROTLI_BOMB)),
    ] {
        let mut out = Vec::new();
        let mut inflater = Inflater::new(encoding, InflateLimits::default());
        assert_eq!(inflater.push(&body, &mut out), Err(InflateError::TooDense), "{encoding:?}");
        assert!(out.len() <= FREE.max(body.len() * 100) + (16 << 10), "{encoding:?} {}", out.len());
        assert_eq!(inflater.push(b"", &mut out), Err(InflateError::TooDense));
        assert_eq!(inflater.finish(), Err(InflateError::TooDense));
        let limits = InflateLimits { max_bytes: 1 << 20, max_ratio: usize::MAX, ..InflateLimits::default() };
        let mut out = Vec::new();
        assert_eq!(Inflater::new(encoding, limits).push(&body, &mut out), Err(InflateError::TooLarge), "{encoding:?}");
        assert_eq!(out.len(), (1 << 20) + 1);
        let limits = InflateLimits { max_bytes: usize::MAX, max_ratio: usize::MAX, max_push: 1 << 20 };
        let mut out = Vec::new();
        assert_eq!(Inflater::new(encoding, limits).push(&body, &mut out), Err(InflateError::TooLarge), "{encoding:?}");
        assert!(out.len() <= (1 << 20) + (16 << 10), "{encoding:?} {}", out.len());
        let limits = InflateLimits { max_bytes: 5 << 20, max_ratio: usize::MAX, ..InflateLimits::default() };
        assert_eq!(inflate(encoding, &body, limits).map(|out| out.len()), Ok(5 << 20), "{encoding:?}");
    }
}

#[test]
fn a_window_of_more_than_four_mebibytes_is_refused() {
    let limits = InflateLimits { max_bytes: 5 << 20, max_ratio: usize::MAX, ..InflateLimits::default() };
    assert_eq!(inflate(ContentEncoding::Brotli, &hex(BROTLI_WIDE), limits), Err(InflateError::TooLarge));
}

/// The window of deflate is 32 KiB, and the output is taken in steps of another size.
#[test]
fn matches_may_refer_to_earlier_steps() {
    let mut seed = 1u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_le_bytes()[3]
    };
    let noise: Vec<u8> = (0..30_000).map(|_| byte()).collect();
    let body = noise.repeat(10);
    for (encoding, compressed) in [(ContentEncoding::Gzip, gzip(&body)), (ContentEncoding::Deflate, zlib(&body))] {
        assert!(compressed.len() < 40_000);
        assert!(inflate(encoding, &compressed, InflateLimits::default()).unwrap() == body);
        assert!(in_pieces(encoding, &compressed, 1000, InflateLimits::default()).unwrap() == body);
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_result(
        words in prop::collection::vec("[a-e]{1,9}", 0..200),
        size in 1usize..100,
        level in 0u32..10,
    ) {
        let text = words.join(" ").into_bytes();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(&text).unwrap();
        for (encoding, body) in [
            (ContentEncoding::Gzip, gzip(&text)),
            (ContentEncoding::Deflate, zlib(&text)),
            (ContentEncoding::Deflate, encoder.finish().unwrap()),
        ] {
            prop_assert_eq!(in_pieces(encoding, &body, size, InflateLimits::default()), Ok(text.clone()));
            prop_assert_eq!(inflate(encoding, &body, InflateLimits::default()), Ok(text.clone()));
        }
    }

    #[test]
    fn damaged_input_gives_the_same_result_in_any_chunking(
        which in 0usize..4,
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        size in 1usize..50,
    ) {
        let (encoding, mut body) = [
            (ContentEncoding::Gzip, gzip(TEXT.as_bytes())),
            (ContentEncoding::Deflate, hex(DEFLATED)),
            (ContentEncoding::Brotli, hex(BROTLI)),
            (ContentEncoding::Brotli, hex(BROTLI_FAST)),
        ][which].clone();
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        let limits = InflateLimits { max_bytes: 1000, max_ratio: 100, ..InflateLimits::default() };
        let whole = inflate(encoding, &body, limits);
        let split = in_pieces(encoding, &body, size, limits);
        prop_assert_eq!(whole.as_ref().ok(), split.as_ref().ok());
        prop_assert_eq!(whole.is_ok(), split.is_ok());
    }
}
