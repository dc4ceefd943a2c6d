//! Text behind a placeholder: a value is not restored where this text makes it a part of an address.

use super::{Found, PlaceholderValues};

/// Number of bytes behind a placeholder that are read. If they do not say whether it is a part of an address, it stays. Names of
/// hosts have at most 253 bytes.
const MAX_BYTES: usize = 256;

/// Text behind a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// Other text, or none.
    Text,
    /// Rest of an address: `.example.com`, `@example.com`, `/a`, `?a=b`, or another placeholder.
    Address,
    /// Beginning of either.
    Open,
}

/// Returns the kind of the text behind a placeholder. It errs on the side of addresses. `is_last` marks the end of the text.
pub(super) fn following(values: &PlaceholderValues, text: &str, is_last: bool) -> Following {
    let mut before = None;
    for (at, c) in text.char_indices() {
        match values.at(text.get(at..).unwrap_or_default()) {
            Found::Placeholder(_) => return Following::Address,
            Found::Open if !is_last => return Following::Open,
            Found::Open | Found::Nothing => {}
        }
        if at >= MAX_BYTES {
            return Following::Address;
        }
        if ends(c) {
            return Following::Text;
        }
        let is_address = match before {
            Some('.' | '．' | '｡' | '@' | '?' | '#') => c.is_alphanumeric() || matches!(c, '-' | '_' | '%' | '&'),
            // Browsers take it for a dot; in most texts, it ends a sentence.
            Some('。') => c.is_ascii_alphanumeric(),
            Some('&') => c.is_ascii_alphanumeric() || c == '#',
            Some('%') => c.is_ascii_hexdigit(),
            Some('/' | '\\') => true,
            _ => false,
        };
        if is_address {
            return Following::Address;
        }
        before = Some(c);
    }
    if is_last { Following::Text } else { Following::Open }
}

/// Returns `true` for a character that is in no address without a scheme.
fn ends(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '|' | '*')
        || matches!(
            c,
            '、' | '，' | '：' | '；' | '！' | '？' | '「' | '」' | '（' | '）' | '“' | '”' | '«' | '»' | '…'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_a_placeholder_begins() {
        let mut values = PlaceholderValues::default();
        values.insert("[a:1]", "v");
        let long = |end: &str| "x".repeat(MAX_BYTES) + end;
        let (long, short) = (long(" "), long("")[1..].to_owned() + " ");
        for (text, want) in [
            (" ", Following::Text),
            (". ", Following::Text),
            (".\n", Following::Text),
            ("... and", Following::Text),
            ("?", Following::Text),
            ("?!) x.y", Following::Text),
            (": https://example.com", Following::Text),
            ("'s key", Following::Text),
            ("'.encode()", Following::Text),
            (",b@example.com", Following::Text),
            ("s of example.com", Following::Text),
            (", example.com", Following::Text),
            (")](https://example.com)", Following::Text),
            ("](https://example.com)", Following::Text),
            ("**.example.com", Following::Text),
            ("是你的密钥。请保存。", Following::Text),
            ("=1&2", Following::Address),
            (".", Following::Text),
            ("", Following::Text),
            (" [a:1]", Following::Text),
            ("[a:2]", Following::Text),
            ("[a:", Following::Text),
            (&short, Following::Text),
            (".example.com", Following::Address),
            (".evil", Following::Address),
            ("x.example.com", Following::Address),
            ("-x_y.example.com", Following::Address),
            ("是.example.com", Following::Address),
            ("。example.com", Following::Address),
            ("\u{200b}.example.com", Following::Address),
            ("\\.example.com", Following::Address),
            ("&period;example.com", Following::Address),
            ("%2Eexample.com", Following::Address),
            ("@example.com", Following::Address),
            (":x@example.com", Following::Address),
            ("://example.com", Following::Address),
            (":8080/a", Following::Address),
            ("/a", Following::Address),
            ("?a=b", Following::Address),
            ("#a", Following::Address),
            ("[a:1]", Following::Address),
            (".[a:1]", Following::Address),
            ("/[a:1]", Following::Address),
            (&long, Following::Address),
        ] {
            assert_eq!(following(&values, text, true), want, "{text:?}");
            // A stream decides as soon as it can, and alike.
            for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let early = following(&values, &text[..at], false);
                assert!(early == want || early == Following::Open, "{text:?} {at} {early:?}");
            }
        }
    }
}
