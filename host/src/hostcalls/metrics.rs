//! Metrics.

use crate::guest::{Answered, Guest};

pub(crate) fn define(g: &mut Guest<'_>, kind: i32, name: i32, name_size: i32, id: i32) -> Answered {
    let name = g.read_text(name, name_size)?;
    let data = g.data();
    let number = data.metrics.define(&mut data.world.stats, kind.cast_unsigned(), &name)?;
    g.about(|| format!("{name:?}"));
    g.write_u32(id, number)
}

pub(crate) fn increment(g: &mut Guest<'_>, id: i32, offset: i64) -> Answered {
    g.about(|| format!("{id}, {offset}"));
    let data = g.data();
    data.metrics.increment(&mut data.world.stats, id.cast_unsigned(), offset)
}

pub(crate) fn record(g: &mut Guest<'_>, id: i32, value: i64) -> Answered {
    g.about(|| format!("{id}, {value}"));
    let data = g.data();
    data.metrics.record(&mut data.world.stats, id.cast_unsigned(), value.cast_unsigned())
}

pub(crate) fn get(g: &mut Guest<'_>, id: i32, value: i32) -> Answered {
    let data = g.data();
    let number = data.metrics.get(&data.world.stats, id.cast_unsigned())?;
    g.write(value, &number.to_le_bytes())
}
