//! Estimated frequency of a literal in texts.

/// Frequencies of ASCII letters in English, a to z, in percent of all bytes.
const LETTERS: [f64; 26] = [
    6.5, 1.3, 2.5, 3.3, 10.0, 1.8, 1.7, 4.0, 6.0, 0.15, 0.7, 3.4, 2.2, 6.0, 6.0, 1.8, 0.1, 5.0, 5.5, 7.0, 2.5, 0.9,
    1.5, 0.2, 1.5, 0.1,
];
/// Frequency of a letter in base64, both cases together, and of any other character of its alphabet, in percent.
const BASE64_LETTER: f64 = 3.1;
const BASE64_OTHER: f64 = 1.6;
/// Smallest estimate: characters of words are not independent, so longer literals are not as rare as the product says.
const MIN_RATE: f64 = 1e-7;

/// Literals that are much more frequent than their characters suggest, with their occurrences per byte.
const COMMON: [(&str, f64); 3] = [("https://", 1e-3), ("http://", 1e-3), ("www.", 1e-3)];

/// Returns the estimated number of occurrences of a literal per byte of a text, in any case: the larger of those in English
/// with source code and in base64.
pub(crate) fn rate(literal: &[u8]) -> f64 {
    let product = |percent: fn(u8) -> f64| literal.iter().map(|byte| percent(*byte) / 100.0).product::<f64>();
    let common = COMMON.iter().find(|(common, _)| common.as_bytes() == literal).map_or(0.0, |(_, rate)| *rate);
    product(in_text).max(product(in_base64)).max(MIN_RATE).max(common)
}

fn in_text(byte: u8) -> f64 {
    match byte {
        b'a'..=b'z' => LETTERS.get(usize::from(byte - b'a')).copied().unwrap_or(1.0),
        b'0'..=b'9' => 1.5,
        b' ' => 15.0,
        b'\n' => 2.0,
        b'.' | b',' | b'"' => 1.2,
        b'-' | b'_' | b'/' | b':' | b'(' | b')' | b'\'' => 0.7,
        b'=' | b';' | b'*' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' => 0.4,
        b'@' => 0.05,
        0x80.. => 1.0,
        _ => 0.1,
    }
}

fn in_base64(byte: u8) -> f64 {
    match byte {
        b'a'..=b'z' => BASE64_LETTER,
        b'0'..=b'9' | b'+' | b'/' => BASE64_OTHER,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_literals_have_smaller_rates() {
        for (rare, frequent) in [("akiazq", "key"), ("ghp_", "@"), ("key", "https://"), ("https://", "e"), ("@", "e")] {
            let [rare, frequent] = [rare, frequent].map(|literal| rate(literal.as_bytes()));
            assert!(rare < frequent, "{rare} {frequent}");
        }
    }
}
