//! Logging, time, contexts, properties.

use crate::Level;
use crate::abi::Status;
use crate::callout::CalloutPart;
use crate::guest::{Guest, HostCallResult};
use crate::vm::Context;

/// Logs. A level that does not exist is a trap here: it aborts Envoy.
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
    let (plugin, stream) = match g.context() {
        Some(Context::Root { plugin }) => (plugin.name.clone(), 0),
        Some(Context::Stream { plugin, stream, .. }) => (plugin.name.clone(), *stream),
        None => (String::new(), 0),
    };
    let thread = g.data().thread;
    g.host().log(level, &plugin, thread, stream, text);
}

pub(crate) fn get_log_level(g: &mut Guest<'_>, level: i32) -> HostCallResult {
    let number = g.host().log_level;
    g.write_u32(level, number)
}

pub(crate) fn get_status(g: &mut Guest<'_>, code: i32, at: i32, size: i32) -> HostCallResult {
    let last = g.data().last_status;
    let told = g.host().call.as_ref().filter(|call| call.status != 0 || call.piece == CalloutPart::Close);
    let (status, message) = told.map_or((last, String::new()), |call| (call.status, call.message.clone()));
    g.write_u32(code, status)?;
    g.return_bytes(message.as_bytes(), at, size)
}

/// Only a root context whose `proxy_on_done` has postponed its end can be done; roots here live as long as the process.
pub(crate) fn done(_: &mut Guest<'_>) -> HostCallResult {
    Err(Status::NotFound)
}

pub(crate) fn set_effective_context(g: &mut Guest<'_>, context: i32) -> HostCallResult {
    g.describe_call(|| context.to_string());
    let context = context.cast_unsigned();
    let data = g.data();
    if !data.contexts.contains_key(&context) {
        return Err(Status::BadArgument);
    }
    data.effective = context;
    Ok(())
}

pub(crate) fn get_current_time(g: &mut Guest<'_>, time: i32) -> HostCallResult {
    let now = g.host().unix_ns();
    g.write(time, &now.to_le_bytes())
}

pub(crate) fn set_tick_period(g: &mut Guest<'_>, period: i32) -> HostCallResult {
    g.describe_call(|| period.to_string());
    let root = g.root_id();
    let data = g.data();
    let generation = data.timers.get(&root).map_or(0, |(_, generation)| generation + 1);
    let period = period.cast_unsigned();
    data.timers.insert(root, (period, generation));
    if period > 0 {
        let (vm, at) = (data.index, data.host.now + u64::from(period) * 1_000_000);
        data.host.events.at(at, crate::event_queue::ScheduledEvent::Tick { vm, root, generation });
    }
    Ok(())
}

pub(crate) fn get_property(
    g: &mut Guest<'_>,
    path: i32,
    path_size: i32,
    value: i32,
    value_size: i32,
) -> HostCallResult {
    let path = g.read(path, path_size)?;
    g.describe_call(|| String::from_utf8_lossy(&path).replace('\0', "."));
    let place = g.filter_position();
    let plugin = match g.context() {
        Some(Context::Root { plugin } | Context::Stream { plugin, .. }) => std::sync::Arc::clone(plugin),
        None => return Err(Status::NotFound),
    };
    let bytes = crate::property::get(g.host(), place, &plugin, &path)?;
    g.return_bytes(&bytes, value, value_size)
}

pub(crate) fn set_property(
    g: &mut Guest<'_>,
    path: i32,
    path_size: i32,
    value: i32,
    value_size: i32,
) -> HostCallResult {
    let (path, value) = (g.read(path, path_size)?, g.read(value, value_size)?);
    g.describe_call(|| format!("{}, {} bytes", String::from_utf8_lossy(&path).replace('\0', "."), value.len()));
    let (stream, _) = g.filter_position().ok_or(Status::NotFound)?;
    let host = g.host();
    let origin = host.origin(stream);
    let stream = host.stream(origin).ok_or(Status::NotFound)?;
    stream.info.filter_state.insert(format!("wasm.{}", String::from_utf8_lossy(&path)), value);
    Ok(())
}

pub(crate) fn call_foreign_function(
    g: &mut Guest<'_>,
    name: i32,
    name_size: i32,
    arguments: i32,
    arguments_size: i32,
    results: i32,
    results_size: i32,
) -> HostCallResult {
    let name = g.read_text(name, name_size)?;
    let arguments = g.read(arguments, arguments_size)?;
    g.describe_call(|| format!("{name:?}"));
    let bytes = super::foreign::call(g, &name, &arguments)?;
    if results != 0 && results_size != 0 { g.return_bytes(&bytes, results, results_size) } else { Ok(()) }
}
