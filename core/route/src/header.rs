//! What may become the value of a header.

/// The longest name that becomes a header value, in bytes.
pub const MAX_HEADER_BYTES: usize = 256;

/// The name, if it may be a header value: 1 to 256 bytes of visible ASCII, no space.
///
/// A header value could hold more (RFC 9110, 5.5), but model names do not, and what is left out here (line breaks,
/// space at the ends, bytes above 0x7f) is what proxies, logs and upstreams read differently.
pub fn header_value(name: &str) -> Option<&str> {
    let fits = (1..=MAX_HEADER_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let longest = "m".repeat(256);
        for name in ["gpt-4o", "meta-llama/Llama-3.1-8B-Instruct", "ft:gpt-4o:org::id", "~!", &longest] {
            assert_eq!(header_value(name), Some(name));
        }
        for name in ["", " ", "a b", " a", "a\r\nx-admin: 1", "a\0", "a\t", "modèle", "a\u{7f}", &"m".repeat(257)] {
            assert_eq!(header_value(name), None, "{name:?}");
        }
    }
}
