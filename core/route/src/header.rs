//! Check of names that become header values.

/// Maximum length of a name that becomes a header value, in bytes.
pub const MAX_HEADER_BYTES: usize = 256;

/// Returns `name` if it is safe as a header value: 1 to 256 bytes of visible ASCII without spaces.
///
/// RFC 9110, section 5.5 allows more, but model names do not need it, and proxies, logs and upstreams disagree about the
/// characters excluded here (line breaks, leading and trailing spaces, bytes above 0x7f).
pub fn header_value(name: &str) -> Option<&str> {
    let fits = (1..=MAX_HEADER_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_limited_length_is_a_header_value() {
        let longest = "m".repeat(256);
        for name in ["gpt-4o", "meta-llama/Llama-3.1-8B-Instruct", "ft:gpt-4o:org::id", "~!", &longest] {
            assert_eq!(header_value(name), Some(name));
        }
        for name in ["", " ", "a b", " a", "a\r\nx-admin: 1", "a\0", "a\t", "modèle", "a\u{7f}", &"m".repeat(257)] {
            assert_eq!(header_value(name), None, "{name:?}");
        }
    }
}
