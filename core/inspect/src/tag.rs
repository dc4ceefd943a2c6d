//! Tags: what a rule says of a request or response that it matches.

use crate::error::Problem;
use std::collections::BTreeMap;

/// Maximum number of tags of a rule.
const MAX_TAGS: usize = 8;
const MAX_NAME_BYTES: usize = 32;
const MAX_VALUE_BYTES: usize = 64;
/// Beginning of the name of a header that the gateway owns: copies that clients send are removed.
const OWNED: &str = "x-tollgate-";
/// Headers that other stages set.
const OTHERS: [&str; 3] = ["x-tollgate-route", "x-tollgate-model", "x-tollgate-prefix-hash"];

/// Validates the tags of a rule, and returns each as `name=value`.
pub(crate) fn tags(raw: &BTreeMap<String, String>) -> Result<Box<[Box<str>]>, Problem> {
    if raw.len() > MAX_TAGS {
        return Err(Problem::TooMany(MAX_TAGS));
    }
    let is_name = |name: &str, max: usize| {
        let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=max).contains(&name.len()) && name.bytes().all(is_char)
    };
    if !raw.iter().all(|(name, value)| is_name(name, MAX_NAME_BYTES) && is_name(value, MAX_VALUE_BYTES)) {
        return Err(Problem::InvalidTag);
    }
    Ok(raw.iter().map(|(name, value)| format!("{name}={value}").into()).collect())
}

/// Validates the name of the request header with the tags, and returns it in lower case.
///
/// # Errors
/// The name is not one that only the gateway sets.
pub fn tag_header(name: &str) -> Result<String, Problem> {
    let name = name.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_owned = name.strip_prefix(OWNED).is_some_and(|rest| !rest.is_empty()) && name.bytes().all(is_token);
    if is_owned && !OTHERS.contains(&name.as_str()) { Ok(name) } else { Err(Problem::TagHeader) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_names_with_values() {
        let read = |list: &[(&str, &str)]| {
            let raw = list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            tags(&raw).map(|tags| tags.join(","))
        };
        assert_eq!(read(&[]), Ok(String::new()));
        assert_eq!(read(&[("data", "pii"), ("Team", "a.b-c_1")]), Ok("Team=a.b-c_1,data=pii".to_owned()));
        let long = "a".repeat(65);
        for invalid in [("", "a"), ("a", ""), ("a b", "c"), ("a", "b,c"), ("a", "b=c"), ("ä", "b"), ("a", &long)] {
            assert_eq!(read(&[invalid]), Err(Problem::InvalidTag), "{invalid:?}");
        }
        let names: Vec<String> = (0..9).map(|number| format!("n{number}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        assert_eq!(read(&many), Err(Problem::TooMany(8)));
    }

    #[test]
    fn the_header_is_one_that_only_the_gateway_sets() {
        for (name, header) in [
            ("x-tollgate-tags", Some("x-tollgate-tags")),
            ("X-Tollgate-Data", Some("x-tollgate-data")),
            ("x-tags", None),
            ("x-tollgate-", None),
            ("x-tollgate-route", None),
            ("x-tollgate-a b", None),
            ("", None),
        ] {
            assert_eq!(tag_header(name).ok().as_deref(), header, "{name}");
        }
    }
}
