//! Reads responses.

use crate::json::reader::{Reader, Value};
use crate::usage::reader::{Convention, UsageReader};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    let mut usage = UsageReader::new(Convention::INPUT_ONLY);
    while let Some((key, field)) = reader.field(&["model", "error"])? {
        let value = reader.value()?;
        match (field, value) {
            ("model", Value::String(str)) => builder.response.model = Some(str),
            ("", Value::Number(_)) => {
                usage.number(reader, key, value);
            }
            ("error", value) => {
                builder.response.is_error = !value.is_null();
                builder.texts(reader, Channel::OTHER, value)?;
            }
            // Embeddings and unknown members.
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    let mut usage = usage.end();
    usage.complete = true;
    builder.merge_usage(usage);
    Ok(())
}
