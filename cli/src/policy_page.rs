//! Reference page of policy files, in Markdown, from the same types as their schema.

use std::collections::VecDeque;
use std::fmt::Write;

use serde_json::Value;
use tollgate_policy::CODES;

/// Text in front of the generated tables.
const HEAD: &str = include_str!("policy_page/head.md");

/// Returns the page as it is checked in.
#[must_use]
pub fn page() -> String {
    let schema = schemars::schema_for!(tollgate_policy::Policy).to_value();
    let mut text = HEAD.to_owned();
    text.push_str("\n## Keys\n\nKeys in bold are required.\n\n");
    let mut next: VecDeque<(String, &Value)> = VecDeque::new();
    let mut seen: Vec<(&Value, String)> = Vec::new();
    table(&schema, &schema, "", &mut text, &mut next);
    while let Some((path, map)) = next.pop_front() {
        let named = map.get("description").and_then(Value::as_str).unwrap_or_default();
        let _ = write!(text, "\n### `{path}`\n\n");
        if let Some((_, other)) = seen.iter().find(|(known, _)| *known == map) {
            let _ = writeln!(text, "The same keys as [`{other}`](#{}).", anchor(other));
            continue;
        }
        seen.push((map, path.clone()));
        let _ = write!(text, "{}\n\n", named.replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n"));
        table(&schema, map, &path, &mut text, &mut next);
    }
    text.push_str("\n## Findings\n\n| Code | Effect | Finding |\n|---|---|---|\n");
    for code in CODES {
        let _ = writeln!(text, "| `{}` | {} | {} |", code.code, code.severity.name(), code.summary);
    }
    text
}

/// Writes the keys of a map as a table, and queues the maps among its values.
fn table<'s>(root: &'s Value, map: &'s Value, path: &str, text: &mut String, next: &mut VecDeque<(String, &'s Value)>) {
    text.push_str("| Key | Value | Description |\n|---|---|---|\n");
    let required: Vec<&str> = strings(map.get("required")).collect();
    for (key, value) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let mut types = TypeDescriber { root, next, place };
        let shown = types.of(value);
        let description = value.get("description").and_then(Value::as_str).unwrap_or_default();
        let name = if required.contains(&key.as_str()) { format!("**`{key}`**") } else { format!("`{key}`") };
        let _ = writeln!(text, "| {name} | {shown} | {} |", description.replace('\n', " ").replace('|', "\\|"));
    }
}

/// Describes the types of values, and collects the maps that get a table of their own.
struct TypeDescriber<'a, 's> {
    root: &'s Value,
    next: &'a mut VecDeque<(String, &'s Value)>,
    place: String,
}

impl<'s> TypeDescriber<'_, 's> {
    fn of(&mut self, value: &'s Value) -> String {
        if let Some(name) = value.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')) {
            return self.root.pointer(name).map(|target| self.of(target)).unwrap_or_default();
        }
        let forms = value.get("anyOf").or_else(|| value.get("oneOf")).and_then(Value::as_array);
        if let Some(forms) = forms {
            let forms = forms.iter().filter(|form| form.get("type").is_none_or(|kind| kind != "null"));
            return forms.map(|form| self.of(form)).collect::<Vec<_>>().join(", ");
        }
        if let Some(word) = value.get("const").and_then(Value::as_str) {
            return format!("`{word}`");
        }
        if value.get("enum").is_some() {
            return strings(value.get("enum")).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        if value.get("properties").is_some() {
            self.next.push_back((self.place.clone(), value));
            return format!("[map](#{})", anchor(&self.place));
        }
        if let Some(member) = value.get("additionalProperties").filter(|member| member.is_object()) {
            self.place.push_str(".<name>");
            return format!("map of names to {}", self.of(member));
        }
        if let Some(element) = value.get("items") {
            self.place.push_str("[]");
            return format!("list of {}", self.of(element));
        }
        let kinds: Vec<&str> = match value.get("type") {
            Some(Value::String(kind)) => vec![kind],
            kinds => strings(kinds).collect(),
        };
        let plain = kinds.into_iter().filter(|kind| *kind != "null").map(|kind| match kind {
            "integer" => "whole number",
            "boolean" => "`true` or `false`",
            other => other,
        });
        plain.collect::<Vec<_>>().join(" or ")
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tollgate_policy::document::Document;

    /// To update: `cargo xtask schemas --write`
    #[test]
    fn the_checked_in_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(checked_in == super::page(), "stale: tollgate schema policy-page > docs/policy.md");
    }

    #[test]
    fn the_example_of_the_page_has_no_finding() {
        let example = super::HEAD.split("```yaml policy\n").nth(1).and_then(|text| text.split("```").next()).unwrap();
        let policy = Document::parse("tollgate.yaml", example).compile().unwrap();
        assert_eq!(policy.warnings, []);
        assert!(policy.router.is_some() && policy.quota.is_some() && policy.firewall.is_some());
    }
}
