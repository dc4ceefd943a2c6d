//! Shared data and queues.

use crate::abi::Status;
use crate::guest::{Guest, HostCallResult};
use crate::shared::Reader;

pub(crate) fn get_data(
    g: &mut Guest<'_>,
    key: i32,
    key_size: i32,
    value: i32,
    value_size: i32,
    cas: i32,
) -> HostCallResult {
    let key = g.read(key, key_size)?;
    g.describe_call(|| format!("{:?}", String::from_utf8_lossy(&key)));
    let data = g.data();
    let (bytes, number) =
        data.host.shared.get(&data.vm_id, &key).map(|(b, n)| (b.to_vec(), n)).ok_or(Status::NotFound)?;
    g.return_bytes(&bytes, value, value_size)?;
    g.write_u32(cas, number)
}

pub(crate) fn set_data(
    g: &mut Guest<'_>,
    key: i32,
    key_size: i32,
    value: i32,
    value_size: i32,
    cas: i32,
) -> HostCallResult {
    let (key, value) = (g.read(key, key_size)?, g.read(value, value_size)?);
    g.describe_call(|| format!("{:?}, {} bytes, cas {cas}", String::from_utf8_lossy(&key), value.len()));
    let data = g.data();
    match data.host.shared.set(&data.vm_id, &key, &value, cas.cast_unsigned()) {
        Status::Ok => Ok(()),
        status => Err(status),
    }
}

pub(crate) fn register_queue(g: &mut Guest<'_>, name: i32, name_size: i32, token: i32) -> HostCallResult {
    let name = g.read(name, name_size)?;
    let root = g.root_id();
    let data = g.data();
    let reader = Reader { vm: data.index, root };
    let number = data.host.shared.register(&data.vm_id, &name, reader);
    g.write_u32(token, number)
}

pub(crate) fn resolve_queue(
    g: &mut Guest<'_>,
    vm_id: i32,
    vm_id_size: i32,
    name: i32,
    name_size: i32,
    token: i32,
) -> HostCallResult {
    let (vm_id, name) = (g.read_text(vm_id, vm_id_size)?, g.read(name, name_size)?);
    let data = g.data();
    let vm_id = if vm_id.is_empty() { &data.vm_id } else { &vm_id };
    let number = data.host.shared.resolve(vm_id, &name).ok_or(Status::NotFound)?;
    g.write_u32(token, number)
}

pub(crate) fn enqueue(g: &mut Guest<'_>, token: i32, item: i32, item_size: i32) -> HostCallResult {
    let item = g.read(item, item_size)?;
    let token = token.cast_unsigned();
    let host = g.host();
    match host.shared.enqueue(token, &item) {
        Status::Ok => {
            host.queues_ready.push(token);
            Ok(())
        }
        status => Err(status),
    }
}

pub(crate) fn dequeue(g: &mut Guest<'_>, token: i32, item: i32, item_size: i32) -> HostCallResult {
    let bytes = g.host().shared.dequeue(token.cast_unsigned())?;
    g.return_bytes(&bytes, item, item_size)
}
