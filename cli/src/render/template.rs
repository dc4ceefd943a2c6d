//! Text with placeholders.
//!
//! `{{name}}` within a line is replaced by a value. A line that consists of `{{name}}` is replaced by the lines of a text, with the
//! indentation of the placeholder; an empty text leaves no line. What is inserted is not searched for placeholders.

use std::collections::BTreeMap;
use std::fmt::Display;

/// Text with placeholders, and their values.
#[derive(Debug)]
pub(super) struct Template {
    text: &'static str,
    values: BTreeMap<&'static str, String>,
}

impl Template {
    pub(super) fn new(text: &'static str) -> Template {
        Template { text, values: BTreeMap::new() }
    }

    /// Sets the value of a placeholder.
    pub(super) fn set(mut self, name: &'static str, value: impl Display) -> Template {
        let known = self.text.contains(&format!("{{{{{name}}}}}"));
        debug_assert!(known, "the template has no placeholder `{name}`");
        self.values.insert(name, value.to_string());
        self
    }

    /// Returns the text with all values.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for line in self.text.lines() {
            let content = line.trim_start();
            let indentation = line.strip_suffix(content).unwrap_or_default();
            match content.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map(|name| self.value(name)) {
                Some(block) => block.lines().for_each(|line| push(&mut text, indentation, line)),
                None => push(&mut text, indentation, &self.inline(content)),
            }
        }
        // A block that is empty may leave two empty lines.
        while text.contains("\n\n\n") {
            text = text.replace("\n\n\n", "\n\n");
        }
        text
    }

    fn inline(&self, line: &str) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some((before, name, after)) = placeholder(rest) {
            text.push_str(before);
            text.push_str(self.value(name));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn value(&self, name: &str) -> &str {
        let value = self.values.get(name);
        debug_assert!(value.is_some(), "the placeholder `{name}` has no value");
        value.map_or("", String::as_str)
    }
}

/// Returns the first placeholder of a line, with the text before and after it. Braces of YAML around it are not part of it.
fn placeholder(line: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = line.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name, after))
}

fn push(text: &mut String, indentation: &str, line: &str) {
    if !line.is_empty() {
        text.push_str(indentation);
        text.push_str(line);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_inserted_once_and_indented() {
        let template = Template::new("a: {b: {{b}}}\nc:\n  {{c}}\n\n  {{d}}\n\ne: 1\n").set("b", 1).set("d", "");
        assert_eq!(template.set("c", "x: '{{b}}'\n\ny: 2\n").text(), "a: {b: 1}\nc:\n  x: '{{b}}'\n\n  y: 2\n\ne: 1\n");
    }
}
