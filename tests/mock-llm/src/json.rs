//! JSON values for output. Members keep the order in which a provider writes them, for clients that depend on it.

use std::io::Write as _;

/// JSON value for output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
    /// Value parsed from a request, in its own order.
    Parsed(serde_json::Value),
}

/// Builds an object with members in the given order.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![$(($name, $crate::json::Json::from($value))),*])
    };
}
pub(crate) use object;

impl Json {
    /// Collects items into a list.
    pub(crate) fn list(items: impl IntoIterator<Item = Json>) -> Json {
        Json::List(items.into_iter().collect())
    }

    /// Appends a member to an object; does nothing to any other value.
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Json>) {
        if let Json::Object(members) = self {
            members.push((name, value.into()));
        }
    }

    /// Returns the object with one more member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Json>) -> Json {
        self.add(name, value);
        self
    }

    /// Appends the encoded value to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(value) => text(out, format_args!("{value}")),
            Json::Number(value) => text(out, format_args!("{value}")),
            // Writing to a vector cannot fail; NaN and infinities become null.
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
            Json::Parsed(value) => drop(serde_json::to_writer(out, value)),
        }
    }

    /// Returns the encoded value.
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
    serde_json::Value: value => Json::Parsed(value),
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Null, Into::into)
    }
}

/// Appends a JSON string with its quotes.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail, and every str can be encoded.
    let _ = serde_json::to_writer(out, text);
}

/// Appends formatted text without any escaping.
pub(crate) fn text(out: &mut Vec<u8>, formatted: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(formatted);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let json = object! {
            "z": "a \"b\"", "a": vec![1_u64.into(), Json::Null], "m": object! {"f": 0.5, "t": true},
            "r": serde_json::json!([{}]), "n": None::<u64>,
        };
        let text = String::from_utf8(json.with("last", 2_u32).bytes()).unwrap();
        assert_eq!(text, r#"{"z":"a \"b\"","a":[1,null],"m":{"f":0.5,"t":true},"r":[{}],"n":null,"last":2}"#);
    }
}
