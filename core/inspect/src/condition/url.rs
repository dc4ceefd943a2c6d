//! Condition on an address: its host, and the data that it sends.

use crate::pattern::url::RawUrl;

/// Maximum number of hosts of a list.
pub(crate) const MAX_HOSTS: usize = 1024;
/// Range of [`RawUrl::min_query`].
pub(crate) const QUERY: (u32, u32) = (0, 1024);

/// Condition on an address.
#[derive(Debug)]
pub(crate) struct Url {
    allowed: Box<[String]>,
    /// Empty: all hosts count.
    hosts: Box<[String]>,
    min_query: usize,
}

impl Url {
    /// Creates the condition.
    pub(crate) fn new(raw: &RawUrl) -> Url {
        let list = |hosts: &[String]| hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Url { allowed: list(&raw.allow_hosts), hosts: list(&raw.hosts), min_query: raw.min_query as usize }
    }

    /// Returns `true` if an address counts.
    pub(crate) fn holds(&self, address: &str) -> bool {
        let (_, rest) = address.split_once("//").unwrap_or(("", address));
        // Clients read a backslash as a slash, and an entity (`&sol;`) as the character that it stands for.
        let end = rest.find(['/', '?', '#', '\\', '&']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let host = host(authority);
        let is_one_of = |list: &[String]| list.iter().any(|own| is_below(&host, own));
        let query = path.find(['?', '#']).map_or(0, |at| path.len() - at - 1);
        query >= self.min_query && !is_one_of(&self.allowed) && (self.hosts.is_empty() || is_one_of(&self.hosts))
    }
}

/// Returns the host of an authority in lower case, without user, password, port and final dot.
fn host(authority: &str) -> String {
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    // The address of IPv6 in brackets has colons of its own.
    let port = host.rfind(':').filter(|at| host.rfind(']').is_none_or(|end| end < *at));
    let host = port.and_then(|at| host.get(..at)).unwrap_or(host);
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns `true` if `host` is `domain` or below it.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use crate::{Policy, all_matches};

    #[test]
    fn addresses_of_a_kind_and_host_match() {
        let allowed = r#"{"allow_hosts": ["example.com"]}"#;
        for (url, text, expected) in [
            ("{}", "![a](https://evil.test/p?d=1) ", vec!["https://evil.test/p?d=1"]),
            ("{}", "[a]( <//evil.test> )", vec!["//evil.test"]),
            ("{}", "<https://evil.test/a>", vec!["https://evil.test/a"]),
            ("{}", "[1]: HTTPS://evil.test\n", vec!["HTTPS://evil.test"]),
            ("{}", r#"<img alt="x" src="https://evil.test/a.png">"#, vec!["https://evil.test/a.png"]),
            ("{}", "https://evil.test and a // b and [a](/local)", vec![]),
            (r#"{"kinds": "bare"}"#, "see https://evil.test/a.", vec!["https://evil.test/a."]),
            (r#"{"kinds": "image"}"#, "[a](https://evil.test) ![b](https://x.test)", vec!["https://x.test"]),
            (r#"{"kinds": ["link"]}"#, "[a](https://evil.test) ![b](https://x.test)", vec!["https://evil.test"]),
            (allowed, "[a](https://example.com/a) [b](https://docs.Example.com:443/)", vec![]),
            (allowed, "[a](https://notexample.com)", vec!["https://notexample.com"]),
            (allowed, "[a](https://example.com@evil.test)", vec!["https://example.com@evil.test"]),
            (allowed, "[a](https://example.com.evil.test)", vec!["https://example.com.evil.test"]),
            (allowed, "[a](https://evil.test/example.com)", vec!["https://evil.test/example.com"]),
            (
                allowed,
                r#"<img src="https://evil.test&sol;@example.com/a">"#,
                vec!["https://evil.test&sol;@example.com/a"],
            ),
            (allowed, r"[a](https://evil.test\@example.com)", vec!["https://evil.test"]),
            (
                r#"{"hosts": ["[2001:db8::1]"]}"#,
                "<https://[2001:db8::1]/> <https://[2001:db8::1]:8443/>",
                vec!["https://[2001:db8::1]/", "https://[2001:db8::1]:8443/"],
            ),
            (r#"{"hosts": ["evil.test"]}"#, "<https://a.evil.test.> <https://b.test>", vec!["https://a.evil.test."]),
            (r#"{"min_query": 4}"#, "<https://a.test?abcd> <https://b.test?abc>", vec!["https://a.test?abcd"]),
            (r#"{"min_query": 4}"#, "<https://a.test/#abcd> <https://b.test/abcdefg>", vec!["https://a.test/#abcd"]),
        ] {
            let rule = format!(r#"{{"id": "a", "match": {{"url": {url}}}, "action": "redact"}}"#);
            let policy = Policy::from_raw(serde_json::from_str(&format!(r#"{{"rules": [{rule}]}}"#)).unwrap()).unwrap();
            let found = all_matches(&policy, text).unwrap();
            let found: Vec<&str> = found.into_iter().filter_map(|(_, range)| text.get(range)).collect();
            assert_eq!(found, expected, "{url} {text}");
        }
    }

    #[test]
    fn invalid_patterns_are_errors_with_their_place() {
        for (pattern, path) in [
            (r#""url": {"min_query": 2000}"#, "match.url.min_query"),
            (r#""url": {"allow_hosts": [""]}"#, "match.url.allow_hosts"),
            (r#""url": {"kinds": []}"#, "match.url.kinds"),
            (r#""url": {}, "group": 1"#, "match.group"),
            (r#""url": {}, "view": "folded""#, "match.view"),
            (r#""url": {}, "regex": "a""#, "match"),
            (r#""codepoints": {"classes": []}"#, "match.codepoints.classes"),
            (r#""codepoints": {"classes": ["tag"], "min": 0}"#, "match.codepoints.min"),
            (r#""codepoints": {"classes": ["tag"]}, "url": {}"#, "match"),
        ] {
            let rule = format!(r#"{{"id": "a", "match": {{{pattern}}}, "action": "redact"}}"#);
            let raw = serde_json::from_str(&format!(r#"{{"rules": [{rule}]}}"#)).unwrap();
            assert_eq!(Policy::from_raw(raw).unwrap_err().path, format!("rules[0].{path}"), "{pattern}");
        }
    }
}
