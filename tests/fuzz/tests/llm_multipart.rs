//! Forms, files and images: any chunking gives the same result, every field is at its reported position, and no input panics.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a target may panic")]

use tollgate_llm::multipart::{Field, FilePart, FormError, Scanner};
use tollgate_llm::{image, json_ranges};

/// The first byte selects the chunk size.
const SEEDS: &[&[u8]] = &[
    b"\x03--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n",
    b"\x05--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\r\n-\r\n--x\r\n\
      Content-Disposition: form-data; name=model\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nm\r\n--x--",
    b"\x05--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{\"a\":\"\\n\"}\n\r\n--x--",
    b"\x02# x\n{\"a\":[1,\"\\u0041\"]}\n{\"b\":NaN,\"c\":\"\\n\"}\nk: \"\\x41\"\n",
    b"\x01\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02",
    b"\x02\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\0\x10\0\x20\x03",
    b"\x02RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x3f\x01\0\xef\0\0",
    b"\x07R0lGODlhKgAHAAAA",
];

const WANTED: &[&str] = &["model"];

fn scan<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<(Vec<Field>, Vec<FilePart>), FormError> {
    let mut scanner = Scanner::new(b"multipart/form-data; boundary=x", WANTED)?;
    for piece in pieces {
        scanner.push(piece)?;
    }
    scanner.finish()?;
    let fields = scanner.fields().iter().chain(scanner.others()).cloned().collect();
    Ok((fields, scanner.files().to_vec()))
}

fn property(input: &[u8]) {
    let (size, body) = input.split_first().map_or((1, input), |(first, body)| (usize::from(first % 32) + 1, body));
    let whole = scan([body].into_iter());
    assert_eq!(scan(body.chunks(size)), whole);
    let (fields, files) = whole.unwrap_or_default();
    for field in fields {
        assert_eq!(field.span.of(body), field.value.as_bytes());
    }
    for file in files {
        assert!(file.span.start <= file.span.end && file.span.end <= body.len());
    }

    if let Ok(text) = std::str::from_utf8(body) {
        let mut end = 0;
        for range in json_ranges(text) {
            assert!(end <= range.start && range.start < range.end);
            assert!(text.get(range.start..range.end).is_some());
            end = range.end;
        }
    }

    let size = image::of_bytes(body);
    assert!(size.is_none_or(|size| size.width > 0 && size.height > 0));
    let _ = image::of_base64(body);
    let _ = image::of_data_url(&[b"data:image/x;base64,", body].concat());
}

tollgate_fuzz::target!(llm_multipart, SEEDS, property);
