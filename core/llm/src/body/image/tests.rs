use super::*;
use proptest::prelude::*;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    out.extend_from_slice(&width.to_be_bytes());
    out.extend_from_slice(&height.to_be_bytes());
    out.extend_from_slice(&[8, 2, 0, 0, 0]);
    out
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0, 0, 0]].concat()
}

/// Returns a JPEG image with segments of these lengths (their length field included) before the frame header.
fn jpeg(width: u16, height: u16, segments: &[u16], frame: u8) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    for (index, length) in segments.iter().enumerate() {
        // The content resembles a frame header, to catch an implementation that searches for one.
        let content = [0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1];
        out.extend_from_slice(&[0xff, [0xe0, 0xe1, 0xe2, 0xdb, 0xc4, 0xfe][index % 6]]);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend(content.into_iter().cycle().take(usize::from(*length) - 2));
    }
    out.extend_from_slice(&[0xff, 0xff, frame, 0, 17, 8]);
    out.extend_from_slice(&height.to_be_bytes());
    out.extend_from_slice(&width.to_be_bytes());
    out.extend_from_slice(&[3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    out
}

fn webp(kind: u8, content: &[u8]) -> Vec<u8> {
    [&b"RIFF\x24\0\0\0WEBPVP8"[..], &[kind], &18u32.to_le_bytes(), content].concat()
}

fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = alphabet[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place > group.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn sizes_of_every_format() {
    for (image, width, height) in [
        (png(640, 480), 640, 480),
        (png(0x7fff_ffff, 1), 0x7fff_ffff, 1),
        (gif(42, 7), 42, 7),
        (jpeg(1920, 1080, &[], 0xc0), 1920, 1080),
        (jpeg(1920, 1080, &[16, 2, 300, 65535], 0xc2), 1920, 1080),
        (jpeg(65535, 1, &[3; 20], 0xcf), 65535, 1),
        // RFC 6386 stores two bits of scaling next to each.
        (webp(b' ', &[0x30, 1, 0, 0x9d, 1, 0x2a, 0x40, 0x41, 0xf0, 0x80]), 0x140, 0xf0),
        (webp(b'L', &[0x2f, 0x3f, 0xc1, 0x3b, 0x10]), 0x140, 0xf0),
        (webp(b'X', &[0x10, 0, 0, 0, 0x3f, 1, 0, 0xef, 0, 0]), 0x140, 0xf0),
        (webp(b'X', &[0x10, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0]), 1 << 24, 1),
    ] {
        let want = Some(Size { width, height });
        assert_eq!(of_bytes(&image), want);
        for alphabet in [STANDARD, URL] {
            let text = encode(&image, alphabet);
            assert_eq!(of_base64(text.as_bytes()), want);
            assert_eq!(of_base64(text.replace('/', "\\/").as_bytes()), want);
            assert_eq!(of_base64(text.replace('A', "\\u0041").as_bytes()), want);
            let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
            assert_eq!(of_base64(&lines.join(&b"\\r\\n"[..])), want);
            assert_eq!(of_base64(&lines.join(&b"\r\n"[..])), want);
            assert_eq!(of_data_url(format!("data:image/png;base64,{text}").as_bytes()), want);
            assert_eq!(of_data_url(format!("DATA:image\\/x;a=b;BASE64,{text}").as_bytes()), want);
            assert_eq!(of_data_url(format!("data:;base64,{text}").as_bytes()), want);
        }
        // Only the bytes up to the size are needed.
        let needed = (0..=image.len()).find(|len| of_bytes(&image[..*len]).is_some()).unwrap();
        assert!(needed > 9);
        assert!((needed..image.len()).all(|len| of_bytes(&image[..len]) == want));
    }
}

#[test]
fn images_without_a_size() {
    for image in [
        b"".to_vec(),
        b"\x89".to_vec(),
        b"BM\x36\0\0\0\0\0\0\0".to_vec(),
        b"<svg width=\"1\" height=\"1\"/>".to_vec(),
        png(0, 5),
        png(5, 0),
        gif(0, 0),
        b"GIF88a\x01\0\x01\0".to_vec(),
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dCgBI\0\0\0\x01\0\0\0\x01".to_vec(),
        jpeg(5, 0, &[], 0xc0),
        // Scan, end of image, nested image, missing marker, segment length below its minimum.
        vec![0xff, 0xd8, 0xff, 0xda, 0, 2, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1],
        vec![0xff, 0xd8, 0xff, 0xd9, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1],
        vec![0xff, 0xd8, 0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1],
        vec![0xff, 0xd8, 0x00, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1],
        vec![0xff, 0xd8, 0xff, 0xe0, 0, 1, 0xff, 0xc0, 0, 17, 8, 0, 1, 0, 1],
        webp(b'?', &[0; 20]),
        webp(b'L', &[0; 20]),
        webp(b' ', &[0; 20]),
        b"RIFF\0\0\0\0WAVEfmt \0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
    ] {
        assert_eq!(of_bytes(&image), None, "{image:?}");
        assert_eq!(of_base64(encode(&image, STANDARD).as_bytes()), None, "{image:?}");
    }
    for url in [
        "",
        "data:",
        "data:image/gif,R0lGODlhKgAHAAAA",
        "data:image/gif;base64",
        "date:image/gif;base64,R0lGODlhKgAHAAAA",
        "https://example.com/;base64,R0lGODlhKgAHAAAA",
        "data:image/gif;base64,R0lG%4fDlhKgAHAAAA",
        "data:image/gif;base64,R0lG\\qODlhKgAHAAAA",
        "data:image/gif;base64,R0lG\\ud83dODlhKgAHAAAA",
        "data:image/gif;base64,R0lG=ODlhKgAHAAAA",
    ] {
        assert_eq!(of_data_url(url.as_bytes()), None, "{url}");
    }
}

#[test]
fn size_search_is_bounded() {
    let near = jpeg(5, 5, &[65535; 15], 0xc0);
    assert!(of_bytes(&near).is_some() && of_base64(encode(&near, STANDARD).as_bytes()).is_some());
    let far = jpeg(5, 5, &[65535; 17], 0xc0);
    assert!(of_bytes(&far).is_none() && of_base64(encode(&far, STANDARD).as_bytes()).is_none());
}

proptest! {
    #[test]
    fn base64_and_bytes_give_the_same_size(
        segments in prop::collection::vec(2u16..700, 0..8),
        width in any::<u16>(),
        height in any::<u16>(),
        junk in prop::collection::vec(any::<u8>(), 0..40),
        at in any::<prop::sample::Index>(),
    ) {
        let mut image = jpeg(width, height, &segments, 0xc1);
        let at = at.index(image.len());
        if let [first, ..] = junk[..] {
            image[at] = first;
        }
        image.extend_from_slice(&junk);
        let want = of_bytes(&image);
        let text = encode(&image, STANDARD);
        prop_assert_eq!(of_base64(text.as_bytes()), want);
        prop_assert_eq!(of_base64(text.replace('/', "\\/").as_bytes()), want);
        prop_assert_eq!(of_bytes(&junk), of_base64(encode(&junk, URL).as_bytes()));
    }
}
