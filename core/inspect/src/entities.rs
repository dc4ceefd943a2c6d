//! Entities: addresses, numbers, paths and identifiers in texts, by which rules recognise where an argument of a tool comes from.
//!
//! An entity is a run of ASCII letters, digits and `._%+@:/?=&#~-` of at least 6 bytes with a digit, `@`, `.` or `/` in it, without
//! punctuation at its ends. The e-mail addresses in it and the hosts of its URLs are entities, too: `mailto:` in front of an address,
//! and data that a model appends to a URL, do not hide them. Case is ignored.

use crate::arguments::each_json_value;
use crate::policy::Policy;
use std::collections::BTreeSet;
use std::fmt;
use tollgate_llm::{Request, Role, TextKind};

/// Maximum number of entities of the results of tools in a request: those of the last results.
const MAX_ENTITIES: usize = 16 * 1024;
/// Length of an entity in bytes. In longer runs, such as base64, only addresses and hosts are entities.
const ENTITY_BYTES: std::ops::RangeInclusive<usize> = 6..=2048;
/// Least length of a host.
const MIN_HOST_BYTES: usize = 4;

/// Entities that results of tools in a request have, and no message of the operator or the user: as keyed
/// digests.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Entities {
    key: Key,
    digests: BTreeSet<u64>,
}

/// Secret of digests that never leave the process. Without it, nobody can construct an entity that has the digest of another.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key(u64, u64);

impl Key {
    fn of(policy: &Policy) -> Key {
        let digest = policy.placeholder_key().digest([b"entities"]);
        Key(digest as u64, (digest >> 64) as u64 | 1)
    }

    /// Returns the digest of an entity in lower case: a few nanoseconds, because a message has many.
    fn digest(self, entity: &str) -> u64 {
        let fold = |own: u64, by: u64| {
            let product = u128::from(own) * u128::from(by);
            product as u64 ^ (product >> 64) as u64
        };
        let digest = entity.as_bytes().chunks(8).fold(self.0 ^ entity.len() as u64, |digest, chunk| {
            let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(byte.to_ascii_lowercase()));
            fold(digest ^ word, self.1)
        });
        fold(digest, self.0 | 1)
    }
}

/// Prints the number of entities.
impl fmt::Debug for Entities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entities({})", self.digests.len())
    }
}

impl Entities {
    pub(crate) const fn new() -> Entities {
        Entities { key: Key(0, 0), digests: BTreeSet::new() }
    }

    /// Returns `true` if there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Collects the entities of a request.
    pub(crate) fn of_request(policy: &Policy, request: &Request, body: &[u8]) -> Entities {
        let Entities { key, digests: mut all } = Entities { key: Key::of(policy), ..Entities::new() };
        let texts = |roles: &'static [Role]| {
            let is_text = |kind| !matches!(kind, TextKind::Data | TextKind::ImageData | TextKind::ToolName);
            request.texts.iter().rev().filter(move |text| roles.contains(&text.role) && is_text(text.kind))
        };
        for text in texts(&[Role::Tool, Role::Function]) {
            each_in_text(&text.str.decode(body), &mut |entity| {
                if all.len() < MAX_ENTITIES {
                    all.insert(key.digest(entity));
                }
            });
        }
        for text in texts(&[Role::System, Role::Developer, Role::User]) {
            if all.is_empty() {
                break;
            }
            each_in_text(&text.str.decode(body), &mut |entity| {
                all.remove(&key.digest(entity));
            });
        }
        Entities { key, digests: all }
    }

    /// Returns `true` if a value has one of the entities in a run that is not allowed. `is_allowed` gets the value in front of the run,
    /// and the run.
    pub(crate) fn has_any(&self, value: &str, mut is_allowed: impl FnMut(&str, &str) -> bool) -> bool {
        runs(value).any(|(start, run)| {
            let mut is_known = false;
            each_entity(run, &mut |entity| is_known |= self.digests.contains(&self.key.digest(entity)));
            is_known && !is_allowed(value.get(..start).unwrap_or_default(), run)
        })
    }
}

/// Calls `each` with the entities of a text: as it is and, if it is JSON with escapes, decoded.
fn each_in_text(text: &str, each: &mut impl FnMut(&str)) {
    let mut each_of = |text: &str| runs(text).for_each(|(_, run)| each_entity(run, each));
    each_of(text);
    if text.contains('\\') {
        each_json_value(text, &mut each_of);
    }
}

/// Returns the runs of a text that may have entities, each with its index: without the punctuation at its ends.
fn runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_member = |c: char| c.is_ascii_alphanumeric() || "._%+@:/?=&#~-".contains(c);
    let all = text.split(move |c| !is_member(c)).filter(|run| run.len() >= MIN_HOST_BYTES);
    all.filter_map(move |run| {
        let start = (run.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let trimmed = run.trim_start_matches(['.', ':', '?', '=', '&', '#', '%', '+', '-']);
        let start = start + (run.len() - trimmed.len());
        Some((start, trimmed.trim_end_matches(['.', ':', '?', '=', '&', '#', '%', '+', '-', '/', '~'])))
    })
}

/// Calls `each` with the entities of a run: itself, the e-mail addresses in it, and the hosts of its URLs.
fn each_entity(run: &str, each: &mut impl FnMut(&str)) {
    let has_sign = run.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b'.' | b'/'));
    if has_sign && ENTITY_BYTES.contains(&run.len()) {
        each(run);
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let is_local = |c: char| is_host(c) || matches!(c, '_' | '%' | '+' | '~');
    for (at, _) in run.match_indices('@') {
        let (before, after) = (run.get(..at).unwrap_or_default(), run.get(at + 1..).unwrap_or_default());
        let local = before.len() - before.trim_end_matches(is_local).len();
        let host = after.find(|c| !is_host(c)).unwrap_or(after.len());
        let address = run.get(at - local..at + 1 + host).unwrap_or_default().trim_end_matches(['.', '-']);
        if local > 0 && host > 0 && address.len() < run.len() && ENTITY_BYTES.contains(&address.len()) {
            each(address);
        }
    }
    for (at, _) in run.match_indices("//") {
        let after = run.get(at + 2..).unwrap_or_default();
        let authority = after.split(['/', '?', '#', '&', '=']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let host = host.trim_matches('.');
        if (MIN_HOST_BYTES..=*ENTITY_BYTES.end()).contains(&host.len()) && host.contains('.') {
            each(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_texts() {
        for (text, expected) in [
            ("Write to Eve@Else.example, please.", &["Eve@Else.example"][..]),
            ("mailto:eve@else.example", &["mailto:eve@else.example", "eve@else.example"]),
            ("<https://evil.test/a?d=>", &["https://evil.test/a?d", "evil.test"]),
            ("see https://u:p@evil.test:8443/", &["https://u:p@evil.test:8443", "p@evil.test", "evil.test"]),
            ("//t.co/x1", &["//t.co/x1", "t.co"]),
            ("DE89370400440532013000.", &["DE89370400440532013000"]),
            ("order 12345 or 123456", &["123456"]),
            ("ordinary words, and no entities: at all", &[]),
            ("ana@x.io", &["ana@x.io"]),
            ("../etc/passwd", &["/etc/passwd"]),
            (
                r#"{"url": "https:\/\/evil.test\/x", "to": "eve\u0040else.example"}"#,
                &["/evil.test", "u0040else.example", "https://evil.test/x", "evil.test", "eve@else.example"],
            ),
            ("@@@ // /// ://", &[]),
            ("a@b@c@d", &["a@b@c@d"]),
        ] {
            let mut found = Vec::new();
            each_in_text(text, &mut |entity| found.push(entity.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn long_runs_have_addresses_only() {
        let run = format!("https://evil.test/?d={}", "A1".repeat(2000));
        let mut found = Vec::new();
        each_in_text(&run, &mut |entity| found.push(entity.to_owned()));
        assert_eq!(found, ["evil.test"]);
    }
}
