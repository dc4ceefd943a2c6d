//! Lists of tools in responses: the tools that a caller may not use are removed.

use crate::json::reader::{Reader, Scratch, Value};
use crate::json::scan::Side;
use crate::{Edits, Error, ParseLimits, Span};

/// Removes tools from the lists in a message of a server, or in a batch of them. Returns `None` if nothing has to be removed.
///
/// A tool stays only if it has a name and `is_allowed` accepts it.
///
/// # Errors
/// The data is not JSON.
pub fn without_tools(
    data: &[u8],
    limits: &ParseLimits,
    mut is_allowed: impl FnMut(&str) -> bool,
) -> Result<Option<Vec<u8>>, Error> {
    let mut scratch = Scratch::default();
    let mut reader = Reader::new(data, limits, Side::Response, &mut scratch)?;
    let mut removal = Removal { is_allowed: &mut is_allowed, spans: Vec::new() };
    match reader.value()? {
        Value::Object(_) => removal.message(&mut reader)?,
        Value::Array(_) => {
            while let Some(value) = reader.element()? {
                match value {
                    Value::Object(_) => removal.message(&mut reader)?,
                    value => reader.walk(value, |_| Ok(()))?,
                }
            }
        }
        value => reader.walk(value, |_| Ok(()))?,
    }
    reader.end()?;
    if removal.spans.is_empty() {
        return Ok(None);
    }
    let mut edits = Edits::new();
    for span in removal.spans {
        // The spans ascend and do not overlap.
        let added = edits.replace(span, "");
        debug_assert!(added.is_ok(), "tools do not overlap");
    }
    Ok(Some(edits.apply(data)))
}

/// Search for tools to remove.
struct Removal<'a> {
    is_allowed: &'a mut dyn FnMut(&str) -> bool,
    spans: Vec<Span>,
}

impl Removal<'_> {
    fn message(&mut self, reader: &mut Reader<'_, '_>) -> Result<(), Error> {
        while let Some((_, field)) = reader.field(&["result"])? {
            match (field, reader.value()?) {
                ("result", Value::Object(_)) => self.result(reader)?,
                (_, value) => reader.walk(value, |_| Ok(()))?,
            }
        }
        Ok(())
    }

    fn result(&mut self, reader: &mut Reader<'_, '_>) -> Result<(), Error> {
        while let Some((_, field)) = reader.field(&["tools"])? {
            match (field, reader.value()?) {
                ("tools", Value::Array(start)) => self.tools(reader, start)?,
                (_, value) => reader.walk(value, |_| Ok(()))?,
            }
        }
        Ok(())
    }

    /// Reads the elements of an array that begins at `start`. A removed element takes a comma with it: the one in front, or, of the
    /// elements in front of the first that stays, the one behind.
    fn tools(&mut self, reader: &mut Reader<'_, '_>, start: usize) -> Result<(), Error> {
        let mut kept_end = None;
        let mut dropped: Option<Span> = None;
        let mut last_end = start + 1;
        while let Some(value) = reader.element()? {
            let at = value.start();
            let is_kept = self.tool(reader, value)?;
            if is_kept {
                if let Some(span) = dropped.take() {
                    // Behind an element that stays, the comma in front goes; else all up to this element.
                    let end = if kept_end.is_some() { last_end } else { at };
                    self.spans.push(Span::new(span.start, end));
                }
                kept_end = Some(reader.offset());
            } else {
                let from = kept_end.unwrap_or(start + 1);
                dropped.get_or_insert(Span::new(from, from));
            }
            last_end = reader.offset();
        }
        if let Some(span) = dropped {
            self.spans.push(Span::new(span.start, last_end));
        }
        Ok(())
    }

    /// Reads a tool. Returns `true` if it may stay: of several names, which some parsers accept, all must be allowed.
    fn tool(&mut self, reader: &mut Reader<'_, '_>, value: Value) -> Result<bool, Error> {
        let Value::Object(_) = value else {
            reader.walk(value, |_| Ok(()))?;
            return Ok(false);
        };
        let mut is_allowed = None;
        while let Some((_, field)) = reader.field(&["name"])? {
            match (field, reader.value()?) {
                ("name", Value::String(name)) => {
                    let name = name.decode(reader.body());
                    is_allowed = Some(is_allowed.unwrap_or(true) && (self.is_allowed)(&name));
                }
                ("name", value) => {
                    is_allowed = Some(false);
                    reader.walk(value, |_| Ok(()))?;
                }
                (_, value) => reader.walk(value, |_| Ok(()))?,
            }
        }
        Ok(is_allowed.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_that_are_not_allowed_are_removed() {
        let list =
            |tools: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tools}],"nextCursor":"c"}}}}"#);
        for (tools, want) in [
            (r#"{"name":"a"}"#, None),
            ("", None),
            (r#"{"name":"x"}"#, Some("")),
            (r#" {"name":"x"} , {"name":"x1"} "#, Some(" ")),
            (r#"{"name":"x"},{"name":"a"}"#, Some(r#"{"name":"a"}"#)),
            (r#"{"name":"a"} , {"name":"x"}"#, Some(r#"{"name":"a"}"#)),
            (r#"{"name":"a"},{"name":"x"},{"name":"b"}"#, Some(r#"{"name":"a"},{"name":"b"}"#)),
            (r#"{"name":"x"},{"name":"x"},{"name":"b"},{"name":"x"},{"name":"x"}"#, Some(r#"{"name":"b"}"#)),
            (
                r#"{"name":"a"},{"name":"x"},{"name":"x"},{"name":"b"},{"name":"a"}"#,
                Some(r#"{"name":"a"},{"name":"b"},{"name":"a"}"#),
            ),
            (r#"{"title":"a"},{"name":7},"a",{"name":"\u0061"}"#, Some(r#"{"name":"\u0061"}"#)),
            (r#"{"inputSchema":{"name":"x"},"name":"b"}"#, None),
        ] {
            let data = list(tools);
            let found =
                without_tools(data.as_bytes(), &ParseLimits::default(), |name| ["a", "b"].contains(&name)).unwrap();
            let found = found.map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(found, want.map(list), "{tools}");
            if let Some(found) = found {
                serde_json::from_str::<serde_json::Value>(&found).unwrap();
            }
        }
        let call = r#"{"result":{"content":[{"type":"text","text":"{\"tools\":[{\"name\":\"x\"}]}"}],"x":{"tools":[{"name":"x"}]}}}"#;
        assert_eq!(without_tools(call.as_bytes(), &ParseLimits::default(), |_| false).unwrap(), None);
        assert!(without_tools(b"{", &ParseLimits::default(), |_| false).is_err());
    }
}
