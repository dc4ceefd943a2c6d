//! Uploaded files: whether one is a text is decided by its bytes, not by its name or its media type.

/// Beginning of a PDF. Its texts are compressed or in an encoding of its fonts, even where all of it is ASCII.
const PDF: &[u8] = b"%PDF-";

/// Bytes at the beginning of a file in which readers look for [`PDF`] (ISO 32000-1, Annex H.3.4).
const PDF_BYTES: usize = 1024;

/// Returns `true` if a file is a text: UTF-8 without NUL, which texts in UTF-16 and UTF-32 have, and no PDF.
pub(crate) fn is_text(file: &[u8]) -> bool {
    let beginning = file.get(..PDF_BYTES).unwrap_or(file);
    memchr::memchr(0, file).is_none()
        && memchr::memmem::find(beginning, PDF).is_none()
        && std::str::from_utf8(file).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_by_their_bytes() {
        for (file, want) in [
            (&b""[..], true),
            (b"id,name\r\n1,\xc3\xa9\r\n", true),
            (b"\xef\xbb\xbf{\"a\":1}\n{\"a\":2}\n", true),
            (b"\x1b[31mred\x1b[0m \x0c\x07", true),
            (b"caf\xe9", false),
            (b"a\0b\0", false),
            (b"\xff\xfea\0", false),
            (b"\x89PNG\r\n\x1a\n", false),
            (b"%PDF-1.7\n1 0 obj", false),
            (b"\n \n%PDF-1.4", false),
            (b"%PDF", true),
            (b"PK\x03\x04\x14\0", false),
        ] {
            assert_eq!(is_text(file), want, "{}", file.escape_ascii());
        }
        let late = [&[b' '; PDF_BYTES][..], PDF].concat();
        assert!(is_text(&late));
    }
}
