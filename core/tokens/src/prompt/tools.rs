//! Text form of tool definitions.
//!
//! OpenAI presents functions to its models as TypeScript. Users derived the format from what the API charges: hmarr's
//! `openai-chat-tokens` has a table of requests with their `prompt_tokens`, which is a test here. Other providers
//! present JSON.

use std::collections::BTreeSet;

use memchr::memmem;
use tollgate_llm::Span;

use super::json::{Tree, Value};

/// Returns the first value of a member for tool definitions that contains the offset `at`.
pub(super) fn find(body: &[u8], at: usize) -> Option<Tree<'_>> {
    /// Chat completions, Messages, Responses and Gemini use `tools`, older requests `functions`, Converse an object.
    const MEMBERS: [&[u8]; 3] = [b"\"tools\"", b"\"functions\"", b"\"toolConfig\""];
    let before = body.get(..at)?;
    // Quotes within strings are escaped, so no text can contain such a member.
    MEMBERS.iter().flat_map(|member| memmem::find_iter(before, member).map(|start| start + member.len())).find_map(
        |end| {
            let value = value_after(body, end)?;
            let tree = Tree::read(body, value)?;
            let Span { start, end } = tree.root().span();
            (start <= at && at < end).then_some(tree)
        },
    )
}

/// Returns the start of the value of the member whose key ends at `at`; `None` if no colon follows.
pub(super) fn value_after(body: &[u8], at: usize) -> Option<usize> {
    let colon = at + body.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
    (body.get(colon) == Some(&b':')).then_some(colon + 1)
}

/// Returns the functions among the tools, each as the object that has the name.
fn functions<'t, 'b>(tools: Value<'t, 'b>) -> impl Iterator<Item = Value<'t, 'b>> {
    tools.values().map(|tool| tool.get("function").unwrap_or(tool)).filter(|function| function.get("name").is_some())
}

/// Returns the TypeScript namespace that OpenAI's models see; empty if there are no functions.
pub(super) fn typescript(tools: Value<'_, '_>) -> String {
    let mut out = String::new();
    for function in functions(tools) {
        let text = |key: &str| function.get(key).and_then(Value::text).filter(|text| !text.is_empty());
        if let Some(description) = text("description") {
            out += &format!("// {description}\n");
        }
        let name = text("name").unwrap_or_default();
        let parameters = function.get("parameters").filter(|parameters| {
            parameters.get("properties").is_some_and(|properties| properties.values().next().is_some())
        });
        match parameters {
            Some(parameters) => {
                out += &format!("type {name} = (_: {{\n");
                properties(parameters, 0, &mut out);
                out += "\n}) => any;\n\n";
            }
            None => out += &format!("type {name} = () => any;\n\n"),
        }
    }
    if out.is_empty() { out } else { format!("namespace functions {{\n\n{out}}} // namespace functions") }
}

/// Writes the properties of an object, one per line. Recursion is bounded by the depth of the tree.
fn properties(object: Value<'_, '_>, indent: usize, out: &mut String) {
    let required: BTreeSet<String> = object
        .get("required")
        .into_iter()
        .flat_map(Value::values)
        .filter_map(|name| Some(name.text()?.into()))
        .collect();
    let margin = " ".repeat(indent);
    let mut is_first = true;
    for property in object.get("properties").into_iter().flat_map(Value::values) {
        let Some(name) = property.key() else { continue };
        if !std::mem::take(&mut is_first) {
            out.push('\n');
        }
        if let Some(description) = property.get("description").and_then(Value::text) {
            *out += &format!("{margin}// {description}\n");
        }
        let mark = if required.contains(&*name) { "" } else { "?" };
        *out += &format!("{margin}{name}{mark}: ");
        kind(property, indent, out);
        out.push(',');
    }
}

/// Writes the type of a schema.
fn kind(schema: Value<'_, '_>, indent: usize, out: &mut String) {
    let union = |values: &mut dyn Iterator<Item = String>, out: &mut String| {
        out.push_str(&values.collect::<Vec<_>>().join(" | "));
    };
    if let Some(values) = schema.get("enum") {
        let shown = |value: Value<'_, '_>| match value.text() {
            Some(text) => format!("\"{text}\""),
            None => value.word().unwrap_or("any").to_owned(),
        };
        return union(&mut values.values().map(shown), out);
    }
    let Some(named) = schema.get("type") else {
        let choices = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        let Some(choices) = choices else {
            let name = if schema.get("properties").is_some() { "object" } else { "any" };
            return self::named(schema, name, indent, out);
        };
        let one = |choice| {
            let mut out = String::new();
            kind(choice, indent, &mut out);
            out
        };
        return union(&mut choices.values().map(one), out);
    };
    if named.is_array() {
        // A name that is repeated would double the text of the members, and so again at every level below.
        let mut names = BTreeSet::new();
        let one = |name: Value<'_, '_>| {
            let name = name.text().unwrap_or_default();
            if !names.insert(String::from(name.as_ref())) {
                return None;
            }
            let mut out = String::new();
            self::named(schema, &name, indent, &mut out);
            Some(out)
        };
        return union(&mut named.values().filter_map(one), out);
    }
    self::named(schema, &named.text().unwrap_or_default(), indent, out);
}

/// Writes a schema's type with that name.
fn named(schema: Value<'_, '_>, name: &str, indent: usize, out: &mut String) {
    match name {
        "integer" => out.push_str("number"),
        "object" => {
            out.push_str("{\n");
            properties(schema, indent + 2, out);
            out.push_str("\n}");
        }
        "array" => {
            match schema.get("items") {
                Some(items) => kind(items, indent, out),
                None => out.push_str("any"),
            }
            out.push_str("[]");
        }
        "string" | "number" | "boolean" | "null" => out.push_str(name),
        _ => out.push_str("any"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parameters: &str) -> String {
        let body = format!(r#"[{{"name": "f", "parameters": {parameters}}}]"#);
        typescript(Tree::read(body.as_bytes(), 0).unwrap().root())
    }

    #[test]
    fn a_repeated_type_is_written_once() {
        let parameters = |kind: &str| format!(r#"{{"properties": {{"a": {{"type": {kind}}}}}}}"#);
        assert_eq!(shown(&parameters(r#"["string", "null", "string"]"#)), shown(&parameters(r#"["string", "null"]"#)));
        let mut schema = r#"{"type": "string"}"#.to_owned();
        for _ in 0..24 {
            schema = format!(r#"{{"type": ["object", "object"], "properties": {{"a": {schema}}}}}"#);
        }
        let text = shown(&schema);
        assert!(text.len() < 4 * schema.len(), "{} bytes became {}", schema.len(), text.len());
    }

    #[test]
    fn required_properties_have_no_question_mark() {
        let text =
            shown(r#"{"required": ["b", "c"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}"#);
        assert!(text.contains("a?: string,\nb: string,"), "{text}");
    }
}
