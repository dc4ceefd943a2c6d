//! Metrics.

use crate::guest::{Guest, HostCallResult};

pub(crate) fn define(g: &mut Guest<'_>, kind: i32, name: i32, name_size: i32, id: i32) -> HostCallResult {
    let name = g.read_text(name, name_size)?;
    let data = g.data();
    let number = data.metrics.define(&mut data.host.stats, kind.cast_unsigned(), &name)?;
    g.describe_call(|| format!("{name:?}"));
    g.write_u32(id, number)
}

pub(crate) fn increment(g: &mut Guest<'_>, id: i32, offset: i64) -> HostCallResult {
    g.describe_call(|| format!("{id}, {offset}"));
    let data = g.data();
    data.metrics.increment(&mut data.host.stats, id.cast_unsigned(), offset)
}

pub(crate) fn record(g: &mut Guest<'_>, id: i32, value: i64) -> HostCallResult {
    g.describe_call(|| format!("{id}, {value}"));
    let data = g.data();
    data.metrics.record(&mut data.host.stats, id.cast_unsigned(), value.cast_unsigned())
}

pub(crate) fn get(g: &mut Guest<'_>, id: i32, value: i32) -> HostCallResult {
    let data = g.data();
    let number = data.metrics.get(&data.host.stats, id.cast_unsigned())?;
    g.write(value, &number.to_le_bytes())
}
