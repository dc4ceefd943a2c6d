//! WASI functions that Envoy offers; few of them have an implementation.

use wasmtime::{FuncType, Linker, Result, Val};

use crate::Level;
use crate::abi::Status;
use crate::guest::Guest;
use crate::vm_data::VmData;

/// Names of the 45 functions, offered in `wasi_snapshot_preview1` and in `wasi_unstable`.
pub(crate) const NAMES: [&str; 45] = [
    "fd_write",
    "fd_read",
    "fd_seek",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "environ_get",
    "environ_sizes_get",
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "random_get",
    "sched_yield",
    "poll_oneoff",
    "proc_exit",
    "path_open",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "path_create_directory",
    "path_remove_directory",
    "path_unlink_file",
    "path_rename",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_readlink",
    "path_symlink",
    "fd_advise",
    "fd_allocate",
    "fd_datasync",
    "fd_sync",
    "fd_tell",
    "fd_readdir",
    "fd_renumber",
    "fd_pread",
    "fd_pwrite",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_fdstat_set_rights",
    "clock_res_get",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// Names of the functions that have an implementation.
pub(crate) const EMULATED: [&str; 10] = [
    "fd_write",
    "fd_fdstat_get",
    "environ_get",
    "environ_sizes_get",
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "random_get",
    "sched_yield",
    "proc_exit",
];

/// `errno` of an unknown descriptor.
const EBADF: i32 = 8;
/// `errno` of an address outside of the memory.
const EFAULT: i32 = 21;
/// `errno` of a function without an implementation.
const ENOSYS: i32 = 52;
/// `errno` of an unknown clock.
const ENOTSUP: i32 = 58;
/// Maximum of bytes that `random_get` returns.
const MAX_RANDOM: i32 = 64 << 10;

/// Links the functions in both modules that guests import for WASI.
pub(crate) fn link(linker: &mut Linker<VmData>) -> Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        emulated(linker, module)?;
        stubs(linker, module)?;
    }
    Ok(())
}

type Caller<'a> = wasmtime::Caller<'a, VmData>;

fn done(result: Result<(), Status>) -> i32 {
    if result.is_ok() { 0 } else { EFAULT }
}

fn emulated(linker: &mut Linker<VmData>, module: &str) -> Result<()> {
    linker.func_wrap(module, "fd_write", |caller: Caller<'_>, fd: i32, vectors: i32, count: i32, written: i32| {
        fd_write(&mut Guest::wasi(caller), fd, vectors, count, written)
    })?;
    linker.func_wrap(module, "fd_fdstat_get", |caller: Caller<'_>, fd: i32, stat: i32| {
        if fd != 1 && fd != 2 {
            return EBADF;
        }
        let mut bytes = [0; 24];
        // fs_rights_base: fd_write.
        bytes[8] = 64;
        done(Guest::wasi(caller).write(stat, &bytes))
    })?;
    linker.func_wrap(module, "environ_sizes_get", |caller: Caller<'_>, count: i32, size: i32| {
        let mut guest = Guest::wasi(caller);
        let env = &guest.data().env;
        let (entries, bytes) = (env.len(), env.iter().map(|(key, value)| key.len() + value.len() + 2).sum());
        done(guest.write_size(count, entries).and_then(|()| guest.write_size(size, bytes)))
    })?;
    linker.func_wrap(module, "environ_get", |caller: Caller<'_>, mut pointers: i32, mut at: i32| {
        let mut guest = Guest::wasi(caller);
        for (key, value) in guest.data().env.clone() {
            let entry = format!("{key}={value}\0");
            let size = i32::try_from(entry.len()).unwrap_or(i32::MAX);
            let result = guest.write(pointers, &at.to_le_bytes()).and_then(|()| guest.write(at, entry.as_bytes()));
            if result.is_err() {
                return EFAULT;
            }
            (pointers, at) = (pointers.wrapping_add(4), at.wrapping_add(size));
        }
        0
    })?;
    linker.func_wrap(module, "args_sizes_get", |caller: Caller<'_>, count: i32, size: i32| {
        let mut guest = Guest::wasi(caller);
        done(guest.write_u32(count, 0).and_then(|()| guest.write_u32(size, 0)))
    })?;
    linker.func_wrap(module, "args_get", |_: Caller<'_>, _: i32, _: i32| 0)?;
    linker.func_wrap(module, "clock_time_get", |caller: Caller<'_>, clock: i32, _: i64, time: i32| {
        // Wall clock and monotonic clock are the same, as in newer Envoys; others do not exist.
        if clock != 0 && clock != 1 {
            return ENOTSUP;
        }
        let mut guest = Guest::wasi(caller);
        let now = guest.host().unix_ns();
        done(guest.write(time, &now.to_le_bytes()))
    })?;
    linker.func_wrap(module, "random_get", |caller: Caller<'_>, at: i32, size: i32| {
        if !(0..=MAX_RANDOM).contains(&size) {
            return EFAULT;
        }
        let mut guest = Guest::wasi(caller);
        let bytes = guest.host().random.bytes(usize::try_from(size).unwrap_or_default());
        done(guest.write(at, &bytes))
    })?;
    linker.func_wrap(module, "sched_yield", |_: Caller<'_>| 0)?;
    linker.func_wrap(module, "proc_exit", |_: Caller<'_>, code: i32| -> Result<()> {
        Err(wasmtime::Error::msg(format!("proc_exit({code})")))
    })?;
    Ok(())
}

fn fd_write(g: &mut Guest<'_>, fd: i32, vectors: i32, count: i32, written: i32) -> i32 {
    let level = match fd {
        1 => Level::StreamInfo,
        2 => Level::Error,
        _ => return EBADF,
    };
    let mut text = Vec::new();
    for i in 0..count.clamp(0, 1024) {
        let Ok(vector) = g.read(vectors.wrapping_add(i * 8), 8) else { return EFAULT };
        let number = |from: usize| -> i32 {
            vector.get(from..from + 4).and_then(|raw| raw.try_into().ok()).map_or(0, i32::from_le_bytes)
        };
        let Ok(bytes) = g.read(number(0), number(4)) else { return EFAULT };
        text.extend(bytes);
    }
    let size = text.len();
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    if size > 0 {
        crate::hostcalls::logging::write(g, level, String::from_utf8_lossy(&text).into_owned());
    }
    done(g.write_size(written, size))
}

/// Links the functions that Envoy offers without an implementation.
fn stubs(linker: &mut Linker<VmData>, module: &str) -> Result<()> {
    use wasmtime::ValType::{I32, I64};
    let engine = linker.engine().clone();
    for name in NAMES.iter().filter(|name| !EMULATED.contains(name)) {
        let parameters = match *name {
            "fd_seek" => vec![I32, I64, I32, I32],
            "fd_close" | "fd_sync" | "fd_datasync" => vec![I32],
            "fd_fdstat_set_flags" | "fd_prestat_get" | "fd_tell" | "fd_renumber" | "fd_filestat_get" => vec![I32, I32],
            "sock_shutdown" | "clock_res_get" => vec![I32, I32],
            "fd_read" | "poll_oneoff" => vec![I32; 4],
            "fd_prestat_dir_name" | "path_create_directory" | "path_remove_directory" => vec![I32; 3],
            "path_unlink_file" | "sock_accept" => vec![I32; 3],
            "path_open" => vec![I32, I32, I32, I32, I32, I64, I64, I32, I32],
            "path_rename" | "path_readlink" => vec![I32; 6],
            "path_filestat_get" | "path_symlink" | "sock_send" => vec![I32; 5],
            "path_filestat_set_times" => vec![I32, I32, I32, I32, I64, I64, I32],
            "path_link" => vec![I32; 7],
            "fd_advise" => vec![I32, I64, I64, I32],
            "fd_allocate" | "fd_fdstat_set_rights" => vec![I32, I64, I64],
            "fd_readdir" => vec![I32, I32, I32, I64, I32],
            "fd_pread" | "fd_pwrite" => vec![I32, I32, I32, I64, I32],
            "fd_filestat_set_size" => vec![I32, I64],
            "fd_filestat_set_times" => vec![I32, I64, I64, I32],
            "sock_recv" => vec![I32; 6],
            _ => vec![I32; 3],
        };
        // Envoy's stubs accept a seek or a close, and refuse everything else.
        let errno = if matches!(*name, "fd_seek" | "fd_close") { 0 } else { ENOSYS };
        let signature = FuncType::new(&engine, parameters, [I32]);
        linker.func_new(module, name, signature, move |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(errno);
            }
            Ok(())
        })?;
    }
    Ok(())
}
