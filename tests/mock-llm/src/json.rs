//! JSON to be written, with members in the order in which a provider writes them: who reads by order must find theirs.

use std::io::Write as _;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
    /// Somebody else's, in the order that it has.
    Read(serde_json::Value),
}

/// An object of the members given, in this order.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![$(($name, $crate::json::Json::from($value))),*])
    };
}
pub(crate) use object;

impl Json {
    pub(crate) fn list(items: impl IntoIterator<Item = Json>) -> Json {
        Json::List(items.into_iter().collect())
    }

    /// Adds a member to an object; nothing to anything else.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Json>) {
        if let Json::Object(members) = self {
            members.push((name, value.into()));
        }
    }

    /// The same with one more member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Json>) -> Json {
        self.add(name, value);
        self
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(value) => text(out, format_args!("{value}")),
            Json::Number(value) => text(out, format_args!("{value}")),
            // A vector takes every write; what is no number becomes null.
            Json::Float(value) => drop(serde_json::to_writer(out, value)),
            Json::Text(value) => string(value, out),
            Json::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Json::Object(members) => {
                out.push(b'{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    string(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
            Json::Read(value) => drop(serde_json::to_writer(out, value)),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write(&mut out);
        out
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $json:expr),* $(,)?) => {
        $(impl From<$type> for Json {
            fn from($value: $type) -> Json {
                $json
            }
        })*
    };
}
from! {
    bool: value => Json::Bool(value),
    u64: value => Json::Number(value),
    u32: value => Json::Number(value.into()),
    usize: value => Json::Number(value as u64),
    f64: value => Json::Float(value),
    &str: value => Json::Text(value.to_owned()),
    String: value => Json::Text(value),
    Vec<Json>: value => Json::List(value),
    serde_json::Value: value => Json::Read(value),
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Null, Into::into)
    }
}

/// A JSON string with its quotes.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    // A vector takes every write, and a str is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Formatted text as it is.
pub(crate) fn text(out: &mut Vec<u8>, formatted: std::fmt::Arguments<'_>) {
    // A vector takes every write.
    let _ = out.write_fmt(formatted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_order() {
        let json = object! {
            "z": "a \"b\"", "a": vec![1_u64.into(), Json::Null], "m": object! {"f": 0.5, "t": true},
            "r": serde_json::json!([{}]), "n": None::<u64>,
        };
        let text = String::from_utf8(json.with("last", 2_u32).bytes()).unwrap();
        assert_eq!(text, r#"{"z":"a \"b\"","a":[1,null],"m":{"f":0.5,"t":true},"r":[{}],"n":null,"last":2}"#);
    }
}
