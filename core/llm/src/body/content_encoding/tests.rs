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
/// Written by the `zstd` command: a fast level, one that describes its tables, and one with the size of the content and a
/// checksum.
const ZSTD_FAST: &str = "28b52ffd0048fd020042c7161980a93ac660813c231c27c45af8076e8511ed2c16484e62a701492131c09d27fa942db0672afb9445ed\
    348f674b1e1734e0b0284234aa56a233f4a9e649031b677b363cb8d8fd216cfc85ce08c1f8dd38ef9db998d9781d21331200";
const ZSTD: &str = "28b52ffd0458150300f246161980b939e5f32f3b22fd86ac59f67b4431598da62f9a366887064b613100d113c5f54c657f641382\
    9ac9b326930b1ac02b9aee8caa95878636d544c7c0c7893c913bd818df103efe3ab442386e37506b6736663e5e4fc7ac040100e6851205d08c8d71";
const ZSTD_SIZED: &str = "28b52ffd2474fd0200f2861511907d8c010618a43b969dc92d884866f6101df51736b5ed2a683362d020068c268075c32060dd\
    0a20b63ac06a7d204a5cad0237029ca0f9f198364cebfaf0b6ddfce39bacf6f9197fdb4bf7b6f9e1e78f978dd5f93c0100e6851205d08c8d71";
/// Header with a window of 16 MiB.
const ZSTD_WIDE: &str = "28b52ffd0070010000";

/// Five MiB of one letter, with a window of 22 bits and with one of 24.
const BROTLI_BOMB: &str = "9bffff4ff825c2e2b14020f7fe09";
const BROTLI_WIDE: &str = "9fffff4ff825c2e2b14020f7fe09";

const ALL: [ContentEncoding; 4] =
    [ContentEncoding::Gzip, ContentEncoding::Deflate, ContentEncoding::Brotli, ContentEncoding::Zstd];

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

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
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

/// Returns a frame of zstd with one uncompressed block for each content.
fn raw_frame(blocks: &[&[u8]]) -> Vec<u8> {
    let mut out = hex("28b52ffd0058");
    for (at, block) in blocks.iter().enumerate() {
        let header = block.len() << 3 | usize::from(at + 1 == blocks.len());
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    out
}

/// Returns a frame of zstd that decoders skip.
fn skippable_frame(content: &[u8]) -> Vec<u8> {
    let mut out = hex("5e2a4d18");
    out.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
    out.extend_from_slice(content);
    out
}

/// Returns five MiB of zeros in blocks of one repeated byte.
fn zstd_bomb() -> Vec<u8> {
    let mut out = hex("28b52ffd0068");
    for _ in 0..39 {
        out.extend_from_slice(&hex("02001000"));
    }
    out.extend_from_slice(&hex("03001000"));
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
        ("ZSTD", Ok(Some(ContentEncoding::Zstd))),
        ("zstd,gzip", Err(UnsupportedEncoding)),
        ("dcz", Err(UnsupportedEncoding)),
        ("gzip;q=1", Err(UnsupportedEncoding)),
        ("compress", Err(UnsupportedEncoding)),
    ] {
        assert_eq!(ContentEncoding::detect(value.as_bytes()), want, "{value}");
    }
    for encoding in ALL {
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
        (ContentEncoding::Zstd, hex(ZSTD_FAST)),
        (ContentEncoding::Zstd, hex(ZSTD)),
        (ContentEncoding::Zstd, hex(ZSTD_SIZED)),
        (ContentEncoding::Zstd, raw_frame(&[TEXT.as_bytes()])),
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
        let want = match encoding {
            // RFC 8878, section 3.1: frames follow each other.
            ContentEncoding::Zstd => Ok(TEXT.repeat(2).into_bytes()),
            _ => Err(InflateError::TrailingData),
        };
        assert_eq!(inflate(encoding, &twice, InflateLimits::default()), want, "{encoding:?}");
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
        (ContentEncoding::Zstd, raw_frame(&[b""])),
        (ContentEncoding::Zstd, skippable_frame(b"")),
    ] {
        assert_eq!(
            inflate(encoding, &body, InflateLimits { max_bytes: 0, max_ratio: 0, ..InflateLimits::default() }),
            Ok(Vec::new()),
            "{encoding:?}"
        );
    }
    for encoding in ALL {
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
        (ContentEncoding::Zstd, b"{\"model\":\"m\"}"),
        // The format before 0.8, and the formats of other tools.
        (ContentEncoding::Zstd, b"\x27\xb5\x2f\xfd"),
        (ContentEncoding::Zstd, b"\x1f\x8b\x08\x00"),
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
        (ContentEncoding::Zstd, zstd_bomb()),
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
fn a_wider_window_is_refused() {
    let limits = InflateLimits { max_bytes: 5 << 20, max_ratio: usize::MAX, ..InflateLimits::default() };
    assert_eq!(inflate(ContentEncoding::Brotli, &hex(BROTLI_WIDE), limits), Err(InflateError::TooLarge));
    assert_eq!(inflate(ContentEncoding::Zstd, &hex(ZSTD_WIDE), limits), Err(InflateError::TooLarge));
    // A frame without a window, whose content is as large.
    let sized = hex("28b52ffda0010080000100");
    assert_eq!(inflate(ContentEncoding::Zstd, &sized, limits), Err(InflateError::TooLarge));
}

#[test]
fn frames_of_zstd_follow_each_other() {
    let limits = InflateLimits::default();
    let frames = [
        skippable_frame(b"of another tool"),
        hex(ZSTD),
        raw_frame(&[b"a", b"", b"bc"]),
        skippable_frame(b""),
        hex(ZSTD_SIZED),
    ];
    let body = frames.concat();
    let want = format!("{TEXT}abc{TEXT}").into_bytes();
    for size in 1..=body.len() {
        assert_eq!(in_pieces(ContentEncoding::Zstd, &body, size, limits), Ok(want.clone()), "{size}");
    }
    let mut ends = vec![0];
    ends.extend(frames.iter().scan(0, |end, frame| {
        *end += frame.len();
        Some(*end)
    }));
    for cut in 0..=body.len() {
        let is_whole = cut > 0 && ends.contains(&cut);
        assert_eq!(inflate(ContentEncoding::Zstd, &body[..cut], limits).is_ok(), is_whole, "{cut}");
    }
}

/// Each has one field of a frame that is wrong.
#[test]
fn frames_of_zstd_that_receivers_could_read_differently() {
    let sum = ZSTD_SIZED.len() / 2 - 1;
    let frames = [
        // Dictionary 1, 2 and 65,536.
        "28b52ffd0158 01 010000".to_owned(),
        "28b52ffd0258 0200 010000".to_owned(),
        "28b52ffd0358 00000100 010000".to_owned(),
        // Reserved bit of a header, reserved kind of a block, reserved modes of sequences.
        "28b52ffd0858 010000".to_owned(),
        "28b52ffd0058 070000".to_owned(),
        "28b52ffd0058 2d0000 00 01 01 00 01".to_owned(),
        // Content of another size than the header says.
        "28b52ffd2002 090000 61".to_owned(),
        // Block that is larger than the window of 1 KiB.
        format!("28b52ffd0000 092000 {}", "61".repeat(1025)),
        // Compressed block that repeats tables, and one that copies from before the frame.
        "28b52ffd0058 2d0000 00 01 fc 01 01".to_owned(),
        "28b52ffd0058 3d0000 00 01 54 00 04 00 10".to_owned(),
        // Checksum.
        ZSTD_SIZED[..2 * sum].to_owned() + "00",
    ];
    for frame in frames {
        let limits = InflateLimits::default();
        assert_eq!(inflate(ContentEncoding::Zstd, &hex(&frame), limits), Err(InflateError::Corrupt), "{frame}");
    }
    // A dictionary of number 0 is none.
    assert_eq!(
        inflate(ContentEncoding::Zstd, &hex("28b52ffd0158 00 090000 61"), InflateLimits::default()),
        Ok(vec![97])
    );
}

/// A block of eleven bytes may describe tables of 3,000 entries.
#[test]
fn tables_without_content_are_refused() {
    // Eleven weights, from 11 to 1, and one literal.
    let literals = hex("8a ba9876543210 03");
    let mut block = (2 | 1 << 4 | literals.len() << 14).to_le_bytes()[..3].to_vec();
    block.extend_from_slice(&literals);
    block.push(0);
    let header = (block.len() << 3 | 2 << 1).to_le_bytes();
    let mut body = hex("28b52ffd0058");
    for _ in 0..100 {
        body.extend_from_slice(&header[..3]);
        body.extend_from_slice(&block);
    }
    let mut out = Vec::new();
    let mut inflater = Inflater::new(ContentEncoding::Zstd, InflateLimits::default());
    assert_eq!(inflater.push(&body[..6 + 20 * (3 + block.len())], &mut out), Ok(()));
    assert_eq!(inflater.push(&body[6 + 20 * (3 + block.len())..], &mut out), Err(InflateError::TooDense));
}

/// A sender that flushes after each event ends a block there; the event must not wait for the next one.
#[test]
fn blocks_of_zstd_leave_when_they_are_complete() {
    let frame = raw_frame(&[b"data: 1\n\n", b"data: 2\n\n", b""]);
    let mut inflater = Inflater::new(ContentEncoding::Zstd, InflateLimits::default());
    let mut out = Vec::new();
    inflater.push(&frame[..6 + 3 + 9], &mut out).unwrap();
    assert_eq!(out, b"data: 1\n\n");
    inflater.push(&frame[6 + 3 + 9..][..3 + 9], &mut out).unwrap();
    assert_eq!(out, b"data: 1\n\ndata: 2\n\n");
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
    for (encoding, compressed) in [
        (ContentEncoding::Gzip, gzip(&body)),
        (ContentEncoding::Deflate, zlib(&body)),
        (ContentEncoding::Zstd, zstd(&body)),
    ] {
        assert!(compressed.len() < body.len() / 2);
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
            (ContentEncoding::Zstd, zstd(&text)),
        ] {
            prop_assert_eq!(in_pieces(encoding, &body, size, InflateLimits::default()), Ok(text.clone()));
            prop_assert_eq!(inflate(encoding, &body, InflateLimits::default()), Ok(text.clone()));
        }
    }

    #[test]
    fn damaged_input_gives_the_same_result_in_any_chunking(
        which in 0usize..7,
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
        size in 1usize..50,
    ) {
        let (encoding, mut body) = [
            (ContentEncoding::Gzip, gzip(TEXT.as_bytes())),
            (ContentEncoding::Deflate, hex(DEFLATED)),
            (ContentEncoding::Brotli, hex(BROTLI)),
            (ContentEncoding::Brotli, hex(BROTLI_FAST)),
            (ContentEncoding::Zstd, hex(ZSTD_FAST)),
            (ContentEncoding::Zstd, hex(ZSTD)),
            (ContentEncoding::Zstd, hex(ZSTD_SIZED)),
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
