//! Reads responses.

use crate::json::field::number;
use crate::json::reader::{Reader, Value};
use crate::view::response::ResponseBuilder;
use crate::{Channel, Error, ReportedUsage};

/// Reads a response.
pub(super) fn read(reader: &mut Reader<'_, '_>, builder: &mut ResponseBuilder<'_>) -> Result<(), Error> {
    reader.object()?;
    while let Some((_, field)) = reader.field(&["inputTokens", "message"])? {
        let value = reader.value()?;
        match (field, value) {
            ("inputTokens", Value::Number(_)) => {
                let input = number(reader, value);
                builder.response.usage = Some(ReportedUsage { input, complete: true, ..ReportedUsage::default() });
            }
            ("message", Value::String(_)) => {
                builder.response.is_error = true;
                builder.texts(reader, Channel::OTHER, value)?;
            }
            (_, value) => builder.texts(reader, Channel::OTHER, value)?,
        }
    }
    Ok(())
}
