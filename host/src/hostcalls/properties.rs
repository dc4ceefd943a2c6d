//! Properties and foreign functions.

use std::sync::Arc;

use super::foreign;
use crate::abi::Status;
use crate::guest::{Guest, HostCallResult};
use crate::property;

pub(crate) fn get(g: &mut Guest<'_>, path: i32, path_size: i32, value: i32, value_size: i32) -> HostCallResult {
    let path = g.read(path, path_size)?;
    g.describe_call(|| String::from_utf8_lossy(&path).replace('\0', "."));
    let position = g.filter_position();
    let plugin = Arc::clone(g.context().ok_or(Status::NotFound)?.plugin());
    let bytes = property::get(g.host(), position, &plugin, &path)?;
    g.return_bytes(&bytes, value, value_size)
}

pub(crate) fn set(g: &mut Guest<'_>, path: i32, path_size: i32, value: i32, value_size: i32) -> HostCallResult {
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
    let bytes = foreign::call(g, &name, &arguments)?;
    if results != 0 && results_size != 0 { g.return_bytes(&bytes, results, results_size) } else { Ok(()) }
}
