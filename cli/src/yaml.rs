//! YAML of a value: block style, and flow style where it fits in a line.
//!
//! Scalars are written so that every parser reads the same: a string that any version of YAML could take for something else is
//! quoted.

use std::net::Ipv4Addr;

use serde_json::Value;

/// Value with the members of its maps in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Null, boolean, number or string.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Returns the value as lines of YAML, none of them longer than `width` characters if possible.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        if self.is_leaf() {
            return vec![self.flow()];
        }
        let mut lines = Vec::new();
        match self {
            Node::Scalar(_) => lines.push(self.flow()),
            Node::List(elements) => {
                for element in elements {
                    let nested = element.short(width.saturating_sub(2));
                    let nested = nested.map_or_else(|| element.lines(width.saturating_sub(2)), |line| vec![line]);
                    lines.extend(nested.into_iter().enumerate().map(|(at, line)| match at {
                        0 => format!("- {line}"),
                        _ => format!("  {line}"),
                    }));
                }
            }
            Node::Map(members) => {
                for (key, member) in members {
                    let key = scalar(key);
                    match member.short(width.saturating_sub(key.len() + 2)) {
                        Some(line) => lines.push(format!("{key}: {line}")),
                        None if member.is_leaf() => lines.push(format!("{key}: {}", member.flow())),
                        None => {
                            lines.push(format!("{key}:"));
                            // The elements of a list need no indentation.
                            let indentation = if matches!(member, Node::List(_)) { "" } else { "  " };
                            let nested = member.lines(width.saturating_sub(indentation.len()));
                            lines.extend(nested.into_iter().map(|line| format!("{indentation}{line}")));
                        }
                    }
                }
            }
        }
        lines
    }

    /// Returns the value as JSON, with the members of maps in any order.
    pub(crate) fn value(&self) -> Value {
        match self {
            Node::Scalar(value) => value.clone(),
            Node::List(elements) => elements.iter().map(Node::value).collect(),
            Node::Map(members) => members.iter().map(|(key, member)| (key.clone(), member.value())).collect(),
        }
    }

    /// Returns the value in flow style if it fits in a line and is not nested deeply; what is nested once must be short.
    fn short(&self, width: usize) -> Option<String> {
        let width = match self.depth() {
            0 | 1 => width,
            2 => width.min(NESTED_WIDTH),
            _ => return None,
        };
        Some(self.flow()).filter(|line| line.chars().count() <= width)
    }

    /// Returns `true` for scalars and empty collections, which have no block style.
    fn is_leaf(&self) -> bool {
        self.depth() == 0
    }

    /// Returns the number of collections that are nested, empty ones not counted.
    fn depth(&self) -> usize {
        match self {
            Node::Scalar(_) => 0,
            Node::List(elements) => elements.iter().map(|element| element.depth() + 1).max().unwrap_or(0),
            Node::Map(members) => members.iter().map(|(_, member)| member.depth() + 1).max().unwrap_or(0),
        }
    }

    fn flow(&self) -> String {
        match self {
            Node::Scalar(Value::String(text)) => scalar(text),
            Node::Scalar(value) => value.to_string(),
            Node::List(elements) => format!("[{}]", elements.iter().map(Node::flow).collect::<Vec<_>>().join(", ")),
            Node::Map(members) => {
                let member = |(key, member): &(String, Node)| format!("{}: {}", scalar(key), member.flow());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Longest line of a collection with collections in it.
const NESTED_WIDTH: usize = 80;

/// Words that a version of YAML reads as a boolean, null or a number.
const RESERVED: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"];

/// Returns a string as a scalar: plain if that is safe, else quoted.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) || is_duration(text) || text.parse::<Ipv4Addr>().is_ok() {
        return text.to_owned();
    }
    let printable =
        |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(['\\', '"']) && !text.contains('\'') && text.chars().all(printable) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-'))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

/// Returns `true` for `90s` or `1m`, which no version of YAML reads as a number.
fn is_duration(text: &str) -> bool {
    let number = text.strip_suffix("ms").or_else(|| text.strip_suffix(['s', 'm', 'h', 'd']));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tollgate_policy::document::Document;

    use super::*;

    #[test]
    fn scalars_are_quoted_where_a_parser_could_take_them_for_something_else() {
        for (text, written) in [
            ("gpt-4o", "gpt-4o"),
            ("1m", "1m"),
            ("/etc/x", "/etc/x"),
            ("127.0.0.1", "127.0.0.1"),
            ("::", "\"::\""),
            ("1.2", "\"1.2\""),
            ("claude-*", "\"claude-*\""),
            ("2.50", "\"2.50\""),
            ("", "\"\""),
            ("On", "\"On\""),
            ("0x1F", "\"0x1F\""),
            ("a: b", "\"a: b\""),
            ("it's", "\"it's\""),
            (r"\bkey\b", r"'\bkey\b'"),
            (r"'\b", r#""'\\b""#),
            ("a\u{85}\u{8}\n", r#""a\u0085\u0008\n""#),
        ] {
            assert_eq!(scalar(text), written, "{text:?}");
        }
    }

    /// Returns a value as a node, with the members of maps in the order of their names.
    fn node(value: &Value) -> Node {
        match value {
            Value::Array(elements) => Node::List(elements.iter().map(node).collect()),
            Value::Object(members) => {
                Node::Map(members.iter().map(|(key, value)| (key.clone(), node(value))).collect())
            }
            scalar => Node::Scalar(scalar.clone()),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z0-9.:#'\"\\\\{}\\[\\],&*!|>%@` -]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z*.: ]{0,6}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in value(), width in 0usize..60) {
            let text = format!("value:\n  {}\n", node(&value).lines(width).join("\n  "));
            let document = Document::parse("x.yaml", &text);
            prop_assert!(document.errors().is_empty(), "{text}\n{:?}", document.errors());
            prop_assert_eq!(&document.value()["value"], &value, "{}", text);
            let saphyr: Value = serde_saphyr::from_str(&text).unwrap();
            prop_assert_eq!(&saphyr["value"], &value, "{}", text);
        }
    }
}
