//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ReportedUsage};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut input = None;
    while let Some((_, field)) = reader.field(&["model", "prompt_eval_count", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("prompt_eval_count", Value::Number(_)) => input = number(reader, value),
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // Embeddings and unknown members.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    builder.response.usage =
        input.map(|input| ReportedUsage { input: Some(input), complete: true, ..ReportedUsage::default() });
    Ok(())
}
