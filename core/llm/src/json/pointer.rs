//! JSON pointers of spans, for reports.

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Error, ParseLimits, Span, Str};

/// Object or array on the path to the current value.
struct Level {
    start: usize,
    /// Member or element that is being read.
    element: PathElement,
}

enum PathElement {
    Key(Str),
    Index(usize),
}

/// Returns the JSON pointer of the innermost value, or of the member whose key, contains `span`; empty for the whole
/// body and for bodies that are not JSON.
pub(crate) fn find(body: &[u8], span: Span) -> String {
    let mut levels = Vec::new();
    match search(body, span, &mut levels) {
        Ok(true) => write(body, &levels),
        _ => String::new(),
    }
}

/// Returns `true` if a value was found; `levels` is then the path to it.
fn search(body: &[u8], span: Span, levels: &mut Vec<Level>) -> Result<bool, Error> {
    let unbounded =
        ParseLimits { max_bytes: usize::MAX, max_depth: usize::MAX, max_items: usize::MAX, ..ParseLimits::default() };
    let mut scratch = Scratch::default();
    let mut reader = Reader::new(body, &unbounded, Side::Response, &mut scratch)?;
    let mut value = Some(reader.value()?);
    loop {
        match value {
            Some(Value::Object(start)) => levels.push(Level { start, element: PathElement::Index(0) }),
            // One before the first: incremented before every element.
            Some(Value::Array(start)) => levels.push(Level { start, element: PathElement::Index(usize::MAX) }),
            Some(value) if Span::new(value.start(), reader.offset()).contains(span) => return Ok(true),
            Some(_) => {}
            None => {
                if levels.pop().is_some_and(|level| Span::new(level.start, reader.offset()).contains(span)) {
                    return Ok(true);
                }
            }
        }
        let Some(level) = levels.last_mut() else { return Ok(false) };
        value = if reader.in_object() {
            let key = reader.key()?;
            if let Some(key) = key {
                level.element = PathElement::Key(key);
                if key.literal().contains(span) {
                    return Ok(true);
                }
            }
            key.map(|_| reader.value()).transpose()?
        } else {
            if let PathElement::Index(index) = &mut level.element {
                *index = index.wrapping_add(1);
            }
            reader.element()?
        };
    }
}

fn write(body: &[u8], levels: &[Level]) -> String {
    let mut pointer = String::new();
    for level in levels {
        pointer.push('/');
        match level.element {
            PathElement::Key(key) => pointer.push_str(&key.decode(body).replace('~', "~0").replace('/', "~1")),
            PathElement::Index(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_names_the_innermost_value() {
        let body = r#" {"a" : [1, {"b~/\u0063": "x\ny"}, [], {}], "": [[true]], "d": {"e": null}} "#;
        for (needle, want) in [
            ("1", "/a/0"),
            ("x", "/a/1/b~0~1c"),
            (r"\ny", "/a/1/b~0~1c"),
            (r#""x\ny""#, "/a/1/b~0~1c"),
            (r#"{"b~"#, "/a/1"),
            (r"\u0063", "/a/1/b~0~1c"),
            ("[]", "/a/2"),
            ("{}", "/a/3"),
            ("}, [", "/a"),
            ("true", "//0/0"),
            ("[true", "//0"),
            ("[[true", "/"),
            (r#""d"#, "/d"),
            ("null", "/d/e"),
            (r#"]], ""#, ""),
            (" {", ""),
        ] {
            let start = body.find(needle).unwrap();
            assert_eq!(find(body.as_bytes(), Span::new(start, start + needle.len())), want, "{needle}");
        }
        assert_eq!(find(b"[1, 2", Span::new(1, 2)), "/0");
        assert_eq!(find(b"nonsense", Span::new(1, 2)), "");
        assert_eq!(find(b"", Span::new(0, 0)), "");
    }
}
