//! Header maps: ordered, multi-valued, names in lower case, values as bytes.

use std::fmt;

/// Header map as Envoy keeps it: insertion order, names in lower case, pseudo headers first, several values for one
/// name as several entries. Values are bytes, as they are on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    entries: Vec<(String, Vec<u8>)>,
}

/// Names for which Envoy always keeps a single entry (its inline headers, as far as clients and filters use them).
const WELL_KNOWN: [&str; 28] = [
    ":authority",
    ":method",
    ":path",
    ":scheme",
    ":status",
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "location",
    "origin",
    "referer",
    "server",
    "user-agent",
    "vary",
    "via",
    "x-forwarded-for",
    "x-request-id",
];

impl Headers {
    /// Creates an empty map.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Returns the first value of `name`, which must be in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// Returns the first value of `name` if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns every value of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.entries.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// Returns `true` if there is an entry of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Appends an entry and keeps existing ones of that name. Pseudo headers are inserted before the others.
    pub fn add(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        let name = name.as_ref().to_ascii_lowercase();
        let entry = (name, value.as_ref().to_vec());
        if entry.0.starts_with(':') {
            let at = self.entries.iter().take_while(|(key, _)| key.starts_with(':')).count();
            self.entries.insert(at, entry);
        } else {
            self.entries.push(entry);
        }
    }

    /// Replaces all entries of `name` with one at the end (of the pseudo headers, if it is one), as Envoy does.
    pub fn set(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        self.remove(name.as_ref());
        self.add(name, value);
    }

    /// Adds an entry as Envoy's maps do: values of an inline header are joined in its single entry.
    pub(crate) fn join(&mut self, name: &str, value: &[u8]) {
        let name = name.to_ascii_lowercase();
        let separator: &[u8] = if name == "cookie" { b"; " } else { b"," };
        match self.entries.iter_mut().find(|(key, _)| *key == name) {
            Some((_, joined)) if WELL_KNOWN.contains(&name.as_str()) => {
                joined.extend(separator);
                joined.extend(value);
            }
            _ => self.add(name, value),
        }
    }

    /// Removes every entry of that name; returns `true` if there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let before = self.entries.len();
        self.entries.retain(|(key, _)| *key != name);
        self.entries.len() != before
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Returns the number of entries, pseudo headers included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of all names and values without framing: Envoy's byte size of a map.
    pub fn byte_size(&self) -> usize {
        self.entries.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// Returns all entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + '_ {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> FromIterator<(K, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Headers {
        let mut headers = Headers::new();
        headers.extend(pairs);
        headers
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Extend<(K, V)> for Headers {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, pairs: T) {
        for (name, value) in pairs {
            self.add(name, value);
        }
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_are_joined() {
        let mut map = Headers::new();
        for (name, value) in
            [("accept", "a"), ("Accept", "b"), ("cookie", "c=d"), ("cookie", "e=f"), ("x", "1"), ("x", "2")]
        {
            map.join(name, value.as_bytes());
        }
        assert_eq!((map.text("accept"), map.text("cookie"), map.len()), (Some("a,b"), Some("c=d; e=f"), 4));
    }

    #[test]
    fn keeps_order_and_puts_pseudo_headers_first() {
        let mut map: Headers =
            [("X-B", "1"), (":path", "/"), ("x-a", "2"), ("x-b", "3"), (":method", "GET")].into_iter().collect();
        let names: Vec<&str> = map.iter().map(|(name, _)| name).collect();
        assert_eq!(names, [":path", ":method", "x-b", "x-a", "x-b"]);
        assert_eq!(map.text("x-b"), Some("1"));
        map.set("X-B", "4");
        assert_eq!(map.all("x-b").collect::<Vec<_>>(), [b"4"]);
        assert_eq!(map.len(), 4);
        assert_eq!(map.iter().last(), Some(("x-b", &b"4"[..])), "set is remove and add");
        assert!(map.remove("x-B") && !map.remove("x-b"));
        assert_eq!(map.byte_size(), ":path/".len() + ":methodGET".len() + "x-a2".len());
    }
}
