//! Addresses in markdown and HTML, through which an answer can send data to another host.

use crate::condition::list::OneOrMany;
use crate::pattern::group::GroupRef;
use serde::Deserialize;

/// Address, without the marks around it. A longer one is matched up to this length.
const ADDRESS: &str = r#"(?:(?i:https?):)?//[^\s<>()"'\\`]{1,500}"#;

/// Addresses in markdown and HTML.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawUrl {
    /// Kinds of addresses, one or a list. Default: `image`, `link` and `autolink`.
    pub kinds: Option<OneOrMany<UrlKind>>,
    /// Hosts that are allowed. `example.com` stands for the host and for all below it.
    pub allow_hosts: Vec<String>,
    /// Only these hosts count. Default: all.
    pub hosts: Vec<String>,
    /// Least length of the query and fragment in bytes: data that the address sends. 0 to 1024. Default: 0.
    pub min_query: u32,
}

/// Kind of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UrlKind {
    /// Images, which a client loads without a click: `![text](address)`, `<img src=address>`.
    Image,
    /// Links `[text](address)` and definitions `[name]: address`.
    Link,
    /// Addresses in angle brackets: `<https://example.com>`.
    Autolink,
    /// Addresses without any marks, and all others.
    Bare,
}

impl RawUrl {
    /// Kinds where the rule names none.
    const DEFAULT: [UrlKind; 3] = [UrlKind::Image, UrlKind::Link, UrlKind::Autolink];

    /// Returns the regular expression, and the groups with the address.
    pub(crate) fn regex(&self) -> (String, Vec<GroupRef>) {
        let kinds = self.kinds.as_ref().map_or(&Self::DEFAULT[..], |kinds| &kinds.0);
        // These are all addresses. The other expressions begin at nearly every character of a text.
        let kinds = if kinds.contains(&UrlKind::Bare) { &[UrlKind::Bare][..] } else { kinds };
        let parts: Vec<String> = kinds.iter().flat_map(|kind| kind.regexes()).collect();
        let groups = (1..=parts.len() as u32).map(GroupRef::Number).collect();
        (parts.join("|"), groups)
    }
}

impl UrlKind {
    /// Returns regular expressions with one group each, the address.
    fn regexes(self) -> Vec<String> {
        match self {
            UrlKind::Image => vec![
                format!(r"!\[[^\]\n]{{0,100}}\]\(\s{{0,4}}<?({ADDRESS})"),
                format!(r#"(?i:<img)\b[^>\n]{{0,100}}?\b(?i:src)\s{{0,2}}=\s{{0,2}}["']?({ADDRESS})"#),
            ],
            UrlKind::Link => vec![
                format!(r"(?:^|[^!])\[[^\]\n]{{0,100}}\]\(\s{{0,4}}<?({ADDRESS})"),
                format!(r"(?m:^) {{0,3}}\[[^\]\n]{{1,100}}\]:\s{{0,4}}<?({ADDRESS})"),
            ],
            UrlKind::Autolink => vec![format!("<({ADDRESS})>")],
            UrlKind::Bare => vec![format!("({ADDRESS})")],
        }
    }
}
