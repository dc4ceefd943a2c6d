//! How OpenAI's older APIs are asked to stream, and to say at the end of a stream what was used (API reference, "Create
//! chat completion", `stream` and `stream_options`).

use crate::json::field::wrong_type;
use crate::json::reader::{Reader, Value};
use crate::view::request::{Origin, RequestBuilder};
use crate::{Error, Role, Span, TextKind};

/// An edit: these bytes in place of this span.
type Edit = (Span, &'static str);

/// What a request says about it, read in whatever order.
#[derive(Default)]
pub(in crate::dialect) struct Streaming {
    /// Where the flag ends, if it is set.
    flag: Option<usize>,
    /// What makes the options ask, if they are there; nothing if they do.
    options: Option<Option<Edit>>,
}

impl Streaming {
    pub(in crate::dialect) fn flag(&mut self, value: Value) -> Result<(), Error> {
        match value {
            Value::Bool(true, span) => self.flag = Some(span.end),
            Value::Bool(false, _) | Value::Null(_) => {}
            value => return Err(wrong_type("stream", value)),
        }
        Ok(())
    }

    pub(in crate::dialect) fn options(
        &mut self,
        reader: &mut Reader<'_, '_>,
        builder: &mut RequestBuilder<'_>,
        value: Value,
    ) -> Result<(), Error> {
        self.options = Some(stream_options(reader, builder, value)?);
        Ok(())
    }

    /// Once the request is read.
    pub(in crate::dialect) fn settle(self, builder: &mut RequestBuilder<'_>) {
        let Some(end) = self.flag else { return };
        builder.request.stream = true;
        builder.request.usage_edit = match self.options {
            None => Some((Span::new(end, end), ",\"stream_options\":{\"include_usage\":true}")),
            Some(edit) => edit,
        };
    }
}

/// The edit that makes the options ask for usage, if they do not.
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
    let mut asked = false;
    let mut found = false;
    while let Some((key, name)) = reader.field(&["include_usage"])? {
        let value = reader.value()?;
        match (name, value) {
            ("include_usage", Value::Bool(true, _)) => asked = true,
            ("include_usage", Value::Bool(false, span) | Value::Null(span)) => {
                found = true;
                edit = (span, "true");
            }
            ("include_usage", value) => return Err(wrong_type("stream_options.include_usage", value)),
            (_, value) => {
                builder.key(reader.body(), outside, TextKind::Other, key)?;
                builder.texts(reader, outside, TextKind::Other, value)?;
                if !found {
                    edit.1 = "\"include_usage\":true,";
                }
            }
        }
    }
    builder.request.include_usage = asked;
    Ok(Some(edit).filter(|_| !asked))
}
