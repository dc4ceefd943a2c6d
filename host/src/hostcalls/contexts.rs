//! Contexts: which one host calls are for, their timers and their clock.

use crate::abi::Status;
use crate::event_queue::ScheduledEvent;
use crate::guest::{Guest, HostCallResult};

/// Refuses `proxy_done`: only a root context whose `proxy_on_done` has postponed its end can be done, and root contexts
/// live as long as the process here.
pub(crate) fn done(_: &mut Guest<'_>) -> HostCallResult {
    Err(Status::NotFound)
}

pub(crate) fn set_effective(g: &mut Guest<'_>, context: i32) -> HostCallResult {
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
        data.host.events.at(at, ScheduledEvent::Tick { vm, root, generation });
    }
    Ok(())
}
