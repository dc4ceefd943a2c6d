//! Logging.

use crate::Level;
use crate::abi::Status;
use crate::guest::{Guest, HostCallResult};
use crate::vm_data::Context;

/// Logs a message. A level that does not exist is a trap here: it aborts Envoy.
pub(crate) fn log(g: &mut Guest<'_>, level: i32, at: i32, size: i32) -> wasmtime::Result<Status> {
    let Some(level) = Level::of(level.cast_unsigned()) else {
        return Err(wasmtime::Error::msg(format!("proxy_log with level {level}, which aborts Envoy")));
    };
    Ok(match g.read_text(at, size) {
        Ok(text) => {
            write(g, level, text);
            Status::Ok
        }
        Err(status) => status,
    })
}

/// Keeps a message of the running guest.
pub(crate) fn write(g: &mut Guest<'_>, level: Level, text: String) {
    let context = g.context();
    let plugin = context.map(|context| context.plugin().name.clone()).unwrap_or_default();
    let stream = context.map_or(0, Context::stream);
    let thread = g.data().thread;
    g.host().log(level, &plugin, thread, stream, text);
}

pub(crate) fn get_level(g: &mut Guest<'_>, level: i32) -> HostCallResult {
    let number = g.host().log_level;
    g.write_u32(level, number)
}
