//! Merging and decoding of headers from test files.

use std::collections::BTreeMap;

use crate::file::Headers;

use super::HeaderList;

/// Merges layers of headers by name; later layers override earlier ones.
pub(super) fn merged(layers: &[&Headers]) -> HeaderList {
    let mut by_name: BTreeMap<String, &Vec<String>> = BTreeMap::new();
    for (name, values) in layers.iter().copied().flatten() {
        by_name.insert(name.to_ascii_lowercase(), &values.0);
    }
    let each =
        by_name.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name.clone(), octets(value))));
    each.collect()
}

/// Decodes a header value, in which `\xNN` stands for an arbitrary byte.
fn octets(value: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("\\x") {
        octets.extend_from_slice(before.as_bytes());
        let octet = behind.split_at_checked(2).and_then(|(digits, after)| {
            // `from_str_radix` takes a sign.
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            Some((is_hex.then(|| u8::from_str_radix(digits, 16).ok())??, after))
        });
        match octet {
            Some((octet, after)) => {
                octets.push(octet);
                rest = after;
            }
            None => {
                octets.extend_from_slice(b"\\x");
                rest = behind;
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// Adds a header unless one of this name exists.
pub(super) fn default(headers: &mut HeaderList, name: &str, value: &str) {
    if !headers.iter().any(|(named, _)| named == name) {
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::HeaderValue;

    #[test]
    fn later_layers_override_earlier_ones() {
        let layer = |pairs: &[(&str, &[&str])]| -> Headers {
            let value = |values: &[&str]| HeaderValue(values.iter().map(|v| (*v).to_owned()).collect());
            pairs.iter().map(|(name, values)| ((*name).to_owned(), value(values))).collect()
        };
        let all = merged(&[&layer(&[("A", &["1"]), ("b", &["2"])]), &layer(&[("a", &["3", "4"]), ("B", &[])])]);
        assert_eq!(all, [("a".to_owned(), b"3".to_vec()), ("a".to_owned(), b"4".to_vec())]);
        assert_eq!(merged(&[&layer(&[("a", &["caf\\xe9 \\xzz\\x+9"])])])[0].1, b"caf\xe9 \\xzz\\x+9");
    }
}
