//! Partial comparison of JSON documents: members that are not expected may be present.

use serde_json::Value;

/// Returns the paths at which `found` differs from `expected`. Objects are compared by the expected members, lists
/// element by element.
pub(super) fn differences<'a>(expected: &'a Value, found: &'a Value) -> Vec<(String, &'a Value, Option<&'a Value>)> {
    let mut differences = Vec::new();
    compare(String::new(), expected, Some(found), &mut differences);
    differences
}

// Recursion is bounded by the depth limit of the YAML reader.
fn compare<'a>(
    path: String,
    expected: &'a Value,
    found: Option<&'a Value>,
    out: &mut Vec<(String, &'a Value, Option<&'a Value>)>,
) {
    match (expected, found) {
        (Value::Object(expected), Some(Value::Object(found))) => {
            for (name, value) in expected {
                compare(format!("{path}.{name}"), value, found.get(name), out);
            }
        }
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            for (at, value) in expected.iter().enumerate() {
                compare(format!("{path}[{at}]"), value, found.get(at), out);
            }
        }
        (expected, Some(found)) if expected == found => {}
        (expected, found) => out.push((path, expected, found)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_compared_and_others_ignored() {
        let found = json!({"a": {"b": [1, {"c": 2, "d": 3}]}, "e": null});
        for (expected, paths) in [
            (json!({}), vec![]),
            (json!({"a": {"b": [1, {"c": 2}]}}), vec![]),
            (json!({"a": {"b": [1, {"c": 3}]}}), vec![".a.b[1].c"]),
            (json!({"a": {"b": [1]}}), vec![".a.b"]),
            (json!({"e": null, "x": null}), vec![".x"]),
            (json!([]), vec![""]),
        ] {
            let differences = differences(&expected, &found);
            assert_eq!(differences.iter().map(|(path, ..)| path.as_str()).collect::<Vec<_>>(), paths, "{expected}");
        }
    }
}
