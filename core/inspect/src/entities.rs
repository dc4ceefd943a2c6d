//! Entities: addresses, numbers, paths and identifiers in texts, by which rules recognise where an argument of a tool comes from.
//!
//! An entity is a run of ASCII letters, digits and `._%+@:/?=&#~-` of at least 6 bytes with a digit, `@`, `.` or `/` in it, without
//! punctuation at its ends. The e-mail addresses in it, with and without `+tag`, and the hosts of its URLs are entities, too, also of
//! URLs without a scheme: `mailto:` in front of an address, and data that a model appends to a URL, do not hide them. A run is read
//! as it is and percent-decoded once. Case is ignored. A host of an argument stands for its parent domains, too, so data in a label
//! in front of a host does not hide it.
//!
//! Not recognised: hosts in other scripts or Punycode of them, hosts as integers or with octal numbers, values encoded in any other
//! way, percent-encoded twice, split or with spaces in them.

use crate::arguments::each_json_value;
use crate::policy::Policy;
use std::collections::BTreeSet;
use std::fmt;
use tollgate_llm::{Request, Role, TextKind};

/// Maximum number of entities of the results of tools in a request: those of the last results.
///
/// With more of them, addresses and hosts that are not known to come from elsewhere cannot be judged.
const MAX_ENTITIES: usize = 16 * 1024;
/// Length of an entity in bytes. In longer runs, such as base64, only addresses and hosts are entities.
const ENTITY_BYTES: std::ops::RangeInclusive<usize> = 6..=2048;
/// Minimum length of a host.
const MIN_HOST_BYTES: usize = 4;
/// Maximum number of parent domains of a host that are compared: the shortest ones, which registrants choose.
const MAX_PARENTS: usize = 16;

/// Entities that results of tools in a request have, and no message of the operator or the user: as keyed
/// digests.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Entities {
    key: Key,
    digests: BTreeSet<u64>,
    /// Entities of the messages of the operator and the user, if results of tools have more than [`MAX_ENTITIES`]; else `None`.
    own: Option<BTreeSet<u64>>,
}

/// Source of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Result of a tool.
    Result,
    /// Anything else, or no entity at all.
    Other,
    /// Not known: results of tools have too many entities.
    Unknown,
}

/// Secret of digests that never leave the process. Without it, nobody can construct an entity that has the digest of another.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Key(u64, u64);

impl Key {
    pub(crate) const fn new() -> Key {
        Key(0, 0)
    }

    pub(crate) fn of(policy: &Policy) -> Key {
        let digest = policy.placeholder_key().digest([b"entities"]);
        Key(digest as u64, (digest >> 64) as u64 | 1)
    }

    /// Returns the state in which a digest of another kind begins.
    pub(crate) fn seed(self) -> u64 {
        self.0
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

/// Prints nothing of the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
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
        Entities { key: Key::new(), digests: BTreeSet::new(), own: None }
    }

    /// Returns `true` if there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.digests.is_empty() && self.own.is_none()
    }

    /// Collects the entities of a request.
    pub(crate) fn of_request(policy: &Policy, request: &Request, body: &[u8]) -> Entities {
        let Entities { key, digests: mut all, mut own } = Entities { key: Key::of(policy), ..Entities::new() };
        let texts = |roles: &'static [Role]| {
            let is_text = |kind| !matches!(kind, TextKind::Data | TextKind::ImageData | TextKind::ToolName);
            request.texts.iter().rev().filter(move |text| roles.contains(&text.role) && is_text(text.kind))
        };
        for text in texts(&[Role::Tool, Role::Function]) {
            if own.is_some() {
                break;
            }
            each_in_text(&text.str.decode(body), &mut |entity, _| {
                if own.is_some() {
                    return;
                }
                let digest = key.digest(entity);
                if all.len() < MAX_ENTITIES {
                    all.insert(digest);
                } else if !all.contains(&digest) {
                    own = Some(BTreeSet::new());
                }
            });
        }
        for text in texts(&[Role::System, Role::Developer, Role::User]) {
            if all.is_empty() && own.is_none() {
                break;
            }
            each_in_text(&text.str.decode(body), &mut |entity, is_host| {
                // Who names a host vouches for the domains that it belongs to.
                for name in std::iter::once(entity).chain(parents(entity, is_host)) {
                    let digest = key.digest(name);
                    all.remove(&digest);
                    if let Some(own) = own.as_mut().filter(|own| own.len() < MAX_ENTITIES) {
                        own.insert(digest);
                    }
                }
            });
        }
        Entities { key, digests: all, own }
    }

    /// Returns the source of a value: that of its runs which are not allowed. `is_allowed` gets the value in front of the run, and the
    /// run.
    pub(crate) fn source(&self, value: &str, mut is_allowed: impl FnMut(&str, &str) -> bool) -> Source {
        let mut source = Source::Other;
        for (start, run) in runs(value) {
            let (mut is_known, mut is_unknown) = (false, false);
            each_entity(run, &mut |entity, is_host| {
                let digest = self.key.digest(entity);
                is_known |= self.digests.contains(&digest)
                    || parents(entity, is_host).any(|parent| self.digests.contains(&self.key.digest(parent)));
                // Other runs, such as a date or a path, name no recipient.
                let is_address = entity.contains('@') && !entity.contains([':', '/', '?', '=', '&', '#']);
                let is_recipient = is_host || is_address;
                is_unknown |= is_recipient && self.own.as_ref().is_some_and(|own| !own.contains(&digest));
            });
            if (is_known || is_unknown && source == Source::Other)
                && !is_allowed(value.get(..start).unwrap_or_default(), run)
            {
                source = if is_known { Source::Result } else { Source::Unknown };
            }
            if source == Source::Result {
                break;
            }
        }
        source
    }
}

/// Returns the parent domains of a host, the shortest one first; none of another entity, and no top-level domain.
fn parents(entity: &str, is_host: bool) -> impl Iterator<Item = &str> {
    let host = if is_host { entity } else { "" };
    let dots = host.rmatch_indices('.').skip(1).take(MAX_PARENTS);
    dots.filter_map(move |(at, _)| host.get(at + 1..))
}

/// Calls `each` with the entities of a text and `true` for those that are hosts: as it is and, if it is JSON with escapes, decoded.
fn each_in_text(text: &str, each: &mut impl FnMut(&str, bool)) {
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
        // `\n` in front of an address in a text that is no JSON.
        let is_escape = text.get(..start).is_some_and(|before| before.ends_with('\\'));
        let run = run.strip_prefix(['n', 'r', 't', 'b', 'f']).filter(|_| is_escape).unwrap_or(run);
        let start = (run.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let trimmed = run.trim_start_matches(['.', ':', '?', '=', '&', '#', '%', '+', '-']);
        let start = start + (run.len() - trimmed.len());
        Some((start, trimmed.trim_end_matches(['.', ':', '?', '=', '&', '#', '%', '+', '-', '/', '~'])))
    })
}

/// Calls `each` with the entities of a run and `true` for those that are hosts: of the run as it is, and percent-decoded once.
fn each_entity(run: &str, each: &mut impl FnMut(&str, bool)) {
    each_plain_entity(run, each);
    if let Some(decoded) = percent_decoded(run) {
        runs(&decoded).for_each(|(_, run)| each_plain_entity(run, each));
    }
}

/// Returns a text without percent-encoding; `None` if it has none.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    let mut is_encoded = false;
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                is_encoded = true;
                decoded.push(byte);
                decoded.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                decoded.push(b'%');
                decoded.extend_from_slice(part.as_bytes());
            }
        }
    }
    is_encoded.then(|| String::from_utf8_lossy(&decoded).into_owned())
}

/// Calls `each` with the run itself, the e-mail addresses in it, and the hosts of its URLs.
fn each_plain_entity(run: &str, each: &mut impl FnMut(&str, bool)) {
    // Behind slashes: `//evil.test`, or what an escape has left of `https:\/\/evil.test`.
    let front =
        run.trim_start_matches('/').split(['/', '?', '#', ':']).next().unwrap_or_default().trim_end_matches('.');
    let has_sign = run.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b'.' | b'/'));
    let is_entity = has_sign && ENTITY_BYTES.contains(&run.len()) && !is_number(run);
    if is_entity {
        each(run, front.len() == run.len() && is_domain(run));
    }
    if is_domain(front) && !(is_entity && front.len() == run.len()) {
        each(front, true);
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let is_local = |c: char| is_host(c) || matches!(c, '_' | '%' | '+' | '~');
    for (at, _) in run.match_indices('@') {
        let (before, after) = (run.get(..at).unwrap_or_default(), run.get(at + 1..).unwrap_or_default());
        let local = before.len() - before.trim_end_matches(is_local).len();
        let host = after.find(|c| !is_host(c)).unwrap_or(after.len());
        let address = run.get(at - local..at + 1 + host).unwrap_or_default().trim_end_matches(['.', '-']);
        if local == 0 || host == 0 || !ENTITY_BYTES.contains(&address.len()) {
            continue;
        }
        if address.len() < run.len() {
            each(address, false);
        }
        if let Some((mailbox, _)) = address.get(..local).and_then(|local| local.split_once('+'))
            && let untagged = format!("{mailbox}{}", address.get(local..).unwrap_or_default())
            && !mailbox.is_empty()
            && ENTITY_BYTES.contains(&untagged.len())
        {
            each(&untagged, false);
        }
    }
    // Clients read `https:/evil.test` as `https://evil.test`.
    for (at, _) in run.match_indices(":/") {
        let after = run.get(at + 1..).unwrap_or_default().trim_start_matches('/');
        let authority = after.split(['/', '?', '#', '&', '=']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let host = host.trim_matches('.');
        if (MIN_HOST_BYTES..=*ENTITY_BYTES.end()).contains(&host.len()) && host.contains('.') {
            each(host, true);
        }
    }
}

/// Returns `true` for a number with a fraction: tables have many, and none names a recipient.
fn is_number(run: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    run.split_once('.').is_some_and(|(whole, fraction)| is_digits(whole) && is_digits(fraction))
}

/// Returns `true` if a text without a scheme may be a host: labels of letters, digits, `-` and `_`, of which the last one is a
/// top-level domain, or four numbers. So numbers such as `3.14` are none.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !(MIN_HOST_BYTES..=*ENTITY_BYTES.end()).contains(&text.len()) || !text.split('.').all(is_label) {
        return false;
    }
    let is_number = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = || text.split('.').count() == 4 && text.split('.').all(is_number);
    let top = text.rsplit_once('.').map_or("", |(_, top)| top);
    top.len() >= 2 && top.starts_with(|c: char| c.is_ascii_alphabetic()) && !top.contains('_') || is_address()
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
                &[
                    "/evil.test",
                    "evil.test",
                    "u0040else.example",
                    "https://evil.test/x",
                    "evil.test",
                    "eve@else.example",
                ],
            ),
            ("evil.test/leak", &["evil.test/leak", "evil.test"]),
            ("evil.test:8443", &["evil.test:8443", "evil.test"]),
            ("t.co?a=b or t.co", &["t.co?a=b", "t.co", "t.co"]),
            ("10.0.0.1/x", &["10.0.0.1/x", "10.0.0.1"]),
            ("https:/evil.test/x", &["https:/evil.test/x", "evil.test"]),
            ("evil.test./leak", &["evil.test./leak", "evil.test"]),
            ("data_x.evil.test/leak", &["data_x.evil.test/leak", "data_x.evil.test"]),
            (r#"Found: {"url":"https:\/\/evil.test\/x"}"#, &["/evil.test", "evil.test"]),
            (r"From:\neve@else.example", &["eve@else.example"]),
            ("12.3456,1234.5678 2.5.6.7a", &["2.5.6.7a"]),
            ("3.14/day, 2.718:1", &["3.14/day", "2.718:1"]),
            ("https%3A%2F%2Fevil.test%2Fa", &["https%3A%2F%2Fevil.test%2Fa", "https://evil.test/a", "evil.test"]),
            ("100%25 %zz50", &["100%25"]),
            ("eve%40else.example", &["eve%40else.example", "eve@else.example"]),
            ("eve+a+b@else.example", &["eve+a+b@else.example", "eve@else.example"]),
            ("mailto:e+a@x.io", &["mailto:e+a@x.io", "e+a@x.io", "e@x.io"]),
            ("@@@ // /// ://", &[]),
            ("a@b@c@d", &["a@b@c@d"]),
        ] {
            let mut found = Vec::new();
            each_in_text(text, &mut |entity, _| found.push(entity.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn only_recipients_are_unknown_beside_too_many_entities() {
        let mut entities = Entities { key: Key(7, 0x9e37_79b9_7f4a_7c15), ..Entities::new() };
        let own =
            ["github.com/foo/bar", "github.com", "ana@x.io", "corp.example"].map(|entity| entities.key.digest(entity));
        entities.own = Some(own.into());
        for (value, expected) in [
            ("https://github.com/foo/bar", Source::Other),
            ("mailto:ana@x.io", Source::Other),
            ("https://corp.example/new", Source::Other),
            ("text/html", Source::Other),
            ("2026-01-15 and 123456", Source::Other),
            ("eve@else.example", Source::Unknown),
            ("https://evil.test/x", Source::Unknown),
            ("https://github.com/foo and evil.test", Source::Unknown),
        ] {
            assert_eq!(entities.source(value, |_, _| false), expected, "{value}");
        }
    }

    #[test]
    fn long_runs_have_addresses_only() {
        let run = format!("https://evil.test/?d={}", "A1".repeat(2000));
        let mut found = Vec::new();
        each_in_text(&run, &mut |entity, _| found.push(entity.to_owned()));
        assert_eq!(found, ["evil.test"]);
    }

    #[test]
    fn parents_of_hosts() {
        for (host, expected) in
            [("a.b.evil.test", &["evil.test", "b.evil.test"][..]), ("evil.test", &[]), ("test", &[])]
        {
            assert_eq!(parents(host, true).collect::<Vec<_>>(), expected);
            assert_eq!(parents(host, false).count(), 0);
        }
        assert_eq!(parents(&"a.".repeat(1000), true).count(), MAX_PARENTS);
    }
}
