//! Reads `stream` and `stream_options` (API reference, "Create chat completion") and prepares the edit that requests
//! usage at the end of a stream.

use crate::json::field::wrong_type;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, Role, Span, TextKind};

/// Replacement of a span by these bytes.
type Edit = (Span, &'static str);

/// Stream settings of a request; its members come in any order.
#[derive(Default)]
pub(in crate::dialect) struct Streaming {
    /// End of the value of `stream`, if it is `true`.
    flag: Option<usize>,
    /// `Some` if the request has stream options: with the edit that requests usage, or `None` if they request it
    /// already.
    options: Option<Option<Edit>>,
}

impl Streaming {
    /// Reads `stream`.
    pub(in crate::dialect) fn flag(&mut self, value: Value) -> Result<(), Error> {
        match value {
            Value::Bool(true, span) => self.flag = Some(span.end),
            Value::Bool(false, _) | Value::Null(_) => {}
            value => return Err(wrong_type("stream", value)),
        }
        Ok(())
    }

    /// Reads `stream_options`.
    pub(in crate::dialect) fn options(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut RequestBuilder<'_>,
        value: Value,
    ) -> Result<(), Error> {
        self.options = Some(stream_options(reader, builder, value)?);
        Ok(())
    }

    /// Ends the request: stores the flag and the edit, now that all members have been read.
    pub(in crate::dialect) fn finish(self, builder: &mut RequestBuilder<'_>) {
        let Some(end) = self.flag else { return };
        builder.request.stream = true;
        builder.request.usage_edit = match self.options {
            None => Some((Span::new(end, end), ",\"stream_options\":{\"include_usage\":true}")),
            Some(edit) => edit,
        };
    }
}

/// Reads the options and returns the edit that requests usage, unless they request it already.
fn stream_options(
    reader: &mut Reader<'_, '_>,
    builder: &mut RequestBuilder<'_>,
    value: Value,
) -> Result<Option<Edit>, Error> {
    let start = match value {
        Value::Object(start) => start + 1,
        Value::Null(span) => return Ok(Some((span, "{\"include_usage\":true}"))),
        value => return Err(wrong_type("stream_options", value)),
    };
    let mut edit = (Span::new(start, start), "\"include_usage\":true");
    let outside = Origin { role: Role::Other, message: None };
    let mut include_usage = false;
    let mut has_member = false;
    while let Some((key, name)) = reader.field(&["include_usage"])? {
        let value = reader.value()?;
        match (name, value) {
            ("include_usage", Value::Bool(true, _)) => include_usage = true,
            ("include_usage", Value::Bool(false, span) | Value::Null(span)) => {
                has_member = true;
                edit = (span, "true");
            }
            ("include_usage", value) => return Err(wrong_type("stream_options.include_usage", value)),
            (_, value) => {
                builder.key(reader.body(), outside, TextKind::Other, key)?;
                builder.texts(reader, outside, TextKind::Other, value)?;
                if !has_member {
                    edit.1 = "\"include_usage\":true,";
                }
            }
        }
    }
    builder.request.include_usage = include_usage;
    Ok(Some(edit).filter(|_| !include_usage))
}
